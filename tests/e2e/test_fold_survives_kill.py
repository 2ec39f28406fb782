"""A rebuild, or a first folding, killed in the middle: readers have what there was, and the next one goes on there."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from streams.local_history import FILE, LocalHistory
from tests.e2e.program import Ended, Program

KILLED = """
import os, signal, sys
import streams.worker
from streams.local_history import LocalHistory
from streams.local_writing import Writing
streams.worker.BATCH = 10
left = [int(sys.argv[1])]
def die():
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "between":
    write = LocalHistory.write
    LocalHistory.write = lambda *words: (die(), write(*words))[1]
else:
    write = Writing.write
    Writing.write = lambda *words: (write(*words), die())[0]
from calipso.cli import run
sys.exit(run(sys.argv[3:]))
"""
ENV = "demo"
WHERE = ["between", "inside"]
"""Two writes, or one write: all its rows are written, and nothing says that they are to stay."""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    one = Program(tmp_path / "data")
    one.run("demo")
    return one


def killed(program: Program, writes: int, where: str, *words: str) -> None:
    """Run a command that folds ten events a write, and dies by SIGKILL after so many."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(writes), where, *words],
        env=program.environ(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


ATTENDED = """
import sys
import calipso.attending, streams.worker
calipso.attending.LONG, streams.worker.BATCH = 100, 10
from calipso.cli import run
sys.exit(run(sys.argv[1:]))
"""


def on_a_terminal(program: Program, *words: str) -> tuple[str, str]:
    """Run a command that takes a hundred events for many, and answer what it prints and what its terminal shows."""
    shown, terminal = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", ATTENDED, *words],
            env=program.environ(TERM="xterm"),
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
            timeout=120,
            check=True,
        )
        os.set_blocking(shown, False)
        return done.stdout, os.read(shown, 1 << 20).decode()
    except BlockingIOError:
        return done.stdout, ""
    finally:
        os.close(shown)
        os.close(terminal)


def reach(program: Program, *, draft: bool = False) -> int:
    """Answer how far the history reaches, or what is folded anew."""
    with closing(LocalHistory(program.folder, draft=draft)) as history:
        return history.position(ENV).offset


def forget(program: Program) -> None:
    """Delete the history, which is a cache."""
    for file in program.folder.glob(f"{FILE}*"):
        file.unlink()


def verified(program: Program) -> Ended:
    return program.run("verify", ENV)


@pytest.mark.parametrize("where", WHERE)
def test_a_rebuild_goes_on_where_it_was_killed(program: Program, where: str) -> None:
    before = program.run("at", ENV, "--json").out
    head = reach(program)
    killed(program, 7, where, "rebuild", ENV)
    assert (reach(program, draft=True), reach(program)) == (69, head)
    assert program.run("at", ENV, "--json").out == before
    killed(program, 2, where, "rebuild", ENV)
    assert reach(program, draft=True) == 89
    ended = program.run("rebuild", ENV)
    assert f"{ENV}: going on behind offset 89" in ended.out
    assert f"folded anew up to offset {head}" in ended.out
    assert reach(program, draft=True) == -1
    assert program.run("at", ENV, "--json").out == before
    assert "history equals the replay" in verified(program).out


def test_a_rebuild_begins_anew_when_it_is_told_to(program: Program) -> None:
    killed(program, 7, "between", "rebuild", ENV)
    ended = program.run("rebuild", ENV, "--restart")
    assert "going on" not in ended.out
    assert "history equals the replay" in verified(program).out


@pytest.mark.parametrize("where", WHERE)
def test_a_first_folding_goes_on_where_it_was_killed(program: Program, where: str) -> None:
    before = program.run("at", ENV, "--json").out
    forget(program)
    killed(program, 7, where, "at", ENV)
    assert reach(program) == 69
    killed(program, 2, where, "at", ENV)
    assert reach(program) == 89
    assert program.run("at", ENV, "--json").out == before
    assert "history equals the replay" in verified(program).out


def test_a_long_folding_shows_how_far_it_is_and_a_short_one_nothing(program: Program) -> None:
    before = program.run("at", ENV).out
    forget(program)
    printed, shown = on_a_terminal(program, "at", ENV)
    assert printed == before
    assert f"folding {ENV}" in shown
    assert "166/166" in shown
    assert on_a_terminal(program, "at", ENV) == (before, "")
    forget(program)
    printed, shown = on_a_terminal(program, "verify", ENV)
    assert f"folding {ENV}" in shown
    assert f"verifying {ENV}" in shown
