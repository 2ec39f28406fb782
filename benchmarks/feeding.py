"""How fast events and changes are taken in, and what they weigh then."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bare import Bare
from benchmarks.cloud import NAME
from benchmarks.duckdb_peer import DuckPeer
from benchmarks.estate import BATCH
from benchmarks.lab import Lab, asked
from benchmarks.measure import Measure
from benchmarks.raphtory_peer import RaphtoryPeer
from benchmarks.shelf import fill
from benchmarks.ticks import seconds
from projections.fold import Fold
from streams.history import Step
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog

_BULK_CELLS = 4
"""Cells of the log that is replayed: a fold of more takes long, and is no slower an event."""
_SLOW = 200
"""The last so many events are what DuckDB takes in row by row; those before it is given in bulk."""


def bulk(lab: Lab) -> Iterator[Measure]:
    """Replay a log of scans and notifications: read, decode, fold inventory and links, on one core."""
    estate = lab.shelf.few_cells(lab.size, min(_BULK_CELLS, lab.extent.cells))
    with TemporaryDirectory() as folder, closing(LocalLog(Path(folder))) as log:
        records = (record for _, _, record in estate.records())
        while batch := list(islice(records, BATCH)):
            log.append(NAME, batch)
        journal = Journal(log)

        def ours() -> None:
            fold = Fold(NAME, recipes=())
            for entry in journal.read(NAME):
                fold.apply(entry)

        def bare() -> None:
            Bare().take(record.value for record in log.read(NAME, -1, None))

        times = [(seconds(bare, lab.clock), seconds(ours, lab.clock)) for _ in range(3)]
    reference, value = (estate.events / min(each) for each in zip(*times, strict=True))
    yield Measure("bulk", lab.size, value, lab.unit("events/s"), reference, Bare.name, value / reference, 0.5)


def ingest(lab: Lab) -> Iterator[Measure]:
    """Write changes into a durable history that can be asked at once, on one core."""
    yield from _beside_raphtory(lab)
    yield from _beside_duckdb(lab)


def _beside_raphtory(lab: Lab) -> Iterator[Measure]:
    for peer in asked(RaphtoryPeer):
        yield _by_batches(lab, peer)


def _by_batches(lab: Lab, peer: RaphtoryPeer) -> Measure:
    """Give the same batches to both in turn."""
    theirs = 0.0

    def watch(steps: list[Step], _took: float) -> None:
        nonlocal theirs
        start = lab.clock()
        for step in steps:
            peer.take(step.changes)
        theirs += lab.clock() - start

    with TemporaryDirectory() as folder, closing(LocalHistory(Path(folder))) as history:
        filled = fill(history, lab.estate, lab.clock, watch)
    value, reference = filled.changes / filled.seconds, filled.changes / theirs
    name = f"{peer.name}, one update at a time"
    return Measure("ingest", lab.size, value, lab.unit("changes/s"), reference, name, value / reference, 0.3)


def _beside_duckdb(lab: Lab) -> Iterator[Measure]:
    with TemporaryDirectory() as folder:
        for peer in asked(lambda: DuckPeer(Path(folder) / "peer.db")):
            yield _by_rows(lab, Path(folder), peer)


def _by_rows(lab: Lab, folder: Path, peer: DuckPeer) -> Measure:
    """Give ours everything as a worker does, and the reference the last events row by row."""
    with closing(LocalHistory(folder)) as history, closing(peer):
        filled = fill(history, lab.estate, lab.clock, lambda steps, _took: _load(peer, steps, lab.estate.events))
        peer.settle()
        last = _last(lab, _SLOW)
        took = seconds(lambda: [peer.take(step.changes) for step in last], lab.clock)
    value, reference = filled.changes / filled.seconds, sum(len(step.changes) for step in last) / took
    name = f"{peer.name}, row by row"
    return Measure("ingest", lab.size, value, lab.unit("changes/s"), reference, name, value / reference, 10)


def _load(peer: DuckPeer, steps: list[Step], events: int) -> None:
    for step in steps:
        if step.offset < events - _SLOW:
            peer.load(step.changes)


def _last(lab: Lab, count: int) -> list[Step]:
    return [step for step in lab.estate.steps() if step.offset >= lab.estate.events - count]


def disk(lab: Lab) -> Iterator[Measure]:
    """What the history of all changes weighs, per byte of the events of the log."""
    folder, filled = lab.filled
    weight = settled_size(folder / "history.db")
    ratio = filled.log_bytes / weight
    yield Measure("disk", lab.size, weight / 1e6, "MB", filled.log_bytes / 1e6, "the log, uncompressed", ratio, 1.0)


def settled_size(file: Path) -> int:
    """Answer the bytes of a SQLite file with nothing left in its write-ahead log."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size


BENCHMARKS = {"bulk": bulk, "ingest": ingest, "disk": disk}
