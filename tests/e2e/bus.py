"""A cloud's services on the message bus, and the listener as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amqp import Message
from kombu import Connection

from tests.e2e.program import Program
from tests.servers.rabbitmq import RabbitMq

ENVIRONMENT = "lab"
PASSWORD = "BUS_PASSWORD"
SECONDS = 30.0
EXCHANGES = ("nova", "neutron", "keystone", "glance")

DYING = """
import importlib, os, signal, sys
from streams import journal
left = [int(sys.argv[1])]
def dying(call):
    def called(*words):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*words)
    return called
module, _, name = sys.argv[3].partition(":")
bus = getattr(importlib.import_module(module), name)
if sys.argv[2] == "acknowledge":
    bus.acknowledge = dying(bus.acknowledge)
else:
    journal.Journal.append = dying(journal.Journal.append)
from calipso.cli import run
sys.exit(run(sys.argv[4:]))
"""
"""A listener that is killed by the next but so many calls: how many, `acknowledge` or `append`, and which bus."""


def recorded(file: Path) -> list[dict[str, Any]]:
    """Answer the records of a file of notifications."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def copies(records: list[dict[str, Any]], times: int) -> list[dict[str, Any]]:
    """Answer the records so many times, each with a message id of its own."""
    return [renumbered(record, f"{turn}-{place}") for turn in range(times) for place, record in enumerate(records)]


def renumbered(record: dict[str, Any], message_id: str) -> dict[str, Any]:
    """Answer the record with another message id."""
    message = {**json.loads(record["body"]["oslo.message"]), "message_id": message_id}
    return {**record, "body": {**record["body"], "oslo.message": json.dumps(message)}}


@contextmanager
def connected(rabbitmq: RabbitMq, vhost: str = "/") -> Iterator[Any]:
    """Yield a channel whose publishing waits for the broker's confirmation."""
    connection = Connection(
        hostname="127.0.0.1",
        port=rabbitmq.port,
        userid=rabbitmq.USER,
        password=rabbitmq.PASSWORD,
        virtual_host=vhost,
        transport_options={"confirm_publish": True},
    )
    with connection:
        yield connection.default_channel


def declare(rabbitmq: RabbitMq, *exchanges: str, vhost: str = "/") -> None:
    """Declare exchanges as oslo.messaging does unless told otherwise: topic, not durable."""
    with connected(rabbitmq, vhost) as channel:
        for exchange in exchanges:
            channel.exchange_declare(exchange, "topic", durable=False, auto_delete=False)


def publish(rabbitmq: RabbitMq, records: Iterable[dict[str, Any]], vhost: str = "/") -> None:
    """Publish recorded notifications as their services did."""
    with connected(rabbitmq, vhost) as channel:
        for record in records:
            send(channel, record["exchange"], record["routing_key"], json.dumps(record["body"]).encode())


def send(channel: Any, exchange: str, routing_key: str, body: bytes) -> None:
    """Publish one body."""
    message = Message(body, content_type="application/json", content_encoding="utf-8", delivery_mode=2)
    channel.basic_publish(message, exchange, routing_key)


def waiting(rabbitmq: RabbitMq, queue: str) -> int:
    """Answer how many messages wait in a queue (those that are on their way to a listener do not)."""
    with connected(rabbitmq) as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)


def until(true: Callable[[], bool], what: Callable[[], str], seconds: float = SECONDS) -> None:
    """Wait until it is true; fail after so many seconds, saying what."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


class Listening:
    """`calipso listen` as a process of its own."""

    def __init__(self, program: Program, rabbitmq: RabbitMq, *words: str, **environ: str) -> None:
        """Describe the environment and its bus; start nothing."""
        self.program = program
        self.folder = program.folder.parent
        self.out = self.folder / "listener.out"
        self.define = self.folder / "lab.toml"
        self.queue = f"calipso-{program.folder.parent.name}"
        self.define.write_text(
            f'[bus]\nurl = "{rabbitmq.url}"\npassword = "env:{PASSWORD}"\nqueue = "{self.queue}"\n'
            f"exchanges = {json.dumps(words or EXCHANGES)}\n"
        )
        self.environ = program.environ(**{PASSWORD: rabbitmq.PASSWORD, **environ})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Answer the number of the process."""
        assert self._process is not None
        return self._process.pid

    def start(self, *before: str) -> None:
        """Start it, by default with `-m calipso`."""
        words = [sys.executable, *(before or ("-m", "calipso")), "listen", ENVIRONMENT, "--define", str(self.define)]
        with self.out.open("ab") as out:
            self._process = subprocess.Popen(words, env=self.environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def said(self) -> str:
        """Answer all that it ever said."""
        return self.out.read_text() if self.out.exists() else ""

    def wait_until_said(self, text: str, times: int = 1) -> None:
        """Wait for a text on standard output or standard error."""
        until(lambda: self.said().count(text) >= times, self.said)

    def listen(self) -> None:
        """Start it, and wait until it listens."""
        times = self.said().count("listening to")
        self.start()
        self.wait_until_said("listening to", times + 1)

    def ended(self) -> int:
        """Wait for its end by itself; answer how it ended."""
        assert self._process is not None
        process, self._process = self._process, None
        return process.wait(timeout=SECONDS)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it in good order."""
        os.kill(self.pid, how)
        code = self.ended()
        assert code == 0, f"exit {code}: {self.said()}"

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self.ended()
