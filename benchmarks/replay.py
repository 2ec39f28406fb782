"""From a scan on the log to a queryable history, beside a bare loop that reads, decodes and sets a dict."""

import io
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import fastavro
import msgspec

from benchmarks.cloud import NAME, SIZES, Cloud
from benchmarks.measure import Measure
from projections.fold import Fold
from schemas.codec import parsed_schema
from schemas.events import Event, ObjectsSeen
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.worker import Worker

BARE = "a bare loop: read, decode envelope, payload and documents, set a dict"
_BATCH = 256
_HEADER = 10
"""Bytes before an envelope: marker and fingerprint."""


def replay(size: str) -> Measure:
    """Measure the first scan: everything is new, links and cliques form."""
    with _lab(size) as lab:
        lab.append(0)
        return lab.measure("replay", lab.catch_up(), goal=0.03)


def rescan(size: str) -> Measure:
    """Measure a scan that sees what was there: only stamps and heartbeats moved."""
    with _lab(size) as lab:
        for day in (0, 1):
            lab.append(day)
            lab.catch_up()
        lab.append(2, calm=1)
        return lab.measure("rescan", lab.catch_up(), goal=0.4)


def life(size: str) -> Measure:
    """Measure three days of restarts one by one and a scan that finds 1 % changed, up to the history."""
    with _lab(size) as lab:
        lab.append(0)
        lab.catch_up()
        lab.append_days()
        return lab.measure("life", lab.catch_up(), goal=0.16)


def links(size: str) -> Measure:
    """Measure the same three days for inventory and links alone: no cliques, no history."""
    with _lab(size) as lab:
        fold = Fold(NAME, recipes=())
        lab.append(0)
        lab.fold(fold)
        lab.append_days()
        return lab.measure("links", _seconds(lambda: lab.fold(fold)), goal=0.25)


def weight(size: str) -> Measure:
    """Measure what the history of a first scan and of one with 1 % changed weighs, per byte of the log."""
    with _lab(size) as lab:
        for day in (0, 1):
            lab.append(day)
            lab.catch_up()
        log, history = lab.weights()
        return Measure("weight", size, history / log, "bytes/byte", 1.0, "the log itself", log / history, 0.6)


BENCHMARKS: dict[str, Callable[[str], Measure]] = {
    "replay": replay,
    "rescan": rescan,
    "life": life,
    "links": links,
    "weight": weight,
}


class _Lab:
    """A log and a history in a folder, and a worker between them."""

    def __init__(self, size: str, folder: Path) -> None:
        self._size = size
        self._folder = folder
        self._first = 0
        self._objects = 0
        self._journal = Journal(LocalLog(folder))
        self._history = LocalHistory(folder)
        self._worker = Worker(self._journal, self._history)

    def append(self, day: int, *, calm: int = 0) -> None:
        """Append a day's scan, which is then what is measured."""
        self._append(list(Cloud(SIZES[self._size], day, calm=calm).scan()))

    def append_days(self) -> None:
        """Append three days of restarts and scans, which are then what is measured."""
        days = [Cloud(SIZES[self._size], day) for day in (1, 2, 3)]
        self._append([event for day in days for event in (*day.restarts(), *day.scan())])

    def _append(self, events: list[Event]) -> None:
        self._first = self._journal.head(NAME) + 1
        self._objects = sum(len(e.payload.ids) for e in events if isinstance(e.payload, ObjectsSeen))
        for start in range(0, len(events), _BATCH):
            self._journal.append(events[start : start + _BATCH])

    def catch_up(self) -> float:
        """Answer the seconds that the worker takes to fold what was appended into the history."""
        return _seconds(lambda: self._worker.catch_up(NAME))

    def fold(self, fold: Fold) -> None:
        """Fold what was appended, and keep no history of it."""
        for entry in self._journal.read(NAME, after=self._first - 1):
            fold.apply(entry)

    def measure(self, name: str, seconds: float, goal: float) -> Measure:
        """Answer how fast what was appended was folded, beside the bare loop over the same: the best of three."""
        bare = min(_seconds(lambda: _bare_loop(self._folder / "log.db", self._first)) for _ in range(3))
        speed, reference = self._objects / seconds, self._objects / bare
        return Measure(name, self._size, speed, "objects/s", reference, BARE, speed / reference, goal)

    def weights(self) -> tuple[int, int]:
        """Answer the bytes of the log and of the history, with nothing left in write-ahead logs."""
        self.close()
        return _settled_size(self._folder / "log.db"), _settled_size(self._folder / "history.db")

    def close(self) -> None:
        self._history.close()
        self._journal.close()


@contextmanager
def _lab(size: str) -> Iterator[_Lab]:
    with TemporaryDirectory() as folder, closing(_Lab(size, Path(folder))) as lab:
        yield lab


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _bare_loop(log: Path, first: int) -> None:
    state: dict[tuple[str, str], object] = {}
    with closing(sqlite3.connect(log)) as db:
        for (value,) in db.execute("SELECT value FROM records ORDER BY key LIMIT -1 OFFSET ?", (first,)):
            envelope = _read("Envelope", value[_HEADER:])
            if envelope["payload_type"] == "ObjectsSeen":
                seen = _read("ObjectsSeen", envelope["payload"])
                for object_id, document in zip(seen["ids"], seen["documents"], strict=True):
                    state[seen["object_type"], object_id] = msgspec.json.decode(document)


def _read(name: str, data: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", fastavro.schemaless_reader(io.BytesIO(data), parsed_schema(name), None))


def _settled_size(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size
