"""Alerts from outside, as the documentation shows it: every snippet of docs/alerts.md runs, and its alert is taken."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from calipso.intake import inbox
from calipso.settings import Settings, read
from calipso.wiring import opened
from producers.alerts import AlertClient
from schemas.errors import BadAlert, NotFound
from schemas.events import AlertReceived, EnvironmentDefined, Event
from schemas.redaction import MARKER
from streams.dead import DeadLetter, DeadLetters
from streams.kafka_client import KafkaClient
from streams.kafka_topic import INBOX, Topic, inbox_topic
from tests.e2e.program import Program
from tests.servers.kafka import KafkaBroker, free_port
from tests.servers.registry import registry
from tests.unit.alerts import ALERT, NOON, framed, record

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "alerts.md").read_text("utf-8")
DEFINED = Event("e-1", "demo", "operator", NOON, None, EnvironmentDefined(b"{}"))


def snippet(title: str) -> str:
    """Answer the code below a heading of the guide."""
    (found,) = re.findall(rf"^### {title}\n.*?^```\w+\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


def run(code: str, folder: Path, **changed: str) -> "subprocess.CompletedProcess[str]":
    """Run a snippet where there is nothing but the schema; `changed`: what it says for what is really there."""
    for shown, real in changed.items():
        assert PLACES[shown] in code
        code = code.replace(PLACES[shown], real)
    shutil.copy(ROOT / "schemas" / "avsc" / "Alert.avsc", folder)
    words = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)


PLACES = {
    "broker": "127.0.0.1:9092",
    "topic": "calipso.alerts",
    "registry": "http://127.0.0.1:8081",
    "api": "http://127.0.0.1:8000",
}


class Place:
    """A log on Kafka with an environment and an inbox, and the program on it."""

    def __init__(self, broker: KafkaBroker, folder: Path) -> None:
        """Make the topics."""
        self.broker = broker
        self.log = f"t{uuid4()}.events"
        self.inbox = inbox_topic(self.log)
        self.environ = {
            "CALIPSO_LOG": f"kafka://{broker.bootstrap}/{self.log}",
            "CALIPSO_HISTORY": f"local:{folder / 'history'}",
        }
        self.program = Program(folder / "unused")
        with opened(self.settings()) as engine:
            engine.journal.append([DEFINED])
        client = KafkaClient(broker.bootstrap, self.inbox, {}, 20)
        client.open(Topic(self.inbox, kind=INBOX), create=True)
        client.close()

    def settings(self, **more: str) -> Settings:
        return read(self.environ | more)

    def take_all(self, **more: str) -> list[AlertReceived]:
        """Take in what stands in the inbox, as a worker does; answer the alerts on the log."""
        settings = self.settings(**more)
        client = KafkaClient(self.broker.bootstrap, self.inbox, {}, 20)
        with opened(settings) as engine:
            taking = inbox(settings, engine.journal)
            for stored in client.scan(0, client.start(0), client.end(0)):
                taking.take(stored.key, stored.value)
            found = [entry.event.payload for entry in engine.journal.read("demo")]
        client.close()
        return [payload for payload in found if isinstance(payload, AlertReceived)]

    def letters(self) -> DeadLetters:
        return DeadLetters(self.broker.bootstrap, self.log)


@pytest.fixture
def place(kafka: KafkaBroker, tmp_path: Path) -> Place:
    return Place(kafka, tmp_path)


# What the guide shows


def test_an_alert_that_the_client_sends_is_taken(place: Place, tmp_path: Path) -> None:
    code = snippet("With Calipso's client")
    for _ in range(2):
        ran = run(code, tmp_path, broker=place.broker.bootstrap, topic=place.inbox)
        assert (ran.returncode, ran.stderr) == (0, "")
    (alert,) = place.take_all()
    assert (alert.alert_id, alert.object_id, alert.status) == ("probe-1", "compute-2", "Error")
    assert alert.details == b'{"loss_percent":11}'


def test_an_alert_that_is_sent_without_anything_of_calipso_is_taken(place: Place, tmp_path: Path) -> None:
    code = snippet("With confluent-kafka and fastavro alone")
    assert "producers" not in code
    assert len(code.splitlines()) < 30
    ran = run(code, tmp_path, broker=place.broker.bootstrap, topic=place.inbox)
    assert (ran.returncode, ran.stderr) == (0, "")
    (alert,) = place.take_all()
    assert (alert.alert_id, alert.object_type, alert.details) == ("probe-2", None, b'{"percent":94}')


def test_an_alert_of_a_confluent_serializer_is_taken_with_the_registry_and_without(
    place: Place, tmp_path: Path
) -> None:
    with registry() as served:
        code = snippet("With a Confluent serializer")
        ran = run(code, tmp_path, broker=place.broker.bootstrap, topic=place.inbox, registry=served.url)
        assert (ran.returncode, ran.stderr) == (0, "")
        (alert,) = place.take_all()
        assert (alert.alert_id, alert.object_id, alert.details) == ("probe-3", "p-shop", b'{"percent":51}')
        assert place.take_all(CALIPSO_SCHEMA_REGISTRY=served.url) == [alert]
        assert served.asked[-1].startswith("GET /schemas/ids/")


def test_an_alert_of_curl_is_taken(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on PATH")
    program = Program(tmp_path / "data")
    with opened(read({"CALIPSO_LOG": f"local:{program.folder}"})) as engine:
        engine.journal.append([DEFINED])
    with served_by(program) as url:
        code = snippet("With curl").replace(PLACES["api"], url)
        ran = subprocess.run(["sh", "-c", code], capture_output=True, text=True, timeout=60)
        assert (ran.returncode, ran.stdout) == (0, '{"environment":"demo","offset":1,"repeat":false}'), ran.stderr
        again = subprocess.run(["sh", "-c", code], capture_output=True, text=True, timeout=60)
        assert again.stdout == '{"environment":"demo","offset":1,"repeat":true}'
        wrong = subprocess.run(["sh", "-c", code.replace("demo", "nix")], capture_output=True, text=True, timeout=60)
        assert wrong.returncode == 22
        assert '"detail":"environment \'nix\': nothing is known of it"' in wrong.stdout
    (event,) = program.run("events", "demo", "--event", "AlertReceived", "--json").answer["events"]
    assert event["summary"] == "Error: packet-loss of host compute-2: seen by hand"


@contextmanager
def served_by(program: Program) -> Iterator[str]:
    """Yield the URL of the API, which runs as a process of its own."""
    port = free_port()
    words = [sys.executable, "-m", "calipso", "up", "--port", str(port)]
    environ: dict[str, Any] = program.environ()
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("API on ")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


# The client


def test_the_client_refuses_what_would_be_refused(place: Place) -> None:
    with AlertClient(place.broker.bootstrap, place.inbox) as client, pytest.raises(BadAlert, match="status 'Bad'"):
        client.send(replace(ALERT, status="Bad"))
    assert place.take_all() == []


def test_the_client_says_when_there_is_no_inbox(kafka: KafkaBroker) -> None:
    with pytest.raises(NotFound, match=r"topic nowhere: there is no such topic \(calipso worker makes the inbox"):
        AlertClient(kafka.bootstrap, "nowhere")


# The command that looks after dead letters


def test_dead_letters_are_listed_shown_and_sent_again(place: Place) -> None:
    environ: dict[str, Any] = place.environ
    for _ in range(2):
        assert "no dead letters, and no topic of them" in place.program.refused("dead", "list", **environ)
    alert = replace(ALERT, environment="later", text="with password=hunter2-Zq8")
    dead = place.letters()
    assert place.program.run("dead", "list", **environ).out == "no dead letters\n"
    dead.put(
        [
            DeadLetter(place.inbox, 0, 4, NOON, *record(alert), reason="environment 'later': nothing is known of it"),
            DeadLetter(place.log, 0, 7, NOON, b"demo", b'{"token": "hunter2-Zq8", "a": 1', reason="token=hunter2-Zq8"),
            DeadLetter(place.inbox, 0, 5, NOON, b"later", framed(alert), reason="no schema"),
            DeadLetter("elsewhere", 0, 5, 1 << 62, None, None, reason="no value"),
        ]
    )
    dead.close()
    listed = place.program.run("dead", "list", **environ)
    assert listed.out.splitlines()[1].split()[0] == "0"
    assert f"{place.inbox}/0/4" in listed.out
    assert str(1 << 62) in place.program.run("dead", "show", "3", **environ).out
    shown = [place.program.run("dead", "show", str(number), **environ).out for number in range(3)]
    assert "an alert" in shown[0]
    assert "packet-loss" in shown[0]
    assert f"with password={MARKER}" in shown[0]
    assert "a framed alert" in shown[2]
    assert "nothing that can be decoded" in shown[1]
    assert "00000000  7b 22" in shown[1]
    as_json = [place.program.run("dead", "show", str(number), "--json", **environ).out for number in range(3)]
    whole = place.program.run("dead", "list", "--json", **environ)
    assert [row["number"] for row in whole.answer["letters"]] == [0, 1, 2, 3]
    for text in (*shown, *as_json, listed.out, whole.out):
        assert "hunter2" not in text
        assert b"hunter2-Zq8".hex(" ") not in text
        assert b"Zq8".hex(" ") not in text
    assert "was sent to" in place.program.run("dead", "requeue", "0", "2", **environ).out
    assert "dead letter 0: was sent again already" in place.program.refused("dead", "requeue", "0", **environ)
    assert "dead letter 1: not an event" in place.program.refused("dead", "requeue", "1", **environ)
    with opened(place.settings()) as engine:
        engine.journal.append([Event("e-2", "later", "operator", NOON, None, EnvironmentDefined(b"{}"))])
    place.take_all()
    (event,) = place.program.run("events", "later", "--event", "AlertReceived", "--json", **environ).answer["events"]
    assert event["source"] == "nfv-monitor"


def test_an_embedded_log_has_no_dead_letters(tmp_path: Path) -> None:
    told = Program(tmp_path / "data").refused("dead", "list")
    assert told == "calipso: only a log on Kafka has dead letters (CALIPSO_LOG=kafka://HOST:PORT/TOPIC)"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "words", [("burn",), ("show",), ("show", "1", "2"), ("requeue",), ("list", "1"), ("show", "x"), ("show", "²")]
)
def test_a_wrong_word_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = Program(tmp_path / "data").refused("dead", *words)
    assert told == "calipso: dead: write dead list, dead show N, or dead requeue N and more"


def test_the_snippets_name_the_places_that_the_tests_change() -> None:
    for shown in PLACES.values():
        assert shown in GUIDE
