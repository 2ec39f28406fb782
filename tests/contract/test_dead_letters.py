"""Dead letters on a real broker: what could not be used is kept as it was, and goes back when somebody says so."""

import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented there, not marked as exported
    AdminClient,
    NewTopic,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import BadInput, BadSettings, Conflict, LogError, NotFound
from schemas.events import EnvironmentDefined, Event
from streams.dead import DeadLetter, DeadLetters, Origin, has_letters
from streams.inbox import Inbox
from streams.journal import Journal
from streams.kafka_client import KafkaClient, Stored
from streams.kafka_log import KafkaLog
from streams.kafka_topic import INBOX, Topic, changes_topic, dead_topic, inbox_topic, partition_of
from tests.servers.kafka import KafkaBroker
from tests.unit.alerts import ALERT, ENVIRONMENTS, NOON, received, record

DEFINED = Event("e-1", "zed", "operator", NOON, None, EnvironmentDefined(b"{}"))


@pytest.fixture
def topic(kafka: KafkaBroker) -> str:
    """Answer the topic of a log that no other test uses; it is there."""
    name = f"t{uuid4()}.events"
    KafkaLog(kafka.bootstrap, name, partitions=3).close()
    return name


@pytest.fixture
def dead(kafka: KafkaBroker, topic: str) -> Iterator[DeadLetters]:
    letters = DeadLetters(kafka.bootstrap, topic, partitions=3)
    yield letters
    letters.close()


def letter(topic: str, offset: int = 0, key: bytes | None = b"zed", value: bytes | None = b"garbage") -> DeadLetter:
    return DeadLetter(topic, 0, offset, NOON, key, value, "not an event")


def records(kafka: KafkaBroker, topic: str, partition: int) -> list[Stored]:
    """Answer what stands on a topic."""
    client = KafkaClient(kafka.bootstrap, topic, {}, 20)
    try:
        return list(client.scan(partition, client.start(partition), client.end(partition)))
    finally:
        client.close()


def made(kafka: KafkaBroker, name: str, partitions: int = 1) -> str:
    """Make an inbox."""
    client = KafkaClient(kafka.bootstrap, name, {}, 20)
    client.open(Topic(name, partitions, kind=INBOX), create=True)
    client.close()
    return name


@pytest.mark.parametrize(
    ("log", "dead", "inbox", "changes"),
    [
        ("calipso.events", "calipso.events.dead", "calipso.alerts", "calipso.changes"),
        ("prod", "prod.dead", "prod.alerts", "prod.changes"),
        ("a.events.b", "a.events.b.dead", "a.events.b.alerts", "a.events.b.changes"),
        (".events", ".events.dead", ".events.alerts", ".events.changes"),
    ],
)
def test_the_topics_beside_the_log_are_named_after_it(log: str, dead: str, inbox: str, changes: str) -> None:
    assert (dead_topic(log), inbox_topic(log), changes_topic(log)) == (dead, inbox, changes)


def test_a_letter_is_kept_as_it_was_and_found_by_its_number(dead: DeadLetters, topic: str) -> None:
    first, second = letter(topic, 7), replace(letter(topic, 8, None, None), reason="two\n lines")
    before = time.time_ns() // 1000
    dead.put([first, second])
    one, two = dead.list()
    assert (one.origin, one.time, one.size, one.reason) == (Origin(topic, 0, 7), NOON, 10, "not an event")
    assert (two.reason, two.size, two.requeued_at) == ("two lines", 0, None)
    assert before - 1000 <= one.kept_at <= two.kept_at
    assert dead.get(one.number) == (one, first)
    assert dead.get(two.number)[1] == replace(second, reason="two lines")
    with pytest.raises(NotFound, match="there is no dead letter 77"):
        dead.get(77)


def test_a_letter_that_is_put_again_is_listed_once(kafka: KafkaBroker, dead: DeadLetters, topic: str) -> None:
    dead.put([letter(topic, 1), letter(topic, 2)])
    again = DeadLetters(kafka.bootstrap, topic)
    again.put([letter(topic, 2), letter(topic, 1), letter(topic, 3)])
    again.close()
    assert [kept.origin.offset for kept in dead.list()] == [1, 2, 3]
    assert [kept.number for kept in dead.list()][:2] == [0, 1]


@given(
    st.lists(
        st.builds(
            DeadLetter,
            st.text(min_size=1, max_size=5),
            st.integers(0, 2),
            st.integers(0, 3),
            st.integers(0, 1 << 60),
            st.none() | st.binary(max_size=9),
            st.none() | st.binary(max_size=99),
            st.text(max_size=9),
        ),
        max_size=6,
    )
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_put_is_there_the_first_of_each_origin(kafka: KafkaBroker, letters: list[DeadLetter]) -> None:
    dead = DeadLetters(kafka.bootstrap, f"t{uuid4()}")
    dead.put(letters)
    expected: dict[Origin, DeadLetter] = {}
    for one in letters:
        expected.setdefault(one.origin, replace(one, reason=" ".join(one.reason.split())))
    assert [dead.get(kept.number)[1] for kept in dead.list()] == list(expected.values())
    dead.close()


def test_many_letters_are_kept_in_their_order(dead: DeadLetters, topic: str) -> None:
    dead.put([letter(topic, offset, value=bytes(offset % 7 * 50_000)) for offset in range(100)])
    assert [kept.origin.offset for kept in dead.list()] == list(range(100))


def test_looking_for_letters_makes_no_topic(kafka: KafkaBroker) -> None:
    name = f"t{uuid4()}"
    for _ in range(2):
        assert not has_letters(kafka.bootstrap, name)
    DeadLetters(kafka.bootstrap, name).close()
    assert has_letters(kafka.bootstrap, name)


def test_the_largest_record_of_the_log_can_be_a_letter(dead: DeadLetters, topic: str) -> None:
    dead.put([letter(topic, value=bytes(32 << 20))])
    assert dead.list()[0].size == (32 << 20) + 3


# Back to where it came from


def test_an_event_goes_back_to_its_partition_once(kafka: KafkaBroker, dead: DeadLetters, topic: str) -> None:
    dead.put([letter(topic, 3, b"zed", codec.encode(DEFINED)), letter(topic, 4)])
    number = dead.list()[0].number
    assert dead.requeue(number) == topic
    (stored,) = records(kafka, topic, partition_of(b"zed", 3))
    assert (stored.key, stored.value) == (b"zed", codec.encode(DEFINED))
    requeued, other = dead.list()
    assert requeued.requeued_at is not None
    assert other.requeued_at is None
    with pytest.raises(Conflict, match=f"dead letter {number}: was sent again already"):
        dead.requeue(number)
    log = KafkaLog(kafka.bootstrap, topic, partitions=3)
    assert [entry.event for entry in Journal(log).read("zed")] == [DEFINED]
    log.close()


def test_an_event_goes_back_without_its_secrets(kafka: KafkaBroker, dead: DeadLetters, topic: str) -> None:
    open_ = replace(DEFINED, payload=EnvironmentDefined(b'{"ssh":{"password":"hunter2-Zq8"}}'))
    dead.put([letter(topic, 3, b"zed", codec.encode(open_))])
    dead.requeue(0)
    (stored,) = records(kafka, topic, partition_of(b"zed", 3))
    assert b"hunter2-Zq8" not in (stored.value or b"")
    assert codec.decode(stored.value or b"").id == "e-1"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (b"zed", b"garbage", "dead letter 0: not an event"),
        (b"zed", codec.encode(DEFINED)[:-1], "dead letter 0: Envelope cannot be decoded"),
        (b"yoga", codec.encode(DEFINED), "dead letter 0: its key is b'yoga', not 'zed'"),
        (None, codec.encode(DEFINED), "dead letter 0: its key is b'', not 'zed'"),
        (b"zed", None, "dead letter 0: it has no value"),
    ],
)
def test_what_is_no_event_does_not_go_back_to_the_log(
    kafka: KafkaBroker, dead: DeadLetters, topic: str, key: bytes | None, value: bytes | None, told: str
) -> None:
    dead.put([letter(topic, 0, key, value)])
    with pytest.raises(BadInput, match=told):
        dead.requeue(0)
    assert [records(kafka, topic, partition) for partition in range(3)] == [[], [], []]
    assert dead.list()[0].requeued_at is None


def test_an_alert_goes_back_to_the_inbox_and_is_taken(kafka: KafkaBroker, dead: DeadLetters, topic: str) -> None:
    inbox = made(kafka, inbox_topic(topic), 2)
    dead.put([letter(inbox, 0, *record(ALERT)), letter(inbox, 1, None, b"\0garbage")])
    assert [dead.requeue(kept.number) for kept in dead.list()] == [inbox, inbox]
    (stored,) = records(kafka, inbox, partition_of(b"zed", 2))
    assert (stored.key, stored.value) == record(ALERT)
    assert [one.value for one in records(kafka, inbox, partition_of(b"", 2)) if one.key is None] == [b"\0garbage"]
    journal = Journal(KafkaLog(kafka.bootstrap, topic, partitions=3))
    journal.append([DEFINED])
    taking = Inbox(journal)
    assert taking.take(stored.key, stored.value) is not None
    assert taking.take(stored.key, stored.value) is None
    assert len(received(journal)) == 1
    journal.close()


def test_a_letter_of_another_topic_does_not_go_back(dead: DeadLetters) -> None:
    dead.put([letter("elsewhere")])
    with pytest.raises(BadInput, match="is of the topic 'elsewhere', which takes none back"):
        dead.requeue(0)


def test_an_alert_does_not_go_back_to_an_inbox_that_is_not_there(dead: DeadLetters, topic: str) -> None:
    dead.put([letter(inbox_topic(topic), 0, *record(ALERT))])
    with pytest.raises(NotFound, match="there is no such topic"):
        dead.requeue(0)
    assert dead.list()[0].requeued_at is None


# The topic


def test_what_somebody_else_wrote_there_hides_no_letter(kafka: KafkaBroker, dead: DeadLetters, topic: str) -> None:
    foreign = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 2})
    damaged = codec.encode_record("DeadLetter", {**vars_of(letter(topic)), "reason": "x"})[:-1]
    for value in (b"hello", damaged, None):
        foreign.produce(dead.topic, value)
    foreign.flush(20)
    dead.put([letter(topic)])
    assert [kept.reason for kept in dead.list()] == ["it stands among the dead letters, and is none"] * 3 + [
        "not an event"
    ]
    assert dead.get(0)[1].value == b"hello"
    with pytest.raises(BadInput, match="takes none back"):
        dead.requeue(0)


def vars_of(one: DeadLetter) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__slots__}


def test_letters_are_deleted_after_a_month_and_never_compacted(kafka: KafkaBroker, dead: DeadLetters) -> None:
    client = KafkaClient(kafka.bootstrap, dead.topic, {}, 20)
    found = client.find()
    client.close()
    assert found is not None
    assert found.partitions == 1
    assert found.settings["cleanup.policy"] == "delete"
    assert found.settings["retention.ms"] == str(30 * 24 * 3600 * 1000)
    assert found.settings["message.timestamp.type"] == "LogAppendTime"


@pytest.mark.parametrize(
    ("partitions", "config", "told"),
    [(1, {"cleanup.policy": "compact"}, "cleanup.policy is compact, must be delete"), (2, {}, "it has 2 partitions")],
)
def test_a_topic_that_could_not_keep_letters_is_refused(
    kafka: KafkaBroker, partitions: int, config: dict[str, str], told: str
) -> None:
    name = f"t{uuid4()}"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 2})
    for future in admin.create_topics([NewTopic(f"{name}.dead", partitions, 1, config=config)]).values():
        future.result(20)
    with pytest.raises(BadSettings, match=f"cannot be the topic of dead letters: {told}"):
        DeadLetters(kafka.bootstrap, name)


def test_letters_that_were_deleted_are_not_missed(kafka: KafkaBroker, dead: DeadLetters, topic: str) -> None:
    dead.put([letter(topic, offset) for offset in range(5)])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 2})
    for future in admin.delete_records([TopicPartition(dead.topic, 0, 3)]).values():
        future.result(20)
    assert [kept.number for kept in dead.list()] == [3, 4]
    with pytest.raises(NotFound):
        dead.get(0)


def test_a_broker_that_is_not_there_is_an_error_not_an_empty_list() -> None:
    with pytest.raises(LogError, match="Connection refused"):
        DeadLetters("127.0.0.1:1", "events", timeout=1)


@pytest.mark.parametrize("partitions", [1, 3])
def test_inboxes_of_several_processes_take_each_alert_once(kafka: KafkaBroker, partitions: int) -> None:
    topic = f"t{uuid4()}"
    journals = [Journal(KafkaLog(kafka.bootstrap, topic, partitions=partitions)) for _ in range(2)]
    for name in ENVIRONMENTS:
        journals[0].append([replace(DEFINED, environment=name)])
    one, other = (Inbox(journal) for journal in journals)
    for number in range(24):
        alert = replace(ALERT, id=str(number), environment=ENVIRONMENTS[number % 5 < 2])
        first, second = (one, other) if number % 3 else (other, one)
        assert first.take(*record(alert)) is not None
        assert second.take(*record(alert)) is None
    assert sum(len(received(journals[0], name)) for name in ENVIRONMENTS) == 24
    for journal in journals:
        journal.close()
