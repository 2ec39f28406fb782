"""The command that runs a worker of a log on Kafka."""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import quote

import typer

from calipso import intake
from calipso.reading import settings_of
from calipso.settings import Settings
from calipso.terminal import line
from calipso.wiring import open_history, open_kafka_log
from schemas.errors import BadSettings

if TYPE_CHECKING:
    from streams.faust_worker import FaustWorker


def worker(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Of this worker among those of the log; its tables stand under it [host]."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=1, max=65535, help="Port of /health and /metrics.")
    ] = 6066,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address of these.")] = "127.0.0.1",
) -> None:
    """Fold the log on Kafka into history and tables, and take alerts in, until interrupted."""
    settings = settings_of(context)
    _log_to_stderr()
    with built(settings, name or socket.gethostname(), host, port) as built_worker:
        line(f"worker on http://{host}:{port}/health and /metrics")
        raise typer.Exit(built_worker.run())


def _begin_again() -> NoReturn:
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - this very command, with no shell between


def _log_to_stderr() -> None:
    """One line a message, with the time; of the libraries only what goes wrong."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("calipso").setLevel(logging.INFO)


@contextmanager
def built(settings: Settings, name: str, host: str, port: int) -> Iterator["FaustWorker"]:
    """Yield the worker of the settings. Raises BadSettings without Kafka, Conflict if the name is taken here."""
    kafka = settings.kafka
    if kafka is None:
        raise BadSettings("calipso worker folds a log on Kafka, and CALIPSO_LOG names none: calipso up folds this one")
    from streams.dead import DeadLetters  # here, for no other command should wait for Kafka's client and Faust
    from streams.faust_worker import FaustWorker, Place
    from streams.journal import Journal
    from streams.kafka_client import KafkaClient
    from streams.kafka_topic import INBOX, Topic, inbox_topic
    from streams.keeper import Burial, Keeper
    from streams.metrics import Metrics
    from streams.published import Publisher
    from streams.worker import Worker

    options = kafka.resolved()
    metrics = Metrics()
    with ExitStack() as open_now:
        log = open_kafka_log(settings, kafka)
        open_now.callback(log.close)
        history = open_history(settings)
        open_now.callback(history.close)
        sized = {"partitions": kafka.partitions, "replicas": kafka.replicas}
        dead = DeadLetters(kafka.bootstrap, kafka.topic, options, **sized)
        open_now.callback(dead.close)
        publisher = Publisher(kafka.bootstrap, kafka.topic, options, **sized)
        open_now.callback(publisher.close)
        alerts = KafkaClient(kafka.bootstrap, inbox_topic(kafka.topic), options, 20.0)
        open_now.callback(alerts.close)
        alerts.open(Topic(inbox_topic(kafka.topic), replicas=kafka.replicas, kind=INBOX), create=True)

        count = metrics.dead_letters.labels(kafka.topic).inc
        burial = Burial(dead, kafka.topic, kafka.partitions, count)
        journal = Journal(log, burial)
        fold = Worker(journal, history, publisher.publish)
        keeper = Keeper(log, journal, history, fold, burial, publisher)
        folder = settings.folder / "worker" / quote(name, safe="")
        place = Place(
            bootstrap=kafka.bootstrap,
            topic=kafka.topic,
            partitions=kafka.partitions,
            replicas=kafka.replicas,
            options=options,
            folder=folder,
            name=name,
            host=host,
            port=port,
        )
        yield FaustWorker(place, keeper, intake.inbox(settings, journal).take, dead, metrics, _begin_again)
