"""The worker folds each event once, whatever breaks off and whoever works beside it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.errors import HistoryError
from streams.history import Position, Step
from streams.local_history import LocalHistory
from streams.worker import Worker
from tests.unit.api_demo import ENV, Demo, demo, the_past


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

    def write(self, environment: str, steps: Sequence[Step], position: Position) -> None:
        """Refuse once."""
        if self.full:
            self.full = False
            raise HistoryError("no room")
        super().write(environment, steps, position)


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
