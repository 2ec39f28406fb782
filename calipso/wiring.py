"""The composition root: the parts, put together from the settings. The program and its tests both use it."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from calipso.settings import Settings
from schemas.errors import NotFound
from schemas.events import Event, Payload
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.log_file import NAME
from streams.questions import Questions
from streams.worker import Worker


def now() -> int:
    """Answer the present time, microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Engine:
    """The log, the history and what works on them."""

    settings: Settings
    journal: Journal
    history: LocalHistory
    worker: Worker
    questions: Questions

    def close(self) -> None:
        """Release files."""
        self.history.close()
        self.journal.close()


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """Yield the engine of a data folder, which is created if need be."""
    journal = Journal(LocalLog(settings.folder))
    try:
        history = LocalHistory(settings.folder)
    except BaseException:
        journal.close()
        raise
    worker = Worker(journal, history)
    engine = Engine(settings, journal, history, worker, Questions(journal, history, worker, now))
    try:
        yield engine
    finally:
        engine.close()


def has_data(settings: Settings) -> bool:
    """Answer whether there is a log. One that is lost beside its side files counts: opening it tells the damage."""
    return any(settings.folder.glob(f"{NAME}*"))


@contextmanager
def existing(settings: Settings) -> Iterator[Engine]:
    """Yield the engine of a data folder that is there; NotFound says what to do when there is none. Makes nothing."""
    if not has_data(settings):
        raise NotFound(
            f"there is no data in {settings.folder}: calipso demo fills it with an example, calipso scan with a cloud, "
            "or CALIPSO_LOG names another folder"
        )
    with opened(settings) as engine:
        yield engine


def event(environment: str, payload: Payload, source: str, occurred_at: int | None = None) -> Event:
    """Answer a new event about an environment."""
    return Event(
        id=str(uuid.uuid4()),
        environment=environment,
        source=source,
        occurred_at=now() if occurred_at is None else occurred_at,
        cause=None,
        payload=payload,
    )
