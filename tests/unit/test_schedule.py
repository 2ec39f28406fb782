"""When a schedule is due: a matter of what it says, its last run and now, and of nothing else."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from projections import schedule
from projections.schedule import Schedule, check_pattern, checked, snapshot_name
from schemas.errors import BadInput

SECOND = 1_000_000
DAY = 86400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

crons = st.sampled_from(["* * * * *", "*/10 * * * *", "0 3 * * *", "30 2 * * 0", "0 0 1 * *", "15 12 29 2 *"])
intervals = st.sampled_from(["hourly", "daily", "weekly", "monthly", "yearly", "90s", "15m", "7h", "3d"])
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
times = st.integers(1_600_000_000, 1_900_000_000).map(lambda seconds: seconds * SECOND)


def at(text: str) -> int:
    """Answer a time that is written in ISO 8601."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Draw a schedule."""
    cron, every = draw(st.tuples(crons, st.none()) | st.tuples(st.none(), intervals))
    begins_at = draw(times)
    ends_at = draw(st.none() | st.integers(0, 400 * DAY).map(lambda more: begins_at + more))
    return checked(cron, every, draw(zones), begins_at, ends_at)


nows = st.integers(-5 * DAY, 500 * DAY)


@given(schedules(), nows, st.none() | st.integers(-DAY, 500 * DAY))
def test_what_is_due_is_due_by_now_and_after_the_last_run_and_inside_the_bounds(
    one: Schedule, now: int, last: int | None
) -> None:
    now, last = one.begins_at + now, None if last is None else one.begins_at + last
    due = one.due(last, now)
    assert due is None or one.begins_at <= due <= now
    assert due is None or last is None or due > last
    assert due is None or one.ends_at is None or due <= one.ends_at


@given(schedules(), nows)
def test_a_run_meets_all_that_was_due_until_it_was_asked_for(one: Schedule, now: int) -> None:
    now += one.begins_at
    assert one.due(now, now) is None


@given(schedules(), nows, st.integers(0, 400 * DAY))
def test_downtime_costs_one_run_however_long(one: Schedule, now: int, down: int) -> None:
    now += one.begins_at
    later = now + down
    due = one.due(now, later)
    assert due is None or one.due(later, later) is None
    assert due == one.due(due - 1 if due is not None else now, later), "the newest of those that were missed"


def test_after_its_end_a_schedule_is_due_no_more_however_much_was_missed() -> None:
    one = checked(None, "10m", "UTC", 0, 3600 * SECOND)
    assert one.due(1200 * SECOND, 3601 * SECOND) == 3600 * SECOND, "nobody looks at the very moment"
    assert one.due(1200 * SECOND, 3700 * SECOND) is None
    assert one.next(3600 * SECOND, 3601 * SECOND) is None


@given(schedules(), nows)
def test_the_next_run_is_the_first_moment_at_which_one_is_due(one: Schedule, now: int) -> None:
    now += one.begins_at
    coming = one.next(now, now)
    assume(coming is not None)
    assert coming is not None
    assert coming > now
    assert one.due(now, coming) == coming
    assert one.due(now, coming - 1) is None


@given(intervals, zones, times)
def test_the_first_run_of_an_interval_is_at_once(every: str, zone: str, begins_at: int) -> None:
    one = checked(None, every, zone, begins_at, None)
    assert one.due(None, begins_at) == begins_at
    assert one.due(None, begins_at - 1) is None


@given(st.sampled_from(["daily", "weekly", "monthly", "yearly"]), zones, times, st.integers(0, 40))
def test_calendar_intervals_keep_the_hour_in_their_time_zone(every: str, zone: str, begins_at: int, steps: int) -> None:
    one = checked(None, every, zone, begins_at, None)
    time = begins_at
    for _ in range(steps):
        following = one.next(time, time)
        assert following is not None
        time = following
    first, last = ((EPOCH + timedelta(microseconds=t)).astimezone(ZoneInfo(zone)) for t in (begins_at, time))
    shifted = last.utcoffset() != first.utcoffset()
    assert (first.hour, first.minute) == (last.hour, last.minute) or shifted, "an hour that a clock leaves out"
    if every == "monthly":
        assert (last.year * 12 + last.month) - (first.year * 12 + first.month) == steps


@pytest.mark.parametrize(
    ("cron", "every", "zone", "last", "now", "due"),
    [
        ("0 3 * * *", None, "UTC", "2026-03-01T03:00:05Z", "2026-03-04T12:00Z", "2026-03-04T03:00Z"),
        ("0 3 * * *", None, "Europe/Berlin", "2026-03-01T03:00:05Z", "2026-03-04T12:00Z", "2026-03-04T02:00Z"),
        ("30 2 * * *", None, "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-29T12:00Z", "2026-03-29T01:00Z"),
        ("*/10 * * * *", None, "UTC", "2026-03-01T10:00:02Z", "2026-03-01T10:09:59Z", None),
        ("*/10 * * * *", None, "UTC", "2026-03-01T10:00:02Z", "2026-03-01T10:10:00Z", "2026-03-01T10:10Z"),
        (None, "monthly", "UTC", "2026-02-28T12:00Z", "2026-03-31T13:00Z", "2026-03-31T12:00Z"),
        (None, "10m", "UTC", "2026-02-01T12:03Z", "2026-02-01T12:25Z", "2026-02-01T12:20Z"),
    ],
)
def test_what_is_due_when(cron: str | None, every: str | None, zone: str, last: str, now: str, due: str | None) -> None:
    one = checked(cron, every, zone, at("2026-01-31T12:00Z"), None)
    assert one.due(at(last), at(now)) == (None if due is None else at(due))


@pytest.mark.parametrize(
    ("cron", "every", "zone", "said"),
    [
        ("61 * * * *", None, "UTC", "cron '61 * * * *'"),
        ("* * * *", None, "UTC", "five fields"),
        ("* * * * * *", None, "UTC", "five fields"),
        ("0 0 31 2 *", None, "UTC", "cron '0 0 31 2 *'"),
        (None, "fortnightly", "UTC", "'fortnightly' is no interval"),
        (None, "0m", "UTC", "'0m' is no interval"),
        (None, "400d", "UTC", "'400d' is no interval"),
        (None, "daily", "Mars/Olympus", "time zone 'Mars/Olympus'"),
        (None, "daily", "../etc", "time zone '../etc'"),
        (None, None, "UTC", "either cron or an interval"),
        ("* * * * *", "daily", "UTC", "either cron or an interval"),
    ],
)
def test_what_is_no_schedule_is_refused(cron: str | None, every: str | None, zone: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        checked(cron, every, zone, 0, None)
    assert said in str(refused.value)


def test_a_schedule_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadInput, match="ends after it begins"):
        checked(None, "daily", "UTC", 7, 6)


def test_a_snapshot_is_named_by_the_day_and_the_hour_of_the_time_zone() -> None:
    time = at("2026-11-22T23:30Z")
    assert snapshot_name("sunday-{date}", time, "UTC") == "sunday-2026-11-22"
    assert snapshot_name("w-{date}-{time}", time, "Europe/Berlin") == "w-2026-11-23-0030"


@pytest.mark.parametrize("pattern", ["sunday", "@{date}", " {date}"])
def test_a_pattern_that_gives_no_new_name_is_refused(pattern: str) -> None:
    with pytest.raises(BadInput, match="snapshot"):
        check_pattern(pattern)


def test_intervals_are_whole() -> None:
    assert [schedule.length(text) for text in ("hourly", "90s", "1d")] == [3600 * SECOND, 90 * SECOND, DAY]
