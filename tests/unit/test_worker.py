"""The worker folds each event once, whatever breaks off and whoever works beside it."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streams.worker
from projections.fold import VERSION
from schemas.errors import HistoryError
from schemas.events import Event
from streams.history import Position, Step
from streams.journal import Journal
from streams.local_history import FILE, LocalHistory
from streams.local_log import LocalLog
from streams.verify import verify
from streams.worker import Worker
from tests.unit.api_demo import ENV, Demo, demo, the_past
from tests.unit.stories import stories
from tests.unit.test_fold import engine


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        yield opened


def _digest_of_replay(asked: Demo) -> int:
    """Answer what a worker that was never disturbed would reach."""
    return Worker(asked.journal, asked.history).rebuild(ENV).digest


class FullOnce(LocalHistory):
    """A history that has no room at one write."""

    full = False

    def write(self, environment: str, steps: Sequence[Step], position: Position, after: int) -> bool:
        """Refuse once."""
        if self.full:
            self.full = False
            raise HistoryError("no room")
        return super().write(environment, steps, position, after)


def test_events_folded_but_not_written_are_folded_again(asked: Demo, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    history = FullOnce(tmp_path / "other")
    worker = Worker(asked.journal, history)
    worker.catch_up(ENV)
    asked.tell(*the_past())
    history.full = True
    with pytest.raises(HistoryError, match="no room"):
        worker.catch_up(ENV)
    assert worker.catch_up(ENV).digest == _digest_of_replay(asked)
    assert [blame.offset for blame in history.checkpoints(ENV)] == list(range(asked.journal.head(ENV) + 1))
    history.close()


def test_a_history_forgotten_by_another_is_folded_whole(asked: Demo) -> None:
    asked.worker.catch_up(ENV)
    asked.history.forget(ENV)
    asked.tell(*the_past())
    asked.worker.catch_up(ENV)
    offsets = [blame.offset for blame in asked.history.checkpoints(ENV)]
    assert offsets == list(range(asked.journal.head(ENV) + 1))


def test_threads_take_turns_at_one_environment(asked: Demo) -> None:
    with ThreadPoolExecutor(8) as crowd:
        for _ in range(3):
            asked.tell(*the_past())
            head = asked.journal.head(ENV)
            reached = [crowd.submit(asked.worker.catch_up, ENV) for _ in range(8)]
            assert {future.result().offset for future in reached} == {head}
    digest = asked.history.position(ENV).digest
    assert digest == _digest_of_replay(asked)


class Interrupted(LocalHistory):
    """A history of a process that others get ahead of just before it writes."""

    def __init__(self, folder: Path, between: Callable[[], object]) -> None:
        super().__init__(folder)
        self.between = between

    def write(self, environment: str, steps: Sequence[Step], position: Position, after: int) -> bool:
        """Let the others go first."""
        self.between()
        return super().write(environment, steps, position, after)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.worker, "BATCH", 3)


@pytest.mark.usefixtures("small_batches")
def test_a_history_begun_anew_by_another_between_two_writes_is_whole_in_the_end(asked: Demo, tmp_path: Path) -> None:
    writes = iter([asked.journal.environments] * 5 + [lambda: asked.history.forget(ENV)])
    mine = Interrupted(tmp_path, lambda: next(writes, asked.journal.environments)())
    Worker(asked.journal, mine).catch_up(ENV)
    assert verify(asked.journal, asked.history, ENV).problem is None
    assert [step.offset for step in mine.checkpoints(ENV)] == list(range(asked.journal.head(ENV) + 1))
    mine.close()


@pytest.mark.usefixtures("small_batches")
def test_a_history_folded_by_another_version_is_not_continued(asked: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.worker.catch_up(ENV)
    monkeypatch.setattr(streams.worker, "VERSION", VERSION + 1)
    monkeypatch.setattr(streams.worker, "MEANING", VERSION + 1)
    Worker(asked.journal, asked.history).catch_up(ENV)
    assert asked.history.position(ENV).fold_version == VERSION + 1
    monkeypatch.undo()
    asked.tell(*the_past())
    with pytest.raises(HistoryError, match=f"version {VERSION + 1}"):
        asked.worker.catch_up(ENV)  # an older program that still runs must not fold on with its rules
    assert asked.history.position(ENV).fold_version == VERSION + 1


def test_a_worker_left_from_before_a_new_version_folds_anew(asked: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.worker.catch_up(ENV)
    asked.tell(*the_past())
    monkeypatch.setattr(streams.worker, "VERSION", VERSION + 1)
    monkeypatch.setattr(streams.worker, "MEANING", VERSION + 1)
    asked.worker.catch_up(ENV)
    versions = {step.offset for step in asked.history.checkpoints(ENV)}
    assert versions == set(range(asked.journal.head(ENV) + 1))
    assert asked.history.position(ENV).fold_version == VERSION + 1


def test_a_history_of_another_log_is_folded_anew(tmp_path: Path) -> None:
    longer, shorter = tmp_path / "longer", tmp_path / "shorter"
    with demo(longer) as before:
        before.tell(*the_past())
        before.worker.catch_up(ENV)
    with demo(shorter) as after:
        after.history.close()
        shutil.copy(longer / FILE, shorter / FILE)
        Worker(after.journal, LocalHistory(shorter)).catch_up(ENV)
        assert after.history.position(ENV).offset == after.journal.head(ENV)
        assert verify(after.journal, after.history, ENV).problem is None


def test_a_history_whose_newest_event_is_not_the_logs_is_folded_anew(tmp_path: Path) -> None:
    with demo(tmp_path / "one") as one:
        one.worker.catch_up(ENV)
    with demo(tmp_path / "other") as other:
        other.tell(*the_past())
        (tmp_path / "one" / "log.db").unlink()
        journal, history = Journal(LocalLog(tmp_path / "one")), LocalHistory(tmp_path / "one")
        for entry in list(other.journal.read(ENV))[1:]:
            journal.append([entry.event])
        Worker(journal, history).catch_up(ENV)
        assert verify(journal, history, ENV).problem is None
        history.close()
        journal.close()


def test_a_damaged_history_is_not_folded_on(asked: Demo, tmp_path: Path) -> None:
    asked.worker.catch_up(ENV)
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("UPDATE versions SET value = NULL WHERE key = (SELECT id FROM keys WHERE key = 'i-web' LIMIT 1)")
    other.close()
    asked.tell(*the_past())
    Worker(asked.journal, asked.history).catch_up(ENV)
    assert verify(asked.journal, asked.history, ENV).problem is None


def test_an_environment_without_an_event_has_no_history(asked: Demo) -> None:
    assert asked.worker.catch_up("nowhere").offset == -1
    assert asked.history.environments() == []


class Crowd:
    """Two processes at one history; whatever one is about to write, others may get ahead of it."""

    def __init__(self, journal: Journal, folder: Path, draw: Callable[[list[str]], str]) -> None:
        self._journal = journal
        self._draw = draw
        self._histories = [Interrupted(folder, self.between) for _ in range(2)]
        self.workers = [Worker(journal, history) for history in self._histories]
        self._plain = LocalHistory(folder)
        self._environment = ""

    def act(self, environment: str) -> None:
        """Let one of the two do something, or nobody."""
        self._environment = environment
        number = int(self._draw(["0", "1"]))
        match self._draw(["catches up", "begins again", "nothing"]):
            case "catches up":
                self.workers[number].catch_up(environment)
            case "begins again":
                self.workers[number] = Worker(self._journal, self._histories[number])

    def between(self) -> None:
        match self._draw(["another catches up", "forgotten", *["nothing"] * 6]):
            case "another catches up":
                Worker(self._journal, self._plain).catch_up(self._environment)
            case "forgotten":
                self._plain.forget(self._environment)

    def close(self) -> None:
        for history in (self._plain, *self._histories):
            history.close()


@settings(max_examples=40, deadline=None)
@given(stories(longest=25), st.data())
def test_any_interleaving_of_two_processes_gives_the_history_of_one(events: list[Event], data: st.DataObject) -> None:
    with engine() as (journal, alone), engine() as (_, history), pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.worker, "BATCH", 3)
        crowd = Crowd(journal, history._file.parent, lambda choices: data.draw(st.sampled_from(choices)))
        for event in events:
            journal.append([event])
            crowd.act(event.environment)
        for environment in journal.environments():
            crowd.workers[0].catch_up(environment)
            assert history.position(environment) == Worker(journal, alone).catch_up(environment)
            assert list(history.checkpoints(environment)) == list(alone.checkpoints(environment))
            assert verify(journal, history, environment).problem is None
        crowd.close()


class Ending(Journal):
    """A journal that ends earlier than its log."""

    end = 9

    def head(self, _environment: str) -> int:
        """Answer where it ends."""
        return self.end


def broken_off(asked: Demo) -> None:
    """Leave the draft of a rebuild that broke off behind offset 9."""
    with closing(asked.history.draft(ENV)) as draft:
        assert Worker(Ending(asked.log), draft).catch_up(ENV).offset == Ending.end


def begins(asked: Demo, *, restart: bool = False) -> int:
    """Rebuild, and answer the offset behind which that began."""
    found: list[int] = []
    reached = Worker(asked.journal, asked.history).rebuild(ENV, restart=restart, began=found.append)
    assert reached.offset == asked.journal.head(ENV)
    assert verify(asked.journal, asked.history, ENV).problem is None
    return found[0]


def test_a_rebuild_goes_on_only_with_what_it_can_trust(asked: Demo, tmp_path: Path) -> None:
    asked.worker.catch_up(ENV)
    assert begins(asked) == -1
    broken_off(asked)
    assert begins(asked) == 9
    broken_off(asked)
    assert begins(asked, restart=True) == -1
    for column, value in (
        ("fold_version", VERSION + 1),
        ("fold_version", VERSION - 1),
        ("digest", b"x"),
        ("offset", 8),
        ("offset", 999),
    ):
        broken_off(asked)
        with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
            changed = db.execute(f"UPDATE environments SET {column} = ? WHERE name = char(0) || ?", (value, ENV))  # noqa: S608 - fixed words
            assert changed.rowcount == 1
        assert begins(asked) == -1, column


def test_a_rebuild_does_not_go_on_with_what_was_folded_from_another_log(asked: Demo, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with demo(tmp_path / "other") as other:
        other.tell(*the_past())
        broken_off(asked)
        with closing(LocalLog(tmp_path / "third")) as log:
            journal = Journal(log)
            journal.append([entry.event for entry in other.journal.read(ENV, after=5)])
            began: list[int] = []
            Worker(journal, asked.history).rebuild(ENV, began=began.append)
            assert began == [-1]
            assert verify(journal, asked.history, ENV).problem is None
