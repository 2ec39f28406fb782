"""The embedded log: one SQLite file in a folder, no server. The engine by default."""

import sqlite3
import struct
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import crc32

from schemas.errors import BadInput, LogCorrupt, LogError
from streams.log import Record
from streams.log_file import Door, create, find

_OFFSET_BITS: Final = 40
_STAMP: Final = struct.Struct(">qq")
_PLACE: Final = struct.Struct(">qqq")

_CHUNK_BYTES: Final = 1 << 20
_CHUNK_RECORDS: Final = 4096
"""A reader holds at most so much at a time (one record more, whatever its size)."""

_FIND = "SELECT number, head, logged_at, checksum, name FROM environments WHERE name = ?"
_LIST = "SELECT number, head, logged_at, checksum, name FROM environments NOT INDEXED"
_LIST_AGAIN = "SELECT name, number FROM environments INDEXED BY environments_by_name ORDER BY name"
_MOVE_HEAD = (
    "INSERT INTO environments (number, head, logged_at, checksum, name) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (number) DO UPDATE "
    "SET head = excluded.head, logged_at = excluded.logged_at, checksum = excluded.checksum"
)
_INSERT = "INSERT INTO records (key, logged_at, checksum, value) VALUES (?, ?, ?, ?)"
_READ = "SELECT key, logged_at, checksum, value FROM records WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"
_SIZES = "SELECT key, length(value) FROM records WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"
"""Of a long value SQLite reads only where it begins for this."""

_Row = tuple[int, Any, Any, Any]
"""Key, time, checksum and value as stored: of damaged files nothing more is known."""


def now() -> int:
    """Answer the time of the system's clock, microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


class _Place(NamedTuple):
    """An environment's number in the keys, its newest offset, and that record's time."""

    number: int
    head: int
    logged_at: int

    def key(self, offset: int) -> int:
        return self.number << _OFFSET_BITS | offset


class LocalLog:
    """The contract of `Log` on a folder of the local disk.

    Offsets are dense from 0 for each environment. Any number of processes and threads may append (one waits
    for another) and read (nobody waits). Do not carry one across a fork.
    """

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        clock: Callable[[], int] = now,
        patience: float = 30.0,
        limit: int | None = None,
    ) -> None:
        """Open the log of a folder, made if need be; `read_only` makes nothing and raises NotFound instead.

        `clock` answers microseconds; it may step back, the log's times will not. `patience`: seconds to wait
        for another process that appends. `limit`: bytes that the file may reach before LogFull.
        Raises LogCorrupt (no event log, or damaged), LogTooNew, LogFull, LogError.
        """
        self.path = find(folder) if read_only else create(folder)
        self._clock = clock
        # Two doors, so that in one process, too, a reader does not wait for the thread that appends.
        self._reader = Door(self.path, writes=False, patience=patience)
        self._writer = None if read_only else Door(self.path, writes=True, patience=patience, limit=limit)

    def append(self, environment: str, values: Sequence[bytes]) -> list[int]:
        """Append in order, in one durable transaction; answer the offsets. Raises LogFull, LogError."""
        doing = f"appending {len(values)} records to environment {environment!r}"
        if self._writer is None:
            raise LogError(f"{self.path}: is open for reading only ({doing})")
        if not values:
            return []
        with self._writer.writing(doing) as connection:
            place = self._place(connection, environment) or _new_place(connection)
            moved = place._replace(head=place.head + len(values), logged_at=max(self._clock(), place.logged_at))
            offsets = range(place.head + 1, moved.head + 1)
            connection.executemany(_INSERT, _rows(moved, offsets, values))
            connection.execute(_MOVE_HEAD, (*moved, _place_checksum(moved, environment), environment))
        return list(offsets)

    def read(self, environment: str, after: int = -1, upto: int | None = None) -> Iterator[Record]:
        """Yield the records of the contract, a bounded number of bytes at a time; holds no lock in between.

        LogCorrupt names the first offset that is damaged or missing; all records before it are yielded.
        """
        place = self._find(environment)
        if place is None:
            return iter(())
        last = place.head if upto is None else min(upto, place.head)
        return self._records(environment, place, max(after + 1, 0), last)

    def head(self, environment: str) -> int:
        """Answer the offset of the newest record, -1 if there is none."""
        place = self._find(environment)
        return -1 if place is None else place.head

    def offset_at(self, environment: str, time: int) -> int:
        """Answer the newest offset with logged_at <= time (microseconds), -1 if there is none."""
        place = self._find(environment)
        if place is None:
            return -1
        offsets = range(place.head + 1)
        return bisect_right(offsets, time, key=lambda at: self._one(environment, place, at).logged_at) - 1

    def time_of(self, environment: str, offset: int) -> int | None:
        """Answer logged_at of the newest record at or before the offset, None if there is none."""
        place = self._find(environment)
        if place is None or offset < 0:
            return None
        return self._one(environment, place, min(offset, place.head)).logged_at

    def environments(self) -> list[str]:
        """Answer the environments that have a record, sorted."""
        with self._reader.reading("listing its environments") as connection:
            return self._names(connection)

    def sizes(self, environment: str, upto: int) -> Iterator[tuple[int, int]]:
        """Yield offset and length of the records up to an offset, in order; the values are neither read nor checked."""
        place = self._find(environment)
        first, last = (0, -1) if place is None else (place.key(0), place.key(min(upto, place.head)))
        base = first
        while first <= last:
            with self._reader.reading(f"weighing environment {environment!r}") as connection:
                rows = connection.execute(_SIZES, (first, last, _CHUNK_RECORDS)).fetchall()
            yield from ((key - base, size) for key, size in rows)
            first = rows[-1][0] + 1 if rows else last + 1

    def footprint(self) -> int:
        """Answer the bytes that all environments together take on the disk."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Release the file; closing twice does no harm."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()

    def _find(self, environment: str) -> _Place | None:
        with self._reader.reading(f"looking for environment {environment!r}") as connection:
            return self._place(connection, environment)

    def _place(self, connection: sqlite3.Connection, environment: str) -> _Place | None:
        row = connection.execute(_FIND, (_checked(environment),)).fetchone()
        if row is not None:
            return self._checked_place(row)
        self._names(connection)  # an unknown environment, or one whose row is damaged?
        return None

    def _names(self, connection: sqlite3.Connection) -> list[str]:
        """Answer the environments in order of name; the table and its index must tell the same."""
        with _at_one_moment(connection):
            rows = connection.execute(_LIST).fetchall()
            again = connection.execute(_LIST_AGAIN).fetchall()
        for row in rows:
            self._checked_place(row)
        listed = sorted((row[4], row[0]) for row in rows)
        if listed != again:
            raise LogCorrupt(f"{self.path}: the list of environments is damaged")
        return [name for name, _ in listed]

    def _checked_place(self, row: tuple[Any, ...]) -> _Place:
        number, head, logged_at, checksum, name = row
        try:
            place = _Place(number, head, logged_at)
            intact = _place_checksum(place, name) == checksum
        except (struct.error, AttributeError):
            intact = False
        if not intact:
            raise LogCorrupt(f"{self.path}: what is kept of environment {name!r} is damaged")
        return place

    def _one(self, environment: str, place: _Place, offset: int) -> Record:
        return next(self._records(environment, place, offset, offset))

    def _records(self, environment: str, place: _Place, first: int, last: int) -> Iterator[Record]:
        """Yield the records of first <= offset <= last, each of them: a gap is damage."""
        expected, end = place.key(first), place.key(last)
        base = place.key(0)
        while expected <= end:
            started = expected
            for row in self._chunk(environment, expected, end):
                key, logged_at, _, value = row
                if key != expected:
                    break
                if not _is_intact(row):
                    raise LogCorrupt(f"{self.path}: environment {environment!r}, offset {key - base} is damaged")
                yield Record(key - base, logged_at, value)
                expected += 1
            if expected == started:
                raise LogCorrupt(f"{self.path}: environment {environment!r}, offset {expected - base} is missing")

    def _chunk(self, environment: str, first: int, last: int) -> list[_Row]:
        """Answer the first records of the keys; the cursor is closed, so nothing holds back a checkpoint."""
        offset = first & ((1 << _OFFSET_BITS) - 1)
        with self._reader.reading(f"reading environment {environment!r} from offset {offset}") as connection:
            cursor = connection.execute(_READ, (first, last, _CHUNK_RECORDS))
            with closing(cursor):
                return list(_until_full(cursor))


@contextmanager
def _at_one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Let several statements see one state, whatever others append between them."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _until_full(rows: Iterator[_Row]) -> Iterator[_Row]:
    room = _CHUNK_BYTES
    for row in rows:
        yield row
        room -= len(row[3]) if isinstance(row[3], bytes) else 0
        if room <= 0:
            return


def _checked(environment: str) -> str:
    try:
        environment.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"no name of an environment: {environment!r} is not valid Unicode") from error
    return environment


def _new_place(connection: sqlite3.Connection) -> _Place:
    (number,) = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM environments").fetchone()
    return _Place(number, -1, 0)


def _rows(place: _Place, offsets: range, values: Sequence[bytes]) -> Iterator[_Row]:
    for offset, value in zip(offsets, values, strict=True):
        key = place.key(offset)
        yield key, place.logged_at, _checksum(key, place.logged_at, value), value


def _checksum(key: int, logged_at: int, value: bytes) -> int:
    return crc32(value, crc32(_STAMP.pack(key, logged_at)))


def _place_checksum(place: _Place, name: str) -> int:
    return crc32(name.encode(), crc32(_PLACE.pack(*place)))


def _is_intact(row: _Row) -> bool:
    key, logged_at, checksum, value = row
    try:
        return bool(crc32(value, crc32(_STAMP.pack(key, logged_at))) == checksum)
    except (TypeError, struct.error):
        return False
