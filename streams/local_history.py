"""The embedded history: append-only versions in one SQLite file beside the log. A cache: it may be deleted."""

import json
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakSet

from projections.change import Key, Kind
from projections.inventory import Ref
from schemas.errors import HistoryError
from streams import hot, local_edges
from streams.history import NOTHING, Anchor, Blame, Extent, KeyVersion, Position, Span, Step, Version
from streams.hot import Hot, Kept, Moves, Versions
from streams.local_rows import OF_ALL_FORMATS, TABLES, Group
from streams.local_writing import Memory, Writing
from streams.values import Inflating

FILE = "history.db"
FORMAT = 5
_DRAFT = "\0"
"""Before the name of an environment that is being folded anew: no environment's own name begins so."""

_FEW: Final = 200
"""Keys of a long answer that are looked up one by one: who wants no more than a page gets it at once."""

_CACHE: Final = 16 * 1024
"""KiB of the file that a connection may hold in memory."""

_CHECKPOINT: Final = 8192
"""Pages written before they are moved into the file: one that changes often is moved once for many changes."""


class _OwnConnection:
    """A thread's connection, closed when the thread ends: servers let threads come and go."""

    __slots__ = ("__weakref__", "db", "inflate")

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.inflate = Inflating(partial(_dictionary, db))

    def __del__(self) -> None:
        self.db.close()


class LocalHistory:
    """A history in a folder; one process writes at a time, many read, each thread on a connection of its own."""

    def __init__(self, folder: Path, *, read_only: bool = False, draft: bool = False) -> None:
        """Open or create; HistoryError if the file is something else or of a newer format.

        A file of an older format is emptied: the log tells its content again. `draft`: see the method of that name.
        """
        self._folder = folder
        self._file = folder / FILE
        self._prefix = _DRAFT if draft else ""
        self._read_only = read_only
        self._local = threading.local()
        self._memory = Memory()
        self._hot = Hot(self._environment_number)
        self._connections: WeakSet[_OwnConnection] = WeakSet()
        with self._translated():
            self._prepare(self._db)

    @property
    def _own(self) -> _OwnConnection:
        own: _OwnConnection | None = getattr(self._local, "own", None)
        if own is None:
            own = _OwnConnection(self._connect())
            self._local.own = own
            self._connections.add(own)
        return own

    @property
    def _db(self) -> sqlite3.Connection:
        return self._own.db

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        uri = f"{self._file.resolve().as_uri()}?mode={mode}"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30, check_same_thread=False)
        if not self._read_only:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT}")
        db.execute(f"PRAGMA cache_size=-{_CACHE}")
        db.execute("PRAGMA synchronous=NORMAL")  # a cache: what a power cut loses, the log tells again
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        if self._format(db) < FORMAT and not self._read_only:
            with self._writing() as writing:
                if self._format(writing) < FORMAT:  # and no other process was faster
                    for table in OF_ALL_FORMATS:
                        writing.execute(f"DROP TABLE IF EXISTS {table}")
                    for statement in TABLES:
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
            raise self._trouble(error) from error

    def _trouble(self, error: sqlite3.Error) -> HistoryError:
        return HistoryError(f"{self._file}: {error} (a cache: delete it to have it built anew)")

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
        try:
            with self._writing() as db:
                return self._write(db, environment, steps, position, after)
        except BaseException:
            self._memory.clear()  # it tells of what is not written after all
            self._own.inflate.clear()
            raise

    def _write(
        self, db: sqlite3.Connection, environment: str, steps: Sequence[Step], position: Position, after: int
    ) -> bool:
        before = self.position(environment)
        of_another_version = before.offset >= 0 and before.fold_version != position.fold_version
        if before.offset < after or of_another_version:
            return False
        if position.offset > before.offset:
            number = self._move(db, self._named(environment), position)
            writing = Writing(db, number, self._memory, self._own.inflate)
            writing.write([step for step in steps if step.offset > before.offset])
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

    def _environment_number(self, environment: str) -> int | None:
        found = self._query("SELECT id FROM environments WHERE name = ?", (self._named(environment),))
        return found[0][0] if found else None

    # -- reading -----------------------------------------------------------------------------------

    def get(self, environment: str, key: Key, at: int) -> Version | None:
        """Answer the key's version in force, None if it is not there."""
        try:
            found = self._found(environment, key, at)
        except HistoryError:
            if not self._hot.is_outdated(environment):
                raise
            return self._found(environment, key, at)
        if found is None and self._hot.is_outdated(environment):
            return self._found(environment, key, at)
        return found

    def _found(self, environment: str, key: Key, at: int) -> Version | None:
        """Answer as `get` does, unless the environment was begun anew a moment ago."""
        kept = self._hot.of(environment)
        known = kept.versions.get(key)
        if known is None or not known.since <= at <= known.upto:
            if known is None and self._hot.is_new(kept, key):
                return self._stored(kept, environment, key, at)
            known = self._newest(kept, environment, key)
            if known is None or not known.since <= at:
                return self._stored(kept, environment, key, at)
        found = known.at(at)
        if found is None or found[1] is None:
            return None
        return Version(found[0], self._own.inflate(known.group, found[1], key.id))

    def _newest(self, kept: Kept, environment: str, key: Key) -> Versions | None:
        """Read and keep the newest versions of a key; None if there never was one."""
        with self._translated(), self._one_state() as db:
            rows = db.execute(_NEWEST, (*key, self._named(environment), hot.MOST)).fetchall()
        if not rows:
            return None
        found = hot.versions([row[:2] for row in rows], rows[0][2], rows[0][3])
        self._hot.keep_versions(kept, key, found)
        return found

    def _stored(self, kept: Kept, environment: str, key: Key, at: int) -> Version | None:
        """Answer the version in force as the file has it."""
        own = self._own
        try:
            group = kept.groups.get(key[:2]) or self._group_number(kept, environment, key)
            row = None if group is None else own.db.execute(_IN_FORCE, (group, key.id, at)).fetchone()
        except sqlite3.Error as error:
            raise self._trouble(error) from error
        if row is None or row[1] is None or group is None:
            return None
        return Version(row[0], own.inflate(group, row[1], key.id))

    def _group_number(self, kept: Kept, environment: str, key: Key) -> int | None:
        row = self._db.execute(_GROUP, (*key[:2], self._named(environment))).fetchone()
        if row is None:
            return None
        number = kept.groups[key[:2]] = int(row[0])
        return number

    def all(
        self, environment: str, kind: Kind, at: int, *, type: str | None = None, after: Key | None = None
    ) -> Iterator[KeyVersion]:
        """Yield everything of a kind (and type) that is there, sorted by key, beginning behind `after`."""
        first = type or (after.type if after else "")
        with self._translated(), self._held() as db:
            for number, group_type, upto in db.execute(_TYPES, (at, kind.value, first, self._named(environment))):
                if type is not None and group_type != type:
                    break
                group = Group(number, kind, group_type, self._own.inflate)
                if after is None or after.type <= group_type:
                    begin = _behind(after.id) if after is not None and after.type == group_type else ""
                    yield from self._group(group, upto, begin)

    @contextmanager
    def _held(self) -> Iterator[sqlite3.Connection]:
        """Let all that a block asks, and what it yields in between, be answered from one state of the file.

        A statement that is not read to its end holds the state; a transaction would keep this thread from writing.
        """
        db = self._db
        held = db.execute("SELECT name FROM sqlite_schema")
        try:
            held.fetchone()
            yield db
        finally:
            held.close()

    def _group(self, group: Group, at: int, begin: str) -> Iterator[KeyVersion]:
        few = group.some(self._db, at, begin, _FEW)
        for name, offset, stored in few:
            if stored is not None:
                yield group.version(name, offset, stored)
        if len(few) == _FEW:
            yield from group.everything(self._db, at, _behind(few[-1][0]))

    def links(self, environment: str, ref: Ref, at: int) -> list[KeyVersion]:
        """Answer the links at an object, sorted by key."""
        return self._at(environment, ref, Kind.LINK, at)

    def children(self, environment: str, parent: Ref, at: int) -> list[KeyVersion]:
        """Answer the objects directly under a parent, sorted by key."""
        return self._at(environment, parent, Kind.OBJECT, at)

    def _at(self, environment: str, ref: Ref, kind: Kind, at: int) -> list[KeyVersion]:
        kept, link = self._hot.of(environment), kind is Kind.LINK
        known = kept.moves.get((ref, link))
        if known is None and self._hot.is_new(kept, (ref, link)):
            return self._stored_at(environment, ref, link, at)
        if known is None or at > known.upto >= 0:
            known = self._moves(kept, environment, ref, link)
        if at > known.upto:
            return self._stored_at(environment, ref, link, at)
        found = []
        for key in known.at(at):
            kept.once.add(hash(key))  # who asks again about an object asks again about what stands there
            version = self.get(environment, key, at)
            if version is None:  # it was forgotten since
                return self._stored_at(environment, ref, link, at)
            found.append(KeyVersion(key, version))
        return found

    def _moves(self, kept: Kept, environment: str, ref: Ref, link: bool) -> Moves:
        """Read and keep what came to an object and went, unless it is much."""
        with self._translated(), self._one_state() as db:
            named = self._named(environment)
            rows = db.execute(_MOVES_AT, (*ref, link, named, hot.MOST + 1)).fetchall()
            reach = self.position(environment).offset
        much = len(rows) > hot.MOST or any(row[2] not in _KINDS for row in rows)  # an anchor has no key, and no kind
        moves = [] if much else [hot.Move(row[0], _key_of(row[2:]), bool(row[1])) for row in rows]
        found = Moves(-1 if much else reach, moves)
        self._hot.keep_moves(kept, ref, link, found)
        return found

    def _stored_at(self, environment: str, ref: Ref, link: bool, at: int) -> list[KeyVersion]:
        """Answer what stands at an object where much came and went, sorted."""
        with self._translated(), self._one_state() as db:
            edges = db.execute(_EDGES_OF, (*ref, link, at, link, at, self._named(environment))).fetchall()
            numbers = local_edges.told(db, edges[0][3], link, edges) if edges else []
            return self._standing(numbers, min(at, edges[0][4]) if edges else at)

    @contextmanager
    def _one_state(self) -> Iterator[sqlite3.Connection]:
        """Let all that a block asks be answered from one state of the file."""
        db = self._db
        if db.in_transaction:
            yield db
            return
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.execute("COMMIT")

    def _standing(self, numbers: list[int], at: int) -> list[KeyVersion]:
        """Answer the versions in force of keys by their numbers, sorted."""
        found = []
        for number in numbers:
            row = self._db.execute(_OF_NUMBER, (number, at)).fetchone()
            if row is not None:
                key = _key_of(row)
                found.append(KeyVersion(key, self._version(key, row[3], row[4], row[5])))
        found.sort(key=_key)
        return found

    def versions(self, environment: str, key: Key, after: int, upto: int) -> list[Version]:
        """Answer the key's versions with after < offset <= upto, oldest first, removals included."""
        rows = self._query(
            f"SELECT v.offset, v.value, g.id {_NAMED} JOIN versions v ON v.key = k.id "
            "AND v.offset > ? AND v.offset <= ? WHERE n.name = ? ORDER BY v.offset",
            (*key, after, upto, self._named(environment)),
        )
        return [self._version(key, *row) for row in rows]

    def spans(self, environment: str, after: int, upto: int, kinds: Collection[Kind] = tuple(Kind)) -> Iterator[Span]:
        """Yield what each key of some kinds was and became that has a version in (after, upto], sorted by key."""
        with self._translated(), self._held() as db:
            found: dict[int, list[tuple]] = {}  # type: ignore[type-arg]  # rows of _CHANGED
            wanted = json.dumps([kind.value for kind in kinds])
            for row in db.execute(_CHANGED, (wanted, after, upto, self._named(environment))):
                found.setdefault(row[3], []).append(row)
            names = {number: db.execute(_NAME, (number,)).fetchone()[0] for number in found}
            for number in sorted(found, key=lambda number: (*found[number][0][:2], names[number])):
                (kind, type_, group, *_), rows = found[number][0], found.pop(number)
                key = Key(_kind(kind), type_, names[number])
                before = db.execute(_BEFORE, (number, after)).fetchone()
                first = None if before is None or before[1] is None else self._version(key, before[0], before[1], group)
                yield Span(key, first, sorted(self._version(key, row[4], row[5], group) for row in rows))

    def changed(self, environment: str, after: int, upto: int) -> list[Key]:
        """Answer the keys that have a version with after < offset <= upto, sorted."""
        rows = self._query(
            "SELECT DISTINCT g.kind, g.type, k.key FROM environments e JOIN groups g ON g.environment = e.id "
            "JOIN versions v ON v.grp = g.id AND v.offset > ? AND v.offset <= ? "
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

    def checkpoints(self, environment: str, after: int | None = None) -> Iterator[Blame]:
        """Yield the folded events (behind an offset) with the digest after each, in order."""
        with self._translated():
            for row in self._db.execute(
                f"SELECT {_BLAME} FROM steps s JOIN environments e ON e.id = s.environment "  # noqa: S608 - fixed words
                "WHERE e.name = ? AND s.offset > ? ORDER BY s.offset",
                (self._named(environment), -(2**62) if after is None else after),
            ):
                yield _blame(row)

    def step_changes(self, environment: str, offset: int) -> list[KeyVersion]:
        """Answer what the event at an offset changed, sorted by key."""
        rows = self._query(
            "SELECT g.kind, g.type, k.key, v.offset, v.value, g.id FROM environments e "
            "JOIN groups g ON g.environment = e.id "
            "JOIN versions v ON v.grp = g.id AND v.offset = ? JOIN keys k ON k.id = v.key WHERE e.name = ?",
            (offset, self._named(environment)),
        )
        found = (KeyVersion(key, self._version(key, *row[3:])) for row in rows for key in [_key_of(row)])
        return sorted(found, key=_key)

    def anchors(self, environment: str) -> list[Anchor]:
        """Answer where everything of a type is written down, by offset."""
        rows = self._query(
            "SELECT DISTINCT a.offset, g.kind, g.type FROM environments e JOIN groups g ON g.environment = e.id "
            "JOIN anchors a ON a.grp = g.id WHERE e.name = ? ORDER BY a.offset, g.kind, g.type",
            (self._named(environment),),
        )
        return [Anchor(offset, _kind(kind), type_) for offset, kind, type_ in rows]

    def extent(self, environment: str) -> Extent:
        """Answer how much it holds of an environment; changes are counted by their index, things are known."""
        rows = self._query(
            "SELECT g.kind, g.type, g.live, (SELECT count(*) FROM versions v WHERE v.grp = g.id) FROM environments e "
            "JOIN groups g ON g.environment = e.id WHERE e.name = ?",
            (self._named(environment),),
        )
        things: dict[Kind, dict[str, int]] = {}
        for kind, type_, live, _ in rows:
            if live:
                things.setdefault(_key_of((kind, type_, "")).kind, {})[type_] = live
        files = (self._file, self._file.with_name(f"{FILE}-wal"))
        size = sum(file.stat().st_size for file in files if file.exists())
        return Extent(sum(row[3] for row in rows), things, size)

    def environments(self) -> list[str]:
        """Answer the environments it holds, sorted."""
        names = [name for (name,) in self._query("SELECT name FROM environments ORDER BY name", ())]
        return [name for name in names if not name.startswith(_DRAFT)]

    def forget(self, environment: str) -> None:
        """Drop everything of an environment: the log can tell it again."""
        with self._writing() as db:
            self._drop(db, self._named(environment))
        self._hot.clear()

    @staticmethod
    def _drop(db: sqlite3.Connection, name: str) -> None:
        row = db.execute("DELETE FROM environments WHERE name = ? RETURNING id", (name,)).fetchone()
        if row is not None:
            groups = "SELECT id FROM groups WHERE environment = ?"
            for table in ("edges", "edge_anchors", "crowds"):
                db.execute(f"DELETE FROM {table} WHERE at IN (SELECT id FROM keys WHERE grp IN ({groups}))", row)  # noqa: S608 - fixed words
            for table in ("versions", "anchors", "dictionaries", "keys"):
                db.execute(f"DELETE FROM {table} WHERE grp IN ({groups})", row)  # noqa: S608 - fixed words
            for table in ("groups", "steps"):
                db.execute(f"DELETE FROM {table} WHERE environment = ?", row)  # noqa: S608 - fixed words

    def draft(self, environment: str) -> "LocalHistory":  # noqa: ARG002 - another engine may keep each by itself
        """Answer the history that environments are folded anew into; `adopt` puts it in the place of this one's."""
        return LocalHistory(self._folder, draft=True)

    def fresh(self, environment: str) -> "LocalHistory":
        """As `draft`, begun again: it holds nothing of the environment yet."""
        draft = self.draft(environment)
        draft.forget(environment)
        return draft

    def adopt(self, environment: str) -> bool:
        """Let what was folded into the draft take the place of what is here, at once; False if it reaches less far."""
        with self._writing() as db:
            offsets = dict(db.execute("SELECT name, offset FROM environments WHERE name IN (?, ?)", _both(environment)))
            draft = _DRAFT + environment
            if draft not in offsets or offsets[draft] < offsets.get(environment, -1):
                return False
            self._drop(db, environment)
            db.execute("UPDATE environments SET name = ? WHERE name = ?", (environment, draft))
        self._hot.clear()
        return True

    def _version(self, key: Key, offset: int, stored: bytes | None, group: int) -> Version:
        return Version(offset, self._own.inflate(group, stored, key.id))

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


_KINDS = frozenset(kind.value for kind in Kind)

_TYPES = (
    "SELECT g.id, g.type, min(n.offset, ?) FROM environments n JOIN groups g ON "
    "g.environment = n.id AND g.kind = ? AND g.type >= ? WHERE n.name = ? ORDER BY g.type"
)

_NAMED = (
    "FROM environments n JOIN groups g ON g.environment = n.id AND g.kind = ? AND g.type = ? "
    "JOIN keys k ON k.grp = g.id AND k.key = ? "
)

_IN_FORCE = (
    "SELECT v.offset, v.value FROM keys k JOIN versions v ON v.key = k.id "
    "WHERE k.grp = ? AND k.key = ? AND v.offset <= ? ORDER BY v.offset DESC LIMIT 1"
)

_GROUP = (
    "SELECT g.id FROM environments n JOIN groups g ON g.environment = n.id AND g.kind = ? AND g.type = ? "
    "WHERE n.name = ?"
)

_NEWEST = (
    f"SELECT v.offset, v.value, n.offset, g.id {_NAMED} JOIN versions v ON v.key = k.id AND v.offset <= n.offset "
    "WHERE n.name = ? ORDER BY v.offset DESC LIMIT ?"
)

_OF_OBJECT = _NAMED.replace("g.kind = ?", f"g.kind = '{Kind.OBJECT.value}'")

_CHANGED = (
    "SELECT g.kind, g.type, g.id, v.key, v.offset, v.value FROM environments n JOIN groups g ON g.environment = n.id "
    "AND g.kind IN (SELECT value FROM json_each(?)) "
    "JOIN versions v ON v.grp = g.id AND v.offset > ? AND v.offset <= min(n.offset, ?) WHERE n.name = ?"
)

_NAME = "SELECT key FROM keys WHERE id = ?"

_BEFORE = "SELECT offset, value FROM versions WHERE key = ? AND offset <= ? ORDER BY offset DESC LIMIT 1"

_MOVES_AT = (
    f"SELECT e.offset, e.there, h.kind, h.type, m.key {_OF_OBJECT} JOIN edges e ON e.at = k.id AND e.link = ? "
    "AND e.offset <= n.offset LEFT JOIN keys m ON m.id = e.key LEFT JOIN groups h ON h.id = m.grp "
    "WHERE n.name = ? ORDER BY e.offset, e.key LIMIT ?"
)

_EDGES_OF = (
    f"SELECT e.key, e.there, e.offset, k.id, n.offset {_OF_OBJECT} "  # noqa: S608 - fixed words
    "JOIN edges e ON e.at = k.id AND e.link = ? AND e.offset <= min(n.offset, ?) AND e.offset >= coalesce(("
    "SELECT max(a.offset) FROM edge_anchors a WHERE a.at = k.id AND a.link = ? AND a.offset <= min(n.offset, ?)), -1) "
    "WHERE n.name = ? ORDER BY e.offset, e.key"
)

_OF_NUMBER = (
    "SELECT g.kind, g.type, k.key, v.offset, v.value, g.id FROM keys k JOIN groups g ON g.id = k.grp "
    "JOIN versions v ON v.key = k.id WHERE k.id = ? AND v.offset <= ? ORDER BY v.offset DESC LIMIT 1"
)

_BLAME = "s.offset, s.logged_at, s.occurred_at, s.source, s.event_id, s.event, s.digest"


def _dictionary(db: sqlite3.Connection, group: int, number: int) -> bytes | None:
    """Answer what values of a group may be compressed against; it never changes."""
    row = db.execute("SELECT content FROM dictionaries WHERE grp = ? AND number = ?", (group, number)).fetchone()
    return None if row is None else bytes(row[0])


def _both(environment: str) -> tuple[str, str]:
    return environment, _DRAFT + environment


def _blame(row: tuple) -> Blame:  # type: ignore[type-arg]  # a row of _BLAME
    return Blame(row[0], row[1], row[2], row[3], row[4], row[5], int.from_bytes(row[6], "big"))


def _behind(name: str) -> str:
    """Answer the name that comes next after a name: there is none between."""
    return name + "\0"


def _key(item: KeyVersion) -> Key:
    return item.key


def _key_of(row: tuple) -> Key:  # type: ignore[type-arg]  # kind, type, key, and what else there is
    return Key(_kind(row[0]), row[1], row[2])


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError as error:
        raise HistoryError(f"the history holds a key of no known kind: {error}") from error
