"""A cloud that may be thrown away is scanned, listened to and worked on: what is told shows at once, and is right.

    CALIPSO_THROWAWAY_CLOUD=FOLDER .venv/bin/python -m pytest tests/e2e/test_throwaway_cloud.py -rA

FOLDER holds clouds.yaml, and cloud.toml as docs/environment.md describes it, with [ssh] and [bus]; what its passwords
refer to must be set.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from projections.fold import NOT_UNDERSTOOD
from schemas.events import NotificationReceived
from streams.journal import Journal
from streams.local_log import LocalLog
from streams.log_file import NAME
from tests.e2e.deeds import PATIENCE, Deed, Deeds
from tests.e2e.program import Program
from tests.e2e.watch import Watch, watching
from tests.e2e.witness import drop, witnessing

FOLDER = os.environ.get("CALIPSO_THROWAWAY_CLOUD")
SOON = 2.0
"""Seconds after which what was told must show."""
REST = 15.0
"""Seconds that agents may take to do what they were told, before a scan looks."""

pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="no cloud to be thrown away (CALIPSO_THROWAWAY_CLOUD names its folder)"),
    pytest.mark.filterwarnings(  # openstacksdk warns of what it does itself
        "ignore::openstack.warnings.RemovedInSDK50Warning", "ignore::openstack.warnings.RemovedInSDK60Warning"
    ),
]


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the description of the cloud; its bus has no queue of ours, before and after."""
    folder = Path(FOLDER or ".")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(folder / "clouds.yaml"))
    bus = described(folder / "cloud.toml")["bus"]
    drop(bus, "calipso.lab")
    yield folder / "cloud.toml"
    drop(bus, "calipso.lab")


def described(define: Path) -> dict[str, Any]:
    return tomllib.loads(define.read_text())


@contextmanager
def listening(program: Program, define: Path) -> Iterator[subprocess.Popen[str]]:
    """Listen to the bus of the cloud in a process of its own."""
    words = [sys.executable, "-m", "calipso", "listen", "lab", "--define", str(define)]
    with subprocess.Popen(
        words, env=program.environ(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as it:
        try:
            assert it.stdout is not None
            assert "listening" in it.stdout.readline()
            yield it
        finally:
            it.terminate()


def do(deeds: Iterable[Deed], watch: Watch) -> list[str]:
    """Do them one by one, and answer what did not show soon after each."""
    wrong = []
    for name, deed in deeds:
        expected = deed()
        end = time.monotonic() + SOON
        differences = [watch.shows(*one) for one in expected]
        while any(differences) and time.monotonic() < end:
            time.sleep(0.05)
            differences = [watch.shows(*one) for one in expected]
        wrong += [f"{name}: {difference}" for difference in differences if difference]
    return wrong


def corrected(program: Program, watch: Watch) -> list[str]:
    """Scan, and answer what that had to correct without a reason."""
    time.sleep(REST)
    since = watch.look().moment.offset
    program.run("scan", "lab")
    answer = program.run("drift", "lab", "--since", str(since), "--json", code=None).answer
    sys.stdout.write(f"{json.dumps(answer, indent=1)}\n")
    return [json.dumps(line) for line in answer["lines"] if line["reason"] is None]


def test_what_is_told_shows_at_once_and_the_next_scan_has_nothing_to_correct(program: Program, define: Path) -> None:
    program.run("scan", "lab", "--define", str(define))
    deeds = Deeds(described(define)["cloud"])
    try:
        with listening(program, define), watching(program.folder, "lab") as watch:
            wrong = do(deeds.networks(), watch) + do(deeds.instances(), watch)
            wrong += corrected(program, watch)
            wrong += do(deeds.rest(), watch)
            wrong += corrected(program, watch)
            late = {offset: age for offset, age in watch.ages.items() if age[1] > SOON}
            known = watch.look().settings()
            _report(watch)
    finally:
        deeds.clean()
    assert wrong == []
    assert late == {}
    assert known.get(NOT_UNDERSTOOD, {}) == {}


def _report(watch: Watch) -> None:
    """Say how soon it was known, of each type of notification; pytest shows it with -rA."""
    ages: dict[str, list[float]] = {}
    for event_type, age in watch.ages.values():
        ages.setdefault(event_type, []).append(age)
    for event_type, found in sorted(ages.items()):
        sys.stdout.write(f"{event_type}: {len(found)}, at most {max(found):.2f} s\n")


def test_a_listener_that_is_killed_or_kept_from_the_log_loses_nothing_and_tells_nothing_twice(
    program: Program, define: Path
) -> None:
    program.run("scan", "lab", "--define", str(define))
    deeds = Deeds(described(define)["cloud"])
    try:
        with witnessing(described(define)["bus"]) as witness:
            for number, (_name, deed) in enumerate(deeds.networks()):
                with listening(program, define) as listener:
                    deed()
                    with kept_from_writing(program.folder) if number % 3 == 2 else nullcontext():
                        deeds.touch()
                        time.sleep(1)
                        listener.kill()
            with listening(program, define):
                until(lambda: witness.seen <= set(heard(program)), "all is on the log")
            told = Counter(heard(program))
    finally:
        deeds.clean()
    assert len(witness.seen) > 50
    assert witness.seen - told.keys() == set()
    assert {message: times for message, times in told.items() if times > 1} == {}


def heard(program: Program) -> list[str]:
    """Answer the ids of the messages on the log."""
    with closing(LocalLog(program.folder, read_only=True)) as log:
        events = (entry.event for entry in Journal(log).read("lab"))
        return [e.payload.message_id for e in events if isinstance(e.payload, NotificationReceived)]


@contextmanager
def kept_from_writing(folder: Path) -> Iterator[None]:
    """Hold the log, so that nobody can write on it."""
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield
        db.execute("ROLLBACK")


def until(done: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, f"in {PATIENCE:.0f} s it did not happen that {what}"
        time.sleep(0.5)
