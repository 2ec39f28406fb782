"""From a scan on the log to a queryable history, beside a bare loop that reads, decodes and sets a dict."""

import io
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import fastavro
import msgspec

from benchmarks.cloud import NAME, SIZES, Cloud
from benchmarks.measure import Measure
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
        seconds = lab.fold(0)
        bare = lab.bare(0)
        speed, reference = lab.objects / seconds, lab.objects / bare
        return Measure("replay", size, speed, "objects/s", reference, BARE, speed / reference, 0.02)


def rescan(size: str) -> Measure:
    """Measure a scan that sees what was there: only stamps and heartbeats moved."""
    with _lab(size) as lab:
        for day in (0, 1):
            lab.fold(day)
        seconds = lab.fold(2)
        bare = lab.bare(2)
        speed, reference = lab.objects / seconds, lab.objects / bare
        return Measure("rescan", size, speed, "objects/s", reference, BARE, speed / reference, 0.25)


def weight(size: str) -> Measure:
    """Measure what the history of a first scan and of one with 1 % changed weighs, per byte of the log."""
    with _lab(size) as lab:
        for day in (0, 1):
            lab.fold(day)
        log, history = lab.weights()
        return Measure("weight", size, history / log, "bytes/byte", 1.0, "the log itself", log / history, 0.3)


BENCHMARKS: dict[str, Callable[[str], Measure]] = {"replay": replay, "rescan": rescan, "weight": weight}


class _Lab:
    """A log and a history in a folder, and a worker between them."""

    def __init__(self, size: str, folder: Path) -> None:
        self.objects = 0
        """In the scan folded last."""
        self._size = SIZES[size]
        self._folder = folder
        self._first: dict[int, int] = {}
        self._journal = Journal(LocalLog(folder))
        self._history = LocalHistory(folder)
        self._worker = Worker(self._journal, self._history)

    def fold(self, day: int) -> float:
        """Append a day's scan and answer the seconds that folding it took."""
        events = list(Cloud(self._size, day).scan())
        self.objects = sum(len(e.payload.ids) for e in events if isinstance(e.payload, ObjectsSeen))
        self._first[day] = self._journal.head(NAME) + 1
        for batch in _batches(events):
            self._journal.append(batch)
        return _seconds(lambda: self._worker.catch_up(NAME))

    def bare(self, day: int) -> float:
        """Answer the seconds that the bare loop takes for a day's scan, the last that was folded; the best of three."""
        return min(_seconds(lambda: _bare_loop(self._folder / "log.db", self._first[day])) for _ in range(3))

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


def _batches(events: list[Event]) -> Iterable[list[Event]]:
    return (events[start : start + _BATCH] for start in range(0, len(events), _BATCH))


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
