"""A mould: the life of one cell, folded once, from which steps and events of any number of cells are cast.

A cast is the same life under other names. Ids are dealt out by rank, so that what is sorted stays sorted, and have the
length that they had, so that a record of the log is cast byte by byte. Names that all cells share (the region, the
environment) stay.
"""

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from random import Random
from typing import NamedTuple

from benchmarks.cloud import NAME, Size
from benchmarks.life import Life, Segment
from projections.change import Key
from projections.fold import Fold
from schemas import codec
from schemas.events import Entry, Event
from schemas.redaction import redact_event

_TOKEN = re.compile(
    rb"([0-9a-f]{8}-[0-9a-f]{2})([0-9a-f]{2}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?"  # an id, or how a device begins
    rb"|([0-9a-f]{32})"  # of a project
    rb"|(?<=compute-)(000)|(?<=network-)(000)|(?<=nova-)(000)"
    rb"|(?<=fa:1[678]:)(00)"
    rb'|(?<="offset":)(\d+)|(?<="started_offset":)(\d+)'
)
_OFFSET = (8, 9)
"""The groups of the pattern that are offsets."""

Names = tuple[bytes, ...]
"""What one cell calls what the mould names by numbers."""
Offsets = Callable[[int], int]
"""Where in all the stream a step of a cell stands."""


class Text:
    """Bytes with gaps, filled by the names of a cell and by offsets."""

    __slots__ = ("_form", "_gaps", "_offsets", "_take")

    def __init__(self, form: bytes, gaps: list[int], offsets: dict[int, int]) -> None:
        """Hold a %-form; `gaps[i]` is the number of the name in a gap, `offsets[i]` the step that one names."""
        self._form = form
        self._gaps = gaps
        self._offsets = offsets
        self._take = itemgetter(*gaps) if len(gaps) > 1 else None

    @property
    def is_shared(self) -> bool:
        """Answer whether all cells have it alike."""
        return not self._gaps

    def cast(self, names: Names, offsets: Offsets) -> bytes:
        """Answer the bytes as a cell has them."""
        if self._take is not None and not self._offsets:
            return self._form % self._take(names)
        filled: list[bytes] = [names[gap] for gap in self._gaps]
        for place, step in self._offsets.items():
            filled[place] = b"%d" % offsets(step)
        return self._form % tuple(filled)


class Moulded(NamedTuple):
    """A change before it is cast."""

    key: int
    before: Text | None
    after: Text | None


@dataclass(frozen=True, slots=True)
class Pace:
    """One event of the life before it is cast: where it stands, and what came of it."""

    occurred_at: int
    source: str
    event: str
    event_id: Text
    record: Text
    """The event as the log holds it."""
    changes: list[Moulded]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Paces that follow each other; `scan`: no other cell comes between."""

    scan: bool
    paces: list[Pace]


class Mould:
    """The life of one cell of a size, up to so many changes."""

    def __init__(self, size: Size, seed: int, changes: int) -> None:
        """Fold it: seconds for each ten thousand changes."""
        self._seed = seed
        self._tokens: dict[bytes, int] = {}
        self._texts: dict[bytes, Text] = {}
        self._keys: dict[Key, int] = {}
        self.keys: list[tuple[Key, Text]] = []
        self.born: list[int] = []
        """Of each key the step that brought it."""
        self.stretches: list[Stretch] = []
        self.changes = 0
        self.log_bytes = 0
        fold = Fold(NAME)
        for segment in Life(size, seed).segments():
            self.stretches.append(self._stretch(segment, fold))
            if self.changes >= changes:
                break
        if any(notice.stamp is None for notice in fold.ledger.notices.values()):
            raise AssertionError("a notice that a scan of another cell would forget")
        self._texts.clear()

    def _stretch(self, segment: Segment, fold: Fold) -> Stretch:
        return Stretch(segment.scan, [self._pace(event, fold) for event in segment.events])

    def _pace(self, event: Event, fold: Fold) -> Pace:
        event = redact_event(event)
        offset = fold.offset + 1
        changes = fold.apply(Entry(offset, event.occurred_at, event))
        record = codec.encode(event)
        self.changes += len(changes)
        self.log_bytes += len(record)
        return Pace(
            event.occurred_at,
            event.source,
            type(event.payload).__name__,
            self._text(event.id.encode()),
            self._text(record, offsets=False),
            [
                Moulded(self._key(change.key, offset), self._value(change.before), self._value(change.after))
                for change in changes
            ],
        )

    def _key(self, key: Key, offset: int) -> int:
        if key not in self._keys:
            self._keys[key] = len(self.keys)
            self.born.append(offset)
            self.keys.append((key, self._text(key.id.encode())))
        return self._keys[key]

    def _value(self, value: bytes | None) -> Text | None:
        if value is None:
            return None
        if value not in self._texts:
            self._texts[value] = self._text(value)
        return self._texts[value]

    def _text(self, data: bytes, *, offsets: bool = True) -> Text:
        gaps: list[int] = []
        steps: dict[int, int] = {}

        def gap(match: re.Match[bytes]) -> bytes:
            if match.lastindex in _OFFSET:
                if not offsets:
                    return match[0]
                steps[len(gaps)] = int(match[0])
                gaps.append(self._number(b"offset"))
                return b"%b"
            tokens = [_named(token) for token in match.groups() if token is not None]
            gaps.extend(self._number(token) for token in tokens)
            return b"%b" * len(tokens)

        form = _TOKEN.sub(gap, data.replace(b"%", b"%%"))
        return Text(form, gaps, steps)

    def _number(self, token: bytes) -> int:
        return self._tokens.setdefault(token, len(self._tokens))

    def names(self, cell: int) -> Names:
        """Answer what a cell calls everything; the first has the names of the mould."""
        if cell == 0:
            return tuple(_plain(token) for token in self._tokens)
        draw = Random(f"{self._seed} {cell}")  # noqa: S311 - a seed: the same names each time
        dealt: dict[bytes, bytes] = {}
        starts = sorted(token for token in self._tokens if len(token) == 11)
        dealt |= zip(starts, sorted(_distinct(draw, 40, len(starts), _start)), strict=True)
        projects = sorted(token for token in self._tokens if len(token) == 32)
        dealt |= zip(projects, sorted(_distinct(draw, 128, len(projects), b"%032x".__mod__)), strict=True)
        numbers = {b"000": b"%03d" % cell, b"mac": b"%02x" % cell, b"offset": b""}
        rest = (token for token in self._tokens if len(token) == 25)
        dealt |= {token: str(uuid.UUID(int=draw.getrandbits(128))).encode()[11:] for token in rest}
        return tuple(numbers.get(token) or dealt.get(token, b"") for token in self._tokens)


def _named(token: bytes) -> bytes:
    return b"mac" if token == b"00" else token


def _plain(token: bytes) -> bytes:
    return b"00" if token == b"mac" else token


def _start(number: int) -> bytes:
    text = b"%010x" % number
    return text[:8] + b"-" + text[8:]


def _distinct(draw: Random, bits: int, count: int, form: Callable[[int], bytes]) -> Iterable[bytes]:
    found: set[int] = set()
    while len(found) < count:
        found.add(draw.getrandbits(bits))
    return map(form, found)
