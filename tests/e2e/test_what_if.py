"""The command `what-if`: events are listed, changed, handed back, and nothing of it is written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import Program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    one = Program(tmp_path_factory.mktemp("data"))
    one.run("demo")
    return one


def event_of(program: Program, event: str, name: str) -> dict[str, Any]:
    """Answer the newest event of a kind whose payload has a text."""
    found = program.run("events", "demo", "--event", event, "--payload").answer["events"]
    return [one for one in found if name in json.dumps(one["payload"])][-1]  # type: ignore[no-any-return]


def test_what_a_scan_made_is_undone_without_its_events(program: Program) -> None:
    ended = program.run("what-if", "demo", "--from", "@sunday", "--drop-source", "scan", code=1)
    assert re.search(r"^  2 events folded: 84 dropped, 0 altered, 0 added$", ended.out, re.MULTILINE)
    assert "instance\n  + web-2" in ended.out
    real = program.run("diff", "demo", "latest", "@sunday", "--json", code=1).answer
    imagined = program.run("what-if", "demo", "--from", "@sunday", "--drop-source", "scan", "--json", code=1).answer
    for part in ("objects", "links", "cliques"):
        for how in ("added", "removed", "changed"):
            assert [one["id"] for one in imagined[part][how]] == [one["id"] for one in real[part][how]]


def test_an_event_is_listed_changed_and_handed_back(program: Program, tmp_path: Path) -> None:
    listed = event_of(program, "ObjectsSeen", '"cache-1"')
    place = listed["payload"]["ids"].index(next(i for i, d in _seen(listed) if d["name"] == "cache-1"))
    listed["payload"]["documents"][place]["status"] = "ERROR"
    (tmp_path / "event.json").write_text(json.dumps(listed))
    file = f"{listed['offset']}={tmp_path / 'event.json'}"
    patch = {listed["payload"]["ids"][place]: {"status": "ERROR"}}
    by_file = program.run("what-if", "demo", "--alter", file, "--json", code=1).answer
    by_patch = program.run("what-if", "demo", "--alter", f"{listed['offset']}={json.dumps(patch)}", "--json", code=1)
    assert by_file == by_patch.answer
    (changed,) = by_file["objects"]["changed"]
    assert [(f["field"], f["after"]) for f in changed["fields"]] == [("status", "ERROR")]
    shown = program.run("what-if", "demo", "--alter", file, code=1).out
    assert f"  ~ cache-1  {changed['id']}  #{listed['offset']}\n      status: ACTIVE -> ERROR" in shown
    assert f"#{listed['offset']}: scan, " in shown
    assert ", altered" in shown


def _seen(listed: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(zip(listed["payload"]["ids"], listed["payload"]["documents"], strict=True))


def test_an_event_is_added_and_nothing_is_written(program: Program, tmp_path: Path) -> None:
    listed = event_of(program, "ObjectsSeen", '"cache-1"')
    event = {"event": "ObjectsSeen", "payload": {**listed["payload"], "ids": ["new"], "documents": [{"name": "new-1"}]}}
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\n\n")
    before = program.run("events", "demo", "--json").answer
    shown = program.run("what-if", "demo", "--from", "latest", "--add", str(tmp_path / "events.jsonl"), code=1).out
    assert "instance\n  + new-1  new  #+1" in shown
    assert "\n#+1: what-if, " in shown
    assert program.run("events", "demo", "--json").answer == before
    assert "history equals the replay" in program.run("verify", "demo").out


def test_a_future_with_nothing_otherwise_is_no_difference(program: Program) -> None:
    assert "objects: no difference" in program.run("what-if", "demo", "--from", "@sunday").out


def test_what_cannot_be_imagined_is_refused_in_one_line(program: Program, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"event": "SnapshotTaken", "payload": {}}\nnix\n')
    refused = {
        "name the moment": ["--drop-source", "scan"],
        "event at offset 0: nothing lies before it": ["--drop", "0"],
        "event at offset 9999: behind offset 166": ["--drop", "9999"],
        "event nix: there is none of that id": ["--from", "@sunday", "--drop", "nix"],
        "event Nix: there is none (known": ["--from", "@sunday", "--drop-event-type", "Nix"],
        "--alter 5: write OFFSET=FILE": ["--alter", "5"],
        "--alter 5={: not JSON": ["--alter", "5={"],
        "cannot be read: No such file": ["--alter", "5=nowhere.json"],
        "bad.jsonl, line 2: not JSON": ["--add", str(bad)],
        "bad.jsonl: not JSON": ["--alter", f"5={bad}"],
    }
    for says, words in refused.items():
        assert says in program.refused("what-if", "demo", *words)
