"""How steps become the rows of the embedded history, inside a transaction of their own."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from projections.change import Change, Kind
from schemas.errors import HistoryError
from streams import local_edges, local_rows, values
from streams.anchors import chunks
from streams.history import Step
from streams.local_rows import CROWDED, Group, Inflate
from streams.packing import ends_of

_REMEMBERED: Final = 100_000
"""Numbers of keys that are remembered from one writing to the next."""

_DICTIONARIES: Final = 500
"""Dictionaries that are remembered likewise."""

_AT_ONCE: Final = 10_000
"""Names that are looked up by one question."""


class Memory:
    """What one writing remembers for the next of the same process; it never changes in the file."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.names: dict[int, dict[str, int]] = {}
        """Of each group the numbers of its keys by name, as far as they are remembered."""
        self.deflated: dict[tuple[int, int], Callable[[bytes | None], bytes | None]] = {}
        """What stores values, by group and number of the dictionary."""

    def clear(self) -> None:
        """Forget all: it may tell of a writing that came to nothing."""
        self.names.clear()
        self.deflated.clear()

    def tidy(self) -> None:
        """Forget what there is too much of."""
        if sum(map(len, self.names.values())) > _REMEMBERED:
            self.names.clear()
        if len(self.deflated) > _DICTIONARIES:
            self.deflated.clear()


@dataclass(slots=True)
class _Group:
    """All keys of one kind and type in one environment, while steps are written."""

    id: int
    kind: Kind
    type: str
    live: int
    moved: int
    written: int
    trained_at: int
    dictionary: int
    names: dict[str, int]
    deflated: Callable[[bytes | None], bytes | None]
    wanted: dict[str, bool] = field(default_factory=dict)
    """Names whose numbers are not remembered, and whether there may be none yet."""
    fresh: list[bytes] = field(default_factory=list)
    """Values that are about to be written."""
    begun: bool = False
    """Whether this writing is the first that names the group: then none of its keys has a number."""
    touched: bool = False


_Placed = tuple[_Group, Change]


class _Move(NamedTuple):
    """A key comes to an object, or goes from it."""

    at: _Group
    at_name: str
    link: bool
    offset: int
    own: _Group
    own_name: str
    comes: bool


class Writing:
    """Steps of one environment on their way into the rows."""

    def __init__(self, db: sqlite3.Connection, environment: int, memory: Memory, inflate: Inflate) -> None:
        """Look up what groups there are; `inflate` reads stored values."""
        self._db = db
        self._environment = environment
        self._inflate = inflate
        memory.tidy()
        self._memory = memory
        rows = db.execute(f"SELECT {_GROUP} FROM groups WHERE environment = ?", (environment,)).fetchall()  # noqa: S608 - fixed words
        self._groups = {(row[1], row[2]): self._known(row) for row in rows}

    def write(self, steps: Sequence[Step]) -> None:
        """Write steps, in order; HistoryError if a change claims a value before it that is not there."""
        changes = [change for step in steps for change in step.changes]
        if changes:
            placed = [(self._group(change.key.kind, change.key.type), change) for change in changes]
            moves = [move for each in placed if each[1].key.kind in _AT_OBJECTS for move in self._moves(*each)]
            self._number(placed, moves)
            self._teach(placed)
            self._db.executemany(
                "INSERT INTO versions (key, offset, grp, value) VALUES (?, ?, ?, ?)",
                [_version(group, change) for group, change in placed],
            )
            self._write_edges(moves)
        rows = [_row(self._environment, step) for step in steps]
        self._db.executemany("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        for group in self._groups.values():
            if group.touched:
                self._count(group, steps[-1].offset)

    # -- groups and keys -----------------------------------------------------------------------------

    def _known(self, row: tuple) -> _Group:  # type: ignore[type-arg]  # a row of _GROUP
        id_, kind, type_, live, moved, written, trained_at, dictionary = row
        names = self._memory.names.setdefault(id_, {})
        deflated = self._deflated(id_, dictionary)
        return _Group(id_, Kind(kind), type_, live, moved, written, trained_at, dictionary, names, deflated)

    def _deflated(self, group: int, number: int) -> Callable[[bytes | None], bytes | None]:
        known = self._memory.deflated.get((group, number))
        if known is None:
            content = b""
            if number != values.NO_DICTIONARY:
                (content,) = self._db.execute(
                    "SELECT content FROM dictionaries WHERE grp = ? AND number = ?", (group, number)
                ).fetchone()
            known = self._memory.deflated[group, number] = values.deflating(number, content)
        return known

    def _group(self, kind: Kind, type_: str) -> _Group:
        group = self._groups.get((kind, type_))
        if group is None:
            row = self._db.execute(
                f"INSERT INTO groups (environment, kind, type) VALUES (?, ?, ?) RETURNING {_GROUP}",  # noqa: S608 - fixed words
                (self._environment, kind.value, type_),
            ).fetchone()
            group = self._groups[kind, type_] = self._known(row)
            group.begun = True
        return group

    def _number(self, placed: Iterable[_Placed], moves: Iterable[_Move]) -> None:
        """See that each key has a number which is remembered: those that never were get one."""
        for group, change in placed:
            if change.key.id not in group.names:
                group.wanted.setdefault(change.key.id, change.before is None)
        for move in moves:
            if move.at_name not in move.at.names:
                move.at.wanted.setdefault(move.at_name, True)
        new = []
        (newest,) = self._db.execute("SELECT coalesce(max(id), 0) FROM keys").fetchone()
        for group in self._groups.values():
            for name in self._unknown(group):
                newest = group.names[name] = newest + 1
                new.append((newest, group.id, name))
            group.wanted = {}
        self._db.executemany("INSERT INTO keys (id, grp, key) VALUES (?, ?, ?)", new)

    def _unknown(self, group: _Group) -> list[str]:
        """Remember the numbers of the wanted names of a group, and answer the names that have none yet."""
        wanted = list(group.wanted)
        for start in range(0, 0 if group.begun else len(wanted), _AT_ONCE):
            group.names.update(self._db.execute(_NUMBERS, (group.id, json.dumps(wanted[start : start + _AT_ONCE]))))
        unknown = [name for name in wanted if name not in group.names]
        for name in unknown:
            if not group.wanted[name]:
                raise HistoryError(f"{group.kind} {group.type} {name} is changed, but it is not there")
        return unknown

    # -- versions --------------------------------------------------------------------------------------

    def _teach(self, placed: Sequence[tuple[_Group, Change]]) -> None:
        """Give a new dictionary to the groups that are due for one."""
        for group, change in placed:
            if change.after is not None:
                group.fresh.append(change.after)
        for group in self._groups.values():
            if group.fresh:
                if values.is_due(group.written + len(group.fresh), group.trained_at, group.dictionary):
                    self._train(group)
                group.written += len(group.fresh)
                group.fresh = []

    def _train(self, group: _Group) -> None:
        samples = group.fresh if len(group.fresh) >= values.ENOUGH else [*self._newest_values(group), *group.fresh]
        content = values.trained(samples)
        group.trained_at = group.written + len(group.fresh)  # where none can be made, it is tried again that late
        if content is not None:
            group.dictionary += 1
            self._db.execute("INSERT INTO dictionaries VALUES (?, ?, ?)", (group.id, group.dictionary, content))
            group.deflated = self._deflated(group.id, group.dictionary)

    def _newest_values(self, group: _Group) -> Iterator[bytes]:
        rows = self._db.execute(
            "SELECT value FROM versions WHERE grp = ? ORDER BY offset DESC LIMIT ?", (group.id, values.ENOUGH)
        )
        for (stored,) in rows.fetchall():
            value = self._inflate(group.id, stored, group.type)
            if value is not None:
                yield value

    # -- anchors of a type ---------------------------------------------------------------------------

    def _count(self, group: _Group, offset: int) -> None:
        if local_rows.is_due(group.live, group.moved):
            everything = Group(group.id, group.kind, group.type, self._inflate).everything(self._db, offset, "")
            rows = [(group.id, offset, *chunk) for chunk in chunks(everything)]
            self._db.executemany("INSERT INTO anchors (grp, offset, first, packed) VALUES (?, ?, ?, ?)", rows)
            group.moved = 0
        self._db.execute(
            "UPDATE groups SET live = ?, moved = ?, written = ?, trained_at = ?, dictionary = ? WHERE id = ?",
            (group.live, group.moved, group.written, group.trained_at, group.dictionary, group.id),
        )

    # -- what stands at an object --------------------------------------------------------------------

    def _moves(self, group: _Group, change: Change) -> Iterator[_Move]:
        """Yield where a key comes and goes."""
        if _stays(change):
            return
        (kind, _, name), before, after, offset = change
        was = ends_of(kind, before) if before is not None else []
        is_ = ends_of(kind, after) if after is not None else []
        for ref in sorted(set(was).symmetric_difference(is_)):
            at = self._group(Kind.OBJECT, ref.type)
            yield _Move(at, ref.id, kind is Kind.LINK, offset, group, name, ref in is_)

    def _write_edges(self, moves: Sequence[_Move]) -> None:
        """Write edges, and an anchor where one is due: at the object's last move, where a verification looks at it."""
        edges = [
            (at.names[at_name], link, offset, own.names[own_name], comes)
            for at, at_name, link, offset, own, own_name, comes in moves
        ]
        self._db.executemany("INSERT INTO edges VALUES (?, ?, ?, ?, ?)", edges)
        moved: dict[tuple[int, bool], list[int]] = {}
        last: dict[tuple[int, int], int] = {}
        for number, link, offset, _, comes in edges:
            last[number, link] = offset
            count = moved.setdefault((number, link), [0, 0])
            count[0] += 1 if comes else -1
            count[1] += 1
        self._db.executemany(
            "INSERT INTO crowds VALUES (?, ?, ?, ?) ON CONFLICT (at, link) "
            "DO UPDATE SET live = live + excluded.live, moved = moved + excluded.moved",
            [(*at, *count) for at, count in moved.items()],
        )
        for number, link in self._db.execute(f"SELECT at, link FROM crowds WHERE {CROWDED}").fetchall():  # noqa: S608 - fixed words
            if (number, link) in last:
                local_edges.anchor(self._db, number, link, last[number, link])


_GROUP = "id, kind, type, live, moved, written, trained_at, dictionary"

_NUMBERS = "SELECT key, id FROM keys WHERE grp = ? AND key IN (SELECT value FROM json_each(?))"

_AT_OBJECTS: Final = {Kind.OBJECT, Kind.LINK}


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


def _version(group: _Group, change: Change) -> tuple[int, int, int, bytes | None]:
    key, before, after, offset = change
    group.live += (after is not None) - (before is not None)
    group.moved += 1 if before is None else 2
    group.touched = True
    return group.names[key.id], offset, group.id, group.deflated(after)


def _row(environment: int, step: Step) -> tuple[object, ...]:
    when = step.logged_at, step.occurred_at
    return environment, step.offset, *when, step.source, step.event_id, step.event, step.digest.to_bytes(32, "big")
