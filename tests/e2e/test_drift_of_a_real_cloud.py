"""Notifications of a real cloud, some of them lost: what the next scan of that cloud says of it."""

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from projections.change import Kind
from projections.drift import unannounced
from projections.drift.finding import changed
from projections.fold import Fold
from projections.inventory import Obj, Ref
from schemas.canonical import Document, decode_document
from schemas.events import Entry, NotificationReceived, ScanStarted
from streams.journal import Journal
from streams.local_log import LocalLog
from tests.e2e.program import Program
from tests.recordings import needs_recordings

pytestmark = needs_recordings

Fact = tuple[Ref, str | None]


@dataclass(frozen=True, slots=True)
class Looked:
    """What was believed as the second scan began, what is true, and the lines of what was missed."""

    believed: dict[Ref, Obj]
    true: dict[Ref, Obj]
    missed: dict[Fact, tuple[Document, Document]]
    """Each line, with its finding."""

    @property
    def wrong(self) -> set[Fact]:
        """Answer the facts that were not known."""
        both = self.believed.keys() & self.true.keys()
        fields: set[Fact] = {(ref, name) for ref in both for name in changed(self.believed[ref], self.true[ref])}
        return fields | {(ref, None) for ref in self.believed.keys() ^ self.true.keys()}


@pytest.fixture(scope="module")
def entries(two_days: Program) -> Iterator[list[Entry]]:
    with closing(LocalLog(two_days.folder, read_only=True)) as log:
        yield list(Journal(log).read("zed"))


def looked(entries: list[Entry], lost: set[int]) -> Looked:
    """Answer what the second scan finds when the notifications at these offsets are lost."""
    fold, believed = Fold("zed"), dict[Ref, Obj]()
    for entry in entries:
        if isinstance(entry.event.payload, ScanStarted):
            believed = objects(fold)
        if entry.offset not in lost:
            fold.apply(entry)
    kept = {key: decode_document(value) for key, value in fold.everything() if key.kind is Kind.DRIFT}
    missed: dict[Fact, tuple[Document, Document]] = {
        (Ref(key.type, key.id), line["field"]): (line, finding)
        for key, finding in kept.items()
        for line in finding["lines"]
        if line["how"] == "missed"
    }
    return Looked(believed, objects(fold), missed)


def objects(fold: Fold) -> dict[Ref, Obj]:
    return {obj.ref: obj for kind in fold.inventory.types() for obj in fold.inventory.of_type(kind)}


def told(entries: list[Entry]) -> list[int]:
    return [entry.offset for entry in entries if isinstance(entry.event.payload, NotificationReceived)]


def test_with_all_notifications_each_line_is_explained(entries: list[Entry]) -> None:
    found = looked(entries, set())
    assert found.missed.keys() == found.wrong
    unexplained = [
        (ref, line)
        for (ref, _field), (line, finding) in found.missed.items()
        if unannounced.reason(ref.type, line["what"], line["field"], finding["of"]) is None
    ]
    assert unexplained == []


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_what_was_lost_is_found_and_lies_in_the_interval_that_is_named(entries: list[Entry], share: float) -> None:
    complete = looked(entries, set()).wrong
    lost_facts, found, within = 0, 0, 0
    for seed in range(20):
        chance = random.Random(seed)
        lost = {offset for offset in told(entries) if chance.random() < share}
        after = looked(entries, lost)
        facts = after.wrong - complete
        lost_facts += len(facts)
        found += len(facts & after.missed.keys())
        for fact in facts & after.missed.keys():
            line, finding = after.missed[fact]
            within += any(line["after"]["offset"] < offset < finding["look"]["offset"] for offset in lost)
    assert lost_facts > 0
    assert found >= 0.99 * lost_facts
    assert within >= 0.99 * found
