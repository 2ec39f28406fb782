"""The history in a MongoDB keeps the promises of a history, whoever writes it at once and whatever dies."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from projections.change import Kind
from schemas.canonical import Document
from schemas.errors import HistoryError
from streams.history import Step
from streams.local_history import LocalHistory
from streams.mongo_client import Database
from streams.mongo_history import ENVIRONMENTS, FORMAT, INDEXES, STEPS, VERSIONS, MongoHistory
from tests.contract.history_contract import ENV, HistoryContract, key, reached, step, write
from tests.contract.lives import answers, go_on, life, put
from tests.servers.mongo import MongoServer

ROOT = Path(__file__).parents[2]
PLANTED = "tr0ub4dor"


@pytest.fixture
def name() -> str:
    """Answer the name of a database that no other test uses."""
    return f"calipso-{uuid4().hex}"


@pytest.fixture
def history(mongo: MongoServer, name: str) -> Iterator[MongoHistory]:
    history = MongoHistory(Database(mongo.uri, name))
    yield history
    history.close()


class TestMongoHistory(HistoryContract):
    """On a real server."""


def told(steps: list[Step], folder: Path) -> dict[str, object]:
    """Answer what a history says that one writer wrote at once, undisturbed: the embedded one."""
    history = LocalHistory(folder)
    put(history, steps, -1)
    try:
        return answers(history, moments(steps))
    finally:
        history.close()


def moments(steps: list[Step]) -> list[int]:
    return [one.offset for one in steps[::7]] + [steps[-1].offset]


@pytest.mark.parametrize("number", range(3))
def test_writers_of_the_same_steps_in_other_batches_end_as_one(
    mongo: MongoServer, name: str, tmp_path: Path, number: int
) -> None:
    steps = life(number)

    def writing(seed: int) -> None:
        chance = random.Random(seed)
        own = MongoHistory(Database(mongo.uri, name))
        at = -1  # where this writer believes that the history is, which others have moved on
        while at < steps[-1].offset:
            batch = [one for one in steps if one.offset > at][: chance.randrange(1, 9)]
            assert put(own, batch, at)
            at = chance.choice([batch[-1].offset, own.position(ENV).offset])
        own.close()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(writing, number * 10 + n) for n in range(4)]:
            done.result(60)
    history = MongoHistory(Database(mongo.uri, name))
    assert answers(history, moments(steps)) == told(steps, tmp_path)
    history.close()


class Dying(Database):
    """A database whose user dies after so many requests."""

    left = 10**9

    def _ask(self, request: Callable[[], Any]) -> Any:
        if self.left <= 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super()._ask(request)


def test_a_writer_that_dies_between_any_two_requests_leaves_whole_steps(
    mongo: MongoServer, name: str, tmp_path: Path
) -> None:
    steps = life(11, 24)
    expected = told(steps, tmp_path)
    for requests in range(1, 30):
        database = Dying(mongo.uri, f"{name}-{requests}")
        dying, reader = MongoHistory(database), MongoHistory(Database(mongo.uri, f"{name}-{requests}"))
        database.left = requests
        died = False
        try:
            go_on(dying, steps, 8)
        except KeyboardInterrupt:
            died = True
        at = reader.position(ENV).offset
        assert at in (-1, steps[7].offset, steps[15].offset, steps[23].offset)
        beyond = [list(reader.all(ENV, kind, 999)) == list(reader.all(ENV, kind, at)) for kind in Kind]
        assert all(beyond)
        assert reader.changed(ENV, at, 999) == []
        go_on(reader, steps, 5)
        assert answers(reader, moments(steps)) == expected
        reader.close()
        dying.close()
        if not died:
            return
    pytest.fail("the writing took more requests than were counted")


WRITER = """
import sys
from streams.mongo_client import Database
from streams.mongo_history import MongoHistory
from tests.contract.lives import go_on, life
history = MongoHistory(Database(sys.argv[1], sys.argv[2]))
print("begun", flush=True)
go_on(history, life(int(sys.argv[3]), 150), 3)
"""


def test_a_writing_process_may_be_killed_at_any_moment(mongo: MongoServer, name: str, tmp_path: Path) -> None:
    steps = life(21, 150)
    chance = random.Random(21)
    words = [sys.executable, "-c", WRITER, mongo.uri, name, "21"]
    killed = 0
    while True:
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        if process.wait() == 0:
            break
        killed += 1
        if killed == 12:
            break
    assert killed > 2
    history = MongoHistory(Database(mongo.uri, name))
    go_on(history, steps, 7)
    assert answers(history, moments(steps)) == told(steps, tmp_path)
    history.close()


def test_a_server_that_goes_and_comes_back_is_waited_for(mongo: MongoServer, name: str, tmp_path: Path) -> None:
    steps = life(31, 100)
    history = MongoHistory(Database(mongo.uri, name))
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(go_on, history, steps, 1)
        time.sleep(0.1)
        mongo.stop()
        assert not written.done()
        time.sleep(2)
        mongo.start()
        written.result(60)
    assert answers(history, moments(steps)) == told(steps, tmp_path)
    history.close()


def test_a_server_that_stays_away_is_an_error_that_names_it_and_no_password() -> None:
    database = Database("mongodb://me@127.0.0.1:1/topology", "topology", {"password": PLANTED}, patience=0.3)
    began = time.monotonic()
    with pytest.raises(HistoryError, match=r"database topology of 127\.0\.0\.1:1: ") as refused:
        MongoHistory(database)
    database.close()
    assert PLANTED not in str(refused.value)
    assert time.monotonic() - began < 10


def test_an_option_that_is_none_is_refused() -> None:
    with pytest.raises(HistoryError, match="topology of one: Unknown option: tsl"):
        Database("mongodb://one/topology?tsl=true", "topology")


def test_a_value_too_large_for_mongodb_is_named_and_nothing_is_written(history: MongoHistory) -> None:
    write(history, step(1, (key("a"), b"1")))
    large = step(2, (key("b"), b"1"), (key("c"), os.urandom(17_000_000)))
    with pytest.raises(HistoryError, match=r"snapshot port c takes 170.* bytes at offset 2.*16 MiB"):
        write(history, large)
    assert history.position(ENV) == reached(step(1))
    assert list(history.all(ENV, Kind.SNAPSHOT, 9)) == [(key("a"), (1, b"1"))]


def test_long_answers_come_in_pages_of_one_moment(history: MongoHistory) -> None:
    keys = [key(f"{number:05}") for number in range(1201)]
    write(history, step(1, *((one, b"1") for one in keys)))
    found = history.all(ENV, Kind.SNAPSHOT, 99)
    first = next(found)
    write(history, step(2, *((one, b"2") for one in keys[600:]), (key("z"), b"2")))
    rest = [first, *found]
    assert [item.key for item in rest] == keys
    assert {item.version for item in rest} == {(1, b"1")}


def test_a_history_of_another_format_is_refused(mongo: MongoServer, name: str) -> None:
    database = Database(mongo.uri, name)
    history = MongoHistory(database)
    write(history, step(1, (key("a"), b"1")))
    database.update(ENVIRONMENTS, {"_id": ENV}, {"$set": {"format": FORMAT + 1}})
    with pytest.raises(HistoryError, match=f"format {FORMAT + 1}"):
        history.position(ENV)
    history.close()


def test_rows_that_other_rules_left_without_a_position_do_not_mix_with_new_ones(mongo: MongoServer, name: str) -> None:
    database = Dying(mongo.uri, name)
    older = MongoHistory(database)
    database.left = 6
    first = step(1, (key("a"), b"old"), (key("gone"), b"old"))
    with pytest.raises(KeyboardInterrupt):
        older.write(ENV, [first], reached(first, fold_version=1), -1)
    database.left = 100
    assert database.find(VERSIONS, {}) != []
    history = MongoHistory(Database(mongo.uri, name))
    newer = step(1, (key("a"), b"new"))
    assert history.write(ENV, [newer], reached(newer, fold_version=2), -1)
    assert list(history.all(ENV, Kind.SNAPSHOT, 9)) == [(key("a"), (1, b"new"))]
    history.close()
    older.close()


def test_what_is_forgotten_or_replaced_leaves_no_rows(mongo: MongoServer, name: str) -> None:
    database = Database(mongo.uri, name)
    history = MongoHistory(database)
    write(history, step(1, (key("a"), b"1")), step(2, (key("a"), b"2")))
    draft = history.fresh(ENV)
    write(draft, step(2, (key("a"), b"3")))
    assert history.adopt(ENV)
    rows = database.find(VERSIONS, {}, ["offset", "value"])
    assert rows == [{"offset": 2, "value": b"3"}]
    history.forget(ENV)
    assert [database.find(collection, {}) for collection in (VERSIONS, STEPS)] == [[], []]
    history.close()


def test_readers_see_one_history_or_the_other_while_it_is_replaced(mongo: MongoServer, name: str) -> None:
    history = MongoHistory(Database(mongo.uri, name))
    keys = [key(f"{number:03}") for number in range(700)]
    write(history, step(1, *((one, b"0") for one in keys)))
    stop = threading.Event()

    def reading() -> set[bytes | None]:
        own, seen = MongoHistory(Database(mongo.uri, name)), set()
        while not stop.is_set():
            found = list(own.all(ENV, Kind.SNAPSHOT, 1))
            assert [item.key for item in found] == keys
            seen |= {item.version.value for item in found}
            version = own.get(ENV, keys[5], 1)
            assert version is not None
        own.close()
        return seen

    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(reading)
        for number in range(1, 6):
            draft = history.fresh(ENV)
            write(draft, step(1, *((one, b"%d" % number) for one in keys)))
            assert history.adopt(ENV)
        stop.set()
        assert len(read.result(60)) > 1
    history.close()


def test_the_indexes_are_there_by_their_names(mongo: MongoServer, name: str) -> None:
    history = MongoHistory(Database(mongo.uri, name))
    MongoHistory(Database(mongo.uri, name)).close()  # declared again, which costs nothing
    collections = history._database._database
    found = {
        (collection, index["name"], tuple(index["key"].items()))
        for collection in (VERSIONS, STEPS)
        for index in collections[collection].list_indexes()
    }
    assert found >= {(collection, index, tuple(fields)) for collection, index, fields in INDEXES}
    history.close()


class Interrupted(Database):
    """A database where something happens between the look at the position and the look at the rows."""

    happen: Callable[[], object] | None = None

    def find(self, collection: str, *words: Any, **more: Any) -> list[Document]:
        """Let it happen once."""
        happen, self.happen = self.happen, None
        if happen is not None and collection == VERSIONS:
            happen()
        return super().find(collection, *words, **more)


def test_an_answer_is_asked_for_again_when_its_rows_were_dropped_meanwhile(mongo: MongoServer, name: str) -> None:
    history, database = MongoHistory(Database(mongo.uri, name)), Interrupted(mongo.uri, name)
    reader = MongoHistory(database)
    write(history, step(1, (key("a"), b"old")), step(3, (key("b"), b"old")))

    def replaced() -> None:
        draft = history.fresh(ENV)
        write(draft, step(1, (key("a"), b"new")), step(3, (key("b"), b"new")))
        assert history.adopt(ENV)

    for at in (1, 3):
        database.happen = replaced
        assert reader.get(ENV, key("a"), at) == (1, b"new")
    database.happen = replaced
    assert [item.version.value for item in reader.all(ENV, Kind.SNAPSHOT, 3)] == [b"new"] * 2
    database.happen = lambda: history.forget(ENV)
    assert reader.get(ENV, key("a"), 3) is None
    history.close()
    reader.close()
