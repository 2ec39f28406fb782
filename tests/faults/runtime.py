"""The distributed runtime under test: a topic, workers as processes, and the undisturbed run to compare them with."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from projections.digest import EMPTY, advance
from projections.digest import text as digest_text
from projections.fold import Fold
from schemas.events import Entry, Event, FetchFailed, ObjectsSeen, ScanFinished, ScanStarted
from streams.dead import DeadLetters
from streams.history import History
from streams.journal import Journal
from streams.kafka_client import KafkaClient
from streams.kafka_log import KafkaLog
from streams.kafka_topic import changes_topic, partition_of
from streams.local_log import LocalLog
from streams.published import decode
from streams.verify import verify
from tests.e2e.program import Program
from tests.servers.kafka import KafkaBroker, free_port

Batches = list[list[Event]]
_PATIENCE = 90.0


def recorded_events(folder: Path) -> list[Event]:
    """Answer the events of the demo: two scans of a recorded cloud between which much happened."""
    program = Program(folder)
    program.run("demo")
    log = LocalLog(folder, read_only=True)
    try:
        return [entry.event for entry in Journal(log).read("demo")]
    finally:
        log.close()


def story(events: Sequence[Event], environment: str, rounds: int, seed: int) -> Batches:
    """Answer the demo, told over and over for an environment, in batches of random size; events differ in their ids."""
    chance = random.Random(seed)
    told = [_again(event, environment, number) for number in range(rounds) for event in events]
    batches: Batches = []
    while told:
        size = chance.randint(1, 12)
        batches.append(told[:size])
        told = told[size:]
    return batches


def _again(event: Event, environment: str, number: int) -> Event:
    payload = event.payload
    if isinstance(payload, ObjectsSeen | ScanStarted | ScanFinished | FetchFailed):
        payload = replace(payload, scan_id=f"{payload.scan_id}-{number}")
    own_id = str(uuid5(NAMESPACE_OID, f"{event.id} {environment} {number}"))
    return replace(event, id=own_id, environment=environment, payload=payload)


class RunningWorker:
    """A worker as a process."""

    def __init__(self, name: str, environ: dict[str, str], folder: Path) -> None:
        """Describe it; it runs from `start` on, and may take some seconds until it follows."""
        self.name = name
        self._environ = environ
        self._folder = folder
        self._log = folder / f"worker-{name}.log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self._process is None
        words = [sys.executable, "-m", "calipso", "worker", "--name", self.name, "--port", str(self.port)]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                words,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self._environ},
            )

    def end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        try:
            code = self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"does not end: {self.said()[-3000:]}") from None
        self._process = None
        return code

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def stop(self) -> None:
        assert self.end(signal.SIGTERM) == 0, self.said()[-3000:]

    def remove(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def said(self) -> str:
        return self._log.read_text()

    def asked(self, path: str) -> Any:
        """Answer what it says under a path, with the status under `_status`; None if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return {**json.load(answer), "_status": answer.status}
        except urllib.error.HTTPError as error:
            with error:
                return {**json.load(error), "_status": error.code}
        except OSError:
            assert self._process is None or self._process.poll() is None, self.said()[-3000:]
            return None

    def figures(self) -> dict[str, float]:
        """Answer its metrics by name and labels, as Prometheus reads them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def partitions(self) -> dict[int, str]:
        """Answer the state of each partition that it has."""
        health = self.asked("/health")
        return {} if health is None else {each["partition"]: each["state"] for each in health["partitions"]}

    def follows(self, *partitions: int) -> None:
        """Wait until it follows partitions."""
        waited(lambda: all(self.partitions().get(number) == "following" for number in partitions), self.said)


def waited(done: Callable[[], object], told: Callable[[], str]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"not within {_PATIENCE:g} s: {told()[-3000:]}"
        time.sleep(0.1)


class Runtime:
    """A topic of its own with workers; what was appended to it is remembered."""

    def __init__(
        self, kafka: KafkaBroker, folder: Path, history: str, open_history: Callable[[], History], partitions: int = 1
    ) -> None:
        """Make the topic. `history`: the setting by which workers find it; `open_history` opens it here."""
        self.topic = f"faults-{uuid4()}.events"
        self.bootstrap = kafka.bootstrap
        self.folder = folder
        self.partitions = partitions
        self.environ: dict[str, Any] = {
            "CALIPSO_LOG": f"kafka://{kafka.bootstrap}/{self.topic}?partitions={partitions}",
            "CALIPSO_HISTORY": history,
        }
        self.log = KafkaLog(kafka.bootstrap, self.topic, partitions=partitions)
        self._open_history = open_history
        self._journal = Journal(self.log, lambda *_: None)
        self._appended: dict[str, list[tuple[int, Event]]] = {}
        self._workers: list[RunningWorker] = []

    def worker(self, name: str = "one", *, start: bool = True) -> RunningWorker:
        self._workers.append(RunningWorker(name, self.environ, self.folder))
        if start:
            self._workers[-1].start()
        return self._workers[-1]

    def append(self, batch: Sequence[Event]) -> None:
        offsets = self._journal.append(batch)
        self._appended.setdefault(batch[0].environment, []).extend(zip(offsets, batch, strict=True))

    def close(self) -> None:
        for worker in self._workers:
            worker.remove()
        self.log.close()

    def home(self, environment: str) -> int:
        return partition_of(environment.encode(), self.partitions)

    def undisturbed(self, environment: str) -> tuple[Fold, int]:
        """Answer the state and digest of a plain fold of what was appended, and nothing else."""
        fold, digest = Fold(environment), EMPTY
        for offset, event in self._appended[environment]:
            # As read back from the log: redaction and the codec have no part in what a worker must get right.
            digest = advance(digest, fold.apply(Entry(offset, 0, event)))
        return fold, digest

    def settles(self, environment: str, worker: RunningWorker) -> None:
        """Wait until a worker has folded the last event; then everything must be as undisturbed."""
        fold, digest = self.undisturbed(environment)

        def told() -> str:
            return f"{worker.asked(f'/tables/{environment}')}, must be {fold.offset}: {worker.said()}"

        waited(lambda: (worker.asked(f"/tables/{environment}") or {}).get("offset") == fold.offset, told)
        tables = worker.asked(f"/tables/{environment}")
        assert tables["digest"] == digest_text(digest), told()
        assert tables["right"], told()
        self.check_history(environment, fold, digest)
        self.check_changes(environment)

    def check_history(self, environment: str, fold: Fold, digest: int) -> None:
        """The history ends where the undisturbed run ends, and each step of it is the log's."""
        history = self._open_history()
        try:
            position = history.position(environment)
            assert (position.offset, position.digest) == (fold.offset, digest)
            verdict = verify(self._journal, history, environment)
        finally:
            history.close()
        assert verdict.problem is None
        assert verdict.events == len(self._appended[environment])

    def check_changes(self, environment: str) -> None:
        """Each event that changed something was published, with what it changed."""
        fold = Fold(environment)
        must = {}
        for offset, event in self._appended[environment]:
            changes = fold.apply(Entry(offset, 0, event))
            if changes:
                must[offset] = {(change.key.kind.value, change.key.type, change.key.id) for change in changes}
        published = {
            changed.offset: {(thing.kind, thing.type, thing.id) for thing in changed.changes}
            for changed in self.published()
            if changed.environment == environment
        }
        assert published == must

    def published(self) -> Iterator[Any]:
        """Yield every message of the topic of changes."""
        client = KafkaClient(self.bootstrap, changes_topic(self.topic), {}, 20)
        assert client.find() is not None
        for partition in range(self.partitions):
            for stored in client.scan(partition, 0, client.end(partition)):
                assert stored.value is not None
                yield decode(stored.value)
        client.close()

    def forget_acknowledgements(self) -> None:
        """Delete what the workers' group acknowledged, so that everything is delivered once more."""
        waited(self._is_forgotten, lambda: "the group of the workers is still busy")

    def _is_forgotten(self) -> bool:
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        ((_, future),) = admin.delete_consumer_groups([f"{self.topic}.worker"]).items()
        try:
            future.result()
        except KafkaException as error:
            return bool(error.args[0].name() == "GROUP_ID_NOT_FOUND")
        return True

    def dead(self) -> DeadLetters:
        return DeadLetters(self.bootstrap, self.topic, partitions=self.partitions)

    def write_foreign(self, partition: int, key: bytes | None, value: bytes) -> int:
        """Write to the log's topic as somebody else would."""
        client = KafkaClient(self.bootstrap, self.topic, {}, 20)
        assert client.find() is not None
        (offset,) = client.send(partition, key, [value])
        client.close()
        return offset
