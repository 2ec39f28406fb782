"""The embedded history: append-only versions in one SQLite file beside the log. A cache: it may be deleted."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from weakref import WeakSet

from projections.change import Key, Kind
from projections.inventory import Ref
from schemas.canonical import decode_document
from schemas.errors import HistoryError
from streams.history import NOTHING, Blame, KeyVersion, Position, Step, Version
from streams.packing import ends, packed, unpacked

FILE = "history.db"
FORMAT = 3
_DRAFT = "\0"
"""Before the name of an environment that is being folded anew: no environment's own name begins so."""

_TABLES = (
    "CREATE TABLE environments ("
    "id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, offset INTEGER NOT NULL, resume_from INTEGER NOT NULL, "
    "digest BLOB NOT NULL, fold_version INTEGER NOT NULL)",
    "CREATE TABLE keys ("
    "id INTEGER PRIMARY KEY, environment INTEGER NOT NULL, kind TEXT NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, "
    "UNIQUE (environment, kind, type, key))",
    "CREATE TABLE versions ("
    "key INTEGER NOT NULL, offset INTEGER NOT NULL, environment INTEGER NOT NULL, value BLOB, "
    "PRIMARY KEY (key, offset)) WITHOUT ROWID",
    "CREATE INDEX versions_by_offset ON versions (environment, offset)",
    "CREATE TABLE edges ("
    "environment INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, key INTEGER NOT NULL, "
    "PRIMARY KEY (environment, type, id, kind, key)) WITHOUT ROWID",
    "CREATE TABLE steps ("
    "environment INTEGER NOT NULL, offset INTEGER NOT NULL, logged_at INTEGER NOT NULL, occurred_at INTEGER NOT NULL, "
    "source TEXT NOT NULL, event_id TEXT NOT NULL, event TEXT NOT NULL, digest BLOB NOT NULL, "
    "PRIMARY KEY (environment, offset)) WITHOUT ROWID",
)
_OF_ALL_FORMATS = ("environments", "keys", "versions", "changes", "edges", "steps")
# edges: an object key stands under the parent it ever had, a link key at both its ends; whether it still does is
# read from its version at the moment asked for.


class _OwnConnection:
    """A thread's connection, closed when the thread ends: servers let threads come and go."""

    __slots__ = ("__weakref__", "db")

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __del__(self) -> None:
        self.db.close()


class LocalHistory:
    """A history in a folder; one process writes at a time, many read, each thread on a connection of its own."""

    def __init__(self, folder: Path, *, read_only: bool = False, draft: bool = False) -> None:
        """Open or create; HistoryError if the file is something else or of a newer format.

        A file of an older format is emptied: the log tells its content again. `draft`: see `fresh`.
        """
        self._folder = folder
        self._file = folder / FILE
        self._prefix = _DRAFT if draft else ""
        self._read_only = read_only
        self._local = threading.local()
        self._connections: WeakSet[_OwnConnection] = WeakSet()
        with self._translated():
            self._prepare(self._db)

    @property
    def _db(self) -> sqlite3.Connection:
        own: _OwnConnection | None = getattr(self._local, "own", None)
        if own is None:
            own = _OwnConnection(self._connect())
            self._local.own = own
            self._connections.add(own)
        return own.db

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        uri = f"{self._file.resolve().as_uri()}?mode={mode}"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30, check_same_thread=False)
        if not self._read_only:
            db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")  # a cache: what a power cut loses, the log tells again
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        if self._format(db) < FORMAT and not self._read_only:
            with self._writing() as writing:
                if self._format(writing) < FORMAT:  # and no other process was faster
                    for table in _OF_ALL_FORMATS:
                        writing.execute(f"DROP TABLE IF EXISTS {table}")
                    for statement in _TABLES:
                        writing.execute(statement)
                    writing.execute(f"PRAGMA user_version={FORMAT}")
        found = self._format(db)
        if found != FORMAT:
            raise HistoryError(f"{self._file} is of format {found}, this version knows {FORMAT}")

    @staticmethod
    def _format(db: sqlite3.Connection) -> int:
        return int(db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Do all of a block or nothing, alone among the processes."""
        with self._translated():
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a failed COMMIT may have ended the transaction already
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise HistoryError(f"{self._file}: {error} (a cache: delete it to have it built anew)") from error

    # -- writing -----------------------------------------------------------------------------------

    def position(self, environment: str) -> Position:
        """Answer how far it reaches."""
        with self._translated():
            row = self._db.execute(
                "SELECT offset, resume_from, digest, fold_version FROM environments WHERE name = ?",
                (self._named(environment),),
            ).fetchone()
        if row is None:
            return NOTHING
        return Position(row[0], row[1], int.from_bytes(row[2], "big"), row[3])

    def write(self, environment: str, steps: Sequence[Step], position: Position, after: int) -> bool:
        """Take in the steps that follow `after`, in order and all or none; False if it does not reach there."""
        with self._writing() as db:
            before = self.position(environment)
            of_another_version = before.offset >= 0 and before.fold_version != position.fold_version
            if before.offset < after or of_another_version:
                return False
            if position.offset > before.offset:
                number = self._move(db, self._named(environment), position)
                self._write_steps(db, number, [step for step in steps if step.offset > before.offset])
            return True

    @staticmethod
    def _move(db: sqlite3.Connection, environment: str, position: Position) -> int:
        (number,) = db.execute(
            "INSERT INTO environments (name, offset, resume_from, digest, fold_version) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET offset = excluded.offset, resume_from = excluded.resume_from, "
            "digest = excluded.digest, fold_version = excluded.fold_version RETURNING id",
            (
                environment,
                position.offset,
                position.resume_from,
                position.digest.to_bytes(32, "big"),
                position.fold_version,
            ),
        ).fetchone()
        return int(number)

    @staticmethod
    def _write_steps(db: sqlite3.Connection, environment: int, steps: Sequence[Step]) -> None:
        changes = [(_words(environment, change.key), change) for step in steps for change in step.changes]
        edges = [(ref.type, ref.id, *words) for words, change in changes for ref in ends(change)]
        db.executemany("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [_row(environment, step) for step in steps])
        db.executemany(
            "INSERT INTO keys (environment, kind, type, key) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (words for words, _ in changes),
        )
        db.executemany(
            f"INSERT INTO versions SELECT id, ?, environment, ? FROM keys WHERE {_NAMED}",  # noqa: S608 - fixed words
            ((change.offset, packed(change.after), *words) for words, change in changes),
        )
        db.executemany(
            f"INSERT INTO edges SELECT environment, ?, ?, kind, id FROM keys WHERE {_NAMED} ON CONFLICT DO NOTHING",  # noqa: S608 - fixed words
            edges,
        )

    # -- reading -----------------------------------------------------------------------------------

    def get(self, environment: str, key: Key, at: int) -> Version | None:
        """Answer the key's version in force, None if it is not there."""
        rows = self._query(
            "SELECT v.offset, v.value FROM environments e "
            "JOIN keys k ON k.environment = e.id AND k.kind = ? AND k.type = ? AND k.key = ? "
            "JOIN versions v ON v.key = k.id AND v.offset <= ? WHERE e.name = ? ORDER BY v.offset DESC LIMIT 1",
            (key.kind.value, key.type, key.id, at, self._named(environment)),
        )
        return _version(*rows[0]) if rows and rows[0][1] is not None else None

    def all(
        self, environment: str, kind: Kind, at: int, *, type: str | None = None, after: Key | None = None
    ) -> Iterator[KeyVersion]:
        """Yield everything of a kind (and type) that is there, sorted by key, beginning behind `after`."""
        types, behind = _bounds(type, after)
        query = (
            "SELECT k.kind, k.type, k.key, v.offset, v.value FROM keys k JOIN versions v ON v.key = k.id "  # noqa: S608 - fixed words
            "AND v.offset = (SELECT max(offset) FROM versions WHERE key = k.id AND offset <= :at) "
            "WHERE k.environment = (SELECT id FROM environments WHERE name = :environment) AND k.kind = :kind "
            f"{types} {behind} AND v.value IS NOT NULL ORDER BY k.type, k.key"
        )
        words = {
            "at": at,
            "environment": self._named(environment),
            "kind": kind.value,
            "type": type,
            "after_type": after.type if after else None,
            "after_key": after.id if after else None,
        }
        with self._translated():
            for row in self._db.execute(query, words):
                yield _key_version(row)

    def links(self, environment: str, ref: Ref, at: int) -> list[KeyVersion]:
        """Answer the links at an object, sorted by key."""
        return self._edges(environment, ref, Kind.LINK, at)

    def children(self, environment: str, parent: Ref, at: int) -> list[KeyVersion]:
        """Answer the objects directly under a parent, sorted by key."""
        found = self._edges(environment, parent, Kind.OBJECT, at)
        return [item for item in found if _parent(item.version.value) == parent]

    def _edges(self, environment: str, ref: Ref, kind: Kind, at: int) -> list[KeyVersion]:
        rows = self._query(
            "SELECT k.kind, k.type, k.key, v.offset, v.value FROM environments n "
            "JOIN edges e ON e.environment = n.id AND e.type = ? AND e.id = ? AND e.kind = ? "
            "JOIN keys k ON k.id = e.key JOIN versions v ON v.key = k.id "
            "AND v.offset = (SELECT max(offset) FROM versions WHERE key = k.id AND offset <= ?) "
            "WHERE n.name = ? AND v.value IS NOT NULL ORDER BY k.type, k.key",
            (ref.type, ref.id, kind.value, at, self._named(environment)),
        )
        return [_key_version(row) for row in rows]

    def versions(self, environment: str, key: Key, after: int, upto: int) -> list[Version]:
        """Answer the key's versions with after < offset <= upto, oldest first, removals included."""
        rows = self._query(
            "SELECT v.offset, v.value FROM environments e "
            "JOIN keys k ON k.environment = e.id AND k.kind = ? AND k.type = ? AND k.key = ? "
            "JOIN versions v ON v.key = k.id AND v.offset > ? AND v.offset <= ? WHERE e.name = ? "
            "ORDER BY v.offset",
            (key.kind.value, key.type, key.id, after, upto, self._named(environment)),
        )
        return [_version(*row) for row in rows]

    def changed(self, environment: str, after: int, upto: int) -> list[Key]:
        """Answer the keys that have a version with after < offset <= upto, sorted."""
        rows = self._query(
            "SELECT DISTINCT k.kind, k.type, k.key FROM environments e "
            "JOIN versions v ON v.environment = e.id AND v.offset > ? AND v.offset <= ? "
            "JOIN keys k ON k.id = v.key WHERE e.name = ?",
            (after, upto, self._named(environment)),
        )
        return sorted(_key_of(row) for row in rows)

    def blame(self, environment: str, offset: int) -> Blame | None:
        """Answer the event at an offset, None if it is not in the history."""
        rows = self._query(
            f"SELECT {_BLAME} FROM steps s JOIN environments e ON e.id = s.environment "  # noqa: S608 - fixed words
            "WHERE e.name = ? AND s.offset = ?",
            (self._named(environment), offset),
        )
        return _blame(rows[0]) if rows else None

    def checkpoints(self, environment: str) -> Iterator[Blame]:
        """Yield the folded events with the digest after each, in order."""
        with self._translated():
            for row in self._db.execute(
                f"SELECT {_BLAME} FROM steps s JOIN environments e ON e.id = s.environment "  # noqa: S608 - fixed words
                "WHERE e.name = ? ORDER BY s.offset",
                (self._named(environment),),
            ):
                yield _blame(row)

    def step_changes(self, environment: str, offset: int) -> list[KeyVersion]:
        """Answer what the event at an offset changed, sorted by key."""
        rows = self._query(
            "SELECT k.kind, k.type, k.key, v.offset, v.value FROM environments e "
            "JOIN versions v ON v.environment = e.id AND v.offset = ? JOIN keys k ON k.id = v.key WHERE e.name = ?",
            (offset, self._named(environment)),
        )
        return sorted((_key_version(row) for row in rows), key=lambda item: item.key)

    def environments(self) -> list[str]:
        """Answer the environments it holds, sorted."""
        names = [name for (name,) in self._query("SELECT name FROM environments ORDER BY name", ())]
        return [name for name in names if not name.startswith(_DRAFT)]

    def forget(self, environment: str) -> None:
        """Drop everything of an environment: the log can tell it again."""
        with self._writing() as db:
            self._drop(db, self._named(environment))

    @staticmethod
    def _drop(db: sqlite3.Connection, name: str) -> None:
        row = db.execute("DELETE FROM environments WHERE name = ? RETURNING id", (name,)).fetchone()
        for table in ("versions", "keys", "edges", "steps") if row else ():
            db.execute(f"DELETE FROM {table} WHERE environment = ?", row)  # noqa: S608 - fixed words

    def fresh(self, environment: str) -> "LocalHistory":
        """Answer a history that holds nothing of the environment yet; `adopt` puts it in the place of this one's."""
        draft = LocalHistory(self._folder, draft=True)
        draft.forget(environment)
        return draft

    def adopt(self, environment: str) -> bool:
        """Let what was folded into `fresh` take the place of what is here, at once; False if it reaches less far."""
        with self._writing() as db:
            offsets = dict(db.execute("SELECT name, offset FROM environments WHERE name IN (?, ?)", _both(environment)))
            draft = _DRAFT + environment
            if draft not in offsets or offsets[draft] < offsets.get(environment, -1):
                return False
            self._drop(db, environment)
            db.execute("UPDATE environments SET name = ? WHERE name = ?", (environment, draft))
            return True

    def _named(self, environment: str) -> str:
        return self._prefix + environment

    def close(self) -> None:
        """Release the file, on whatever thread it was opened."""
        for own in list(self._connections):
            own.db.close()
        self._connections.clear()
        self._local = threading.local()

    def _query(self, query: str, words: tuple[object, ...]) -> list[tuple]:  # type: ignore[type-arg]  # rows differ
        with self._translated():
            return self._db.execute(query, words).fetchall()


_NAMED = "environment = ? AND kind = ? AND type = ? AND key = ?"

_BLAME = "s.offset, s.logged_at, s.occurred_at, s.source, s.event_id, s.event, s.digest"


def _both(environment: str) -> tuple[str, str]:
    return environment, _DRAFT + environment


def _bounds(type_: str | None, after: Key | None) -> tuple[str, str]:
    """Answer the conditions of a type and of what is behind a key, so that the index of keys answers both."""
    if type_ is None:
        return "", "" if after is None else "AND (k.type, k.key) > (:after_type, :after_key)"
    if after is None or after.type < type_:
        return "AND k.type = :type", ""
    return "AND k.type = :type", "AND k.key > :after_key" if after.type == type_ else "AND 0"


def _blame(row: tuple) -> Blame:  # type: ignore[type-arg]  # a row of _BLAME
    return Blame(row[0], row[1], row[2], row[3], row[4], row[5], int.from_bytes(row[6], "big"))


def _key_version(row: tuple) -> KeyVersion:  # type: ignore[type-arg]  # kind, type, key, offset, value
    return KeyVersion(_key_of(row), _version(row[3], row[4]))


def _key_of(row: tuple) -> Key:  # type: ignore[type-arg]  # kind, type, key, and what else there is
    try:
        return Key(Kind(row[0]), row[1], row[2])
    except ValueError as error:
        raise HistoryError(f"the history holds a key of no known kind: {error}") from error


def _words(environment: int, key: Key) -> tuple[int, str, str, str]:
    return environment, key.kind.value, key.type, key.id


def _row(environment: int, step: Step) -> tuple[object, ...]:
    when = step.logged_at, step.occurred_at
    return environment, step.offset, *when, step.source, step.event_id, step.event, step.digest.to_bytes(32, "big")


def _version(offset: int, stored: bytes | None) -> Version:
    return Version(offset, unpacked(offset, stored))


def _parent(value: bytes | None) -> Ref | None:
    return None if value is None else Ref(*decode_document(value)["parent"])
