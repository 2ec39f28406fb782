"""A second reader of a cloud's message bus, which needs nothing of Calipso: what it has seen, the log must hold."""

import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from kombu import Connection, Exchange, Queue

EXCHANGES = ("nova", "neutron", "keystone", "glance")
KEYS = ("notifications.*", "versioned_notifications.*")


class Witness:
    """Collects the ids of messages."""

    def __init__(self) -> None:
        """Begin with none."""
        self.seen: set[str] = set()

    def hear(self, body: Any, message: Any) -> None:
        """Take in a message."""
        inner = json.loads(body) if isinstance(body, str | bytes) else body
        self.seen.add(json.loads(inner["oslo.message"])["message_id"])
        message.ack()


@contextmanager
def witnessing(bus: dict[str, Any]) -> Iterator[Witness]:
    """Listen to the bus that an environment's [bus] describes, from a queue that nobody else has."""
    witness, ended = Witness(), threading.Event()
    with _connection(bus) as connection:
        channel = connection.default_channel
        queue = Queue(f"witness.{uuid.uuid4()}", exclusive=True, auto_delete=True, durable=False)(channel)
        queue.declare()
        for name in EXCHANGES:
            Exchange(name, "topic", durable=False)(channel).declare()
            for key in KEYS:
                queue.bind_to(name, key)

        def hear() -> None:
            with connection.Consumer(queue, callbacks=[witness.hear]):
                while not ended.is_set():
                    try:
                        connection.drain_events(timeout=0.5)
                    except TimeoutError:
                        continue

        thread = threading.Thread(target=hear)
        thread.start()
        try:
            yield witness
        finally:
            ended.wait(2)
            ended.set()
            thread.join()


def drop(bus: dict[str, Any], *queues: str) -> None:
    """Delete queues, with what waits in them."""
    with _connection(bus) as connection:
        for name in queues:
            Queue(name)(connection.default_channel).delete()


def _connection(bus: dict[str, Any]) -> Connection:
    place = urlsplit(bus["url"])
    password = os.environ[bus["password"].removeprefix("env:")]
    return Connection(
        hostname=place.hostname, port=place.port, userid=place.username, password=password, virtual_host="/"
    )
