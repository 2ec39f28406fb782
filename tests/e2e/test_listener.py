"""The listener on a real message bus: each notification is on the log once, whatever breaks in between."""

import json
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from schemas.canonical import decode
from schemas.events import Event, NotificationReceived
from streams.journal import Journal
from streams.kafka_log import KafkaLog
from streams.local_log import LocalLog
from tests.e2e.bus import (
    DYING,
    ENVIRONMENT,
    EXCHANGES,
    PASSWORD,
    Listening,
    connected,
    copies,
    declare,
    publish,
    recorded,
    send,
    until,
)
from tests.e2e.conftest import NOTIFICATIONS
from tests.e2e.program import Program
from tests.recordings import needs_recordings
from tests.servers.kafka import KafkaBroker
from tests.servers.rabbitmq import RabbitMq

pytestmark = needs_recordings
RECORDS = recorded(NOTIFICATIONS) if NOTIFICATIONS.exists() else []


@pytest.fixture
def listening(program: Program, rabbitmq: RabbitMq) -> Iterator[Listening]:
    """Give a listener that is not started, and the cloud's exchanges."""
    declare(rabbitmq, *EXCHANGES)
    listening = Listening(program, rabbitmq)
    yield listening
    listening.kill()


def heard(program: Program) -> list[Event]:
    """Answer the notifications on the log."""
    journal = Journal(LocalLog(program.folder, read_only=True))
    events = [entry.event for entry in journal.read(ENVIRONMENT)]
    journal.close()
    return [event for event in events if isinstance(event.payload, NotificationReceived)]


def ids(records: list[dict[str, Any]]) -> list[str]:
    """Answer the message ids of records, sorted."""
    return sorted(json.loads(record["body"]["oslo.message"])["message_id"] for record in records)


def heard_ids(program: Program) -> list[str]:
    """Answer the message ids on the log, sorted."""
    return sorted(event.payload.message_id for event in heard(program))  # type: ignore[union-attr]


def wait_for(listening: Listening, records: list[dict[str, Any]]) -> None:
    """Wait until the log has so many notifications; then each must be there once."""
    until(lambda: len(heard(listening.program)) >= len(records), listening.said)
    assert heard_ids(listening.program) == ids(records)


def test_what_the_bus_carries_is_what_a_recording_of_it_holds(
    listening: Listening, rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    listening.listen()
    publish(rabbitmq, RECORDS)
    wait_for(listening, RECORDS)
    listening.stop()
    imported = Program(tmp_path / "imported")
    imported.run("listen", ENVIRONMENT, "--from", str(NOTIFICATIONS))
    assert sorted(heard(listening.program), key=lambda e: e.id) == sorted(heard(imported), key=lambda e: e.id)
    assert f"{len(RECORDS)} notifications written, 0 were there already, 0 set aside" in listening.said()


def test_what_is_published_again_is_not_written_again(listening: Listening, rabbitmq: RabbitMq) -> None:
    listening.listen()
    publish(rabbitmq, RECORDS)
    wait_for(listening, RECORDS)
    listening.stop(signal.SIGINT)
    publish(rabbitmq, RECORDS)
    listening.listen()
    publish(rabbitmq, [*RECORDS[:5], *copies(RECORDS[:1], 1)])
    wait_for(listening, [*RECORDS, *copies(RECORDS[:1], 1)])


def test_what_was_published_while_nobody_listened_waits_in_the_queue(listening: Listening, rabbitmq: RabbitMq) -> None:
    listening.listen()
    listening.stop()
    publish(rabbitmq, RECORDS)
    listening.listen()
    wait_for(listening, RECORDS)


def test_a_broker_that_was_away_is_found_again_and_nothing_is_lost(listening: Listening, rabbitmq: RabbitMq) -> None:
    listening.listen()
    publish(rabbitmq, RECORDS[:60])
    rabbitmq.stop()
    try:
        listening.wait_until_said("trying again in")
        refused = listening.program.refused("listen", ENVIRONMENT, "--check")
        assert "not well" in refused
    finally:
        rabbitmq.start()
    listening.wait_until_said("listening to", 2)
    publish(rabbitmq, RECORDS[60:])  # to the exchanges that went with the broker: the listener has made them again
    wait_for(listening, RECORDS)
    assert listening.program.run("listen", ENVIRONMENT, "--check").out.startswith("lab: listening to")
    listening.stop()
    assert rabbitmq.PASSWORD not in listening.said()


@pytest.mark.parametrize("before", ["acknowledge", "append"])
def test_a_listener_that_is_killed_loses_nothing_and_doubles_nothing(
    listening: Listening, rabbitmq: RabbitMq, before: str
) -> None:
    listening.listen()
    listening.stop()
    records = copies(RECORDS, 8)
    publish(rabbitmq, records)
    for calls in (0, 2, 1):
        listening.start("-c", DYING, str(calls), before, "producers.bus:Bus")
        assert listening.ended() == -signal.SIGKILL, listening.said()
    written = len(heard(listening.program))
    assert 0 < written < len(records)
    listening.listen()
    wait_for(listening, records)


def test_messages_wait_while_the_log_takes_nothing(listening: Listening, rabbitmq: RabbitMq) -> None:
    listening.listen()
    publish(rabbitmq, RECORDS[:10])
    wait_for(listening, RECORDS[:10])
    _, most = resource.prlimit(listening.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(listening.pid, resource.RLIMIT_FSIZE, (8192, most))  # as a full disk: every append fails
    publish(rabbitmq, RECORDS[10:])
    listening.wait_until_said("messages wait in the queue")
    assert "not well" in listening.program.refused("listen", ENVIRONMENT, "--check")
    assert heard_ids(listening.program) == ids(RECORDS[:10])
    resource.prlimit(listening.pid, resource.RLIMIT_FSIZE, (most, most))
    wait_for(listening, RECORDS)
    listening.stop()
    assert "lab: 119 notifications written, 0 were there already" in listening.said()


def test_a_listener_that_is_told_to_end_while_the_log_takes_nothing_leaves_the_messages(
    listening: Listening, rabbitmq: RabbitMq
) -> None:
    listening.listen()
    _, most = resource.prlimit(listening.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(listening.pid, resource.RLIMIT_FSIZE, (8192, most))
    publish(rabbitmq, RECORDS)
    listening.wait_until_said("messages wait in the queue")
    listening.stop()
    listening.listen()
    wait_for(listening, RECORDS)


BARE = {
    "message_id": "an id of no particular form",
    "event_type": "compute.instance.update",
    "publisher_id": "compute.host",
    "priority": "INFO",
    "timestamp": "2015-03-01 12:00:00.000001",
    "payload": {"auth_token": "gAAAAABplanted-planted-planted"},
}
GARBAGE = [b"", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000, b'{"message_id": "x"}', b'{"oslo.message": 1}']


def test_what_is_no_notification_is_put_aside_with_its_reason(listening: Listening, rabbitmq: RabbitMq) -> None:
    listening.listen()
    with connected(rabbitmq) as channel:
        for body in GARBAGE:
            send(channel, "nova", "notifications.info", body)
            send(channel, "nova", "notifications.error", json.dumps(BARE).encode())
        publish(rabbitmq, RECORDS)
        until(lambda: len(heard(listening.program)) > len(RECORDS), listening.said)
        listening.stop()
        found = [channel.basic_get(f"{listening.queue}.dead", no_ack=True) for _ in GARBAGE]
        assert channel.basic_get(f"{listening.queue}.dead") is None
    bodies = [one.body.encode() if isinstance(one.body, str) else bytes(one.body) for one in found]
    assert bodies == GARBAGE
    headers = [one.properties["application_headers"] for one in found]
    assert all(one["x-calipso-reason"] and one["x-calipso-exchange"] == "nova" for one in headers)
    (bare,) = [event for event in heard(listening.program) if event.payload.message_id == BARE["message_id"]]  # type: ignore[union-attr]
    assert isinstance(bare.payload, NotificationReceived)
    assert bare.occurred_at == 1425211200_000001
    assert decode(bare.payload.body)["payload"] == {"auth_token": "<redacted>"}
    assert len(heard(listening.program)) == len(RECORDS) + 1


def test_of_two_listeners_one_stands_by_and_takes_over(
    listening: Listening, rabbitmq: RabbitMq, tmp_path: Path
) -> None:
    listening.listen()
    second = Listening(listening.program, rabbitmq)
    second.out = tmp_path / "second.out"
    second.listen()
    try:
        publish(rabbitmq, RECORDS[:50])
        wait_for(listening, RECORDS[:50])
        listening.kill()
        publish(rabbitmq, RECORDS[50:])
        wait_for(second, RECORDS)
        second.stop()
    finally:
        second.kill()
    assert f"{len(RECORDS) - 50} notifications written" in second.said()


def test_an_exchange_that_is_not_there_yet_is_waited_for_and_not_made(program: Program, rabbitmq: RabbitMq) -> None:
    declare(rabbitmq, *EXCHANGES)
    listening = Listening(program, rabbitmq, "nova", "ironic-later")
    try:
        listening.listen()
        assert "waiting for exchanges that are not there: ironic-later" in listening.said()
        with connected(rabbitmq) as channel:
            channel.exchange_declare("ironic-later", "topic", durable=True, auto_delete=True)
        until(lambda: listening.said().count("listening to") == 2, listening.said)
        publish(rabbitmq, [{**RECORDS[0], "exchange": "ironic-later"}])
        wait_for(listening, RECORDS[:1])
    finally:
        listening.kill()


def test_a_wrong_password_is_told_in_one_line_and_tried_again(program: Program, rabbitmq: RabbitMq) -> None:
    listening = Listening(program, rabbitmq, **{PASSWORD: "planted-wrong"})
    try:
        listening.start()
        listening.wait_until_said("ACCESS_REFUSED", 2)
        listening.stop()
    finally:
        listening.kill()
    assert "planted-wrong" not in listening.said()
    assert all(line.count("trying again in") == 1 for line in listening.said().splitlines()[:-1])


def test_over_tls_only_a_broker_that_proves_who_it_is_gets_the_password(
    listening: Listening, rabbitmq: RabbitMq
) -> None:
    plain = listening.define.read_text()
    secured = plain.replace(rabbitmq.url, f"amqps://{rabbitmq.USER}@127.0.0.1:{rabbitmq.tls_port}/")
    listening.define.write_text(secured)
    listening.start()
    listening.wait_until_said("CERTIFICATE_VERIFY_FAILED", 2)
    listening.stop()
    listening.define.write_text(f'{secured}ca = "{rabbitmq.certificate}"\n')
    listening.listen()
    publish(rabbitmq, RECORDS)
    wait_for(listening, RECORDS)


def test_messages_wait_while_the_broker_of_the_log_is_away(
    program: Program, rabbitmq: RabbitMq, kafka: KafkaBroker, tmp_path: Path
) -> None:
    declare(rabbitmq, *EXCHANGES)
    topic = f"events-{uuid4()}"
    places = {
        "CALIPSO_LOG": f"kafka://{kafka.bootstrap}/{topic}?socket.timeout.ms=2000",
        "CALIPSO_HISTORY": f"local:{tmp_path / 'history'}",
    }
    listening = Listening(program, rabbitmq, **places)
    try:
        listening.listen()
        publish(rabbitmq, RECORDS[:10])
        kafka.stop()
        try:
            publish(rabbitmq, RECORDS[10:])
            listening.wait_until_said("messages wait in the queue")
        finally:
            kafka.start()
        log = Journal(KafkaLog(kafka.bootstrap, topic))

        def found() -> list[str]:
            events = [entry.event.payload for entry in log.read(ENVIRONMENT)]
            return sorted(event.message_id for event in events if isinstance(event, NotificationReceived))

        until(lambda: len(found()) >= len(RECORDS), listening.said, 60)
        assert found() == ids(RECORDS)
        listening.stop()
        log.close()
    finally:
        listening.kill()


def test_without_a_description_of_the_bus_it_says_what_to_do(program: Program) -> None:
    refused = program.refused("listen", "lab")
    assert "[bus]" in refused
    assert "--define FILE" in refused
    assert "no listener runs" in program.refused("listen", "lab", "--check")
