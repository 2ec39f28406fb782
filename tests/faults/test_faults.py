"""What may happen to running workers, and that nothing comes of it: state, history and digests are those of a run
that nothing disturbed; no event is missing in them, none is there twice. docs/distributed.md has the table.
"""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from projections.fold import Fold
from projections.inventory import Ref
from schemas import codec
from schemas.events import Entry, Event, ObjectsSeen, Scope
from streams.local_history import LocalHistory
from streams.mongo_client import Database
from streams.mongo_history import MongoHistory
from tests.faults.runtime import Runtime, recorded_events, story, waited
from tests.servers.kafka import KafkaBroker
from tests.servers.mongo import MongoServer

ENV = "cloud"
OTHER = "berlin"
"""In the other of two partitions than ENV."""
ROUNDS = 20


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return recorded_events(tmp_path_factory.mktemp("demo"))


def made(kafka: KafkaBroker, folder: Path, partitions: int = 1) -> Runtime:
    history = folder / "history"
    return Runtime(kafka, folder, f"local:{history}", lambda: LocalHistory(history), partitions)


@pytest.fixture
def runtime(kafka: KafkaBroker, tmp_path: Path) -> Iterator[Runtime]:
    with closing(made(kafka, tmp_path)) as one:
        yield one


@pytest.fixture
def on_mongo(kafka: KafkaBroker, mongo: MongoServer, tmp_path: Path) -> Iterator[Runtime]:
    """Give a runtime whose history is on a server of the MongoDB protocol."""
    database = f"calipso_{uuid4().hex}"

    def opened() -> MongoHistory:
        return MongoHistory(Database(mongo.uri, database, {}))

    with closing(Runtime(kafka, tmp_path, f"{mongo.uri}/{database}", opened)) as one:
        yield one


@pytest.fixture
def two_partitions(kafka: KafkaBroker, tmp_path: Path) -> Iterator[Runtime]:
    with closing(made(kafka, tmp_path, partitions=2)) as one:
        assert {one.home(ENV), one.home(OTHER)} == {0, 1}
        yield one


@pytest.mark.parametrize("history", ["local", "mongo"])
def test_killed_at_random_moments(request: pytest.FixtureRequest, events: list[Event], history: str) -> None:
    runtime: Runtime = request.getfixturevalue("runtime" if history == "local" else "on_mongo")
    chance = random.Random(20)
    batches = iter(story(events, ENV, rounds=6 if history == "local" else 1, seed=1))
    worker = runtime.worker()
    for _ in range(ROUNDS):
        until = time.monotonic() + chance.uniform(0.3, 3.0)
        while time.monotonic() < until:
            batch = next(batches, None)
            if batch is not None:
                runtime.append(batch)
            time.sleep(chance.uniform(0, 0.1))
        worker.kill()
        worker.start()
    for batch in batches:
        runtime.append(batch)
    runtime.settles(ENV, worker)
    worker.stop()


def test_told_to_stop_in_mid_stream(runtime: Runtime, events: list[Event]) -> None:
    chance = random.Random(3)
    worker = runtime.worker()
    worker.follows(0)
    for number, batch in enumerate(story(events, ENV, rounds=1, seed=2)):
        runtime.append(batch)
        if number % 8 == 4:
            if number % 16 == 4:
                worker.follows(0)
                worker.stop()  # ends with 0
            else:
                time.sleep(chance.uniform(0, 2))
                assert worker.end(signal.SIGTERM) in (0, -signal.SIGTERM)  # the latter before it can listen
            worker.start()
    runtime.settles(ENV, worker)


@pytest.mark.parametrize("how", ["stopped", "killed"])
@pytest.mark.parametrize("when", ["starts", "follows"])
def test_broker_restarted_in_mid_stream(
    kafka: KafkaBroker, runtime: Runtime, events: list[Event], how: str, when: str
) -> None:
    batches = story(events, ENV, rounds=2, seed=4)
    worker = runtime.worker()
    if when == "follows":
        worker.follows(0)
    else:
        waited(lambda: "worker on" in worker.said(), worker.said)
    for batch in batches[: len(batches) // 2]:
        runtime.append(batch)
    if how == "stopped":
        kafka.stop()
    else:
        kafka.kill()
    time.sleep(1)
    kafka.start()
    for batch in batches[len(batches) // 2 :]:
        runtime.append(batch)
    runtime.settles(ENV, worker)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_mongodb_gone_for_some_seconds(mongo: MongoServer, on_mongo: Runtime, events: list[Event], how: str) -> None:
    batches = story(events, ENV, rounds=1, seed=13)
    worker = on_mongo.worker()
    worker.follows(0)
    for number, batch in enumerate(batches):
        on_mongo.append(batch)
        if number == len(batches) // 2:
            if how == "stopped":
                mongo.stop()
            else:
                mongo.kill()
    time.sleep(3)
    mongo.start()
    on_mongo.settles(ENV, worker)
    assert worker.partitions() == {0: "following"}


def test_a_second_worker_joins_and_the_first_leaves(two_partitions: Runtime, events: list[Event]) -> None:
    runtime = two_partitions
    batches = [story(events, name, rounds=3, seed=5) for name in (ENV, OTHER)]
    first = runtime.worker("first")
    first.follows(0, 1)
    second = runtime.worker("second", start=False)
    pairs = list(zip(*batches, strict=False))
    for number, pair in enumerate(pairs):
        for batch in pair:
            runtime.append(batch)
        if number == len(pairs) // 3:
            second.start()
        if number == len(pairs) // 2:
            waited(first.partitions, first.said)
            waited(second.partitions, second.said)
        if number == 2 * len(pairs) // 3:
            first.stop()
        time.sleep(0.01)
    for name in (ENV, OTHER):
        runtime.settles(name, second)


def test_delivered_again_from_the_beginning(runtime: Runtime, events: list[Event]) -> None:
    worker = runtime.worker()
    for batch in story(events, ENV, rounds=1, seed=6):
        runtime.append(batch)
    runtime.settles(ENV, worker)
    worker.stop()
    runtime.forget_acknowledgements()
    worker.start()
    runtime.append(story(events, ENV, rounds=2, seed=7)[-1])
    runtime.settles(ENV, worker)


def test_appended_twice(runtime: Runtime, events: list[Event]) -> None:
    """A batch that a producer sends again, since nobody told it that it was written, is on the log twice."""
    batches = story(events, ENV, rounds=1, seed=8)
    worker = runtime.worker()
    for batch in batches:
        for _ in range(2):
            runtime.append(batch)
    runtime.settles(ENV, worker)
    twice, _ = runtime.undisturbed(ENV)
    once = folded([event for batch in batches for event in batch])
    assert documents(twice) == documents(once)


def folded(events: list[Event]) -> Fold:
    fold = Fold(ENV)
    for offset, event in enumerate(events):
        fold.apply(Entry(offset, 0, event))
    return fold


def documents(fold: Fold) -> dict[Ref, bytes]:
    """Answer every object and what is known of it."""
    return {obj.ref: obj.raw for kind in fold.inventory.types() for obj in fold.inventory.of_type(kind)}


@pytest.mark.parametrize("lost", ["tables", "history", "both"])
def test_files_lost_while_it_was_down(runtime: Runtime, events: list[Event], lost: str) -> None:
    batches = story(events, ENV, rounds=2, seed=9)
    worker = runtime.worker()
    for batch in batches[:-10]:
        runtime.append(batch)
    runtime.settles(ENV, worker)
    worker.stop()
    tables = runtime.folder / "history" / "worker"
    assert tables.is_dir()
    for path in (runtime.folder / "history").iterdir():
        if (path == tables and lost in ("tables", "both")) or (path != tables and lost in ("history", "both")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for batch in batches[-10:]:
        runtime.append(batch)
    worker.start()
    runtime.settles(ENV, worker)


def poison(event: Event) -> dict[str, tuple[bytes | None, bytes]]:
    """Answer records that are no events of ENV: key and value of each."""
    good = codec.encode(replace(event, environment=ENV))
    seen = ObjectsSeen("s", Scope("instance", "host", "h"), "instance", "host", "h", ["a"], [b"{}"])
    lame = codec.encode(replace(event, environment=ENV, payload=seen))
    key = ENV.encode()
    return {
        "empty": (key, b""),
        "text": (key, b"hello"),
        "no schema": (key, b"\xc3\x01" + bytes(8) + b"x"),
        "cut off": (key, good[:-3]),
        "too long": (key, good + b"\0"),
        "damaged payload": (key, lame[:-6] + b"\xff" * 6),
        "of another environment": (key, codec.encode(replace(event, environment="elsewhere"))),
        "without a key": (None, good),
        "key is no text": (b"\xff\xfe", good),
        "of no environment": (b"nowhere", b"hello"),
    }


def of_a_newer_version(event: Event) -> bytes:
    """Answer an event of ENV whose envelope is known, and whose payload is not."""
    good = codec.encode(replace(event, environment=ENV))
    known = codec.schema_fingerprint(type(event.payload).__name__)
    assert good.count(known) == 1
    return good.replace(known, bytes(8))


def test_poisoned_messages(runtime: Runtime, events: list[Event]) -> None:
    records = list(poison(events[0]).values())
    batches = story(events, ENV, rounds=1, seed=10)
    chance = random.Random(11)
    worker = runtime.worker()
    written = []
    for number, batch in enumerate(batches):
        if number % 3 == 0 and records:
            written.append(runtime.write_foreign(0, *records.pop(chance.randrange(len(records)))))
        runtime.append(batch)
        if number == len(batches) // 2:
            worker.kill()
            worker.start()
    written += [runtime.write_foreign(0, *record) for record in records]
    runtime.settles(ENV, worker)
    with closing(runtime.dead()) as dead:
        waited(lambda: len(dead.list()) == len(written), worker.said)
        assert sorted(letter.origin.offset for letter in dead.list()) == sorted(written)
        assert all(letter.reason for letter in dead.list())
    assert worker.partitions() == {0: "following"}


def test_an_event_of_a_newer_version_stops_its_partition_and_no_other(
    two_partitions: Runtime, events: list[Event]
) -> None:
    runtime = two_partitions
    worker = runtime.worker()
    worker.follows(0, 1)
    for name in (ENV, OTHER):
        for batch in story(events, name, rounds=1, seed=12)[:10]:
            runtime.append(batch)
        runtime.settles(name, worker)
    runtime.write_foreign(runtime.home(ENV), ENV.encode(), of_a_newer_version(events[0]))
    waited(lambda: worker.partitions()[runtime.home(ENV)] == "stopped", worker.said)
    assert worker.asked("/health")["_status"] == 503
    assert "LogTooNew" in worker.said()
    before = worker.asked(f"/tables/{ENV}")
    for batch in story(events, ENV, rounds=2, seed=12)[-3:]:
        runtime.append(batch)
    for batch in story(events, OTHER, rounds=2, seed=12)[-3:]:
        runtime.append(batch)
    runtime.settles(OTHER, worker)
    assert worker.asked(f"/tables/{ENV}") == before  # nothing behind the event was folded
    worker.stop()
    worker.start()
    waited(lambda: worker.partitions().get(runtime.home(ENV)) == "stopped", worker.said)  # nor is it left out later
