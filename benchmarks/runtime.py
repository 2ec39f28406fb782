"""The worker on Kafka: how fast a scan becomes queryable, beside plain loops over the same topic.

These start a real broker (tests/servers/kafka.py says what it needs) and workers as processes of their own.
"""

import io
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.request import urlopen
from uuid import uuid4

import fastavro
import msgspec

from benchmarks.cloud import NAME, SIZES, Cloud
from benchmarks.measure import Measure
from schemas.codec import parsed_schema
from schemas.events import Event, ObjectsSeen
from streams.journal import Journal
from streams.kafka_client import KafkaClient
from streams.kafka_log import KafkaLog
from streams.kafka_topic import partition_of
from streams.local_history import LocalHistory
from streams.worker import Worker
from tests.servers.kafka import KafkaBroker, free_port

_PLAIN = "a plain confluent-kafka loop with the same fold and history"
_BARE = "a bare loop: consume, decode envelope, payload and documents, set a dict"
_APPEND = 32
"""Events of one append, as a scan makes them."""
_HEADER = 10
"""Bytes before an envelope: marker and fingerprint."""
_PATIENCE = 1800.0
_FRESHNESS_SECONDS = 20.0


def faust(size: str) -> Measure:
    """Measure a first scan from its appends to the history and tables of a Faust worker."""
    events = list(Cloud(SIZES[size], 0).scan())
    with _broker() as kafka:
        rates = []
        for started in (_plain_loop, _faust_worker):
            with _Lab(kafka) as lab, started(lab):
                rates.append(_objects(events) / lab.seconds_until_queryable(events))
        plain, ours = rates
        return Measure("faust", size, ours, "objects/s", plain, _PLAIN, ours / plain, 0.5)


def bulk(size: str) -> Measure:
    """Measure a cold start: the same three days of scans caught up in bulk through confluent-kafka."""
    days = [list(Cloud(SIZES[size], day).scan()) for day in range(3)]
    with _broker() as kafka, _Lab(kafka) as lab:
        for day in days:
            lab.append(day)
        ours = _seconds(lab.catch_up)
        bare = min(_seconds(lab.bare_loop) for _ in range(3))
        speed, reference = (sum(map(_objects, days)) / seconds for seconds in (ours, bare))
        return Measure("kafka-bulk", size, speed, "objects/s", reference, _BARE, speed / reference, 0.3)


def freshness(size: str) -> Measure:
    """Measure from append to queryable (99th percentile), appending at a tenth of the events that a worker takes."""
    first = list(Cloud(SIZES[size], 0).scan())
    calm = list(Cloud(SIZES[size], 1, calm=1).scan())
    with _broker() as kafka, _Lab(kafka) as lab, _faust_worker(lab):
        lab.seconds_until_queryable(first)
        rate = len(calm) / lab.seconds_until_queryable(calm)
        late = sorted(lab.latencies(list(Cloud(SIZES[size], 2, calm=1).scan()), rate / 10))
        p99 = late[int(len(late) * 0.99)]
        print(f"rate {rate:.0f} events/s, p50 {statistics.median(late):.3f} s of {len(late)}", file=sys.stderr)
        return Measure("freshness", size, p99, "s (p99)", 1.0, "one second", 1.0 / p99, 1.0)


def pair(size: str) -> Measure:
    """Measure two workers on two environments beside one worker on both."""
    events = list(Cloud(SIZES[size], 0).scan())
    names = _names_apart()
    with _broker() as kafka:
        seconds = []
        for workers in (1, 2):
            with _Lab(kafka, partitions=2) as lab, ExitStack() as running:
                for number in range(workers):
                    running.enter_context(_faust_worker(lab, number, workers))
                seconds.append(lab.seconds_until_all(events, names))
        one, two = seconds
        rates = [2 * _objects(events) / each for each in (two, one)]
        return Measure("pair", size, rates[0], "objects/s", rates[1], "one worker on both", one / two, 1.6)


BENCHMARKS: dict[str, Callable[[str], Measure]] = {
    "faust": faust,
    "kafka-bulk": bulk,
    "freshness": freshness,
    "pair": pair,
}


class _Lab:
    """A topic and a folder for the history."""

    def __init__(self, kafka: KafkaBroker, partitions: int = 1) -> None:
        self._temporary = TemporaryDirectory()
        self.folder = Path(self._temporary.name)
        self.topic = f"benchmark-{uuid4()}"
        self.bootstrap = kafka.bootstrap
        self.partitions = partitions
        self.log = KafkaLog(kafka.bootstrap, self.topic, partitions=partitions)
        self.journal = Journal(self.log)
        self.histories = {0: LocalHistory(self.folder)}

    def __enter__(self) -> "_Lab":
        return self

    def __exit__(self, *_: object) -> None:
        for history in self.histories.values():
            history.close()
        self.log.close()
        self._temporary.cleanup()

    def environ(self, number: int = 0) -> dict[str, str]:
        """Answer the settings of a process; each number has a history of its own."""
        folder = self.folder / str(number) if number else self.folder
        if number not in self.histories:
            folder.mkdir()
            self.histories[number] = LocalHistory(folder)
        log = f"kafka://{self.bootstrap}/{self.topic}?partitions={self.partitions}"
        return {**os.environ, "CALIPSO_LOG": log, "CALIPSO_HISTORY": f"local:{folder}"}

    def _reached(self, environment: str) -> int:
        return max(history.position(environment).offset for history in self.histories.values())

    def append(self, events: Sequence[Event]) -> int:
        """Append as a scan does; answer the last offset."""
        offset = -1
        for start in range(0, len(events), _APPEND):
            offset = self.journal.append(events[start : start + _APPEND])[-1]
        return offset

    def seconds_until_queryable(self, events: Sequence[Event]) -> float:
        start = time.perf_counter()
        self._wait(events[0].environment, self.append(events))
        return time.perf_counter() - start

    def seconds_until_all(self, events: Sequence[Event], names: Sequence[str]) -> float:
        """Append for several environments, then wait for all."""
        told = {name: [replace(event, environment=name) for event in events] for name in names}
        start = time.perf_counter()
        last = {name: self.append(those) for name, those in told.items()}
        for name, offset in last.items():
            self._wait(name, offset)
        return time.perf_counter() - start

    def _wait(self, environment: str, offset: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._reached(environment) < offset:
            assert time.monotonic() < deadline, "nobody folds"
            time.sleep(0.002)

    def latencies(self, events: Sequence[Event], rate: float) -> Iterator[float]:
        """Append events one by one at a rate (a second); yield the seconds until each is in the history."""
        began = time.perf_counter()
        for number, event in enumerate(events):
            due = began + number / rate
            if due - began > _FRESHNESS_SECONDS:
                return
            time.sleep(max(0.0, due - time.perf_counter()))
            start = time.perf_counter()
            self._wait(event.environment, self.journal.append([event])[0])
            yield time.perf_counter() - start

    def catch_up(self) -> None:
        Worker(self.journal, self.histories[0]).catch_up(NAME)

    def bare_loop(self) -> None:
        state: dict[tuple[str, str], object] = {}
        client = KafkaClient(self.bootstrap, self.topic, {}, 20)
        for stored in client.scan(0, 0, client.end(0)):
            envelope = _read("Envelope", cast("bytes", stored.value)[_HEADER:])
            if envelope["payload_type"] == "ObjectsSeen":
                seen = _read("ObjectsSeen", envelope["payload"])
                for object_id, document in zip(seen["ids"], seen["documents"], strict=True):
                    state[seen["object_type"], object_id] = msgspec.json.decode(document)
        client.close()


@contextmanager
def _broker() -> Iterator[KafkaBroker]:
    with TemporaryDirectory() as folder:
        home = Path(folder) / "kafka"
        home.mkdir()
        broker = KafkaBroker(home)
        try:
            yield broker
        finally:
            broker.remove()


@contextmanager
def _faust_worker(lab: _Lab, number: int = 0, of: int = 1) -> Iterator[None]:
    """Run a worker until the block ends; the last of several waits until each has its share."""
    port = free_port()
    words = [sys.executable, "-m", "calipso", "worker", "--name", f"worker-{number}", "--port", str(port)]
    with _process(words, lab.environ(number)):
        deadline = time.monotonic() + 60
        while _share(port) != lab.partitions // of and number == of - 1:
            assert time.monotonic() < deadline, "the worker does not come up"
            time.sleep(0.1)
        yield


def _share(port: int) -> int:
    """Answer of how many partitions a worker says that it follows."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            partitions = msgspec.json.decode(answer.read())["partitions"]
    except OSError:
        return 0
    return sum(each["state"] == "following" for each in partitions)


@contextmanager
def _plain_loop(lab: _Lab) -> Iterator[None]:
    with _process([sys.executable, "-m", "benchmarks.plain_loop"], lab.environ()):
        time.sleep(3)
        yield


@contextmanager
def _process(words: list[str], environ: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        assert process.poll() is None, f"{words} ended early"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _names_apart() -> list[str]:
    """Answer two environments that live in different partitions of two."""
    names = [f"{NAME}-{number}" for number in range(64)]
    return [next(name for name in names if partition_of(name.encode(), 2) == number) for number in (0, 1)]


def _objects(events: Sequence[Event]) -> int:
    return sum(len(event.payload.ids) for event in events if isinstance(event.payload, ObjectsSeen))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _read(name: str, data: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", fastavro.schemaless_reader(io.BytesIO(data), parsed_schema(name), None))
