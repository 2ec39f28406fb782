"""A scan killed in the middle takes nothing away, and the next one ends where an undisturbed one ends."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import AFTER, BEFORE
from tests.e2e.program import UPLINKS, Program

KILLED = """
import os, signal, sys
from streams import journal
append, left = journal.Journal.append, [int(sys.argv[1])]
def counted(self, events):
    left[0] -= len(events)
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return append(self, events)
journal.Journal.append = counted
from calipso.cli import run
sys.exit(run(sys.argv[2:]))
"""


def killed_scan(program: Program, bundle: Path, events: int) -> None:
    """Scan and die by SIGKILL instead of the append that would exceed so many events."""
    words = ["scan", "zed", "--from", str(bundle), *UPLINKS]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(events), *words],
        env=program.environ(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def state(program: Program) -> Any:
    """Answer objects, links and cliques without the offsets, which tell how often one had to try."""
    objects = program.run("at", "zed", "--json").answer["objects"]
    tree = program.run("tree", "zed", "--json").answer["tree"]
    cliques = []
    for obj in objects:
        if obj["type"] == "instance":
            clique = program.run("clique", "zed", "instance", obj["id"], "--json").answer
            cliques.append((clique["nodes"], clique["links"], clique["constraints"]))
    return objects, tree, cliques


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    program = Program(tmp_path_factory.mktemp("undisturbed") / "data")
    program.scan("zed", BEFORE)
    program.scan("zed", AFTER)
    return state(program)


@pytest.mark.parametrize("events", [(2, 30), (50, 75)])
def test_a_scan_killed_twice_and_then_finished_equals_an_undisturbed_one(
    program: Program,
    undisturbed: Any,
    events: tuple[int, int],
) -> None:
    program.scan("zed", BEFORE)
    for count in events:
        killed_scan(program, AFTER, count)
        assert program.run("verify", "zed", "--json").answer["problem"] is None
    ended = program.scan("zed", AFTER, "--json").answer
    assert ended["status"] == "completed"
    assert program.run("verify", "zed", "--json").answer["problem"] is None
    assert state(program) == undisturbed


def test_a_scan_that_broke_off_removes_nothing(program: Program) -> None:
    program.scan("zed", BEFORE)
    before = {(o["type"], o["id"]) for o in program.run("at", "zed", "--json").answer["objects"]}
    killed_scan(program, AFTER, 60)
    after = {(o["type"], o["id"]) for o in program.run("at", "zed", "--json").answer["objects"]}
    assert before <= after


def test_the_history_may_be_deleted_at_any_time(program: Program) -> None:
    program.scan("zed", BEFORE)
    killed_scan(program, AFTER, 40)
    before = program.run("verify", "zed", "--json").answer
    for file in program.folder.glob("history.db*"):
        file.unlink()
    assert program.run("verify", "zed", "--json").answer == before
