"""Who follows waits for the workers, for a bounded time, and says so when nobody folds."""

import threading
import time
from pathlib import Path

import pytest

from schemas.errors import HistoryError
from schemas.events import Event, SnapshotTaken
from streams.follower import Follower
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.worker import Worker

ENV = "cloud"
PAST = [Event(f"id {n}", ENV, "operator", n, None, SnapshotTaken(f"s{n}", 0, "")) for n in range(3)]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(LocalLog(tmp_path), lambda *_: None)
    journal.append(PAST)
    return journal


def test_it_waits_until_a_worker_has_folded_what_was_there(journal: Journal, tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    head = journal.head(ENV)
    late = threading.Timer(0.3, lambda: Worker(journal, history).catch_up(ENV))
    late.start()
    assert Follower(journal, history, patience=30).catch_up(ENV).offset == head
    late.join()


def test_it_answers_as_far_as_the_workers_have_come_when_patience_is_over(journal: Journal, tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    folded = Worker(journal, history).catch_up(ENV)
    journal.append(PAST)
    began = time.monotonic()
    assert Follower(journal, history, patience=0.2).catch_up(ENV) == folded
    assert time.monotonic() - began < 20


def test_it_says_what_is_missing_when_nobody_has_folded_anything(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="no worker has folded its log yet"):
        Follower(journal, LocalHistory(tmp_path), patience=0.1).catch_up(ENV)


def test_it_does_not_wait_for_a_record_that_is_no_event(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    journal, history = Journal(log, lambda *_: None), LocalHistory(tmp_path)
    journal.append(PAST)
    folded = Worker(journal, history).catch_up(ENV)
    log.append(ENV, [b"hello"])
    began = time.monotonic()
    assert Follower(journal, history, patience=60).catch_up(ENV) == folded
    assert time.monotonic() - began < 30
    assert Follower(journal, history, patience=60).catch_up("nowhere").offset == -1
