"""A scan hears of its own end, of no other's, and of what was said just before it began."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from calipso.cancelling import Hearing
from schemas.events import EnvironmentRemoved, Event, Payload, ScanCancelled, ScanStarted, SnapshotTaken
from streams.journal import Journal
from streams.local_log import LocalLog

STARTED = ScanStarted("s", "bundle:b", b"{}")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    log = LocalLog(tmp_path)
    yield Journal(log)
    log.close()


def tell(journal: Journal, *payloads: Payload, environment: str = "lab") -> list[Event]:
    """Append events, and answer them."""
    events = [Event(str(n), environment, "operator", n, None, payload) for n, payload in enumerate(payloads)]
    journal.append(events)
    return events


def hears(journal: Journal, *payloads: Payload, environment: str = "lab", since: int | None = None) -> bool:
    """Answer whether a scan that has begun stops when it hears these."""
    ears = Hearing(journal, "lab", threading.Event(), since)
    ears.hear_of(tell(journal, STARTED))
    tell(journal, *payloads, environment=environment)
    ears.listen()
    return ears.stop.is_set()


@pytest.mark.parametrize(
    ("payload", "environment", "stops"),
    [
        (ScanCancelled("s", ""), "lab", True),
        (ScanCancelled("t", ""), "lab", False),
        (ScanCancelled("s", ""), "other", False),
        (EnvironmentRemoved(""), "lab", True),
        (SnapshotTaken("n", 0, ""), "lab", False),
    ],
)
def test_a_scan_stops_when_it_is_cancelled_or_its_environment_is_removed(
    journal: Journal, payload: Payload, environment: str, stops: bool
) -> None:
    assert hears(journal, SnapshotTaken("m", 0, ""), payload, environment=environment) == stops


def test_what_was_said_between_the_choice_of_a_scan_and_its_begin_is_heard(journal: Journal) -> None:
    tell(journal, SnapshotTaken("n", 0, ""), ScanCancelled("s", ""))
    assert hears(journal, since=0)
    assert not hears(journal, since=1)
    assert not hears(journal)


def test_a_scan_that_has_not_begun_hears_nothing_yet_and_remembers(journal: Journal) -> None:
    ears = Hearing(journal, "lab", threading.Event(), -1)
    tell(journal, ScanCancelled("s", ""))
    ears.listen()
    assert not ears.stop.is_set()
    ears.hear_of(tell(journal, STARTED))
    ears.listen()
    assert ears.stop.is_set()
