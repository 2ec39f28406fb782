"""The services of docker-compose.yml, together: a cloud is scanned, its bus is heard, and the API tells both."""

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from calipso.settings import read
from schemas.errors import LogError
from streams.kafka_log import KafkaLog
from tests.e2e.bus import connected, declare, send, until
from tests.e2e.conftest import BEFORE
from tests.e2e.program import Program
from tests.e2e.reenacted import Reenacted
from tests.e2e.services import SERVICES, KafkaService, Places, Service
from tests.servers.kafka import HOW, Unavailable
from tests.servers.mongo import MongoServer
from tests.servers.rabbitmq import RabbitMq

OURS = ("worker", "api", "scanner", "listener")
KAFKA_PASSWORD = "made up for a test"
MONGO_PASSWORD = "made up for another"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMq) -> Places:
    """Give what is mounted into the containers."""
    places = Places(tmp_path_factory.mktemp("services"))
    places.secret("kafka_password", KAFKA_PASSWORD)
    places.secret("mongo_password", MONGO_PASSWORD)
    places.secret("bus_password", rabbitmq.PASSWORD)
    return places


@pytest.fixture(scope="module")
def kafka_service(places: Places) -> Iterator[KafkaService]:
    """Start the broker as the file describes it."""
    try:
        kafka = KafkaService(places)
    except Unavailable as reason:
        told = f"no Kafka broker, {reason}: {HOW}"
        if os.environ.get("CALIPSO_TEST_SERVERS") == "required":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    with ExitStack() as ended:
        ended.callback(kafka.kill)
        kafka.start()
        kafka.wait_until_healthy()
        yield kafka


@pytest.fixture(scope="module")
def running(
    places: Places,
    kafka_service: KafkaService,
    mongo: MongoServer,
    rabbitmq: RabbitMq,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Service]]:
    """Start Calipso's services on a cloud that is brought back to life, and end each by SIGTERM: with 0."""
    assert kafka_service.is_healthy()
    declare(rabbitmq, "nova", "neutron")
    with ExitStack() as ended:
        lab = Reenacted(BEFORE, tmp_path_factory.mktemp("lab"))
        ended.callback(lab.stop)
        definition = lab.folder / "lab.toml"
        bus = f'[bus]\nurl = "{rabbitmq.url}"\npassword = "file:{places.secrets}/bus_password"\n'
        definition.write_text(f"listen = true\n{definition.read_text()}\n{bus}")
        places.put("/etc/calipso", str(lab.folder))
        places.put(history_of("worker"), f"{mongo.uri}/calipso")  # the server of the tests asks for no password
        services = {name: Service(name, places) for name in OURS}
        for name, service in services.items():
            ended.callback(service.kill)
            service.start()
            if name == "worker":  # the others depend on it
                service.wait_until_healthy()
        for service in services.values():
            service.wait_until_healthy()
        yield services


def asked(places: Places, path: str) -> Any:
    """Answer what the API answers."""
    url = f"http://{places.here('127.0.0.1:8000')}/v1{path}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())


def test_the_broker_lets_in_who_knows_the_password_and_nobody_else(places: Places, kafka_service: KafkaService) -> None:
    address = places.here("kafka:9092")
    options = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "calipso"}
    log = KafkaLog(address, "by-password", options | {"sasl.password": KAFKA_PASSWORD})
    assert log.append("lab", [b"x"]) == [0]
    log.close()
    with pytest.raises(LogError, match="uthentication"):
        KafkaLog(address, "by-password", options | {"sasl.password": "guessed"}, timeout=3)
    with pytest.raises(LogError):
        KafkaLog(address, "by-password", {}, timeout=3)
    assert KAFKA_PASSWORD not in kafka_service.said()


@pytest.mark.parametrize("name", OURS)
def test_each_service_knows_log_and_history_by_passwords_in_files(places: Places, name: str) -> None:
    named = {key: places.here(value) for key, value in SERVICES[name]["environment"].items()}
    settings = read(named | {"CALIPSO_HISTORY": history_of(name).replace("/run/secrets", str(places.secrets))})
    assert settings.kafka is not None
    assert settings.mongo is not None
    assert settings.kafka.resolved()["sasl.password"] == KAFKA_PASSWORD
    assert settings.mongo.secrets["password"].reveal() == MONGO_PASSWORD


def history_of(name: str) -> str:
    """Answer where the file says that a service has its history."""
    return str(SERVICES[name]["environment"]["CALIPSO_HISTORY"])


def test_the_scan_is_in_the_answers_of_the_api(places: Places, running: dict[str, Service], tmp_path: Path) -> None:
    until(lambda: "completed: " in running["scanner"].said(), running["scanner"].said, 60)

    def ended() -> list[Any]:
        return [scan for scan in asked(places, "/environments/lab/scans")["items"] if scan["status"] == "completed"]

    until(lambda: bool(ended()), running["api"].said, 30)
    (scan,) = ended()
    assert scan["schedule"] == "every"
    alone = Program(tmp_path / "alone")
    alone.run("scan", "lab", "--from", str(BEFORE))
    expected = {o["id"] for o in alone.run("at", "lab", "--type", "instance", "--json").answer["objects"]}
    found = {o["id"] for o in asked(places, "/environments/lab/objects?type=instance")["items"]}
    assert found == expected
    assert expected


def test_what_the_bus_tells_is_in_the_answers_of_the_api(
    places: Places, running: dict[str, Service], rabbitmq: RabbitMq
) -> None:
    until(lambda: "lab: listening to" in running["listener"].said(), running["listener"].said, 60)
    sent = [f"{number:08}-0000-4000-8000-000000000000" for number in range(30)]
    with connected(rabbitmq) as channel:
        for message_id in sent:
            message = {"message_id": message_id, "event_type": "port.create.end", "timestamp": "2026-11-22 12:00:00.0"}
            envelope = {"oslo.version": "2.0", "oslo.message": json.dumps(message)}
            send(channel, "neutron", "notifications.info", json.dumps(envelope).encode())

    def heard() -> list[Any]:
        return list(asked(places, "/environments/lab/events?event=NotificationReceived&limit=100")["items"])

    until(lambda: len(heard()) >= len(sent), running["listener"].said, 60)
    assert len(heard()) == len(sent)


def test_each_is_healthy_ends_in_good_order_and_says_no_password(
    running: dict[str, Service], rabbitmq: RabbitMq
) -> None:
    for name in reversed(OURS):
        service = running[name]
        service.wait_until_healthy()
        assert service.stop() == 0, service.said()
        assert not service.is_healthy(), name
        assert KAFKA_PASSWORD not in service.said()
        assert rabbitmq.PASSWORD not in service.said()
