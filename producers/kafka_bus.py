"""A message bus that is Kafka: notifications come in through a consumer group of our own.

oslo.messaging's Kafka driver writes a notification to the topic `<topic>.<priority>`, behind another dot the virtual
host of its URL if that has one. How far they were taken, the broker keeps for the group; other readers lose nothing by
it. At first the group begins with what is written from now on. Of several listeners each is served some partitions.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from producers.delivery import PREFETCH, PRIORITIES, Delivery
from producers.kafka_address import split_kafka
from producers.secrets import Secret
from producers.settings import BusSettings
from schemas import codec
from schemas.errors import BadSettings, BusUnreachable, LogError
from streams.kafka_client import Delivered, KafkaClient, Subscription
from streams.kafka_topic import DEAD, Topic

_TIMEOUT: Final = 10.0
_LOOK_AGAIN: Final = 5.0
"""Seconds between two looks at whether the brokers are there, while nothing comes."""
_LONGEST_NAME: Final = 249
"""Source: Kafka, "Legal characters" of a topic's name and their number."""


class KafkaBus:
    """A connection to the brokers at a time (a MessageBus)."""

    def __init__(self, settings: BusSettings, environment: str, password: Secret | None) -> None:
        """Prepare; BadSettings for a name that no topic can have, or an option that librdkafka refuses."""
        self._address = split_kafka(settings.url)
        self._settings = settings
        self.queue = settings.queue or f"calipso.{environment}"
        self.dead = f"{self.queue}.dead"
        if len(self.dead) > _LONGEST_NAME:
            raise BadSettings(f"environment {environment}: 'bus.queue' must be given, its name is too long for a topic")
        self._options = {**dict(self._address.options), **self._login(password)}
        self._subscription: Subscription | None = None
        self._has_begun = False
        self._there: list[str] = []
        self._looked = 0.0
        self._tags = count()
        self._arrived: list[Delivery] = []
        self._open: dict[int, Delivered] = {}
        self._cancelled = False

    def _login(self, password: Secret | None) -> dict[str, str]:
        login = {} if self._settings.ca is None else {"ssl.ca.location": self._settings.ca}
        if self._address.user is not None and password is not None:
            login |= {"sasl.username": self._address.user, "sasl.password": password.reveal()}
        return login

    @property
    def place(self) -> str:
        """Answer where it listens, in words, without user and password."""
        return f"group {self.queue} of kafka {self._address.bootstrap}"

    @property
    def lacking(self) -> str:
        """Answer which topics are not there yet under any priority, in words; empty if none is missing."""
        missing = [topic for topic in self._settings.topics if not any(name in self._there for name in self._of(topic))]
        return f"topics that are not there: {', '.join(missing)}" if missing else ""

    def connect(self) -> None:
        """Connect, begin where the group has come to (at first: with what is written from now on)."""
        self.close()
        subscription = self._new_subscription()
        self._subscription = subscription
        with self._translated():
            self._there = subscription.open(from_now_on=not self._has_begun)
            self._has_begun = True
            self._looked = time.monotonic()

    def look_around(self) -> list[str]:
        """Answer which of the topics are there, and leave: the group does not begin."""
        subscription = self._new_subscription()
        try:
            with self._translated():
                return subscription.there()
        finally:
            subscription.close()

    def take(self, seconds: float) -> list[Delivery]:
        """Answer what has arrived, at most PREFETCH; wait so long for the first. None is an empty list."""
        with self._translated():
            if not self._cancelled:
                self._connected.resume()
                self._receive(PREFETCH - len(self._arrived), 0.0 if self._arrived else seconds)
                self._tend()
        taken, self._arrived = self._arrived[:PREFETCH], self._arrived[PREFETCH:]
        return taken

    def keep(self, seconds: float) -> None:
        """Keep our place in the group while nothing can be taken: no more is fetched meanwhile."""
        with self._translated():
            self._connected.pause()
            self._receive(PREFETCH, seconds)

    def acknowledge(self, upto: Delivery) -> None:
        """Let the broker keep that all deliveries up to and with this one were taken."""
        taken = [self._open.pop(tag) for tag in sorted(self._open) if tag <= upto.tag]
        with self._translated():
            self._connected.commit(taken)

    def set_aside(self, delivery: Delivery, reason: str) -> None:
        """Put what is no notification on the topic `<group>.dead`, made if need be, and see it confirmed."""
        record = self._open[delivery.tag]
        letter = {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "time": record.time * 1000,
            "key": record.key,
            "value": record.value,
            "reason": " ".join(reason.split()),
        }
        with self._translated():
            client = KafkaClient(self._address.bootstrap, self.dead, self._options, _TIMEOUT)
            try:
                if client.find() is None:
                    client.create(Topic(self.dead, kind=DEAD))
                    self._wait_for(client)
                client.send(0, None, [codec.encode_record("DeadLetter", letter)])
            finally:
                client.close()

    def _wait_for(self, client: KafkaClient) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while client.find() is None:
            if time.monotonic() > deadline:
                raise LogError(f"{client.name}: was made, but not found within {_TIMEOUT:g} s")
            time.sleep(0.05)

    def cancel(self) -> None:
        """Have no more messages sent; `take` answers those that are here."""
        self._cancelled = True

    def close(self) -> None:
        """Leave the group; what was not acknowledged is delivered again. Closing twice does no harm."""
        subscription, self._subscription = self._subscription, None
        self._arrived = []
        self._open = {}
        self._cancelled = False
        if subscription is not None:
            subscription.close()

    @property
    def _connected(self) -> Subscription:
        if self._subscription is None:
            raise BusUnreachable(f"{self.place}: not connected")
        return self._subscription

    def _new_subscription(self) -> Subscription:
        topics = [name for topic in self._settings.topics for name in self._of(topic)]
        return Subscription(self._address.bootstrap, topics, self.queue, self._options, _TIMEOUT)

    def _of(self, topic: str) -> list[str]:
        behind = f".{self._address.vhost}" if self._address.vhost else ""
        return [f"{topic}.{priority}{behind}" for priority in PRIORITIES]

    def _receive(self, most: int, seconds: float) -> None:
        for record in self._connected.take(most, seconds):
            tag = next(self._tags)
            self._open[tag] = record
            self._arrived.append(
                Delivery(tag, "", self._routing_key(record), record.value or b"", time.time(), "application/json")
            )

    def _routing_key(self, record: Delivered) -> str:
        return record.topic.removesuffix(f".{self._address.vhost}") if self._address.vhost else record.topic

    def _tend(self) -> None:
        """See whether the brokers are there: a client that gets nothing does not tell why."""
        if time.monotonic() - self._looked > _LOOK_AGAIN:
            self._there = self._connected.there()
            self._looked = time.monotonic()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except LogError as error:
            raise BusUnreachable(f"{self.place}: {error}") from error
