"""The benchmarks' clouds live the same life each time, their casts are what the fold makes, and each benchmark runs."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS, OF_HISTORIES
from benchmarks.cloud import NAME
from benchmarks.estate import EXTENTS, SEED, TINY, Estate
from benchmarks.lab import Lab
from benchmarks.life import Life
from benchmarks.mould import Mould
from benchmarks.readers import check_whole
from benchmarks.shelf import Shelf, write
from benchmarks.ticks import CLOCKS
from projections.change import Kind
from projections.digest import EMPTY, advance
from projections.fold import NOT_UNDERSTOOD, Fold, environment_key
from schemas import codec
from schemas.events import Entry, Event, NotificationReceived
from streams.history import Step
from streams.local_history import LocalHistory
from streams.worker import step_of

FIELDS = ["name", "size", "value", "unit", "reference", "reference_name", "ratio", "goal", "ok"]
REFERENCES = {"raphtory": "raphtory", "duckdb": "duckdb pyarrow"}
"""By the name of the module, what a benchmark calls it when it is not installed."""


def lived(seed: int, segments: int) -> list[Event]:
    """Answer the first events of a small cell's life."""
    return [event for segment in islice(Life(TINY, seed).segments(), segments) for event in segment.events]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Answer a shelf that the tests of this file share."""
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture
def lab(shelf: Shelf) -> Iterator[Lab]:
    """Answer what a benchmark of the smallest size works with."""
    with closing(Lab("tiny", shelf)) as lab:
        yield lab


def test_the_same_seed_gives_the_same_life_and_another_seed_another() -> None:
    assert lived(1, 5) == lived(1, 5)
    assert lived(1, 5) != lived(2, 5)


def test_every_notification_of_a_life_is_understood_and_changes_something() -> None:
    fold, told = Fold(NAME), 0
    for offset, event in enumerate(lived(SEED, 20)):
        changes = fold.apply(Entry(offset, 0, event))
        if isinstance(event.payload, NotificationReceived):
            told += 1
            assert changes, event.payload.event_type
    assert told > 100
    assert NOT_UNDERSTOOD.encode() not in fold.records[environment_key(NAME)]


def test_the_steps_that_are_cast_are_those_that_the_fold_makes_of_the_events_of_all_cells(lab: Lab) -> None:
    fold, digest = Fold(NAME), EMPTY
    steps: list[Step] = []
    for offset, logged_at, record in lab.estate.records():
        entry = Entry(offset, logged_at, codec.decode(record))
        changes = fold.apply(entry)
        digest = advance(digest, changes)
        steps.append(step_of(entry, digest, changes))
    assert list(lab.estate.steps()) == steps
    assert {change.key.kind for step in steps for change in step.changes} >= {Kind.OBJECT, Kind.LINK, Kind.CLIQUE}


def test_cells_are_alike_and_share_no_name() -> None:
    mould = Mould(TINY, SEED, 1)
    estate = Estate(mould, 2)
    own: list[set[str]] = [set(), set()]
    for number, step in enumerate(estate.steps()):
        own[number // (estate.events // 2)].update(c.key.id for c in step.changes if c.key.kind is Kind.OBJECT)
    assert len(own[0]) - len(own[1]) == 1  # the region
    assert not own[0] & own[1]


def test_a_history_is_filled_once_and_holds_what_its_estate_tells(shelf: Shelf, lab: Lab) -> None:
    folder, filled = shelf.history("tiny")
    assert shelf.history("tiny") == (folder, filled)
    steps = list(lab.estate.steps())
    assert filled.events == len(steps)
    assert filled.changes == sum(len(step.changes) for step in steps) >= EXTENTS["tiny"].changes
    with closing(lab.opened()) as history:
        assert history.position(NAME).digest == steps[-1].digest


@pytest.fixture
def no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no reference be installed."""
    monkeypatch.setattr("benchmarks.raphtory_peer.raphtory", None)
    monkeypatch.setattr("benchmarks.duckdb_peer.duckdb", None)


@pytest.mark.parametrize("name", list(OF_HISTORIES))
def test_a_benchmark_answers_rows_with_all_their_fields(
    name: str, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [measure.row() for measure in OF_HISTORIES[name](lab)]
    said = capsys.readouterr().err
    assert rows or any(f"{missing} is not installed" in said for missing in REFERENCES.values())
    for row in rows:
        assert list(row) == FIELDS
        assert row["name"].startswith(name)
        assert row["size"] == "tiny"
        assert row["value"] > 0
        assert row["reference"] > 0
        assert row["ok"] == (row["ratio"] >= row["goal"])


@pytest.mark.usefixtures("no_reference")
def test_a_reference_that_is_not_installed_is_named_with_what_to_install(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(lab.peers()) == []
    said = capsys.readouterr().err
    assert all(f"{missing} is not installed" in said for missing in REFERENCES.values())


@pytest.mark.usefixtures("no_reference")
@pytest.mark.parametrize("name", ["ingest", "object-at", "environment-at", "diff-10k"])
def test_a_benchmark_goes_on_without_its_references(name: str, lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    beside = {row.reference_name for row in OF_HISTORIES[name](lab)}
    assert not any(reference.startswith(("raphtory", "DuckDB")) for reference in beside)
    assert "skipped a reference" in capsys.readouterr().err


def test_the_unit_says_by_which_clock_it_was_measured(shelf: Shelf) -> None:
    with closing(Lab("tiny", shelf, "processor")) as lab:
        assert [row.unit for row in OF_HISTORIES["as-of-age"](lab)] == ["us p95 (processor)"]
    with closing(Lab("tiny", shelf)) as lab:
        assert [row.unit for row in OF_HISTORIES["as-of-age"](lab)] == ["us p95"]


def test_every_benchmark_and_size_is_documented() -> None:
    told = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text()
    assert [name for name in (*BENCHMARKS, "customer", "small", "medium", "large") if f"`{name}`" not in told] == []


def test_a_reader_notices_an_event_of_which_a_part_is_missing(lab: Lab, tmp_path: Path) -> None:
    first, second = islice((step for step in lab.estate.steps() if len(step.changes) > 1), 2)
    steps = [replace(step, offset=number) for number, step in enumerate((first, second))]
    with closing(LocalHistory(tmp_path)) as history:
        write(history, steps, -1, CLOCKS["wall"])
        check_whole(history, 1)
    torn = replace(steps[1], changes=steps[1].changes[1:])
    (tmp_path / "torn").mkdir()
    with closing(LocalHistory(tmp_path / "torn")) as history:
        write(history, [steps[0], torn], -1, CLOCKS["wall"])
        with pytest.raises(AssertionError, match="a part is missing"):
            check_whole(history, 1)
