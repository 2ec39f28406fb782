"""The rows of the embedded history: its tables, how steps become rows, and everything of one type read from them.

- `versions`: one row a version, found by key and offset; `versions_by_offset` tells what changed when, type by type.
- `edges`: one row when a key comes to an object (a child to its parent, a link to its end) and one when it goes.
- `anchors`, `edge_anchors`: what there was of a type, or at an object, at one offset. One is made after as many
  changes as there are things, so that a question about any moment reads about as much as it answers, whatever came
  before or after; and what is written for it stays a share of what is written anyway.
- `groups`, `crowds`: how much there is of a type or at an object, and how much changed since the last anchor; and of a
  type the bytes that its values are compressed against.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from projections.change import Change, Key, Kind
from schemas.errors import HistoryError
from streams.anchors import Chunk, chunks, overlaid
from streams.history import KeyVersion, Step, Version
from streams.packing import ends
from streams.values import deflated, dictionary_of, inflated

TABLES = (
    "CREATE TABLE environments ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, offset INTEGER NOT NULL, "
    "resume_from INTEGER NOT NULL, digest BLOB NOT NULL, fold_version INTEGER NOT NULL)",
    "CREATE TABLE groups ("  # ids are never used again: dictionaries are remembered by them
    "id INTEGER PRIMARY KEY AUTOINCREMENT, environment INTEGER NOT NULL, kind TEXT NOT NULL, type TEXT NOT NULL, "
    "live INTEGER NOT NULL DEFAULT 0, moved INTEGER NOT NULL DEFAULT 0, dictionary BLOB, "
    "UNIQUE (environment, kind, type))",
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, key TEXT NOT NULL, UNIQUE (grp, key))",
    "CREATE TABLE versions ("
    "key INTEGER NOT NULL, offset INTEGER NOT NULL, grp INTEGER NOT NULL, value BLOB, "
    "PRIMARY KEY (key, offset)) WITHOUT ROWID",
    "CREATE INDEX versions_by_offset ON versions (grp, offset)",
    "CREATE TABLE anchors ("
    "id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, offset INTEGER NOT NULL, first TEXT NOT NULL, packed BLOB NOT NULL, "
    "UNIQUE (grp, offset, first))",
    "CREATE TABLE edges ("
    "at INTEGER NOT NULL, link INTEGER NOT NULL, offset INTEGER NOT NULL, key INTEGER NOT NULL, "
    "there INTEGER NOT NULL, PRIMARY KEY (at, link, offset, key)) WITHOUT ROWID",
    "CREATE TABLE crowds ("
    "at INTEGER NOT NULL, link INTEGER NOT NULL, live INTEGER NOT NULL, moved INTEGER NOT NULL, "
    "PRIMARY KEY (at, link)) WITHOUT ROWID",
    "CREATE TABLE edge_anchors ("
    "at INTEGER NOT NULL, link INTEGER NOT NULL, offset INTEGER NOT NULL, keys TEXT NOT NULL, "
    "PRIMARY KEY (at, link, offset)) WITHOUT ROWID",
    "CREATE TABLE steps ("
    "environment INTEGER NOT NULL, offset INTEGER NOT NULL, logged_at INTEGER NOT NULL, occurred_at INTEGER NOT NULL, "
    "source TEXT NOT NULL, event_id TEXT NOT NULL, event TEXT NOT NULL, digest BLOB NOT NULL, "
    "PRIMARY KEY (environment, offset)) WITHOUT ROWID",
)
OF_ALL_FORMATS = (
    *("environments", "groups", "keys", "versions", "anchors", "changes"),
    *("edges", "crowds", "edge_anchors", "steps"),
)


def is_due(live: int, moved: int) -> bool:
    """Answer whether a type is due for an anchor: what was added counts once, what changed or went twice."""
    return moved >= 2048 + live * 6 // 5


def is_crowded(live: int, moved: int) -> bool:
    """Answer whether so many came to an object and went that one is due for an anchor."""
    return moved >= 64 + 2 * live


@dataclass(slots=True)
class _Group:
    """All keys of one kind and type in one environment, while steps are written."""

    id: int
    live: int
    moved: int
    dictionary: bytes | None
    touched: bool = False


class Group:
    """Every key of one kind and type in one environment, as it can be read."""

    __slots__ = ("dictionary", "id", "kind", "type")

    def __init__(self, id_: int, kind: Kind, type_: str, dictionary: bytes | None) -> None:
        """Name it; `dictionary` is what its values are compressed against."""
        self.id = id_
        self.kind = kind
        self.type = type_
        self.dictionary = dictionary or b""

    def version(self, name: str, offset: int, stored: bytes | None) -> KeyVersion:
        """Answer a key of the group with one of its versions, as they stand in the rows."""
        value = inflated(stored, self.dictionary, name)
        return KeyVersion(Key(self.kind, self.type, name), Version(offset, value))

    def some(self, db: sqlite3.Connection, at: int, begin: str, limit: int) -> list[tuple[str, int, bytes | None]]:
        """Answer up to `limit` names from `begin` on, sorted, each with its version as it is stored, if it has one."""
        return db.execute(
            "SELECT k.key, v.offset, v.value FROM keys k LEFT JOIN versions v ON v.key = k.id AND v.offset = "
            "(SELECT max(offset) FROM versions WHERE key = k.id AND offset <= ?) "
            "WHERE k.grp = ? AND k.key >= ? ORDER BY k.key LIMIT ?",
            (at, self.id, begin, limit),
        ).fetchall()

    def everything(self, db: sqlite3.Connection, at: int, begin: str) -> Iterator[KeyVersion]:
        """Yield what there was, sorted, from the name `begin` on: the newest anchor and what changed behind it."""
        (anchored,) = db.execute(
            "SELECT max(offset) FROM anchors WHERE grp = ? AND offset <= ?", (self.id, at)
        ).fetchone()
        newer = {
            name: (offset, stored)
            for name, offset, stored in db.execute(
                "SELECT k.key, v.offset, v.value FROM versions v JOIN keys k ON k.id = v.key "
                "WHERE v.grp = ? AND v.offset > ? AND v.offset <= ? AND k.key >= ? ORDER BY v.offset",
                (self.id, -1 if anchored is None else anchored, at, begin),
            )
        }
        versions = {name: self.version(name, *row) for name, row in newer.items()}
        return overlaid(self._anchor(db, anchored, begin), versions, begin)

    def _anchor(self, db: sqlite3.Connection, offset: int | None, begin: str) -> Iterator[Chunk]:
        if offset is None:
            return
        (first,) = db.execute(
            "SELECT max(first) FROM anchors WHERE grp = ? AND offset = ? AND first <= ?", (self.id, offset, begin)
        ).fetchone()
        for row in db.execute(
            "SELECT first, packed FROM anchors WHERE grp = ? AND offset = ? AND first >= ? ORDER BY first",
            (self.id, offset, first or ""),
        ):
            yield Chunk(*row)


class Writing:
    """Steps of one environment on their way into the rows, inside a transaction."""

    def __init__(self, db: sqlite3.Connection, environment: int) -> None:
        """Look up what groups there are."""
        self._db = db
        self._environment = environment
        self._groups = {
            (kind, type_): _Group(*row)
            for kind, type_, *row in db.execute(
                "SELECT kind, type, id, live, moved, dictionary FROM groups WHERE environment = ?", (environment,)
            )
        }

    def write(self, steps: Sequence[Step]) -> None:
        """Write steps, in order; HistoryError if a change claims a value before it that is not there."""
        changes = [change for step in steps for change in step.changes]
        self._write_versions(changes)
        self._write_edges(changes)
        self._db.executemany(
            "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [_row(self._environment, step) for step in steps]
        )
        for (kind, type_), group in self._groups.items():
            if group.touched:
                self._count(Kind(kind), type_, group, steps[-1].offset)

    def _group(self, kind: Kind, type_: str) -> _Group:
        group = self._groups.get((kind, type_))
        if group is None:
            row = self._db.execute(
                "INSERT INTO groups (environment, kind, type) VALUES (?, ?, ?) RETURNING id, live, moved, dictionary",
                (self._environment, kind.value, type_),
            ).fetchone()
            group = self._groups[kind, type_] = _Group(*row)
        return group

    def _write_versions(self, changes: Sequence[Change]) -> None:
        placed = [(self._group(change.key.kind, change.key.type), change) for change in changes]
        self._declare((group.id, change.key.id) for group, change in placed if change.before is None)
        self._teach(placed)
        written = self._db.executemany(
            "INSERT INTO versions SELECT id, ?, grp, ? FROM keys WHERE grp = ? AND key = ?",
            [_version_row(group, change) for group, change in placed],
        )
        if placed and written.rowcount != len(placed):
            raise HistoryError(f"offsets {changes[0].offset} to {changes[-1].offset} change keys that are not there")

    def _declare(self, names: Iterable[tuple[int, str]]) -> None:
        self._db.executemany("INSERT INTO keys (grp, key) VALUES (?, ?) ON CONFLICT DO NOTHING", names)

    def _teach(self, placed: Sequence[tuple[_Group, Change]]) -> None:
        """Give the groups that have their first values the dictionary which those and all later ones share."""
        samples: dict[int, tuple[_Group, list[bytes]]] = {}
        for group, change in placed:
            if group.dictionary is None and change.after is not None:
                samples.setdefault(group.id, (group, []))[1].append(change.after)
        for group, values in samples.values():
            group.dictionary = dictionary_of(values)
            self._db.execute("UPDATE groups SET dictionary = ? WHERE id = ?", (group.dictionary, group.id))

    # -- anchors of a type ---------------------------------------------------------------------------

    def _count(self, kind: Kind, type_: str, group: _Group, offset: int) -> None:
        if is_due(group.live, group.moved):
            everything = Group(group.id, kind, type_, group.dictionary).everything(self._db, offset, "")
            rows = [(group.id, offset, *chunk) for chunk in chunks(everything)]
            self._db.executemany("INSERT INTO anchors (grp, offset, first, packed) VALUES (?, ?, ?, ?)", rows)
            group.moved = 0
        self._db.execute("UPDATE groups SET live = ?, moved = ? WHERE id = ?", (group.live, group.moved, group.id))

    # -- what stands at an object --------------------------------------------------------------------

    def _write_edges(self, changes: Sequence[Change]) -> None:
        moves = [move for change in changes if change.key.kind in _AT_OBJECTS for move in self._moves(change)]
        if not moves:
            return
        self._declare({(group, name) for group, name, *_ in moves})
        self._db.executemany(
            "INSERT INTO edges SELECT o.id, ?, ?, k.id, ? FROM keys o JOIN keys k ON k.grp = ? AND k.key = ? "
            "WHERE o.grp = ? AND o.key = ?",
            [(link, offset, there, *words, group, name) for group, name, link, offset, there, *words in moves],
        )
        gained: dict[tuple[int, str, bool], list[int]] = {}
        for group, name, link, _, there, *_ in moves:
            count = gained.setdefault((group, name, link), [0, 0])
            count[0] += 1 if there else -1
            count[1] += 1
        for (group, name, link), (live, moved) in gained.items():
            self._crowd(group, name, link, live, moved, changes[-1].offset)

    def _moves(self, change: Change) -> Iterator[tuple[int, str, bool, int, bool, int, str]]:
        """Yield where a key comes or goes: the object's group and name, the offset, and the key's own."""
        if _stays(change):
            return
        before, after = set(ends(change._replace(after=change.before))), set(ends(change))
        link = change.key.kind is Kind.LINK
        own = self._group(change.key.kind, change.key.type).id
        for ref in sorted(before ^ after):
            group = self._group(Kind.OBJECT, ref.type).id
            yield group, ref.id, link, change.offset, ref in after, own, change.key.id

    def _crowd(self, group: int, name: str, link: bool, live: int, moved: int, offset: int) -> None:
        at, live, moved = self._db.execute(
            "INSERT INTO crowds SELECT id, ?, ?, ? FROM keys WHERE grp = ? AND key = ? ON CONFLICT (at, link) "
            "DO UPDATE SET live = live + excluded.live, moved = moved + excluded.moved RETURNING at, live, moved",
            (link, live, moved, group, name),
        ).fetchone()
        if is_crowded(live, moved):
            keys = json.dumps(at_object(self._db, at, link, offset))
            self._db.execute("INSERT INTO edge_anchors VALUES (?, ?, ?, ?)", (at, link, offset, keys))
            self._db.execute("UPDATE crowds SET moved = 0 WHERE at = ? AND link = ?", (at, link))


_AT_OBJECTS: Final = {Kind.OBJECT, Kind.LINK}


def at_object(db: sqlite3.Connection, at: int, link: bool, offset: int) -> list[int]:
    """Answer the numbers of the keys that stood at an object, which is given by the number of its own."""
    anchor = db.execute(
        "SELECT offset, keys FROM edge_anchors WHERE at = ? AND link = ? AND offset <= ? ORDER BY offset DESC LIMIT 1",
        (at, link, offset),
    ).fetchone()
    since, keys = anchor or (-1, "[]")
    there: dict[int, int] = dict.fromkeys(json.loads(keys), 1)
    there.update(
        db.execute(
            "SELECT key, there FROM edges WHERE at = ? AND link = ? AND offset > ? AND offset <= ? ORDER BY offset",
            (at, link, since, offset),
        )
    )
    return [key for key, stands in there.items() if stands]


def _stays(change: Change) -> bool:
    """Answer, without decoding, whether a changed key certainly stands where it stood."""
    before, after = change.before, change.after
    if before is None or after is None:
        return before is after
    if change.key.kind is Kind.LINK:
        return True  # its ends are its name
    start = before.rfind(_PARENT)
    return start >= 0 and before[start:] == after[after.rfind(_PARENT) :]


_PARENT: Final = b',"parent":['
"""Where the place begins in the value of an object: canonical JSON has its keys in order, the place at the end."""


def _version_row(group: _Group, change: Change) -> tuple[int, bytes | None, int, str]:
    was, is_ = change.before is not None, change.after is not None
    group.live += is_ - was
    group.moved += 1 + was
    group.touched = True
    name = change.key.id
    return change.offset, deflated(change.after, group.dictionary or b"", name), group.id, name


def _row(environment: int, step: Step) -> tuple[object, ...]:
    when = step.logged_at, step.occurred_at
    return environment, step.offset, *when, step.source, step.event_id, step.event, step.digest.to_bytes(32, "big")
