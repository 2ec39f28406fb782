"""The listener on a cloud whose notifications go to Kafka: each is on the log once, whatever breaks in between."""

import json
import resource
import signal
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from schemas import codec
from schemas.canonical import decode
from schemas.events import ListenerStateChanged, NotificationReceived, Payload
from streams.journal import Journal
from streams.kafka_client import KafkaClient
from streams.kafka_topic import CHANGES, Topic
from streams.local_log import LocalLog
from tests.e2e.bus import DYING, ENVIRONMENT, PASSWORD, Listening, until
from tests.e2e.program import Program
from tests.servers.kafka import KafkaBroker


def enveloped(message_id: str) -> bytes:
    """Answer a notification as oslo.messaging's Kafka driver writes it, with a token in its context."""
    inner = {
        "message_id": message_id,
        "event_type": "port.update.end",
        "publisher_id": "network.controller",
        "priority": "INFO",
        "timestamp": "2026-11-25 12:00:00.000001",
        "payload": {"port": {"id": "p"}},
        "_context": {"auth_token": "gAAAAABplanted-planted-planted"},
    }
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()


class KafkaListening(Listening):
    """`calipso listen` on topics of this test alone."""

    def __init__(self, program: Program, kafka: KafkaBroker, url: str = "", more: str = "") -> None:
        """Describe the environment; make the topic of one priority; start nothing."""
        self.program = program
        self.kafka = kafka
        self.folder = program.folder.parent
        self.out = self.folder / "listener.out"
        self.define = self.folder / "lab.toml"
        self.topic = f"notifications-{uuid4()}"
        self.queue = f"calipso-{uuid4()}"
        self.define.write_text(
            f'[bus]\nurl = "{url or f"kafka://{kafka.bootstrap}"}"\nqueue = "{self.queue}"\n'
            f'topics = ["{self.topic}"]\n{more}'
        )
        self.environ = program.environ(**{PASSWORD: kafka.PASSWORD})
        self._process = None

    def make(self, priority: str = "info", partitions: int = 2) -> None:
        """Make the topic of a priority."""
        client = KafkaClient(self.kafka.bootstrap, f"{self.topic}.{priority}", {}, 20.0)
        client.open(Topic(f"{self.topic}.{priority}", partitions=partitions, kind=CHANGES), create=True)
        client.close()

    def publish(self, bodies: Iterable[bytes], priority: str = "info") -> None:
        """Write messages to a topic, spread over its partitions."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "partitioner": "random"})
        for number, body in enumerate(bodies):
            producer.produce(f"{self.topic}.{priority}", body, key=str(number))
        assert producer.flush(30) == 0

    def events(self) -> list[Payload]:
        """Answer what is on the log."""
        journal = Journal(LocalLog(self.program.folder, read_only=True))
        found = [entry.event.payload for entry in journal.read(ENVIRONMENT)]
        journal.close()
        return found

    def heard(self) -> list[str]:
        """Answer the ids of the messages on the log, sorted."""
        return sorted(event.message_id for event in self.events() if isinstance(event, NotificationReceived))

    def wait_for(self, ids: Iterable[str]) -> None:
        """Wait until the log has so many; then it must be these, each once."""
        wanted = sorted(ids)
        until(lambda: len(self.heard()) >= len(wanted), self.said, 60)
        assert self.heard() == wanted


@pytest.fixture
def listening(program: Program, kafka: KafkaBroker) -> Iterator[KafkaListening]:
    """Give a listener that is not started, and the topic of one priority."""
    listening = KafkaListening(program, kafka)
    listening.make()
    yield listening
    listening.kill()


def ids(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last)]


def publish(listening: KafkaListening, found: Iterable[str]) -> None:
    listening.publish(enveloped(one) for one in found)


def test_it_begins_with_what_is_written_from_then_on_and_misses_nothing_while_nobody_listens(
    listening: KafkaListening,
) -> None:
    publish(listening, ids(0, 5))
    listening.listen()
    publish(listening, ids(5, 50))
    listening.wait_for(ids(5, 50))
    listening.stop()
    publish(listening, ids(50, 80))
    listening.listen()
    publish(listening, [*ids(80, 90), *ids(5, 20)])  # some of them a second time
    listening.wait_for(ids(5, 90))
    listening.stop(signal.SIGINT)
    assert "15 were there already, 0 set aside" in listening.said()
    (one, *_) = [event for event in listening.events() if isinstance(event, NotificationReceived)]
    assert one.routing_key == f"{listening.topic}.info"
    assert decode(one.body)["_context"] == {"auth_token": "<redacted>"}
    states = [event.state for event in listening.events() if isinstance(event, ListenerStateChanged)]
    assert states == ["running", "stopped"] * 2


def test_a_topic_that_appears_later_is_read_from_its_first_message(listening: KafkaListening) -> None:
    listening.listen()
    listening.make("error", 1)
    listening.publish([enveloped("later")], "error")
    listening.wait_for(["later"])


def test_a_cloud_without_a_topic_yet_is_waited_for(program: Program, kafka: KafkaBroker) -> None:
    listening = KafkaListening(program, kafka)
    try:
        listening.listen()
        assert f"waiting for topics that are not there: {listening.topic}" in listening.said()
        listening.make()
        publish(listening, ids(0, 3))
        listening.wait_for(ids(0, 3))
    finally:
        listening.kill()


@pytest.mark.parametrize("before", ["acknowledge", "append"])
def test_a_listener_that_is_killed_loses_nothing_and_doubles_nothing(listening: KafkaListening, before: str) -> None:
    listening.listen()
    listening.stop()
    publish(listening, ids(0, 900))
    for calls in (1, 2):
        listening.start("-c", DYING, str(calls), before, "producers.kafka_bus:KafkaBus")
        assert listening.ended() == -signal.SIGKILL, listening.said()
    assert len(listening.heard()) < 900
    listening.listen()
    listening.wait_for(ids(0, 900))


def test_a_broker_that_was_away_is_found_again_and_nothing_is_lost(
    listening: KafkaListening, kafka: KafkaBroker
) -> None:
    listening.listen()
    publish(listening, ids(0, 10))
    listening.wait_for(ids(0, 10))
    kafka.stop()
    try:
        listening.wait_until_said("trying again in")
        assert "not well" in listening.program.refused("listen", ENVIRONMENT, "--check")
    finally:
        kafka.start()
    publish(listening, ids(10, 20))
    listening.wait_for(ids(0, 20))
    listening.stop()


def test_messages_wait_while_the_log_takes_nothing(listening: KafkaListening) -> None:
    listening.listen()
    publish(listening, ids(0, 10))
    listening.wait_for(ids(0, 10))
    _, most = resource.prlimit(listening.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(listening.pid, resource.RLIMIT_FSIZE, (8192, most))  # as a full disk: every append fails
    publish(listening, ids(10, 300))
    listening.wait_until_said("messages wait in the queue")
    assert listening.heard() == sorted(ids(0, 10))
    resource.prlimit(listening.pid, resource.RLIMIT_FSIZE, (most, most))
    listening.wait_for(ids(0, 300))
    listening.stop()


GARBAGE = [b"", b"\xff\xfe", b"[]", b"{}", b'{"message_id": "x"}', b'{"oslo.message": 1}']


def test_what_is_no_notification_is_put_aside_with_its_reason(listening: KafkaListening, kafka: KafkaBroker) -> None:
    listening.listen()
    listening.publish([*GARBAGE, enveloped("good")])
    listening.wait_for(["good"])
    listening.stop()
    client = KafkaClient(kafka.bootstrap, f"{listening.queue}.dead", {}, 20.0)
    letters = [codec.decode_record("DeadLetter", one.value or b"") for one in client.scan(0, 0, client.end(0))]
    client.close()
    found: list[Any] = [letter for letter in letters if letter is not None]
    assert sorted(letter["value"] or b"" for letter in found) == sorted(GARBAGE)
    assert all(letter["reason"] and letter["topic"] == f"{listening.topic}.info" for letter in found)


def test_a_login_and_a_virtual_host_are_said_in_the_url(program: Program, kafka: KafkaBroker) -> None:
    how = "security.protocol=SASL_PLAINTEXT&sasl.mechanism=PLAIN"
    url = f"kafka://{kafka.USER}@{kafka.sasl_bootstrap}/prod?{how}"
    listening = KafkaListening(program, kafka, url, f'password = "env:{PASSWORD}"\n')
    listening.make("info.prod")
    try:
        listening.listen()
        listening.publish([enveloped("one")], "info.prod")
        listening.wait_for(["one"])
        listening.stop()
    finally:
        listening.kill()
    (one,) = [event for event in listening.events() if isinstance(event, NotificationReceived)]
    assert one.routing_key == f"{listening.topic}.info"
    assert kafka.PASSWORD not in listening.said()


def test_it_is_tried_without_taking_anything(listening: KafkaListening, kafka: KafkaBroker) -> None:
    program = listening.program
    program.run("env", "add", ENVIRONMENT, "--define", str(listening.define))
    (well,) = program.run("env", "test", ENVIRONMENT, "--json").answer["results"]
    assert well["text"] == f"topics {listening.topic}.info"
    program.run("env", "add", ENVIRONMENT, "--bus-topic", "of-nobody")
    (none,) = program.run("env", "test", ENVIRONMENT, "--json", code=2).answer["results"]
    assert "messagingv2" in none["remedy"]
    program.run("env", "add", ENVIRONMENT, "--bus", "kafka://127.0.0.1:1")
    (away,) = program.run("env", "test", ENVIRONMENT, "--json", code=2).answer["results"]
    assert "reachable" in away["remedy"]
    assert kafka.bootstrap not in away["text"]
