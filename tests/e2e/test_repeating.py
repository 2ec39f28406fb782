"""Scanning again and again: aligned, never two at once, through failures, with a clean end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from schemas.events import ScanFinished, ScanStarted
from streams.journal import Journal
from streams.local_log import LocalLog
from streams.locks import environment_lock
from tests.e2e.bus import until
from tests.e2e.conftest import AFTER, BEFORE
from tests.e2e.program import UPLINKS, Program

SLOWLY = """
import sys, time
from streams import journal
append = journal.Journal.append
def slowly(self, events):
    print("appending", flush=True)
    time.sleep(0.4)
    return append(self, events)
journal.Journal.append = slowly
from producers import scan
scan.BATCH_EVENTS = 1
from calipso.cli import run
sys.exit(run(sys.argv[1:]))
"""


class Scanning:
    """`calipso scan --every` as a process of its own."""

    def __init__(self, program: Program, bundle: Path, interval: str, *before: str) -> None:
        """Start it."""
        self.out = program.folder.parent / "scanner.out"
        words = ["scan", "zed", "--from", str(bundle), *UPLINKS, "--every", interval]
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-u", *(before or ("-m", "calipso")), *words],
                env=program.environ(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def said(self) -> str:
        """Answer all that it ever said."""
        return self.out.read_text()

    def wait_until_said(self, text: str, times: int = 1) -> None:
        """Wait for a text."""
        until(lambda: self.said().count(text) >= times, self.said)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it in good order."""
        os.kill(self.process.pid, how)
        assert self.process.wait(timeout=30) == 0, self.said()


@contextmanager
def scanning(program: Program, bundle: Path, interval: str, *before: str) -> Iterator[Scanning]:
    """Yield a scanner, and kill it if the test did not end it."""
    running = Scanning(program, bundle, interval, *before)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def scans(program: Program) -> tuple[list[int], list[str]]:
    """Answer when scans were started (microseconds), and how they ended."""
    journal = Journal(LocalLog(program.folder, read_only=True))
    entries = list(journal.read("zed"))
    journal.close()
    started = [entry.logged_at for entry in entries if isinstance(entry.event.payload, ScanStarted)]
    return started, [e.event.payload.status for e in entries if isinstance(e.event.payload, ScanFinished)]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_scans_start_a_whole_number_of_intervals_apart_until_told_to_end(program: Program, how: signal.Signals) -> None:
    with scanning(program, BEFORE, "2s") as scanner:
        scanner.wait_until_said("next scan in", 3)
        assert program.run("scan", "zed", "--check").out == "zed: last scan completed\n"
        scanner.stop(how)
    started, ended = scans(program)
    assert ended == ["completed"] * 3
    gaps = [(later - earlier) / 2_000_000 for earlier, later in pairwise(started[1:])]
    assert all(abs(gap - round(gap)) < 0.25 and round(gap) >= 1 for gap in gaps), gaps
    assert "no scanner runs" in program.refused("scan", "zed", "--check")


def test_a_scan_that_is_told_to_end_is_written_down_as_broken_off(program: Program) -> None:
    with scanning(program, BEFORE, "1h", "-c", SLOWLY) as scanner:
        scanner.wait_until_said("appending", 4)
        assert program.run("scan", "zed", "--check").out == "zed: scanning\n"
        scanner.stop()
    assert scans(program)[1] == ["aborted"]
    assert program.scan("zed", BEFORE).code == 0


def test_a_scan_that_fails_is_told_and_the_next_one_is_tried(program: Program, tmp_path: Path) -> None:
    bundle = shutil.copytree(AFTER, tmp_path / "bundle")
    with scanning(program, bundle, "1s") as scanner:
        scanner.wait_until_said("completed, log at offset")
        bundle.rename(tmp_path / "away")
        scanner.wait_until_said(f"calipso: zed: {bundle}")
        assert "not well" in program.refused("scan", "zed", "--check")
        (tmp_path / "away").rename(bundle)
        times = scanner.said().count("completed, log at offset")
        scanner.wait_until_said("completed, log at offset", times + 1)
        scanner.stop()
    assert set(scans(program)[1]) == {"completed"}


def test_no_two_scans_of_an_environment_run_at_once(program: Program) -> None:
    with environment_lock(program.folder, "zed", "scanning"), scanning(program, BEFORE, "1s") as scanner:
        scanner.wait_until_said("is taken by process", 2)
        assert "is taken by process" in program.run("scan", "zed", "--check").out
        scanner.stop()


def test_what_is_wrong_from_the_start_ends_it(program: Program) -> None:
    assert "no interval" in program.refused("scan", "zed", "--from", str(BEFORE), "--every", "soon")
    started = time.monotonic()
    assert "nowhere" in program.refused("scan", "zed", "--from", "nowhere", "--every", "1h")
    assert time.monotonic() - started < 30
