"""The log on a real Kafka broker keeps the contract of the log, and what it promises beyond."""

import random
import signal
import struct
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
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented there, not marked as exported
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import BadInput, BadSettings, LogCorrupt, LogError, NotFound
from schemas.events import Event, SnapshotTaken
from streams.kafka_log import KafkaLog
from streams.kafka_topic import FoundTopic, Topic, faults, partition_of
from streams.log import Log
from tests.contract.log_contract import LogContract, values
from tests.servers.kafka import KafkaBroker

ROOT = Path(__file__).parents[2]

BATCH = struct.Struct(">qi11xi")
"""Offset, length in bytes behind these two, and at byte 23 the offset of the last record counted from the first one.
Source: "Record Batch" of Kafka's documentation of the message format."""


class TestKafkaLog(LogContract):
    """All environments share one partition."""

    partitions = 1
    opened: Callable[[], KafkaLog]

    @pytest.fixture
    def log(self, kafka: KafkaBroker) -> Iterator[Log]:
        topic = f"events-{uuid4()}"
        opened = self.opened = lambda: KafkaLog(kafka.bootstrap, topic, partitions=self.partitions)
        log = opened()
        yield log
        log.close()

    def another(self, log: Log) -> Log:
        again = self.opened()
        assert isinstance(again, type(log))
        return again


class TestKafkaLogOfSeveralPartitions(TestKafkaLog):
    """Some environments share a partition, some do not."""

    partitions = 3


@pytest.fixture
def topic() -> str:
    """Answer the name of a topic that no other test uses."""
    return f"events-{uuid4()}"


@pytest.fixture
def log(kafka: KafkaBroker, topic: str) -> Iterator[KafkaLog]:
    log = KafkaLog(kafka.bootstrap, topic)
    yield log
    log.close()


@pytest.fixture
def admin(kafka: KafkaBroker) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 2})


def done(futures: dict[Any, Any]) -> None:
    for future in futures.values():
        future.result(30)


def altered(admin: AdminClient, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    done(admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])]))


def stored_batches(kafka: KafkaBroker, topic: str, partition: int = 0) -> list[range]:
    """Answer the offsets of each record batch, as they stand in the broker's files."""
    found = []
    for path in sorted((kafka.data / f"{topic}-{partition}").glob("*.log")):
        content, place = path.read_bytes(), 0
        while place + BATCH.size <= len(content):
            first, length, last = BATCH.unpack_from(content, place)
            found.append(range(first, first + last + 1))
            place += 12 + length
    return found


# An append is one record batch


def test_an_append_is_one_batch_whatever_its_size(kafka: KafkaBroker, log: KafkaLog, topic: str) -> None:
    chance = random.Random(1)
    sizes = [
        (1, 0),
        (30, 1_000_000),
        (100_000, 3),
        (2, 15_000_000),
        *((chance.randrange(1, 3000), 300) for _ in range(40)),
    ]
    appended = []
    for number, (count, size) in enumerate(sizes):
        offsets = log.append(f"environment {number % 3}", [chance.randbytes(size) for _ in range(count)])
        appended.append(range(offsets[0], offsets[-1] + 1))
        assert offsets == list(appended[-1])
    assert stored_batches(kafka, topic) == appended


def test_threads_and_instances_that_append_at_once_tear_no_batch_apart(
    kafka: KafkaBroker, log: KafkaLog, topic: str
) -> None:
    other = KafkaLog(kafka.bootstrap, topic)
    appended: list[list[int]] = []

    def work(its: KafkaLog, name: str) -> None:
        for number in range(25):
            appended.append(its.append(name, [b"%d %d" % (number, part) for part in range(number * 13 % 200 + 1)]))
            values(its, name)

    threads = [threading.Thread(target=work, args=(its, name)) for its in (log, other) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert stored_batches(kafka, topic) == sorted(
        (range(offsets[0], offsets[-1] + 1) for offsets in appended), key=lambda batch: batch[0]
    )
    assert len(appended) == 100


def test_more_than_the_topic_takes_is_refused_and_leaves_nothing(log: KafkaLog) -> None:
    with pytest.raises(LogError, match=r"4000\d{4} bytes in one append, the topic takes 33554432 bytes"):
        log.append("zed", [bytes(1_000_000)] * 40)
    with pytest.raises(LogError, match="and 1000000 records"):
        log.append("zed", [b""] * 1_000_001)
    assert log.head("zed") == -1
    assert log.append("zed", [b"x"]) == [0]


def test_a_name_that_is_no_text_is_refused(log: KafkaLog) -> None:
    with pytest.raises(BadInput, match="valid Unicode"):
        log.append("bad \ud800", [b"x"])


# Processes

APPENDER = """
import sys
from streams.kafka_log import KafkaLog
from tests.contract.test_kafka_log import batch
log = KafkaLog(sys.argv[1], sys.argv[2])
for number in range(int(sys.argv[4]), int(sys.argv[5])):
    log.append(sys.argv[3], batch(number))
    print(number, flush=True)
log.close()
"""


def batch(number: int) -> list[bytes]:
    """Answer the records of a batch; some are large enough to be on their way for a while."""
    parts = number * 7 % 5 * 300 + 1
    return [b"%d %d %d " % (number, part, parts) + bytes(number * 131 % 3000) for part in range(parts)]


def appender(kafka: KafkaBroker, topic: str, environment: str, first: int, end: int) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", APPENDER, kafka.bootstrap, topic, environment, str(first), str(end)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def whole_batches(log: KafkaLog, environment: str) -> list[int]:
    """Answer the numbers of the batches that are there, in order; fails on one that is not whole."""
    stored, found = values(log, environment), []
    while stored:
        number = int(stored[0].split(b" ", 1)[0])
        expected = batch(number)
        assert stored[: len(expected)] == expected, f"batch {number} is not whole"
        stored = stored[len(expected) :]
        found.append(number)
    return found


def test_a_killed_process_leaves_whole_appends_and_all_that_were_acknowledged(
    kafka: KafkaBroker, log: KafkaLog, topic: str
) -> None:
    chance = random.Random(2)
    acknowledged = []
    for start in range(0, 10_000, 1000):
        with appender(kafka, topic, "zed", start, start + 1000) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == f"{start}\n"
            time.sleep(chance.random() * 0.2)
            process.send_signal(signal.SIGKILL)
            acknowledged.append(1 + len(process.stdout.read().split()))
    time.sleep(1)  # a batch that the kernel has already may still come in
    numbers = whole_batches(log, "zed")
    for round_, count in enumerate(acknowledged):
        found = [number % 1000 for number in numbers if number // 1000 == round_]
        assert found == list(range(len(found)))
        assert count <= len(found) <= count + 1
    assert sum(acknowledged) > 20


def test_processes_that_append_at_once_lose_and_mix_nothing(kafka: KafkaBroker, log: KafkaLog, topic: str) -> None:
    writers = [appender(kafka, topic, name, 0, 25) for name in ("zed", "zed", "yoga")]
    for writer in writers:
        said, _ = writer.communicate(timeout=60)
        assert (writer.returncode, said.split()) == (0, [str(number) for number in range(25)])
    assert whole_batches(log, "yoga") == list(range(25))
    assert sorted(whole_batches(log, "zed")) == sorted([*range(25), *range(25)])


# The broker's end


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_broker_that_restarts_in_mid_stream_keeps_what_was_acknowledged(
    kafka: KafkaBroker, topic: str, how: str
) -> None:
    log = KafkaLog(kafka.bootstrap, topic, timeout=60)
    first = log.append("zed", [b"%d" % number for number in range(60_000)])
    reader = log.read("zed")
    assert next(reader).offset == first[0]
    acknowledged: list[int] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            acknowledged.append(log.append("yoga", [b"%d %d" % (len(acknowledged), part) for part in range(3)])[0])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        time.sleep(0.5)
        getattr(kafka, how)()
        kafka.start()
        enough = len(acknowledged) + 20
        deadline = time.monotonic() + 60
        while len(acknowledged) < enough and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        over.set()
        thread.join()
    assert len(acknowledged) >= enough
    assert [record.offset for record in reader] == first[1:]
    kept = list(log.read("yoga"))
    assert [record.offset for record in kept][::3] == acknowledged
    assert [record.value for record in kept] == [
        b"%d %d" % (number, part) for number in range(len(acknowledged)) for part in range(3)
    ]
    log.close()


def test_an_append_that_a_broker_does_not_acknowledge_is_an_error_and_is_never_sent_later(
    kafka: KafkaBroker, topic: str
) -> None:
    log = KafkaLog(kafka.bootstrap, topic, timeout=2)
    log.append("zed", [b"before"])
    kafka.stop()
    try:
        with pytest.raises(LogError, match=f"kafka {kafka.bootstrap}, topic {topic}: not acknowledged within 2 s"):
            log.append("zed", [b"lost %d" % number for number in range(2000)])
        with pytest.raises(LogError, match=f"kafka {kafka.bootstrap}"):
            log.head("zed")
        with pytest.raises(LogError, match=f"kafka {kafka.bootstrap}"):
            log.read("zed")
    finally:
        kafka.start()
    time.sleep(1)
    assert log.append("zed", [b"after"]) == [1]
    assert values(log, "zed") == [b"before", b"after"]
    log.close()


def test_a_broker_that_is_not_there_is_named() -> None:
    started = time.monotonic()
    with pytest.raises(LogError, match=r"kafka 127\.0\.0\.1:1, topic events: .*Connection refused") as told:
        KafkaLog("127.0.0.1:1", "events", timeout=2)
    assert time.monotonic() - started < 5
    assert "\n" not in str(told.value)


def test_a_closed_log_is_an_error_not_an_empty_one(log: KafkaLog) -> None:
    log.append("zed", [b"x", b"y"])
    records = log.read("zed")
    next(records)
    log.close()
    log.close()
    for ask in (lambda: list(records), lambda: log.head("zed"), lambda: log.append("zed", [b"y"]), log.environments):
        with pytest.raises(LogError, match="is closed"):
            ask()


# Other records in the partition


def test_markers_and_aborted_records_of_somebody_else_are_gaps(kafka: KafkaBroker, log: KafkaLog, topic: str) -> None:
    foreign = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "log_level": 2})
    foreign.init_transactions(30)
    expected = {}
    for number in range(30):
        for offset in log.append("zed", [b"zed %d" % number] * (number % 3)):
            expected[offset] = b"zed %d" % number
        foreign.begin_transaction()
        foreign.produce(topic, b"foreign", b"yoga")
        if number % 2:
            foreign.commit_transaction(30)
        else:
            foreign.flush(30)
            foreign.abort_transaction(30)
    records = list(log.read("zed"))
    assert {record.offset: record.value for record in records} == expected
    assert [record.offset for record in records] == sorted(expected)
    assert values(log, "yoga") == [b"foreign"] * 15
    assert log.environments() == ["yoga", "zed"]
    for asked in (log, KafkaLog(kafka.bootstrap, topic)):
        assert asked.head("zed") == max(expected)
        for offset in range(records[-1].offset + 3):
            before = [record for record in records if record.offset <= offset]
            assert asked.time_of("zed", offset) == (before[-1].logged_at if before else None)
        for time_ in {record.logged_at + step for record in records for step in (-1, 0, 1)}:
            assert asked.offset_at("zed", time_) == max((r.offset for r in records if r.logged_at <= time_), default=-1)
        asked.close()


def test_an_environment_is_found_behind_many_records_of_another(kafka: KafkaBroker, log: KafkaLog, topic: str) -> None:
    (place,) = log.append("zed", [b"early"])
    for _ in range(5):
        log.append("yoga", [b"x"] * 10_000)
    fresh = KafkaLog(kafka.bootstrap, topic)
    assert (fresh.head("zed"), fresh.head("nowhere")) == (place, -1)
    assert fresh.environments() == ["yoga", "zed"]
    assert [record.offset for record in fresh.read("zed")] == [place]
    fresh.close()


def test_times_never_step_back_though_the_brokers_clock_does(
    kafka: KafkaBroker, log: KafkaLog, topic: str, admin: AdminClient
) -> None:
    # The broker's clock is the machine's, so the times are planted: a topic that takes them from a producer.
    altered(admin, topic, "message.timestamp.type", "CreateTime")
    time.sleep(0.5)
    planted = [1000, 1000, 5000, 1200, 4999, 5000, 5001, 100, 9000, 9000, 8999, 300, 301, 12_000, 1]
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 2})
    for number, when in enumerate(planted):
        producer.produce(topic, b"%d" % number, (b"zed", b"yoga")[number % 2], 0, timestamp=when)
        producer.flush(30)
    highest = [max(planted[: number + 1]) * 1000 for number in range(len(planted))]
    for environment, own in (("zed", range(0, len(planted), 2)), ("yoga", range(1, len(planted), 2))):
        for after in range(-1, len(planted)):
            read = [(record.offset, record.logged_at) for record in log.read(environment, after)]
            assert read == [(offset, highest[offset]) for offset in own if offset > after]
            known = [highest[offset] for offset in own if offset <= after]
            assert log.time_of(environment, after) == (known[-1] if known else None)
        for time_ in {when * 1000 + step for when in planted for step in (-1, 0, 1)}:
            expected = max((offset for offset in own if highest[offset] <= time_), default=-1)
            assert log.offset_at(environment, time_) == expected


# Damage


def test_a_record_that_is_not_what_was_written_is_damage(kafka: KafkaBroker, log: KafkaLog, topic: str) -> None:
    log.append("zed", [b"intact"])
    log.append("zed", [random.Random(3).randbytes(500)])
    kafka.stop()
    try:
        (path,) = (kafka.data / f"{topic}-0").glob("*.log")
        content = bytearray(path.read_bytes())
        content[-100] ^= 1
        path.write_bytes(content)
    finally:
        kafka.start()
    records = log.read("zed")
    assert next(records).value == b"intact"
    with pytest.raises(LogCorrupt, match=f"topic {topic}: .*reading partition 0 from offset 0"):
        next(records)


def test_a_log_whose_beginning_was_deleted_is_damaged(log: KafkaLog, topic: str, admin: AdminClient) -> None:
    for number in range(5):
        log.append("zed", [b"%d" % number])
    done(admin.delete_records([TopicPartition(topic, 0, 3)]))
    assert values(log, "zed", after=2) == [b"3", b"4"]
    with pytest.raises(LogCorrupt, match="records of the log were deleted"):
        values(log, "zed")


def test_a_topic_that_was_emptied_is_noticed(log: KafkaLog, topic: str, admin: AdminClient, kafka: KafkaBroker) -> None:
    log.append("zed", [b"x"])
    assert log.head("zed") == 0
    done(admin.delete_topics([topic]))
    time.sleep(1)
    KafkaLog(kafka.bootstrap, topic).close()
    with pytest.raises(LogError, match=f"topic {topic}"):
        log.head("zed")


def misplaced(kafka: KafkaBroker, topic: str, value: bytes) -> None:
    """Write a record of "zed" where no record of "zed" belongs."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 2})
    producer.produce(topic, value, b"zed", 1 - partition_of(b"zed", 2))
    producer.flush(30)


def test_an_event_in_a_partition_that_is_not_its_own_is_damage(kafka: KafkaBroker, topic: str) -> None:
    log = KafkaLog(kafka.bootstrap, topic, partitions=2)
    misplaced(kafka, topic, codec.encode(Event("id", "zed", "test", 0, None, SnapshotTaken("s", 0, ""))))
    with pytest.raises(LogCorrupt, match="belongs elsewhere: the number of partitions was changed"):
        log.environments()
    log.close()


def test_what_is_no_event_in_a_partition_where_it_does_not_belong_is_passed_over(
    kafka: KafkaBroker, topic: str
) -> None:
    log = KafkaLog(kafka.bootstrap, topic, partitions=2)
    misplaced(kafka, topic, b"x")
    log.append("zed", [b"y"])
    assert log.environments() == ["zed"]
    assert [record.value for record in log.read("zed")] == [b"y"]
    log.close()


# The topic


def test_several_that_make_the_topic_at_once_all_open_it(kafka: KafkaBroker, topic: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        logs = list(threads.map(lambda _: KafkaLog(kafka.bootstrap, topic), range(8)))
    logs[0].append("a", [b"x"])
    assert [log.head("a") for log in logs] == [0] * 8
    for log in logs:
        log.close()


def test_a_topic_is_not_made_unless_wanted(kafka: KafkaBroker, topic: str) -> None:
    for _ in range(2):
        with pytest.raises(NotFound, match=f"topic {topic}: there is no such topic"):
            KafkaLog(kafka.bootstrap, topic, create=False)
    KafkaLog(kafka.bootstrap, topic).close()
    KafkaLog(kafka.bootstrap, topic, create=False).close()


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("cleanup.policy", "compact", "cleanup.policy is compact, must be delete"),
        ("cleanup.policy", "compact,delete", "cleanup.policy is .*, must be delete"),
        ("retention.ms", "604800000", "retention.ms is 604800000, must be -1"),
        ("retention.bytes", "1000000", "retention.bytes is 1000000, must be -1"),
        ("message.timestamp.type", "CreateTime", "message.timestamp.type is CreateTime, must be LogAppendTime"),
        ("unclean.leader.election.enable", "true", "unclean.leader.election.enable is true, must be false"),
        ("flush.messages", "1000", "flush.messages is 1000, must be 1 for a single replica"),
    ],
)
def test_a_topic_that_could_not_keep_the_log_is_refused(
    kafka: KafkaBroker, topic: str, admin: AdminClient, setting: str, value: str, told: str
) -> None:
    done(admin.create_topics([NewTopic(topic, 1, 1, config=Topic(topic).settings() | {setting: value})]))
    with pytest.raises(BadSettings, match=f"kafka {kafka.bootstrap}, topic {topic}: cannot be the event log: {told}$"):
        KafkaLog(kafka.bootstrap, topic)


def test_every_fault_of_a_topic_is_told_at_once(kafka: KafkaBroker, topic: str, admin: AdminClient) -> None:
    done(admin.create_topics([NewTopic(topic, 3, 1)]))
    with pytest.raises(BadSettings) as told:
        KafkaLog(kafka.bootstrap, topic)
    for fault in ("retention.ms", "message.timestamp.type", "flush.messages", "it has 3 partitions, not 1"):
        assert fault in str(told.value)


def test_partitions_that_were_added_are_refused(kafka: KafkaBroker, topic: str, admin: AdminClient) -> None:
    KafkaLog(kafka.bootstrap, topic, partitions=2).close()
    KafkaLog(kafka.bootstrap, topic, partitions=2).close()
    done(admin.create_partitions([NewPartitions(topic, 3)]))
    time.sleep(0.5)
    with pytest.raises(BadSettings, match="it has 3 partitions, not 2"):
        KafkaLog(kafka.bootstrap, topic, partitions=2)


def test_a_topic_that_is_asked_for_with_more_replicas_than_brokers_is_refused_in_one_line(
    kafka: KafkaBroker, topic: str
) -> None:
    with pytest.raises(LogError, match=f"topic {topic}: .*replication factor"):
        KafkaLog(kafka.bootstrap, topic, replicas=3)


def found(replicas: int = 3, **changed: str) -> FoundTopic:
    settings = Topic("events", replicas=replicas).settings() | {"flush.messages": "9223372036854775807"}
    return FoundTopic(1, replicas, settings | {name.replace("_", "."): value for name, value in changed.items()})


def test_an_append_must_reach_two_machines_or_one_disk() -> None:
    asked = Topic("events")
    assert faults(asked, found()) == []
    assert faults(asked, found(min_insync_replicas="1")) == ["min.insync.replicas is 1, must be 2 or more"]
    assert faults(asked, found(replicas=1)) == ["flush.messages is 9223372036854775807, must be 1 for a single replica"]
    assert [Topic("events", replicas=number).settings()["min.insync.replicas"] for number in (1, 2, 3, 5)] == list(
        "1223"
    )


def test_a_broker_before_4_0_is_refused() -> None:
    assert faults(Topic("events"), found(message_downconversion_enable="true")) == [
        "the broker is older than Kafka 4.0"
    ]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 100))
def test_a_partition_exists_and_one_is_always_the_same(name: str, partitions: int) -> None:
    assert 0 <= partition_of(name.encode(), partitions) < partitions
    assert partition_of(name.encode(), 1) == 0


def test_other_clients_find_the_partition_with_a_partitioner_of_their_own(kafka: KafkaBroker, topic: str) -> None:
    log = KafkaLog(kafka.bootstrap, topic, partitions=7)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "consistent", "log_level": 2})
    names = [f"ünïcode {number}" for number in range(50)]
    for name in names:
        producer.produce(topic, name.encode(), name.encode())
    producer.flush(30)
    assert all(values(log, name) == [name.encode()] for name in names)
    log.close()


# The connection


def sasl(password: str) -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanisms": "PLAIN",
        "sasl.username": KafkaBroker.USER,
        "sasl.password": password,
    }


def test_a_password_opens_a_broker_that_asks_for_one(kafka: KafkaBroker, topic: str) -> None:
    log = KafkaLog(kafka.sasl_bootstrap, topic, sasl(KafkaBroker.PASSWORD))
    log.append("zed", [b"x"])
    assert values(log, "zed") == [b"x"]
    log.close()


def test_a_wrong_password_is_told_and_not_repeated(kafka: KafkaBroker, topic: str) -> None:
    with pytest.raises(LogError, match=r"[Aa]uthentication failed") as told:
        KafkaLog(kafka.sasl_bootstrap, topic, sasl("tr0ub4dor&3"), timeout=2)
    assert "tr0ub4dor&3" not in str(told.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"acks": "1"}, "acks is no setting of a connection"),
        ({"enable.idempotence": "false"}, "enable.idempotence is no setting of a connection"),
        ({"security.protocol": "carrier pigeon"}, "carrier pigeon"),
        ({"ssl.ca.location": "/nowhere/ca.pem", "security.protocol": "ssl"}, "ssl.ca.location"),
        ({"sasl.nonsense": "x"}, "sasl.nonsense"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options: dict[str, str], told: str) -> None:
    with pytest.raises(BadSettings, match=told):
        KafkaLog("127.0.0.1:1", "events", options, timeout=1)
