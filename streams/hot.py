"""What was read of a history lately, in memory and within a bound: asked again, it costs a microsecond or two.

What a history says of the time up to where it reaches never changes, so nothing here grows old. But an environment may
be forgotten, or folded anew, by another process: then all that is kept of it is dropped, a moment later at most.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, NamedTuple

from projections.change import Key, Kind
from projections.inventory import Ref

LIMIT: Final = 256 * 1024 * 1024
"""Bytes that are kept, about."""

_TRUSTED: Final = 0.05
"""Seconds for which an environment is taken to be the same that it was."""

_ONCE: Final = 100_000
"""Of so many questions it is remembered that they were asked once."""

_ENTRY: Final = 400
"""Bytes that an entry takes beside what it holds."""

MOST: Final = 64
"""Versions of a key, or comings and goings at an object, that are kept."""


class Versions(NamedTuple):
    """The newest versions of one key, packed: `stored[i]` begins where `stored[i - 1]` ends."""

    since: int
    """From this offset on there is no other; -1: there never was."""
    upto: int
    """How far the history reached when they were read."""
    offsets: Sequence[int]
    ends: Sequence[int]
    stored: bytes
    gone: frozenset[int]
    """Which of them say that the key is not there."""
    group: int

    @property
    def size(self) -> int:
        """Answer how many bytes it takes, about."""
        return _ENTRY + len(self.stored) + 16 * len(self.offsets)

    def at(self, offset: int) -> tuple[int, bytes | None] | None:
        """Answer offset and stored value of the version in force, None if there is none."""
        index = bisect_right(self.offsets, offset) - 1
        if index < 0:
            return None
        if index in self.gone:
            return self.offsets[index], None
        begin = self.ends[index - 1] if index else 0
        return self.offsets[index], self.stored[begin : self.ends[index]]


def versions(rows: Sequence[tuple[int, bytes | None]], upto: int, group: int) -> Versions:
    """Pack rows of offset and stored value, the newest first: all there are, or the newest MOST of them."""
    rows = rows[::-1]
    ends, end = array("q"), 0
    for _, stored in rows:
        end += len(stored or b"")
        ends.append(end)
    return Versions(
        rows[0][0] if len(rows) == MOST else -1,
        upto,
        array("q", [offset for offset, _ in rows]),
        ends,
        b"".join(stored or b"" for _, stored in rows),
        frozenset(index for index, (_, stored) in enumerate(rows) if stored is None),
        group,
    )


class Move(NamedTuple):
    """A key came to an object, or went from it."""

    offset: int
    key: Key
    comes: bool


class Moves(NamedTuple):
    """Everything that came to one object and went; `upto` as of Versions, -1 where it is too much to be kept."""

    upto: int
    moves: list[Move]

    @property
    def size(self) -> int:
        """Answer how many bytes it takes, about."""
        return _ENTRY + 200 * len(self.moves)

    def at(self, offset: int) -> list[Key]:
        """Answer the keys that stood there, sorted."""
        there: dict[Key, bool] = {}
        for moved, key, comes in self.moves:
            if moved > offset:
                break
            there[key] = comes
        return sorted(key for key, stands in there.items() if stands)


class Kept:
    """What is kept of one environment."""

    __slots__ = ("bytes", "groups", "moves", "number", "once", "until", "versions")

    def __init__(self, number: int | None) -> None:
        """Begin with nothing; `number` is that of the environment in the file."""
        self.number = number
        self.until = 0.0
        self.groups: dict[tuple[Kind, str], int] = {}
        """Numbers of the groups of keys, by kind and type."""
        self.bytes = 0
        self.once: set[int] = set()
        """Hashes of what was asked once: the second time it is kept, for most of what is asked once never is again."""
        self.versions: dict[Key, Versions] = {}
        self.moves: dict[tuple[Ref, bool], Moves] = {}


class Hot:
    """What is kept of a history. For any number of threads: what one drops, another reads from the file again."""

    def __init__(self, number: Callable[[str], int | None], limit: int = LIMIT) -> None:
        """`number` answers that of an environment in the file: another one stands for another telling of the log."""
        self._number = number
        self._limit = limit
        self._kept: dict[str, Kept] = {}

    def of(self, environment: str) -> Kept:
        """Answer what is kept of an environment."""
        kept = self._kept.get(environment)
        if kept is None or monotonic() > kept.until:
            number = self._number(environment)
            if kept is None or kept.number != number:
                kept = self._kept[environment] = Kept(number)
            kept.until = monotonic() + _TRUSTED
        return kept

    def is_new(self, kept: Kept, asked: object) -> bool:
        """Answer whether something is asked for the first time, as far as that is remembered."""
        name = hash(asked)
        if name in kept.once:
            return False
        if len(kept.once) >= _ONCE:
            kept.once.clear()
        kept.once.add(name)
        return True

    def is_outdated(self, environment: str) -> bool:
        """Answer whether what is kept of an environment is of another telling of the log; then it is dropped."""
        kept = self._kept.get(environment)
        if kept is not None and kept.number == self._number(environment):
            return False
        self._kept.pop(environment, None)
        return kept is not None

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()

    def keep_versions(self, kept: Kept, key: Key, found: Versions) -> None:
        """Keep the versions of a key."""
        before = kept.versions.get(key)
        self._make_room(kept, found.size - (0 if before is None else before.size))
        kept.versions[key] = found

    def keep_moves(self, kept: Kept, ref: Ref, link: bool, found: Moves) -> None:
        """Keep what came to an object and went."""
        before = kept.moves.get((ref, link))
        self._make_room(kept, found.size - (0 if before is None else before.size))
        kept.moves[ref, link] = found

    def _make_room(self, kept: Kept, size: int) -> None:
        kept.bytes += size
        if sum(each.bytes for each in list(self._kept.values())) > self._limit:
            self.clear()
