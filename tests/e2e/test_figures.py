"""The commands that weigh and prove a log: `stats`, and `verify` by several processes."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from streams import segments
from tests.e2e.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    one = Program(tmp_path)
    one.run("demo")
    return one


def test_stats_tells_a_person_and_a_program_the_same(program: Program) -> None:
    answer = program.run("stats", "demo", "--json").answer
    shown = program.run("stats", "demo").out
    objects = program.run("at", "demo", "--json").answer["objects"]
    assert answer["now"]["objects"] == len(objects)
    assert f"  {len(objects)} objects, {answer['now']['links']} links, {answer['now']['cliques']} cliques\n" in shown
    assert f"  log      {answer['log']['events']} events since {answer['oldest']}, " in shown
    assert f"  history  {answer['history']['changes']} changes, " in shown
    seen = answer["events"][0]
    assert f"{seen['event']}         {seen['events']}     " in shown
    assert "last week   " in shown
    assert "nowhere: there is none of that name" in program.refused("stats", "nowhere")


def test_processes_verify_a_history_and_name_what_is_wrong(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments.verify_in_parallel, "__kwdefaults__", {"worth": 20})
    one = program.run("verify", "demo", "--jobs", "1").out
    assert "history equals the replay of its log up to offset 166" in one
    assert program.run("verify", "demo", "--jobs", "3").out == one
    with closing(sqlite3.connect(program.folder / "history.db")) as db, db:
        db.execute("UPDATE steps SET source = 'x' WHERE offset IN (90, 150)")
    refused = program.refused("verify", "demo", "--jobs", "3")
    assert "history differs at offset 90: source of the event is x" in refused
    ended = program.run("verify", "demo", "--jobs", "3", "--json", code=2)
    assert json.loads(ended.out)["problem_offset"] == 90
