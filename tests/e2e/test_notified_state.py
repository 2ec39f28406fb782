"""What the notifications of a real cloud made of the state, beside what the next scan of that cloud found."""

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from projections.fold import Fold
from projections.inventory import Ref
from schemas.canonical import Document
from schemas.events import Entry, NotificationReceived, ScanStarted
from streams.journal import Journal
from streams.local_log import LocalLog
from tests.e2e.program import Program
from tests.recordings import needs_recordings

pytestmark = needs_recordings

ENV = "zed"
TOLD = ("instance", "network", "subnet", "port", "router", "floating_ip")
"""Types of which a notification tells the whole object."""


UNTOLD = {
    "floating_ip": {"status"},  # its agent reports it later
    "instance": {"config_drive", "host_status", "security_groups", "volumes"},
    "network": {"availability_zones", "is_default", "provider:network_type", "provider:segmentation_id"},
    "port": {"binding:profile", "binding:vif_details", "status"},  # bound by the agent of the host
}
"""Attributes that the next scan has to complete: no notification tells how they end."""


@dataclass(frozen=True, slots=True)
class Days:
    """The states of the cloud: after the first scan, after the notifications, after the second scan."""

    entries: list[Entry]
    told: list[Entry]
    monday: dict[Ref, Document]
    notified: dict[Ref, Document]
    tuesday: dict[Ref, Document]


def known(fold: Fold) -> dict[Ref, Document]:
    return {obj.ref: obj.document for kind in TOLD for obj in fold.inventory.of_type(kind)}


@pytest.fixture(scope="module")
def entries(two_days: Program) -> Iterator[list[Entry]]:
    with closing(LocalLog(two_days.folder, read_only=True)) as log:
        yield list(Journal(log).read(ENV))


@pytest.fixture(scope="module")
def days(entries: list[Entry]) -> Days:
    first = next(n for n, entry in enumerate(entries) if isinstance(entry.event.payload, NotificationReceived))
    second = max(n for n, entry in enumerate(entries) if isinstance(entry.event.payload, ScanStarted))
    fold, states = Fold(ENV), []
    for number, entry in enumerate(entries):
        if number in (first, second):
            states.append(known(fold))
        fold.apply(entry)
    told = [entry for entry in entries if isinstance(entry.event.payload, NotificationReceived)]
    monday, notified = states
    return Days(entries, told, monday, notified, known(fold))


def test_much_happened_between_the_scans(days: Days) -> None:
    assert len(days.told) > 50
    assert len(days.monday.keys() ^ days.tuesday.keys()) > 5


def test_what_came_and_went_is_known_before_the_next_scan(days: Days) -> None:
    missed = {ref for ref in days.notified.keys() ^ days.tuesday.keys() if not silent(ref, days)}
    assert missed == set()


def silent(ref: Ref, days: Days) -> bool:
    """Answer whether OpenStack announces nothing of an object: ports that Neutron makes for itself."""
    document = days.tuesday.get(ref) or days.notified.get(ref) or {}
    return ref.type == "port" and str(document.get("device_owner", "")).startswith("network:")


def test_what_is_told_of_an_object_is_what_the_next_scan_says_of_it(days: Days) -> None:
    wrong = [
        (ref, name)
        for ref in sorted(days.notified.keys() & days.tuesday.keys())
        if not silent(ref, days)
        for name in days.notified[ref].keys() | days.tuesday[ref].keys()
        if days.notified[ref].get(name) != days.tuesday[ref].get(name) and name not in UNTOLD.get(ref.type, ())
    ]
    assert wrong == []
    changed = [ref for ref in days.monday.keys() & days.notified.keys() if days.monday[ref] != days.notified[ref]]
    assert {ref.type for ref in changed} >= {"instance", "port"}


def replayed(entries: list[Entry]) -> Fold:
    fold = Fold(ENV)
    for entry in entries:
        fold.apply(entry)
    return fold


@pytest.mark.parametrize("seed", range(3))
def test_lost_and_repeated_notifications_leave_a_state_that_a_replay_reaches(days: Days, seed: int) -> None:
    chance = random.Random(seed)
    kept: list[Entry] = []
    for entry in days.entries:
        told = isinstance(entry.event.payload, NotificationReceived)
        for _ in range(chance.choice((0, 1, 1, 2)) if told else 1):
            kept.append(Entry(len(kept), entry.logged_at, entry.event))
    live = Fold(ENV)
    for number, entry in enumerate(kept):
        live.apply(entry)
        if number % 100 == 0:
            restored = Fold.restore(ENV, live.offset, live.everything())
            assert list(restored.everything()) == list(live.everything())
    assert list(replayed(kept).everything()) == list(live.everything())
    assert known(live) == days.tuesday
