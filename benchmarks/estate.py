"""An estate: an environment of many cells, as the events of its log and as the steps that the fold makes of them.

Folding ten million changes takes hours, and a peer is measured on the same history: so the steps are cast from the
mould of one cell, and are to the byte what folding the events of all cells gives (tests/unit/test_benchmarks.py).
Scans go from cell to cell, and what happens between them happens in all cells at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from benchmarks.cloud import Size
from benchmarks.mould import Mould, Moulded, Names, Offsets, Pace, Text
from projections.change import Change, Key, Kind
from projections.digest import EMPTY, advance
from schemas.canonical import decode_document, encode
from streams.history import Step

BATCH = 256
"""Events of one write into a history."""
LOGGED = 2_000_000_000_000_000
"""When the first record was logged, microseconds since 1970: after all that is told, as on a log that was caught up."""
TICK = 1000
"""Microseconds from one record of the log to the next."""
SEED = 1
ORDER = 2
"""Counts the ways in which cells take turns and are logged: another number, and filled histories are of no use."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is of everything."""

    cell: Size
    cells: int
    changes: int
    """At least so many of each cell, and the rest of the stretch in which they are reached."""
    questions: int = 1000
    """So many of a kind are asked."""
    window: int = 10_000
    """Changes between the moments of a diff."""
    readers: int = 8
    """Processes that ask while somebody writes."""


CELL = Size(hosts=20, network_hosts=1, instances=400, ports_an_instance=3, projects=20)
TINY = Size(hosts=3, network_hosts=1, instances=6, ports_an_instance=2, projects=2)
EXTENTS = {
    "tiny": Extent(TINY, cells=3, changes=1200, questions=60, window=300, readers=2),
    "small": Extent(CELL, cells=2, changes=20_000),
    "medium": Extent(CELL, cells=46, changes=43_500),
    "large": Extent(CELL, cells=230, changes=43_500),
}


class Estate:
    """The history of an environment of so many cells."""

    def __init__(self, mould: Mould, cells: int) -> None:
        """Cast from a mould; what is yielded below is made on the way, none of it is held."""
        self._mould = mould
        self._names = [mould.names(cell) for cell in range(cells)]
        lengths = [len(stretch.paces) for stretch in mould.stretches]
        self._begins = [0, *accumulate(lengths)]
        self._places = [
            (self._begins[number], length, stretch.scan)
            for number, (stretch, length) in enumerate(zip(mould.stretches, lengths, strict=True))
            for _ in range(length)
        ]
        self._offsets = [self._offsets_of(cell) for cell in range(cells)]
        self.events = self._begins[-1] * cells
        self.changes = 0
        """Of the steps that were yielded last."""
        self.log_bytes = mould.log_bytes * cells

    def records(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield the log: offset, time in microseconds, the event as bytes."""
        for offset, (cell, pace) in enumerate(self._order()):
            yield offset, LOGGED + offset * TICK, pace.record.cast(self._names[cell], self._offsets[cell])

    def steps(self) -> Iterator[Step]:
        """Yield what the fold makes of the log, in order."""
        digest, self.changes = EMPTY, 0
        shared: dict[Key, bytes] = {}
        for offset, (cell, pace) in enumerate(self._order()):
            changes = list(self._cast(cell, pace, offset, shared))
            digest = advance(digest, changes)
            self.changes += len(changes)
            event_id = pace.event_id.cast(self._names[cell], self._offsets[cell]).decode()
            yield Step(
                offset, LOGGED + offset * TICK, pace.occurred_at, pace.source, event_id, pace.event, digest, changes
            )

    def batches(self, size: int = BATCH) -> Iterator[list[Step]]:
        """Yield the steps by so many."""
        batch: list[Step] = []
        for step in self.steps():
            batch.append(step)
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    def some(
        self, draw: Random, kind: Kind, count: int, since: int = 0, before: int | None = None
    ) -> list[tuple[Key, int]]:
        """Answer so many keys of a kind, each with an offset at random in [since, before) and not before its birth."""
        keys, born = self._mould.keys, self._mould.born
        own = [number for number, (key, name) in enumerate(keys) if key.kind is kind and not name.is_shared]
        end = self.events if before is None else before
        found: list[tuple[Key, int]] = []
        while len(found) < count:
            number, cell = draw.choice(own), draw.randrange(len(self._names))
            key, name = keys[number]
            first = max(since, self._offsets[cell](born[number]))
            if first < end:
                there = key._replace(id=name.cast(self._names[cell], self._offsets[cell]).decode())
                found.append((there, draw.randrange(first, end)))
        return found

    def counts(self) -> list[int]:
        """Answer how many changes each event makes, a few too many where cells have a thing in common."""
        return [len(pace.changes) for _, pace in self._order()]

    def _order(self) -> Iterator[tuple[int, Pace]]:
        cells = range(len(self._names))
        for stretch in self._mould.stretches:
            if stretch.scan:
                yield from ((cell, pace) for cell in cells for pace in stretch.paces)
            else:
                yield from ((cell, pace) for pace in stretch.paces for cell in cells)

    def _offsets_of(self, cell: int) -> Offsets:
        """Answer where the steps of a cell stand."""
        cells, places = len(self._names), self._places

        def offset(step: int) -> int:
            begin, length, scan = places[step]
            within = step - begin
            return begin * cells + (cell * length + within if scan else within * cells + cell)

        return offset

    def _cast(self, cell: int, pace: Pace, at: int, shared: dict[Key, bytes]) -> Iterator[Change]:
        names, offsets, keys = self._names[cell], self._offsets[cell], self._mould.keys
        for moulded in pace.changes:
            key, name = keys[moulded.key]
            if name.is_shared:
                yield from _common(key, moulded, names, offsets, at, shared)
            else:
                own = key._replace(id=name.cast(names, offsets).decode())
                before, after = _cast(moulded.before, names, offsets), _cast(moulded.after, names, offsets)
                yield Change(own, before, after, at)


def _cast(text: Text | None, names: Names, offsets: Offsets) -> bytes | None:
    return None if text is None else text.cast(names, offsets)


def _common(
    key: Key, moulded: Moulded, names: Names, offsets: Offsets, at: int, shared: dict[Key, bytes]
) -> Iterable[Change]:
    """Yield the change of what all cells have in common, over what another cell made of it."""
    before, after = shared.get(key), _cast(moulded.after, names, offsets)
    if after is None:
        raise AssertionError(f"{key} goes while other cells have it")
    if key.kind is Kind.TARGET and before is not None:
        after = _asked_again(before, after)
    if before != after:
        shared[key] = after
        yield Change(key, before, after, at)


def _asked_again(before: bytes, after: bytes) -> bytes:
    known, told = decode_document(before), decode_document(after)
    because = sorted({*known["because"], *told["because"]})
    return encode({**told, "asked_at": max(known["asked_at"], told["asked_at"]), "because": because})
