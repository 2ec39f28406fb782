"""A schedule: when scans are asked for again and again, as a pure function of what it says, its last run and now."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from schemas.alert import EARLIEST, LATEST
from schemas.canonical import Document
from schemas.errors import BadInput
from schemas.events import Entry, ScheduleDefined

CALENDAR: Final = {"daily": (0, 1), "weekly": (0, 7), "monthly": (1, 0), "yearly": (12, 0)}
"""Months and days of the intervals that the calendar measures, in the schedule's time zone."""

GRACE: Final = 60_000_000
"""Microseconds after its end in which a schedule's last run may still be asked for."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTH: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = 366 * 86400
_LAST_BEGIN: Final = 32_503_680_000_000_000
"""Before 3000: the calendar still has room for what is due after it, in any time zone."""
_PLACEHOLDERS: Final = ("{date}", "{time}")


def document(defined: ScheduleDefined, entry: Entry) -> Document:
    """Answer what is kept of a schedule: what it says, since when, and the scan that it asked for last."""
    return {
        "name": defined.name,
        "id": entry.event.id,
        "cron": defined.cron,
        "every": defined.every,
        "timezone": defined.timezone,
        "object": None if defined.object_type is None else [defined.object_type, defined.object_id],
        "snapshot": defined.snapshot,
        "begins_at": defined.begins_at,
        "ends_at": defined.ends_at,
        "note": defined.note,
        "defined_at": entry.event.occurred_at,
        "defined_by": entry.event.source,
        "defined_offset": entry.offset,
        "last_scan": None,
        "last_at": None,
    }


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to scan. All times are microseconds since 1970-01-01 UTC."""

    cron: str | None
    every: str | None
    zone: ZoneInfo
    begins_at: int
    """The first run of an interval is at this moment; no run of a cron is before it."""
    ends_at: int | None = None
    """The last moment at which a run may be due."""

    def due(self, last: int | None, now: int) -> int | None:
        """Answer the newest moment up to now at which a run was due and that no run has met yet; None if there is none.

        `last` is when the last run was asked for, or when it ended if it has: what was due before is met by it.
        However many moments were missed, one run meets them all; none does when the schedule has ended since.
        """
        if self.ends_at is not None and now > self.ends_at + GRACE:
            return None
        until = now if self.ends_at is None else min(now, self.ends_at)
        newest = self._newest(until)
        return None if newest is None or (last is not None and newest <= last) else newest

    def next(self, last: int | None, now: int) -> int | None:
        """Answer when the next run is due: a moment that has passed if one is due; None if there never is one."""
        due = self.due(last, now)
        if due is not None:
            return due
        coming = self._first_after(max(now, self.begins_at - 1))
        return None if coming is None or (self.ends_at is not None and coming > self.ends_at) else coming

    def _newest(self, until: int) -> int | None:
        """Answer the newest moment at or before a time."""
        if until < self.begins_at:
            return None
        if self.cron is not None:
            found = _cron_before(self.cron, self.zone, until)
            return found if found is not None and found >= self.begins_at else None
        return self._step(self._count(until))

    def _first_after(self, time: int) -> int | None:
        if self.cron is not None:
            return _cron_after(self.cron, self.zone, time)
        return self.begins_at if time < self.begins_at else self._step(self._count(time) + 1)

    def _count(self, until: int) -> int:
        """Answer how many whole intervals have passed from the first run to a time that is not before it."""
        if self.every not in CALENDAR:
            return (until - self.begins_at) // length(self.every or "")
        months, days = CALENDAR[self.every]
        passed = (until - self.begins_at) // 1_000_000 // 86400
        guess = max(passed // (days or 31 * months) - 1, 0) if days else max(passed // (31 * months) - 1, 0)
        while self._step(guess + 1) <= until:
            guess += 1
        return guess

    def _step(self, number: int) -> int:
        """Answer the moment so many intervals after the first."""
        if self.every not in CALENDAR:
            return self.begins_at + number * length(self.every or "")
        months, days = CALENDAR[self.every]
        first = _local(self.begins_at, self.zone)
        return _moment(_later(first, months * number, days * number))


def schedule_of(kept: Document) -> Schedule:
    """Answer the schedule that a record describes. Raises BadInput as `checked` does."""
    begins_at = kept["defined_at"] if kept["begins_at"] is None else kept["begins_at"]
    return checked(kept["cron"], kept["every"], kept["timezone"], begins_at, kept["ends_at"])


def checked(cron: str | None, every: str | None, timezone: str, begins_at: int, ends_at: int | None) -> Schedule:
    """Answer a schedule of what somebody wrote. Raises BadInput, naming what cannot be used."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(f"time zone {timezone!r}: there is none of that name (such as UTC, Europe/Berlin)") from error
    if (cron is None) == (every is None):
        raise BadInput("a schedule has either cron or an interval")
    if ends_at is not None and ends_at < begins_at:
        raise BadInput("a schedule ends after it begins")
    if cron is not None:
        _check_cron(cron)
    elif every not in CALENDAR:
        length(every or "")
    return Schedule(cron, every, zone, begins_at, ends_at)


def check(defined: ScheduleDefined, now: int) -> None:
    """Refuse what is no schedule, or one that would never be due. Raises BadInput, naming what cannot be used."""
    name = defined.name
    if not name or name != name.strip() or not name.isprintable():
        raise BadInput(
            f"schedule {name!r}: a name begins and ends with a character, and has none that steers a terminal"
        )
    begins_at = now if defined.begins_at is None else defined.begins_at
    if not EARLIEST <= begins_at < _LAST_BEGIN:
        raise BadInput(f"schedule {name}: begins_at is no time from 2000 to 2999")
    if defined.ends_at is not None and not EARLIEST <= defined.ends_at < LATEST:
        raise BadInput(f"schedule {name}: ends_at is no time from 2000 to 9999")
    found = checked(defined.cron, defined.every, defined.timezone, begins_at, defined.ends_at)
    if defined.ends_at is not None and defined.ends_at < now:
        raise BadInput(f"schedule {name}: it is over already")
    if defined.snapshot is not None:
        check_pattern(defined.snapshot)
    if found.next(None, now) is None:
        raise BadInput(f"schedule {name}: it would never be due")


def length(every: str) -> int:
    """Answer the microseconds of an interval that no calendar measures. Raises BadInput."""
    found = _LENGTH.fullmatch("1h" if every == "hourly" else every)
    seconds = 0 if found is None else int(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds <= _LONGEST:
        raise BadInput(f"{every!r} is no interval: write hourly, {', '.join(CALENDAR)}, or 90s, 15m, 1h, 1d")
    return seconds * 1_000_000


def snapshot_name(pattern: str, time: int, timezone: str) -> str:
    """Answer the name for a scan that began at a time: {date} is 2026-11-22, {time} is 0300."""
    local = _local(time, ZoneInfo(timezone))
    return pattern.replace("{date}", f"{local:%Y-%m-%d}").replace("{time}", f"{local:%H%M}")


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that gives the same name again and again, or no name. Raises BadInput."""
    if not any(placeholder in pattern for placeholder in _PLACEHOLDERS):
        raise BadInput(f"snapshot {pattern!r}: a name is given only once; write {{date}} or {{date}}-{{time}} in it")
    if pattern.startswith("@") or pattern != pattern.strip():
        raise BadInput(f"snapshot {pattern!r}: a name begins with another character than @ or a space")


def _check_cron(cron: str) -> None:
    if len(cron.split()) != 5:
        raise BadInput(f"cron {cron!r}: write five fields: minute, hour, day of month, month, day of week")
    try:
        next(CronSim(cron, _EPOCH))
    except (CronSimError, StopIteration) as error:
        raise BadInput(f"cron {cron!r}: {error or 'it is never due'}") from error


def _cron_before(cron: str, zone: ZoneInfo, until: int) -> int | None:
    """Answer the newest moment of a cron at or before a time."""
    after = _local(until - until % 1_000_000, zone) + timedelta(seconds=1)
    return _first(CronSim(cron, after, reverse=True))


def _cron_after(cron: str, zone: ZoneInfo, time: int) -> int | None:
    return _first(CronSim(cron, _local(time, zone)))


def _first(moments: Iterator[datetime]) -> int | None:
    found = next(moments, None)
    return None if found is None else _moment(found)


def _local(time: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=time)).astimezone(zone)


def _moment(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def _later(first: datetime, months: int, days: int) -> datetime:
    """Answer the same hour so many months and days later; a day that the month has not is its last."""
    years, month = divmod(first.month - 1 + months, 12)
    year, month = first.year + years, month + 1
    day = min(first.day, _days_in(year, month))
    return first.replace(year=year, month=month, day=day) + timedelta(days=days)


def _days_in(year: int, month: int) -> int:
    following = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001 - a date alone, in no zone
    return (following - timedelta(days=1)).day
