"""A manager does what is asked for: in order, one scan at a time, and with a clean slate after it was killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from schemas.events import Event, NotificationReceived, ScanStarted
from streams.journal import Journal
from streams.local_log import LocalLog
from tests.e2e import bus
from tests.e2e.conftest import AFTER, BEFORE
from tests.e2e.program import Program

KILLED = """
import os, signal, sys
from producers import scan
from streams import journal
append, left = journal.Journal.append, [int(sys.argv[1])]
def counted(self, events):
    left[0] -= len(events)
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return append(self, events)
journal.Journal.append = counted
scan.BATCH_EVENTS = 1
from calipso.cli import run
sys.exit(run(sys.argv[2:]))
"""
"""Dies instead of the append that would exceed so many events."""

ENDLESS = """
import sys, threading
from producers import look, scan
run = look.Look.run
def endless(self, host, command):
    threading.Event().wait(120)
    return run(self, host, command)
look.Look.run = endless
scan.BATCH_EVENTS = 1
from calipso.cli import run as program
sys.exit(program(sys.argv[1:]))
"""
"""Hosts take two minutes for each answer."""


class Manager:
    """`calipso manage` as a process of its own."""

    def __init__(self, program: Program, *before: str) -> None:
        """Start it on the second of the two bundles."""
        self.out = program.folder.parent / "manager.out"
        words = ["manage", "--from", str(AFTER), "--settle", "1s"]
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-u", *(before or ("-m", "calipso")), *words],
                env=program.environ(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def said(self) -> str:
        """Answer all that managers of the folder ever said."""
        return self.out.read_text()

    def end(self) -> int:
        """Have it end, and answer its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def managing(program: Program, *before: str) -> Iterator[Manager]:
    """Yield a manager that is gone when the block ends."""
    manager = Manager(program, *before)
    try:
        yield manager
    finally:
        with suppress(ProcessLookupError):
            manager.process.kill()
        manager.process.wait()


@pytest.fixture
def lab(program: Program) -> Program:
    """Give a cloud that was scanned once."""
    program.scan("lab", BEFORE)
    return program


def until(true: Callable[[], bool], program: Program, seconds: float = 60) -> None:
    """Wait until it is true."""
    out = program.folder.parent / "manager.out"
    bus.until(true, lambda: f"{scans(program)} {out.read_text() if out.exists() else ''}", seconds)


def request(program: Program, *words: str) -> str:
    """Ask for a scan, and answer its id."""
    return str(program.run("scan", "lab", "--request", "--json", *words).answer["scan"])


def scans(program: Program) -> list[dict[str, Any]]:
    """Answer the scans behind the first."""
    found: list[dict[str, Any]] = program.run("scans", "lab", "--json").answer["scans"]
    return found[1:]


def statuses(program: Program) -> list[str]:
    """Answer how these stand."""
    return [scan["status"] for scan in scans(program)]


def objects(program: Program) -> set[tuple[str, str]]:
    """Answer the objects that there are."""
    return {(one["type"], one["id"]) for one in program.run("at", "lab", "--json").answer["objects"]}


def started(program: Program) -> list[str]:
    """Answer the ids of the scans in the order in which they began."""
    log = LocalLog(program.folder)
    try:
        payloads = [entry.event.payload for entry in Journal(log).read("lab")]
    finally:
        log.close()
    return [payload.scan_id for payload in payloads if isinstance(payload, ScanStarted)][1:]


def test_requests_are_served_oldest_first_and_a_manager_that_is_told_to_ends_with_0(lab: Program) -> None:
    wanted = [
        request(lab),
        request(lab, "--object", "instance", "web-1"),
        request(lab, "--object", "host", "compute-2"),
    ]
    assert statuses(lab) == ["pending"] * 3
    with managing(lab) as manager:
        until(lambda: statuses(lab) == ["completed"] * 3, lab)
        assert lab.run("manage", "--check").out == "manager: serves 1 environments\n"
        assert manager.end() == 0
    assert started(lab) == wanted
    assert "no manager runs" in lab.refused("manage", "--check")
    assert lab.run("verify", "lab", "--json").answer["problem"] is None


def test_two_managers_do_each_scan_once(lab: Program) -> None:
    with managing(lab), managing(lab):
        wanted = [request(lab, "--object", "host", f"compute-{number}") for number in (1, 2, 3, 4)]
        until(lambda: statuses(lab) == ["completed"] * 4, lab)
    assert started(lab) == wanted


def test_a_request_that_is_taken_back_is_never_begun(lab: Program) -> None:
    first, second = request(lab), request(lab)
    lab.run("cancel", "lab", first[:8], "--reason", "not today")
    with managing(lab):
        until(lambda: statuses(lab) == ["cancelled", "completed"], lab)
    assert started(lab) == [second]
    assert scans(lab)[0]["cancelled"] == {"by": "operator", "reason": "not today"}
    assert "is over: completed" in lab.refused("cancel", "lab", second)
    assert "none that runs or waits" in lab.refused("cancel", "lab", "latest")


def test_a_scan_that_runs_and_is_cancelled_ends_within_seconds_and_removes_nothing(lab: Program) -> None:
    before = objects(lab)
    request(lab)
    with managing(lab, "-c", ENDLESS):
        until(lambda: statuses(lab) == ["running"] and scans(lab)[0]["progress"] is not None, lab)
        assert scans(lab)[0]["progress"]["fetches"] > 0
        lab.run("cancel", "lab", "latest")
        until(lambda: statuses(lab) == ["aborted"], lab, 10)
    assert before <= objects(lab)


def test_a_scan_by_hand_hears_that_it_is_cancelled_too(lab: Program) -> None:
    words = [sys.executable, "-c", ENDLESS, "scan", "lab", "--from", str(AFTER)]
    process = subprocess.Popen(words, env=lab.environ(), stderr=subprocess.PIPE, text=True)
    until(lambda: statuses(lab) == ["running"], lab)
    lab.run("cancel", "lab", "latest")
    until(lambda: statuses(lab) == ["aborted"], lab, 10)
    process.kill()
    process.communicate()


def test_a_manager_that_is_told_to_end_breaks_off_its_scan_which_the_next_one_does_again(lab: Program) -> None:
    first = request(lab)
    with managing(lab, "-c", ENDLESS) as manager:
        until(lambda: statuses(lab) == ["running"], lab)
        manager.process.send_signal(signal.SIGTERM)
        until(lambda: statuses(lab) == ["aborted", "pending"], lab, 10)
    assert scans(lab)[1]["cause"] == first
    with managing(lab):
        until(lambda: statuses(lab) == ["aborted", "completed"], lab)


def test_what_a_killed_manager_left_is_shown_as_aborted_and_done_again_once(lab: Program) -> None:
    request(lab)
    for killed in (["running"], ["aborted", "running"]):
        with managing(lab, "-c", KILLED, "12") as manager:
            assert manager.process.wait(60) == -signal.SIGKILL
        assert statuses(lab) == killed
    before = objects(lab)
    with managing(lab):
        until(lambda: statuses(lab) == ["aborted", "aborted"], lab)
        request(lab)
        until(lambda: statuses(lab) == ["aborted", "aborted", "completed"], lab)
    assert before - objects(lab), "only the scan that was done whole takes away what is gone"


def test_a_scan_that_nobody_runs_any_more_can_be_cancelled_without_a_manager(lab: Program) -> None:
    request(lab)
    with managing(lab, "-c", KILLED, "12") as manager:
        manager.process.wait(60)
    assert lab.run("cancel", "lab", "latest").out.endswith("had broken off\n")
    assert statuses(lab) == ["aborted"]


def test_a_request_that_cannot_be_served_ends_with_the_reason(lab: Program) -> None:
    request(lab)
    words = [sys.executable, "-m", "calipso", "manage", "lab"]
    process = subprocess.Popen(words, env=lab.environ(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: statuses(lab) == ["failed"], lab)
    finally:
        process.kill()
        process.wait()
    assert "how its hosts are reached is not known" in scans(lab)[0]["failures"][0]["reason"]


def test_a_schedule_scans_at_once_names_the_moment_and_waits(lab: Program) -> None:
    lab.run("schedule", "add", "lab", "often", "--every", "1h", "--snapshot", "often-{date}-{time}")
    with managing(lab):
        until(lambda: statuses(lab) == ["completed"], lab)
        until(lambda: len(lab.run("snapshots", "lab", "--json").answer["snapshots"]) == 1, lab)
    (scan,), (snapshot,) = scans(lab), lab.run("snapshots", "lab", "--json").answer["snapshots"]
    assert (scan["requested_by"], scan["schedule"]) == ("schedule", "often")
    assert lab.run("diff", "lab", f"@{snapshot['name']}", "latest", "--json").answer["objects"]["changed"] == []
    (schedule,) = lab.run("schedule", "list", "lab", "--json").answer["schedules"]
    assert (schedule["last_scan"], schedule["last_status"]) == (scan["name"], "completed")
    assert schedule["next_at"] > schedule["last_at"]
    lab.run("schedule", "remove", "lab", "often")
    assert lab.run("schedule", "list", "lab").out == "lab: no schedules\n"


def test_a_notification_that_tells_too_little_leads_to_a_scan_that_meets_its_target(lab: Program) -> None:
    said = NotificationReceived("m-1", "identity.project.updated", "identity.c", "keystone", "notifications.info", BODY)
    log = LocalLog(lab.folder)
    (offset,) = Journal(log).append([Event("n-1", "lab", "openstack", 1_795_000_000_000_000, None, said)])
    log.close()
    (target,) = lab.run("targets", "lab", "--json").answer["targets"]
    assert (target["type"], target["id"], target["offset"]) == ("environment", "lab", offset)
    with managing(lab):
        until(lambda: statuses(lab) == ["completed"], lab)
    (scan,) = scans(lab)
    assert (scan["requested_by"], scan["cause"]) == ("notifications", "n-1")
    assert f"identity.project.updated at #{offset}" in scan["reason"]
    assert lab.run("targets", "lab").out == "lab: nothing waits\n"


BODY = json.dumps(
    {
        "event_type": "identity.project.updated",
        "message_id": "m-1",
        "publisher_id": "identity.c",
        "timestamp": "2026-11-18 12:00:00.000000",
        "priority": "INFO",
        "payload": {"resource_info": "p-1"},
    }
).encode()
