"""The composition root: the parts, put together from the settings. The program and its tests both use it."""

import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from calipso import collector
from calipso.attending import Attended
from calipso.settings import KafkaSettings, Settings
from schemas.errors import HistoryError, NotFound
from schemas.events import Event, Payload
from streams.follower import Follower, Upkeep
from streams.history import History
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.log import Log, Record
from streams.log_file import NAME
from streams.questions import Questions
from streams.worker import Worker

if TYPE_CHECKING:
    from streams.kafka_log import KafkaLog


PATIENCE: Final = 5.0
"""Seconds that who asks waits for the workers of a shared history."""


def now() -> int:
    """Answer the present time, microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Engine:
    """The log, the history and what works on them."""

    settings: Settings
    journal: Journal
    history: History
    worker: Upkeep
    questions: Questions

    def close(self) -> None:
        """Release files."""
        self.history.close()
        self.journal.close()


@contextmanager
def opened(settings: Settings, *, attended: bool = False) -> Iterator[Engine]:
    """Yield the engine of a data folder or a topic, which are created if need be.

    `attended`: somebody waits for each answer, and sees how far a long folding is.
    """
    # Others can write on a topic: what is no event there, the worker keeps as a dead letter, and readers pass over.
    journal = Journal(open_log(settings), None if settings.kafka is None else _pass_over)
    shared = settings.kafka is not None and settings.mongo is not None  # and so are the workers
    try:
        history = open_history(settings, folding=not shared)
    except BaseException:
        journal.close()
        raise
    worker: Upkeep = Follower(journal, history, PATIENCE) if shared else Worker(journal, history)
    if attended and isinstance(worker, Worker):
        worker = Attended(worker, journal, history)
    engine = Engine(settings, journal, history, worker, Questions(journal, history, worker, now))
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def looked_into(settings: Settings) -> Iterator[tuple[Journal, History]]:
    """Yield log and history that are there, for a process of its own which only reads them."""
    collector.seldom()
    bury = None if settings.kafka is None else _pass_over
    with (
        closing(Journal(open_log(settings, create=False), bury)) as journal,
        closing(open_history(settings, folding=False)) as history,
    ):
        yield journal, history


def _pass_over(_environment: str, _record: Record, _reason: str) -> None:
    """Leave out."""


def open_history(settings: Settings, *, folding: bool = True) -> History:
    """Answer the history that the settings name, created if need be; who folds into it keeps the read model, too."""
    if settings.mongo is None:
        return LocalHistory(settings.folder)
    from streams.mongo_client import Database  # here, as Kafka's client below
    from streams.mongo_history import MongoHistory
    from streams.read_model_store import ServedHistory

    _make(settings.folder)
    database = Database(settings.mongo.uri, settings.mongo.database, settings.mongo.resolved())
    try:
        return ServedHistory(database) if folding else MongoHistory(database)
    except BaseException:
        database.close()
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HistoryError(f"{folder}: cannot be made: {error.strerror}") from error


def open_log(settings: Settings, create: bool = True) -> Log:
    """Answer the log that the settings name."""
    if settings.kafka is None:
        return LocalLog(settings.folder)
    return open_kafka_log(settings, settings.kafka, create)


def open_kafka_log(settings: Settings, kafka: KafkaSettings, create: bool = True) -> "KafkaLog":
    """Answer the log on Kafka, and make the folder of the locks."""
    from streams.kafka_log import KafkaLog  # here, for who has the embedded log should not wait for Kafka's client

    _make(settings.folder)
    return KafkaLog(
        kafka.bootstrap,
        kafka.topic,
        kafka.resolved(),
        partitions=kafka.partitions,
        replicas=kafka.replicas,
        create=create,
    )


def has_data(settings: Settings) -> bool:
    """Answer whether there is a log. One that is lost beside its side files counts: opening it tells the damage."""
    if settings.kafka is None:
        return any(settings.folder.glob(f"{NAME}*"))
    try:
        open_log(settings, create=False).close()
    except NotFound:
        return False
    return True


@contextmanager
def existing(settings: Settings) -> Iterator[Engine]:
    """Yield the engine of a log that is there; NotFound says what to do when there is none. Makes no log."""
    if not has_data(settings):
        raise NotFound(
            f"there is no data in {settings.place}: calipso demo fills it with an example, calipso scan with a cloud, "
            f"or CALIPSO_LOG names another {'folder' if settings.kafka is None else 'topic'}"
        )
    with opened(settings, attended=True) as engine:
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
