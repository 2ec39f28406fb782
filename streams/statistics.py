"""What an environment's log and history hold, how fast they grow, and what disk that will take."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.canonical import Document
from schemas.errors import NotFound
from streams.comparison import COMPARED
from streams.history import Extent, History, Measured
from streams.journal import Journal
from streams.moments import iso

_DAY = 86_400_000_000
"""Microseconds."""
WEEK = 7
DAYS_A_YEAR = 365
SHORTEST = 1 / 24
"""Days; of less, a year is not to be foretold."""
_GB = 1e9


@dataclass(slots=True)
class Tally:
    """Events, counted and weighed."""

    events: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """All events of an environment up to one offset."""

    kinds: dict[str, Tally]
    week: Tally
    """Those of the last week."""
    oldest: int
    newest: int
    offset: int
    weighed: bool
    """Whether the log tells how long its records are."""

    @property
    def whole(self) -> Tally:
        """Answer all of them together."""
        tallies = self.kinds.values()
        return Tally(sum(one.events for one in tallies), sum(one.bytes for one in tallies))


def statistics(journal: Journal, history: History, environment: str, now: int) -> Document:
    """Answer figures of an environment up to where its history reaches; NotFound if that holds nothing of it.

    It reads what the history says of each event (some hundred bytes), how long each record of the log is (without the
    record, where the log can tell), and counts; never a document. What cannot be told is null: the bytes of a log
    on Kafka, the bytes and changes of a history that is shared by others.
    """
    seen = _seen(journal, history, environment, now)
    whole = seen.whole
    extent = _extent(history, environment, seen.offset)
    sized = journal.sized
    disk = None if sized is None else sized.footprint()
    ratio = extent.bytes / disk if extent.bytes is not None and disk else None
    things = {name: extent.things.get(kind, {}) for kind, name in COMPARED.items()}
    return {
        "environment": environment,
        "offset": seen.offset,
        "time": iso(seen.newest),
        "oldest": iso(seen.oldest),
        "newest": iso(seen.newest),
        "now": {name: sum(by_type.values()) for name, by_type in things.items()},
        "objects": dict(sorted(things["objects"].items())),
        "events": [_of_kind(name, tally, seen) for name, tally in sorted(seen.kinds.items(), key=_heaviest)],
        "log": {
            "events": whole.events,
            "bytes": whole.bytes if seen.weighed else None,
            "file_bytes": disk,
            "environments": len(journal.environments()),
        },
        "history": {"changes": extent.changes, "file_bytes": extent.bytes, "bytes_per_log_byte": _rounded(ratio)},
        "growth": {
            "last_week": _growth(seen.week, min(WEEK, (now - seen.oldest) / _DAY), seen, ratio),
            "whole_life": _growth(whole, (now - seen.oldest) / _DAY, seen, ratio),
        },
    }


def _seen(journal: Journal, history: History, environment: str, now: int) -> Seen:
    kinds: dict[str, Tally] = {}
    week = Tally()
    oldest = newest = offset = None
    sizes = _Sizes(journal, environment, history.position(environment).offset)
    for step in history.checkpoints(environment):
        size = sizes.at(step.offset)
        tallies = [kinds.setdefault(step.event, Tally())] + ([week] if step.logged_at > now - WEEK * _DAY else [])
        for tally in tallies:
            tally.events += 1
            tally.bytes += size
        oldest = step.logged_at if oldest is None else oldest
        newest, offset = step.logged_at, step.offset
    if oldest is None or newest is None or offset is None:
        raise NotFound(f"environment {environment}: nothing is known of it")
    return Seen(kinds, week, oldest, newest, offset, journal.sized is not None)


class _Sizes:
    """The lengths of the records, asked for in the order of the log."""

    def __init__(self, journal: Journal, environment: str, upto: int) -> None:
        sized = journal.sized
        self._sizes: Iterator[tuple[int, int]] = iter(()) if sized is None else sized.sizes(environment, upto)

    def at(self, offset: int) -> int:
        return next((size for at, size in self._sizes if at == offset), 0)


def _extent(history: History, environment: str, at: int) -> Extent:
    if isinstance(history, Measured):
        return history.extent(environment)
    things = {kind: dict(Counter(item.key.type for item in history.all(environment, kind, at))) for kind in COMPARED}
    return Extent(None, things, None)


def _heaviest(item: tuple[str, Tally]) -> tuple[int, int, str]:
    name, tally = item
    return -tally.bytes, -tally.events, name


def _of_kind(name: str, tally: Tally, seen: Seen) -> Document:
    return {
        "event": name,
        "events": tally.events,
        "bytes": tally.bytes if seen.weighed else None,
        "bytes_per_event": _rounded(tally.bytes / tally.events) if seen.weighed else None,
    }


def _growth(tally: Tally, days: float, seen: Seen, ratio: float | None) -> Document:
    """Answer what comes a day, and in a year if it goes on so; null where it was watched too short a time."""
    told = days >= SHORTEST
    a_day = tally.bytes / days if told and seen.weighed else None
    a_year = None if a_day is None else a_day * DAYS_A_YEAR / _GB
    return {
        "days": _rounded(days),
        "events": tally.events,
        "bytes": tally.bytes if seen.weighed else None,
        "events_per_day": _rounded(tally.events / days) if told else None,
        "bytes_per_day": _rounded(a_day),
        "log_gb_per_year": _rounded(a_year),
        "gb_per_year": None if a_year is None or ratio is None else _rounded(a_year * (1 + ratio)),
    }


def _rounded(value: float | None) -> float | None:
    """Answer a figure with four digits that mean something."""
    return None if value is None else float(f"{value:.4g}")
