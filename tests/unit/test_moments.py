"""Moments as a person writes them, and what cannot be one."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import encode
from schemas.errors import BadMoment, NotFound
from schemas.events import EnvironmentDefined, Event, SnapshotTaken
from streams.history import Position
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.moments import iso
from streams.past import Past
from streams.questions import Questions
from streams.worker import Worker
from tests.unit.api_demo import ENV, NOON, Demo, demo


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "offset"),
    [("0", 0), (" 7 ", 7), ("2026-11-01T12:07Z", 7), ("2026-11-01 12:07:59", 7), ("2026-11-01T13:07+01:00", 7)],
)
def test_one_moment_is_written_in_many_ways(asked: Demo, text: str, offset: int) -> None:
    assert asked.questions.moment(ENV, text).offset == offset


def test_an_age_is_counted_from_now(asked: Demo) -> None:
    # the demo's clock stands a day behind its first event
    assert asked.questions.moment(ENV, "-1435m").offset == 5
    assert asked.questions.moment(ENV, "-23.5h").offset == 30


@pytest.mark.parametrize(
    "text", ["", "yesterday", "-2", "-2y", "9" * 5000, f"-{'9' * 400}w", "²", "2026-13-01", "@", "1e3", "-1"]
)
def test_what_cannot_be_a_moment_is_refused_in_one_line(asked: Demo, text: str) -> None:
    with pytest.raises((BadMoment, NotFound)) as refused:
        asked.questions.moment(ENV, text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["999999999999999999", "-999999999999w", "0001-01-01T00:00+23:59", "@none"])
def test_a_moment_before_or_after_all_that_is_known_is_not_found(asked: Demo, text: str) -> None:
    with pytest.raises(NotFound):
        asked.questions.moment(ENV, text)


@given(st.integers())
def test_any_number_on_a_log_can_be_written_as_a_time(time: int) -> None:
    datetime.fromisoformat(iso(time))
    assert iso(10**30) == "9999-12-31T23:59:59.999Z"
    assert iso(-(10**30)) == "0001-01-01T00:00:00.000Z"


# -- against a log whose times are the test's own --------------------------------------------------------

SECOND = 1_000_000


class Told:
    """An environment whose events became known at the given times."""

    def __init__(self, folder: Path, *times: int) -> None:
        clock = iter([NOON + time for time in times])
        self.journal = Journal(LocalLog(folder, clock=lambda: next(clock)))
        self.history = LocalHistory(folder)
        for number in range(len(times)):
            self.tell(str(number))
        self.now = NOON + times[-1]

    def tell(self, name: str) -> None:
        payload = EnvironmentDefined(encode({"distribution": name}))
        self.journal.append([Event(name, ENV, "test", NOON, None, payload)])

    def offset(self, text: str) -> int:
        worker = Worker(self.journal, self.history)
        return Questions(self.journal, self.history, worker, lambda: self.now).moment(ENV, text).offset


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Callable[..., Told]]:
    opened: list[Told] = []

    def tell(*times: int) -> Told:
        opened.append(Told(tmp_path, *times))
        return opened[-1]

    yield tell
    for one in opened:
        one.history.close()
        one.journal.close()


def test_of_events_logged_at_one_time_a_moment_takes_the_last(told: Callable[..., Told]) -> None:
    asked = told(0, SECOND, SECOND, SECOND, 2 * SECOND)
    assert asked.offset("2026-11-01T12:00:01") == 3
    assert asked.offset("-1s") == 3
    assert asked.offset("-0s") == 4


@pytest.mark.parametrize("micros", [0, 1, 123_000, 123_456, 999_999, 20_001, 999_000])
def test_the_time_that_an_answer_shows_is_a_moment_that_holds_the_event(told: Callable[..., Told], micros: int) -> None:
    asked = told(0, SECOND + micros, 5 * SECOND)
    assert asked.offset(iso(NOON + SECOND + micros)) == 1


def test_a_time_written_in_microseconds_means_just_itself(told: Callable[..., Told]) -> None:
    asked = told(0, 1_000_003, 1_000_005)
    found = [asked.offset(f"2026-11-01T12:00:01.00000{micros}") for micros in (2, 3, 4, 5, 6)]
    assert found == [0, 1, 1, 2, 2]


def test_nothing_was_known_before_the_first_event(told: Callable[..., Told]) -> None:
    asked = told(0, SECOND)
    for text in ("-2h", "-1.5s", "2026-11-01T11:59:59.999"):
        with pytest.raises(NotFound, match="nothing was known"):
            asked.offset(text)
    assert asked.offset("-1s") == 0


def test_the_future_is_as_much_as_is_known(told: Callable[..., Told]) -> None:
    assert told(0, SECOND).offset("2126-01-01") == 1


class AppendedTo(LocalHistory):
    """A history beside which another process appends just after it was brought up to the log's head."""

    append: Callable[[], object] | None = None

    def position(self, environment: str) -> Position:
        """Let the other append once the history reaches somewhere."""
        found = super().position(environment)
        if found.offset >= 0 and self.append is not None:
            append, self.append = self.append, None
            append()
        return found


@pytest.mark.parametrize("text", ["latest", "2126-01-01", "-0s"])
def test_a_moment_is_never_later_than_what_is_folded(told: Callable[..., Told], tmp_path: Path, text: str) -> None:
    asked = told(0, SECOND, SECOND)
    history = AppendedTo(tmp_path)
    worker = Worker(asked.journal, history)
    worker.catch_up(ENV)
    asked.now += SECOND
    late = Event("late", ENV, "test", NOON, None, EnvironmentDefined(encode({"distribution": "late"})))
    history.append = lambda: Journal(LocalLog(tmp_path, clock=lambda: asked.now)).append([late])
    questions = Questions(asked.journal, history, worker, lambda: asked.now)
    moment = questions.moment(ENV, text)
    assert asked.journal.head(ENV) == 3
    assert moment.offset == 2
    assert Past(history, ENV, moment).settings()["settings"] == {"distribution": "2"}
    history.close()


def test_a_snapshot_is_a_moment_whatever_its_name(asked: Demo) -> None:
    for number, name in enumerate(["latest", "7", "a b/c|d", "-2h", "ü"]):
        asked.tell(SnapshotTaken(name, number, ""))
        assert asked.questions.moment(ENV, f"@{name}").offset == number
    with pytest.raises(NotFound, match=r"has none of that name \(it has @-2h, @7"):
        asked.questions.moment(ENV, "@nobody")


def test_an_environment_that_is_not_there_is_told_from_those_that_are(asked: Demo) -> None:
    with pytest.raises(NotFound, match=f"nowhere.*known: {ENV}"):
        asked.questions.moment("nowhere")
