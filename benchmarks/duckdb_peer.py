"""DuckDB as a store of the same changes: one row a version, valid from one offset to another, in one file."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peer import TOLD, Item, Pair, ends_of, key_of_name, name_of_key, name_of_object, needed
from projections.change import Change, Key, Kind
from projections.inventory import Ref

try:
    import duckdb
    import pyarrow
except ImportError:
    duckdb = pyarrow = None

_FOR_EVER = 1 << 62
_COLUMNS = ("name", "kind", "source", "target", "valid_from", "value")
_TYPES = "name VARCHAR, kind VARCHAR, source VARCHAR, target VARCHAR, valid_from BIGINT, value BLOB"
_FLUSH = 20_000
_MEMORY = "2GB"
"""Twice what the goal lets the history have."""
_THERE = "valid_from <= ? AND valid_to > ? AND value IS NOT NULL"
_OF = "(SELECT name, valid_from, valid_to, value FROM versions WHERE {} = ?)"
"""All versions by one column, to be narrowed outside: with more conditions inside, DuckDB reads all rows instead."""
_KINDS = ", ".join(f"'{kind.value}'" for kind in TOLD)


class DuckPeer:
    """A database of everything that ever was."""

    name = "DuckDB, valid-from/valid-to rows"

    def __init__(self, file: Path) -> None:
        """Create the tables in a new file; Missing if duckdb or pyarrow is not installed."""
        if duckdb is None:
            raise needed("duckdb pyarrow")
        self._db: Any = duckdb.connect(str(file), config={"memory_limit": _MEMORY})
        self._db.execute(f"CREATE TABLE raw ({_TYPES})")
        self._rows: list[tuple[object, ...]] = []
        self._indexed = False

    def load(self, changes: Iterable[Change]) -> None:
        """Take in changes in bulk, before the first question."""
        self._rows += [_row(change) for change in changes]
        if len(self._rows) >= _FLUSH:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [[] for _ in _COLUMNS]
        table = pyarrow.table(dict(zip(_COLUMNS, map(list, columns), strict=True)))
        self._db.register("batch", table)
        if self._rows:
            self._db.execute("INSERT INTO raw SELECT * FROM batch")
        self._db.unregister("batch")
        self._rows = []

    def settle(self) -> None:
        """Make rows with both ends of what was loaded, and the indexes."""
        self._flush()
        self._db.execute(
            f"CREATE TABLE spans AS SELECT name, valid_from, lead(valid_from, 1, {_FOR_EVER}) "  # noqa: S608 - fixed words
            "OVER (PARTITION BY name ORDER BY valid_from) AS valid_to FROM raw"
        )
        self._db.execute("CREATE TABLE versions AS SELECT raw.*, valid_to FROM raw JOIN spans USING (name, valid_from)")
        self._db.execute("DROP TABLE spans")
        self._db.execute("DROP TABLE raw")
        for column in ("name", "source", "target"):
            self._db.execute(f"CREATE INDEX versions_{column} ON versions ({column})")
        self._indexed = True

    def take(self, changes: Sequence[Change]) -> None:
        """Take in the changes of one event in one transaction, one row at a time."""
        self._db.execute("BEGIN")
        for change in changes:
            row = _row(change)
            self._db.execute(
                f"UPDATE versions SET valid_to = ? WHERE name = ? AND valid_to = {_FOR_EVER}",  # noqa: S608 - fixed words
                [change.offset, row[0]],
            )
            self._db.execute(f"INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, {_FOR_EVER})", row)  # noqa: S608 - fixed words
        self._db.execute("COMMIT")

    def get(self, key: Key, at: int) -> bytes | None:
        """Answer the value of an object or a clique after an offset, None if it is not there."""
        row = self._db.execute(
            f"WITH own AS MATERIALIZED {_OF.format('name')} SELECT value FROM own WHERE {_THERE}",  # noqa: S608 - fixed
            [name_of_key(key), at, at],
        ).fetchone()
        return None if row is None else row[0]

    def links(self, ref: Ref, at: int) -> list[Item]:
        """Answer the links at an object, sorted."""
        name = name_of_object(ref)
        rows = self._db.execute(
            f"WITH a AS MATERIALIZED {_OF.format('source')}, b AS MATERIALIZED {_OF.format('target')} "  # noqa: S608 - fixed
            f"SELECT name, value FROM a WHERE {_THERE} UNION SELECT name, value FROM b WHERE {_THERE}",
            [name, name, at, at, at, at],
        ).fetchall()
        return sorted((key_of_name(found), value) for found, value in rows)

    def everything(self, at: int) -> list[Item]:
        """Answer all objects, links and cliques, in any order."""
        rows = self._db.execute(
            f"SELECT name, value FROM versions WHERE kind IN ({_KINDS}) AND {_THERE}",  # noqa: S608 - fixed words
            [at, at],
        ).fetchall()
        return [(key_of_name(name), value) for name, value in rows]

    def differences(self, after: int, upto: int) -> list[Pair]:
        """Answer the objects, links and cliques that differ between two offsets."""
        rows = self._db.execute(
            f"WITH changed AS (SELECT DISTINCT name FROM versions WHERE kind IN ({_KINDS}) "  # noqa: S608 - fixed words
            "AND valid_from > ? AND valid_from <= ?), "
            f"a AS (SELECT name, value FROM versions WHERE {_THERE} AND name IN (FROM changed)), "
            f"b AS (SELECT name, value FROM versions WHERE {_THERE} AND name IN (FROM changed)) "
            "SELECT coalesce(a.name, b.name), a.value, b.value FROM a FULL JOIN b USING (name) "
            "WHERE a.value IS DISTINCT FROM b.value",
            [after, upto, after, after, upto, upto],
        ).fetchall()
        return [(key_of_name(name), before, later) for name, before, later in rows]

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _row(change: Change) -> tuple[object, ...]:
    key = change.key
    source, target = ends_of(key) if key.kind is Kind.LINK else (None, None)
    return name_of_key(key), key.kind.value, source, target, change.offset, change.after
