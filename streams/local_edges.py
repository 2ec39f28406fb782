"""What stood at an object of the embedded history: the edges that came and went, and the anchors among them."""

import json
import sqlite3
from collections.abc import Iterable

import msgspec

from schemas.errors import HistoryError
from streams.local_rows import ANCHORED

_SINCE = (
    "e.at = ? AND e.link = ? AND e.offset <= ? AND e.offset >= coalesce((SELECT max(a.offset) FROM edge_anchors a "
    "WHERE a.at = e.at AND a.link = e.link AND a.offset <= ?), -1)"
)
_EDGES = f"SELECT e.key, e.there, e.offset FROM edges e WHERE {_SINCE} ORDER BY e.offset, e.key"  # noqa: S608 - fixed

_decoder = msgspec.json.Decoder(list[int])


def standing(db: sqlite3.Connection, at: int, link: bool, offset: int) -> list[int]:
    """Answer the numbers of the keys that stood at an object, which is given by the number of its own."""
    return told(db, at, link, db.execute(_EDGES, (at, link, offset, offset)).fetchall())


def told(db: sqlite3.Connection, at: int, link: bool, edges: Iterable[tuple[int, ...]]) -> list[int]:
    """Answer the numbers of the keys that stand after edges: rows of key, whether it comes, offset, and what else."""
    there: dict[int, int] = {}
    for key, comes, offset, *_ in edges:
        if key == ANCHORED:
            there = dict.fromkeys(_anchored(db, at, link, offset), 1)  # what follows at this offset is in it already
        else:
            there[key] = comes
    return [key for key, stands in there.items() if stands]


def _anchored(db: sqlite3.Connection, at: int, link: bool, offset: int) -> list[int]:
    row = db.execute(
        "SELECT keys FROM edge_anchors WHERE at = ? AND link = ? AND offset = ?", (at, link, offset)
    ).fetchone()
    try:
        return _decoder.decode(row[0])
    except (msgspec.DecodeError, TypeError) as error:
        raise HistoryError(f"what stood at an object at offset {offset} is damaged in the history: {error}") from error


def anchor(db: sqlite3.Connection, at: int, link: bool, offset: int) -> None:
    """Write down what stands at an object at an offset, behind which no edge of it is written yet."""
    keys = standing(db, at, link, offset)
    db.execute("INSERT INTO edge_anchors VALUES (?, ?, ?, ?)", (at, link, offset, json.dumps(keys)))
    db.execute("INSERT INTO edges VALUES (?, ?, ?, ?, 1)", (at, link, offset, ANCHORED))
    db.execute("UPDATE crowds SET moved = 0 WHERE at = ? AND link = ?", (at, link))
