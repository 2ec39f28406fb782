"""The figures of an environment are those of its events, its rows and its files."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from calipso.stats import size
from schemas.errors import NotFound
from streams.history import History
from streams.journal import Journal
from streams.log import Log
from streams.statistics import statistics
from tests.unit.api_demo import ENV, MINUTE, NOON, V1, Demo, demo, the_past

DAY = 24 * 60 * MINUTE


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        opened.tell(*the_past(), environment="other")
        opened.worker.catch_up_all()
        yield opened


def figures(asked: Demo, now: int = NOON + DAY) -> dict[str, Any]:
    return statistics(asked.journal, asked.history, ENV, now)


def test_events_are_counted_and_weighed_by_kind(asked: Demo) -> None:
    records = {record.offset: len(record.value) for record in asked.log.read(ENV)}
    kinds = Counter[str]()
    weights = Counter[str]()
    for entry in asked.journal.read(ENV):
        name = type(entry.event.payload).__name__
        kinds[name] += 1
        weights[name] += records[entry.offset]
    found = figures(asked)
    assert {one["event"]: one["events"] for one in found["events"]} == kinds
    assert {one["event"]: one["bytes"] for one in found["events"]} == weights
    assert [one["bytes"] for one in found["events"]] == sorted(weights.values(), reverse=True)
    assert (found["log"]["events"], found["log"]["bytes"]) == (len(records), sum(records.values()))
    assert found["log"]["environments"] == 2
    seen = next(one for one in found["events"] if one["event"] == "ObjectsSeen")
    assert seen["bytes_per_event"] == pytest.approx(weights["ObjectsSeen"] / kinds["ObjectsSeen"], rel=1e-3)


def test_what_there_is_and_what_changed_are_counted(asked: Demo) -> None:
    past = asked.questions.past(ENV)
    found = figures(asked)
    assert found["objects"] == past.counts()
    assert found["now"] == {
        "objects": len(list(past.objects())),
        "links": len(list(past.all_links())),
        "cliques": len(list(past.cliques())),
    }
    steps = asked.history.checkpoints(ENV)
    assert found["history"]["changes"] == sum(len(asked.history.step_changes(ENV, step.offset)) for step in steps)


def test_files_are_weighed_whole(asked: Demo, tmp_path: Path) -> None:
    found = figures(asked)
    log, history = (
        sum((tmp_path / f"{name}{more}").stat().st_size for more in ("", "-wal")) for name in ("log.db", "history.db")
    )
    assert (found["log"]["file_bytes"], found["history"]["file_bytes"]) == (log, history)
    assert found["history"]["bytes_per_log_byte"] == pytest.approx(history / log, rel=1e-3)


def test_growth_is_told_of_the_last_week_and_of_the_whole_life(tmp_path: Path) -> None:
    with demo(tmp_path) as asked:
        asked.worker.catch_up(ENV)
        first = figures(asked, NOON + DAY)["growth"]
        assert first["whole_life"] == first["last_week"]
        count, weight = first["whole_life"]["events"], first["whole_life"]["bytes"]
        assert first["whole_life"]["events_per_day"] == count
        assert first["whole_life"]["bytes_per_day"] == pytest.approx(weight, rel=1e-3)
        assert first["whole_life"]["log_gb_per_year"] == pytest.approx(weight * 365 / 1e9, rel=1e-3)
        ratio = figures(asked)["history"]["bytes_per_log_byte"]
        assert first["whole_life"]["gb_per_year"] == pytest.approx(weight * 365 / 1e9 * (1 + ratio), rel=2e-3)
        later = figures(asked, NOON + 10 * DAY)["growth"]
        assert (later["last_week"]["events"], later["last_week"]["bytes_per_day"], later["last_week"]["days"]) == (
            0,
            0,
            7,
        )
        assert later["whole_life"]["events_per_day"] == pytest.approx(count / 10, rel=1e-3)


def test_a_rate_of_less_than_an_hour_is_not_told(asked: Demo) -> None:
    found = figures(asked, NOON + 59 * MINUTE)["growth"]
    assert found["last_week"]["events_per_day"] is None
    assert found["whole_life"]["gb_per_year"] is None
    assert figures(asked, NOON + 60 * MINUTE)["growth"]["whole_life"]["gb_per_year"] is not None


class OnlyALog:
    """A log that tells nothing of its lengths, as one on Kafka does not."""

    def __init__(self, log: Log) -> None:
        self.read = log.read
        self.append = log.append
        self.head = log.head
        self.offset_at = log.offset_at
        self.time_of = log.time_of
        self.environments = log.environments
        self.close = log.close


class OnlyAHistory:
    """A history that tells nothing of its rows, as one that is shared does not."""

    def __init__(self, history: History) -> None:
        self.position = history.position
        self.all = history.all
        self.checkpoints = history.checkpoints


def test_what_cannot_be_told_is_null_and_the_rest_is_the_same(asked: Demo) -> None:
    journal, history = Journal(OnlyALog(asked.log)), OnlyAHistory(asked.history)
    found = statistics(journal, history, ENV, NOON + DAY)  # type: ignore[arg-type]  # it asks for no more
    whole = figures(asked)
    assert {one["bytes"] for one in found["events"]} == {found["log"]["bytes"], found["log"]["file_bytes"]} == {None}
    assert found["history"] == {"changes": None, "file_bytes": None, "bytes_per_log_byte": None}
    assert (found["now"], found["objects"]) == (whole["now"], whole["objects"])
    assert sum(one["events"] for one in found["events"]) == whole["log"]["events"]
    growth = found["growth"]["whole_life"]
    assert (growth["bytes_per_day"], growth["gb_per_year"]) == (None, None)
    assert growth["events_per_day"] == whole["growth"]["whole_life"]["events_per_day"]


def test_an_environment_of_which_nothing_is_known_is_refused(asked: Demo) -> None:
    with pytest.raises(NotFound, match="environment nowhere"):
        statistics(asked.journal, asked.history, "nowhere", NOON)


def test_no_record_and_no_document_is_read(asked: Demo) -> None:
    class Blind(Journal):
        def read(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("a record was read")

    told: list[str] = []
    asked.history._db.set_trace_callback(told.append)
    statistics(Blind(asked.log), asked.history, ENV, NOON + DAY)
    asked.history._db.set_trace_callback(None)
    assert not [statement for statement in told if "value" in statement or "packed" in statement]


def test_the_api_answers_the_same(asked: Demo) -> None:
    answer = asked.get(f"{V1}/stats")
    assert answer["log"] == figures(asked)["log"]
    assert asked.ask("/v1/environments/nowhere/stats").status_code == 404


@pytest.mark.parametrize(
    ("count", "said"),
    [(None, None), (0, "0 B"), (999, "999 B"), (999.7, "1 kB"), (1234, "1.23 kB"), (5e6, "5 MB"), (2.5e15, "2.5 PB")],
)
def test_bytes_are_said_in_steps_of_a_thousand(count: float | None, said: str | None) -> None:
    assert size(count) == said
