"""The rows of the embedded history: its tables, and what is read from them.

- `versions`: one row a version, in the order in which they came, which is that of the log: writing appends. One index
  finds them by key and offset, one by type and offset.
- `edges`: one row when a key comes to an object (a child to its parent, a link to its end) and one when it goes.
- `anchors`, `edge_anchors`: what there was of a type, or at an object, at one offset. One is made when a share has
  changed, so that a question about any moment reads about as much as it answers, whatever came before or after; and
  what is written for it stays a share of what is written anyway. Where the edges of an object have an anchor, an edge
  of no key says so.
- `groups`, `crowds`: how much there is of a type or at an object, and how much changed since the last anchor.
- `dictionaries`: what values of a type are compressed against, by number; a new one leaves the old ones in use.
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from projections.change import Key, Kind
from streams.anchors import Chunk, overlaid
from streams.history import KeyVersion, Version

TABLES = (
    "CREATE TABLE environments ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, offset INTEGER NOT NULL, "
    "resume_from INTEGER NOT NULL, digest BLOB NOT NULL, fold_version INTEGER NOT NULL)",
    "CREATE TABLE groups ("  # ids are never used again: what belongs to one is remembered by them
    "id INTEGER PRIMARY KEY AUTOINCREMENT, environment INTEGER NOT NULL, kind TEXT NOT NULL, type TEXT NOT NULL, "
    "live INTEGER NOT NULL DEFAULT 0, moved INTEGER NOT NULL DEFAULT 0, written INTEGER NOT NULL DEFAULT 0, "
    "trained_at INTEGER NOT NULL DEFAULT 0, dictionary INTEGER NOT NULL DEFAULT 0, UNIQUE (environment, kind, type))",
    "CREATE TABLE dictionaries ("
    "grp INTEGER NOT NULL, number INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (grp, number)) WITHOUT ROWID",
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, key TEXT NOT NULL, UNIQUE (grp, key))",
    "CREATE TABLE versions ("
    "id INTEGER PRIMARY KEY, key INTEGER NOT NULL, offset INTEGER NOT NULL, grp INTEGER NOT NULL, value BLOB)",
    "CREATE UNIQUE INDEX versions_of_key ON versions (key, offset)",
    "CREATE INDEX versions_by_offset ON versions (grp, offset, key)",
    "CREATE TABLE anchors ("
    "id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, offset INTEGER NOT NULL, first TEXT NOT NULL, packed BLOB NOT NULL, "
    "UNIQUE (grp, offset, first))",
    "CREATE TABLE edges ("
    "at INTEGER NOT NULL, link INTEGER NOT NULL, offset INTEGER NOT NULL, key INTEGER NOT NULL, "
    "there INTEGER NOT NULL, PRIMARY KEY (at, link, offset, key)) WITHOUT ROWID",
    "CREATE TABLE crowds ("
    "at INTEGER NOT NULL, link INTEGER NOT NULL, live INTEGER NOT NULL, moved INTEGER NOT NULL, "
    "PRIMARY KEY (at, link)) WITHOUT ROWID",
    "CREATE INDEX crowded ON crowds (at, link) WHERE moved >= 64 + 2 * live",  # see CROWDED
    "CREATE TABLE edge_anchors ("
    "at INTEGER NOT NULL, link INTEGER NOT NULL, offset INTEGER NOT NULL, keys TEXT NOT NULL, "
    "PRIMARY KEY (at, link, offset)) WITHOUT ROWID",
    "CREATE TABLE steps ("
    "environment INTEGER NOT NULL, offset INTEGER NOT NULL, logged_at INTEGER NOT NULL, occurred_at INTEGER NOT NULL, "
    "source TEXT NOT NULL, event_id TEXT NOT NULL, event TEXT NOT NULL, digest BLOB NOT NULL, "
    "PRIMARY KEY (environment, offset)) WITHOUT ROWID",
)
OF_ALL_FORMATS = (
    *("environments", "groups", "dictionaries", "keys", "versions", "anchors", "changes"),
    *("edges", "crowds", "edge_anchors", "steps"),
)

CROWDED = "moved >= 64 + 2 * live"
"""So many came to an object and went that its edges are due for an anchor."""

ANCHORED: Final = 0
"""In place of the number of a key: at this offset the edges of the object have an anchor."""

Inflate = Callable[[int, bytes | None, str], bytes | None]
"""Answers the value of what is stored, by its group and its name."""


def is_due(live: int, moved: int) -> bool:
    """Answer whether a type is due for an anchor: what was added counts once, what changed or went twice."""
    return moved >= 1024 + live // 2


class Group:
    """Every key of one kind and type in one environment, as it can be read."""

    __slots__ = ("_inflate", "id", "kind", "type")

    def __init__(self, id_: int, kind: Kind, type_: str, inflate: Inflate) -> None:
        """Name it; `inflate` reads its values."""
        self.id = id_
        self.kind = kind
        self.type = type_
        self._inflate = inflate

    def version(self, name: str, offset: int, stored: bytes | None) -> KeyVersion:
        """Answer a key of the group with one of its versions, as they stand in the rows."""
        return KeyVersion(Key(self.kind, self.type, name), Version(offset, self._inflate(self.id, stored, name)))

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
        kind, type_, id_, inflate = self.kind, self.type, self.id, self._inflate
        versions = {
            name: KeyVersion(Key(kind, type_, name), Version(offset, inflate(id_, stored, name)))
            for name, (offset, stored) in newer.items()
        }
        return overlaid(self._anchor(db, anchored, begin), self.kind, self.type, versions, begin)

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
