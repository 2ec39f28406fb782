"""Rules of listening that need no broker: delays, what is known, the pulse."""

from itertools import islice
from pathlib import Path

import pytest

from calipso.pulse import Pulse
from calipso.values import interval, span
from producers import listen
from producers.listener import Delays
from schemas.errors import BadInput, CouldNotLook, NotFound
from schemas.events import Event, NotificationReceived, SnapshotTaken
from streams import known
from streams.journal import Journal
from streams.known import KnownNotifications, not_yet_known
from streams.local_log import LocalLog

HOUR = 3_600_000_000


def notification(number: int, occurred_at: int = 0) -> Event:
    """Answer a notification with an id of this number."""
    payload = NotificationReceived(f"{number}", "port.create.end", "", "neutron", "notifications.info", b"{}")
    return Event(f"00000000-0000-0000-0000-{number:012}", "lab", "openstack", occurred_at, None, payload)


def journal(folder: Path, times: list[int]) -> Journal:
    """Answer a journal whose log takes the times of its appends from a list."""
    clock = iter(times)
    return Journal(LocalLog(folder, clock=lambda: next(clock)))


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1999-12-31T23:59:59"])
def test_a_timestamp_that_cannot_be_counts_as_the_time_of_receipt(stamp: str) -> None:
    body = {"message_id": "m", "event_type": "port.create.end", "timestamp": stamp, "payload": {}}
    assert listen.notification(body, "lab", {"received": 1_795_000_000.5}).occurred_at == 1_795_000_000_500_000
    for received in (1e30, -1, float("nan")):
        with pytest.raises(BadInput, match="no time"):
            listen.notification(body, "lab", {"received": received})


def test_delays_grow_to_half_a_minute_and_begin_anew_after_a_success() -> None:
    delays = Delays()
    first = list(islice(delays, 12))
    assert 0.25 <= first[0] <= 0.5
    assert all(0.5 * 2**n * 0.5 <= delay <= 0.5 * 2**n for n, delay in enumerate(first[:6]))
    assert all(15 <= delay <= 30 for delay in first[6:])
    delays.reset()
    assert next(delays) <= 0.5


def test_what_is_on_the_log_is_not_fresh_whoever_wrote_it(tmp_path: Path) -> None:
    one = journal(tmp_path, [10 * HOUR] * 9)
    memory = KnownNotifications(one, "lab")
    first, second, third = (notification(number, 10 * HOUR) for number in range(3))
    one.append([first])
    assert memory.fresh([first, second, second]) == [second]
    Journal(LocalLog(tmp_path)).append([second])
    assert memory.fresh([third, first, second]) == [third]


def test_the_log_is_read_back_to_the_oldest_notification_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "LOOKED_THROUGH", 0)
    log = journal(tmp_path, [number * HOUR for number in range(1, 11)])
    for number in range(10):
        log.append([notification(number)])
    memory = KnownNotifications(log, "lab")
    # Logged at 6 h: known to who asks about something that happened an hour later at most.
    assert memory.fresh([notification(5, 8 * HOUR), notification(7, 8 * HOUR)]) == [notification(5, 8 * HOUR)]
    assert memory.fresh([notification(5, 7 * HOUR - 1), notification(99, 7 * HOUR)]) == [notification(99, 7 * HOUR)]


def test_the_newest_events_are_looked_through_whatever_the_clocks_say(tmp_path: Path) -> None:
    log = journal(tmp_path, [HOUR])
    log.append([notification(1, 1000 * HOUR)])
    assert KnownNotifications(log, "lab").fresh([notification(1, 1000 * HOUR)]) == []


def test_a_bounded_number_of_ids_is_remembered_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "REMEMBERED", 3)
    log = journal(tmp_path, [HOUR])
    log.append([notification(number) for number in range(5)])
    fresh = KnownNotifications(log, "lab").fresh([notification(number) for number in range(5)])
    assert fresh == [notification(0), notification(1)]


def test_a_recording_is_held_against_the_whole_log(tmp_path: Path) -> None:
    log = journal(tmp_path, [HOUR] * 3)
    log.append([notification(1)])
    log.append([Event("x", "lab", "operator", 0, None, SnapshotTaken("name", 0, ""))])
    found = not_yet_known(log, "lab", [notification(2, HOUR * 999), notification(1, HOUR * 999), notification(2)])
    assert found == [notification(2, HOUR * 999)]


def test_a_pulse_is_well_until_it_is_late_or_says_otherwise(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path, "listener", "a/b")
    with pytest.raises(NotFound, match="no listener runs"):
        pulse.check()
    pulse.beat(True, "listening", 60)
    assert pulse.check() == "listening"
    pulse.beat(False, "no broker", 60)
    with pytest.raises(CouldNotLook, match="not well: no broker"):
        pulse.check()
    pulse.beat(True, "listening", -5)
    with pytest.raises(CouldNotLook, match="said nothing for 5 s too long"):
        pulse.check()
    pulse.end()
    with pytest.raises(NotFound):
        pulse.check()


def test_a_pulse_never_fails_who_gives_it(tmp_path: Path) -> None:
    (tmp_path / "pulse").write_text("a file where a folder should be")
    pulse = Pulse(tmp_path, "listener", "lab")
    pulse.beat(True, "listening", 60)
    pulse.end()
    with pytest.raises(CouldNotLook, match="cannot be read"):
        pulse.check()


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800)])
def test_an_interval_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert interval(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0s", "-1h", "1.5h", "1w", "1h30m", "400d", "\u0661h"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="no interval"):
        interval(text)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.6, "1m"), (5400, "1h 30m"), (90_061, "1d 1h")])
def test_a_span_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text
