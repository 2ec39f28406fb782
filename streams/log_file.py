"""The file of the embedded log: made whole or not at all, opened with care, its errors turned into ours."""

import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import LogCorrupt, LogError, LogFull, LogTooNew, NotFound

NAME: Final = "log.db"

APPLICATION: Final = 0x43414C50
"""`CALP` in SQLite's application_id: this database is an event log of Calipso."""

FORMAT: Final = 1
"""SQLite's user_version; a higher one was written by a newer Calipso."""

# `key` is the environment's number << 40 | offset: the table's own tree is then ordered by (environment, offset).
# That appends twice as fast as a primary key of two columns, and reads 1.6 times as fast (measured, 400 B records).
# `head` and the checksums let a reader find a record that is gone, not only one that is damaged.
SCHEMA: Final = f"""
BEGIN;
CREATE TABLE environments (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    head INTEGER NOT NULL,
    logged_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX environments_by_name ON environments (name);
CREATE TABLE records (
    key INTEGER PRIMARY KEY,
    logged_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
COMMIT;
"""

_LEAST_FREE: Final = 1 << 20
"""An I/O error of SQLite on a file system with less free bytes than this is taken for a full disk."""


def create(folder: Path) -> Path:
    """Answer the log file of the folder; make both if they are not there, complete or not at all."""
    path = folder / NAME
    with translated(path, "creating it"):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if not path.exists():
                _refuse_orphan(path)
                _build(path)
    return path


def find(folder: Path) -> Path:
    """Answer the log file of the folder; NotFound if there is none. Creates nothing."""
    path = folder / NAME
    if not path.is_file():
        raise NotFound(f"no event log at {path}")
    return path


class Door:
    """One connection to a log file, for one thread at a time."""

    def __init__(self, path: Path, *, writes: bool, patience: float, limit: int | None = None) -> None:
        """Open an existing file. Raises LogCorrupt, LogTooNew, LogError.

        `patience`: seconds to wait for another process that writes. `limit`: bytes that the file may reach.
        """
        self._path = path
        self._patience = patience
        self._lock = threading.Lock()
        with translated(path, "opening it", patience):
            if path.stat().st_size == 0:
                raise LogCorrupt(f"{path}: is empty, it was cut off")
            self._connection = _connect(path, "rw", patience)
            try:
                self._prepare(writes, limit)
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def reading(self, doing: str) -> Iterator[sqlite3.Connection]:
        """Lend the connection; an open cursor must not leave the block: it would hold back checkpoints."""
        with translated(self._path, doing, self._patience), self._lock:
            yield self._connection

    @contextmanager
    def writing(self, doing: str) -> Iterator[sqlite3.Connection]:
        """Lend the connection inside a transaction of the only writer: all of the block, durably, or nothing."""
        with self.reading(doing) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; the last one of all processes also removes SQLite's side files."""
        with translated(self._path, "closing it", self._patience), self._lock:
            self._connection.close()

    def _prepare(self, writes: bool, limit: int | None) -> None:
        connection = self._connection
        _refuse_foreign(self._path, _pragma(connection, "application_id"), _pragma(connection, "user_version"))
        connection.execute("PRAGMA cell_size_check = ON")
        # A reader also opens the file for writing, and only promises not to: a connection of SQLite's own
        # read-only mode leaves its side files (-wal, -shm) behind, this one takes them away with it.
        connection.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.execute("PRAGMA synchronous = FULL")  # NORMAL would not sync each commit
        connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone does not reach the disk there
        connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
        if limit is not None:
            connection.execute(f"PRAGMA max_page_count = {max(1, limit // _pragma(connection, 'page_size'))}")


@contextmanager
def translated(path: Path, doing: str, patience: float = 0.0) -> Iterator[None]:
    """Turn errors of SQLite and of the system into LogError and its kin, naming the file and what was done."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite quotes the damaged text in what it says of it
        raise LogCorrupt(f"{path}: damaged: {error} ({doing})") from error
    except (sqlite3.Error, OverflowError, OSError) as error:
        raise _translate(path, doing, patience, error) from error


def _translate(path: Path, doing: str, patience: float, error: Exception) -> LogError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the kind, the rest a refinement
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT):
        return LogCorrupt(f"{path}: damaged, or no event log at all: {error} ({doing})")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LogError(
            f"{path}: process {os.getpid()} waited {patience:g} s for another process that writes ({doing})"
        )
    if _is_full(path, code, error):
        return LogFull(f"{path}: no space left, nothing was written ({doing})")
    return LogError(f"{path}: {error} ({doing})")


def _is_full(path: Path, code: int, error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if code == sqlite3.SQLITE_IOERR:  # SQLite says FULL for the log, but IOERR for its side files
        space = os.statvfs(path.parent)
        return space.f_bavail * space.f_frsize < _LEAST_FREE
    return code == sqlite3.SQLITE_FULL


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _refuse_foreign(path: Path, application: int, version: int) -> None:
    if application != APPLICATION:
        raise LogCorrupt(f"{path}: a database, but no event log of Calipso")
    if version > FORMAT:
        raise LogTooNew(f"{path}: log format {version}, but this Calipso reads formats up to {FORMAT}")
    if version < 1:
        raise LogCorrupt(f"{path}: log format {version} never existed")


def _refuse_orphan(path: Path) -> None:
    """A new file beside the write-ahead log of a lost one would silently swallow it."""
    wal = path.with_name(f"{NAME}-wal")
    if wal.exists():
        raise LogCorrupt(f"{path}: is missing, but {wal.name} beside it holds records")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes out while the file is made; the lock is on the folder itself."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _build(path: Path) -> None:
    """Make the file under another name and move it into place, so that a half-made one is never seen."""
    draft = path.with_name(f"{NAME}.new")
    for leftover in (draft, draft.with_name(f"{draft.name}-wal"), draft.with_name(f"{draft.name}-shm")):
        leftover.unlink(missing_ok=True)
    with closing(_connect(draft, "rwc", 0)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(SCHEMA)
    draft.rename(path)
    _sync(path.parent)
    _sync(path.parent.parent)


def _sync(folder: Path) -> None:
    """Make the names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
