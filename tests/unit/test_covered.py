"""A fold that is taken up again, wherever that is, goes on as one that was never interrupted, covered places too."""

import random
from collections.abc import Iterable, Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from projections.change import Kind
from projections.digest import EMPTY, advance, digest_of
from projections.fold import Fold
from schemas.canonical import encode
from schemas.events import Entry, Event, ObjectsSeen, Payload, ScanFinished, ScanStarted, Scope

ENV = "env"
HOSTS = Scope("hosts", "environment", ENV)
NAMES = ("A", "B", "C", "D")

Look = tuple[frozenset[str], frozenset[str]]
"""The hosts that are there, and those of them that cannot be reached."""


def below(host: str) -> Scope:
    """Answer where a host's network cards are looked for."""
    return Scope("pnics", "host", host)


def told(scan_id: str, look: Look) -> Iterator[Payload]:
    """Yield what a scan tells: the hosts, and the card of each that it reached."""
    there, unreachable = look
    reached = sorted(there - unreachable)
    yield ScanStarted(scan_id, "cloud:x", b"{}")
    names = [encode({"name": host}) for host in sorted(there)]
    yield ObjectsSeen(scan_id, HOSTS, "host", "environment", ENV, sorted(there), names)
    for host in reached:
        card = encode({"host": host, "name": "eth0"})
        yield ObjectsSeen(scan_id, below(host), "host_pnic", "host", host, [f"{host}-eth0"], [card])
    status = "completed" if len(reached) == len(there) else "completed_with_errors"
    yield ScanFinished(scan_id, status, [HOSTS, *map(below, reached)])


def log(scans: Iterable[tuple[str, Look]]) -> list[Entry]:
    payloads = [payload for scan_id, look in scans for payload in told(scan_id, look)]
    return [
        Entry(offset, offset, Event(f"e{offset}", ENV, "scan", offset * 10**6, None, payload))
        for offset, payload in enumerate(payloads)
    ]


def folded(entries: Iterable[Entry]) -> Fold:
    fold = Fold(ENV)
    for entry in entries:
        fold.apply(entry)
    return fold


def again(fold: Fold, entries: Sequence[Entry]) -> Fold:
    """Answer the fold taken up from what is kept of it, as another process does."""
    restored = Fold.restore(ENV, fold.offset, list(fold.everything()))
    for entry in entries[fold.resume_from : fold.offset + 1]:
        restored.note(entry)
    return restored


def life(chance: random.Random) -> list[tuple[str, Look]]:
    """Answer scans at each of which some hosts are gone and some cannot be reached; now and then a name comes again."""
    scans = []
    for number in range(8):
        there = frozenset(name for name in NAMES if chance.random() < 0.7)
        unreachable = frozenset(name for name in NAMES if chance.random() < 0.3)
        name = f"s{number if chance.random() < 0.9 else chance.randrange(number + 1)}"
        scans.append((name, (there, unreachable)))
    return scans


@given(st.integers(0, 100_000))
def test_whoever_takes_the_fold_up_again_folds_the_same(seed: int) -> None:
    chance = random.Random(seed)
    entries = log(life(chance))
    live, other, digest = Fold(ENV), Fold(ENV), EMPTY
    for entry in entries:
        changes = live.apply(entry)
        assert other.apply(entry) == changes
        digest = advance(digest, changes)
        assert digest_of(other.everything()) == digest
        if chance.random() < 0.2:
            other = again(other, entries)


def test_what_comes_with_a_host_that_was_gone_is_no_finding_whoever_folds() -> None:
    everybody = frozenset(NAMES)
    scans = [
        ("s1", (everybody, frozenset[str]())),
        ("s2", (everybody - {"C"}, frozenset({"B"}))),
        ("s3", (everybody, frozenset[str]())),
    ]
    before, entries = log(scans[:2]), log(scans)
    live = folded(before)
    restored = again(live, before)
    found = []
    for entry in entries[len(before) :]:
        changes = restored.apply(entry)
        assert changes == live.apply(entry)
        found += [change.key.id for change in changes if change.key.kind is Kind.DRIFT and change.after is not None]
    assert "C-eth0" not in found  # the card came with its host, which is found
    assert "C" in found


def test_the_record_of_a_scan_names_no_place_whose_parent_is_gone() -> None:
    everybody = frozenset(NAMES)
    scans = [
        ("s1", (everybody, frozenset[str]())),
        ("s2", (everybody - {"C"}, frozenset({"B"}))),
    ]
    live = folded(log(scans))
    covered = {key.id: value for key, value in live.everything() if key.kind is Kind.COVERED}
    assert sorted(covered) == ["s1", "s2"]
    assert b'"C"' not in covered["s1"]
    assert b'"B"' in covered["s1"]
