"""Moments: how a person writes an offset of an environment."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from projections.change import Kind
from projections.fold import snapshot_key
from schemas.canonical import decode_document
from schemas.errors import BadMoment, NotFound
from streams.history import History
from streams.journal import Journal

_OFFSET = re.compile(r"[0-9]{1,18}")
_AGO = re.compile(r"-([0-9]{1,12}(?:\.[0-9]{1,12})?)([smhdw])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The first and the last time that the calendar has, microseconds since 1970-01-01 UTC."""
_MILLISECOND = 1000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
HOW = "write an offset (1234), latest, an ISO time (2026-11-22T03:00), an age (-2h; s m h d w) or a snapshot (@name)"


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of an environment: the one after the event at `offset`."""

    offset: int
    time: int
    """When that event was logged, microseconds since 1970-01-01 UTC."""


class Moments:
    """Reads moments of one environment, against the log's own time."""

    def __init__(self, journal: Journal, history: History, environment: str, now: int, reach: int) -> None:
        """Read moments; `now` (microseconds) is what ages are counted from.

        No moment is later than `reach`, the offset up to which the history is folded: the log may have moved on.
        """
        self._journal = journal
        self._history = history
        self._environment = environment
        self._now = now
        self._reach = reach

    def read(self, text: str) -> Moment:
        """Answer the moment; BadMoment if it cannot be understood, NotFound if nothing was known then."""
        text = text.strip()
        if _OFFSET.fullmatch(text):
            return self._at_offset(int(text), text)
        if text == "latest":
            return self._at_offset(self._reach, text)
        if text.startswith("@"):
            return self._at_offset(self._snapshot(text[1:]), text)
        return self._at_time(self._time(text), text)

    def _at_offset(self, offset: int, text: str) -> Moment:
        if self._reach < 0:
            raise NotFound(f"environment {self._environment}: nothing is known of it")
        if offset > self._reach:
            raise NotFound(f"moment {text}: the newest event of {self._environment} is at offset {self._reach}")
        time = self._journal.time_of(self._environment, offset)
        if time is None:
            raise NotFound(f"moment {text}: {self._environment} has no event at or before it")
        return Moment(offset, time)

    def _at_time(self, time: int, text: str) -> Moment:
        offset = self._journal.offset_at(self._environment, time)
        if offset < 0:
            raise NotFound(f"moment {text}: nothing was known of {self._environment} then")
        return self._at_offset(min(offset, self._reach), text)

    def _snapshot(self, name: str) -> int:
        found = self._history.get(self._environment, snapshot_key(name), self._reach)
        if found is None or found.value is None:
            raise NotFound(f"snapshot @{name}: {self._environment} has none of that name{self._known()}")
        return int(decode_document(found.value)["at_offset"])

    def _known(self) -> str:
        names = [f"@{item.key.id}" for item in self._history.all(self._environment, Kind.SNAPSHOT, self._reach)]
        return f" (it has {', '.join(names)})" if names else ""

    def _time(self, text: str) -> int:
        ago = _AGO.fullmatch(text)
        if ago:
            return self._now - int(float(ago[1]) * _SECONDS[ago[2]] * 1_000_000)
        try:
            return _shown_until(from_iso(text))
        except ValueError:
            raise BadMoment(f"moment {text!r}: {HOW}") from None


def _shown_until(time: int) -> int:
    """Answer the end of the time's millisecond: a time taken from an answer means what happened by then.

    Answers show milliseconds, the log counts microseconds; a time written more exactly means just itself.
    """
    return time + _MILLISECOND - 1 if time % _MILLISECOND == 0 else time


def iso(time: int) -> str:
    """Answer microseconds since 1970 as an ISO 8601 time in UTC; what no calendar holds as its nearest day."""
    when = _EPOCH + timedelta(microseconds=min(max(time, FIRST), LAST))
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """Answer an ISO 8601 time (UTC, unless it names a zone) as microseconds since 1970. Raises ValueError."""
    when = datetime.fromisoformat(text)
    return ((when if when.tzinfo is not None else when.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)
