"""The one door to the cloud's message bus (RabbitMQ, AMQP 0-9-1): messages come in through a queue of our own.

oslo.messaging publishes a notification to a topic exchange of the service (`control_exchange`), with the routing key
`<topic>.<priority>`. Our queue is durable and bound to these; it outlives broker and listener, and takes nothing away
from other readers. Of several listeners one is served, the others stand by.

**The exchanges are the cloud's.** One that is not there is waited for, not made: made with another durability than the
service declares, it would keep the service from publishing. Only one that this process has seen and that is gone after
the connection was lost is made again, so that nothing published meanwhile is missed: as it did not survive, it was not
durable, which is how oslo.messaging declares them unless told otherwise.
"""

import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from amqp import Message
from amqp.exceptions import NotFound as NoSuchThing
from amqp.exceptions import PreconditionFailed
from kombu import Connection
from kombu.exceptions import KombuError
from kombu.transport.pyamqp import Transport

from producers.delivery import PREFETCH, PRIORITIES, Delivery
from producers.secrets import Secret
from producers.settings import BusSettings, split_bus
from schemas.errors import BadSettings, BusUnreachable

KEPT_UNREAD_MS: Final = 7 * 24 * 3600 * 1000
"""A queue that nobody listens to for a week is deleted by the broker, which it would fill otherwise."""

_HEARTBEAT: Final = 60
_TIMEOUT: Final = 10.0
_CONFIRMED_WITHIN: Final = 30.0
_LOOK_AGAIN: Final = 5.0
"""Seconds between two looks for exchanges that are not there."""
_LULL: Final = 0.02
"""Seconds of silence that end a batch."""
_LONGEST_NAME: Final = 250
_TROUBLE: Final = (*Transport.connection_errors, *Transport.channel_errors, KombuError, OSError, AttributeError)
"""What ends a connection; py-amqp lets an AttributeError out where its transport is gone already."""


class Bus:
    """A connection to the bus at a time (a MessageBus)."""

    def __init__(self, settings: BusSettings, environment: str, password: Secret) -> None:
        """Prepare; BadSettings if the queue's name is too long for AMQP."""
        self._settings = settings
        self._address = split_bus(settings.url)
        self._password = password
        self.queue = settings.queue or f"calipso.{environment}"
        self.dead = f"{self.queue}.dead"
        if len(self.dead.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
            raise BadSettings(f"environment {environment}: 'bus.queue' must be given, its name is too long for a queue")
        self._label = f"calipso listen {environment}"
        self._turn = 0
        self._connection: Any = None  # kombu's, which has no types
        self._channel: Any = None
        self._arrived: list[Delivery] = []
        self._bound: set[str] = set()
        self._seen: set[str] = set()
        self._looked = 0.0

    @property
    def place(self) -> str:
        """Answer where the queue is, in words, without user and password."""
        hosts = ",".join(f"{host}:{port}" for host, port in self._address.hosts)
        return f"queue {self.queue} of {hosts} (virtual host {self._address.vhost})"

    @property
    def lacking(self) -> str:
        """Answer the exchanges that are not there (yet), in words; empty if none is missing."""
        return f"exchanges that are not there: {', '.join(self._missing)}" if self._missing else ""

    @property
    def _missing(self) -> list[str]:
        return [name for name in self._settings.exchanges if name not in self._bound]

    def connect(self) -> None:
        """Connect to the next host of the cluster, declare and bind the queue, and have messages sent."""
        self.close()
        host, port = self._address.hosts[self._turn % len(self._address.hosts)]
        self._turn += 1
        with self._translated(f"{host}:{port}"):
            self._connection = self._new_connection(host, port)
            self._connection.connect()
            self._channel = self._connection.default_channel
            self._declare()
            self._look(self._settings.exchanges)
            self._channel.basic_qos(0, PREFETCH, False)
            self._channel.basic_consume(self.queue, consumer_tag="calipso", callback=self._arrive)

    def look_around(self, host: str, port: int) -> list[str]:
        """Answer which of the exchanges are there, by one host of the cluster, and leave; no queue is made."""
        self.close()
        with self._translated(f"{host}:{port}"):
            try:
                self._connection = self._new_connection(host, port)
                self._connection.connect()
                return [name for name in self._settings.exchanges if self._is_there(name)]
            finally:
                self.close()

    def take(self, seconds: float) -> list[Delivery]:
        """Answer what has arrived, at most PREFETCH; wait so long for the first. None is an empty list."""
        with self._translated(self.place):
            self._tend()
            deadline = time.monotonic() + seconds
            while not self._arrived and (left := deadline - time.monotonic()) > 0:
                self._wait(left)
            while self._arrived and len(self._arrived) < PREFETCH and self._wait(_LULL):
                pass
        taken, self._arrived = self._arrived[:PREFETCH], self._arrived[PREFETCH:]
        return taken

    def keep(self, seconds: float) -> None:
        """Keep the connection alive while nothing can be taken."""
        with self._translated(self.place):
            deadline = time.monotonic() + seconds
            while (left := deadline - time.monotonic()) > 0:
                self._tend()
                self._wait(min(left, 1.0))

    def acknowledge(self, upto: Delivery) -> None:
        """Let the broker forget all deliveries up to and with this one."""
        with self._translated(self.place):
            self._channel.basic_ack(upto.tag, multiple=True)

    def set_aside(self, delivery: Delivery, reason: str) -> None:
        """Put what is no notification into the durable queue `<queue>.dead`, and see it confirmed."""
        headers = {
            "x-calipso-reason": reason,
            "x-calipso-exchange": delivery.exchange,
            "x-calipso-routing-key": delivery.routing_key,
            "x-calipso-received": str(delivery.received),
        }
        message = Message(
            delivery.body, content_type=delivery.content_type, delivery_mode=2, application_headers=headers
        )
        with self._translated(self.place):
            self._channel.queue_declare(self.dead, durable=True, auto_delete=False)
            self._channel.basic_publish(message, routing_key=self.dead, confirm_timeout=_CONFIRMED_WITHIN)

    def cancel(self) -> None:
        """Have no more messages sent; `take` answers those that are here."""
        with self._translated(self.place):
            self._channel.basic_cancel("calipso")

    def close(self) -> None:
        """Leave; what was not acknowledged is delivered again. Closing twice does no harm."""
        connection, self._connection, self._channel = self._connection, None, None
        self._arrived = []
        self._bound = set()
        if connection is not None:
            with suppress(*_TROUBLE):
                connection.release()

    def _new_connection(self, host: str, port: int) -> Connection:
        tls = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": host, "ca_certs": self._settings.ca}
        return Connection(
            hostname=host,
            port=port,
            userid=self._address.user,
            password=self._password.reveal(),
            virtual_host=self._address.vhost,
            transport="pyamqp",
            ssl=tls if self._address.tls else False,
            heartbeat=_HEARTBEAT,
            connect_timeout=_TIMEOUT,
            transport_options={"confirm_publish": True, "client_properties": {"connection_name": self._label}},
        )

    def _declare(self) -> None:
        arguments = {"x-single-active-consumer": True, "x-expires": KEPT_UNREAD_MS}
        self._channel.queue_declare(self.queue, durable=True, auto_delete=False, arguments=arguments)

    def _tend(self) -> None:
        self._connection.heartbeat_check()
        if self._missing and time.monotonic() - self._looked > _LOOK_AGAIN:
            self._look(self._missing)

    def _look(self, exchanges: Sequence[str]) -> None:
        self._looked = time.monotonic()
        for name in exchanges:
            if self._is_there(name) or (name in self._seen and self._made_again(name)):
                self._bind(name)

    def _is_there(self, exchange: str) -> bool:
        return self._agreed(exchange, passive=True)

    def _made_again(self, exchange: str) -> bool:
        return self._agreed(exchange, durable=False, auto_delete=False)

    def _agreed(self, exchange: str, **how: bool) -> bool:
        """Declare on a channel of its own: a broker closes the channel of what it refuses."""
        channel = self._connection.channel()
        try:
            channel.exchange_declare(exchange, "topic", **how)
        except (NoSuchThing, PreconditionFailed):
            return False
        channel.close()
        return True

    def _bind(self, exchange: str) -> None:
        for topic in self._settings.topics:
            for priority in PRIORITIES:
                self._channel.queue_bind(self.queue, exchange, f"{topic}.{priority}")
        self._bound.add(exchange)
        self._seen.add(exchange)

    def _wait(self, seconds: float) -> bool:
        """Let the connection work until something came, or the time is over; answer whether something came."""
        try:
            self._connection.drain_events(timeout=seconds)
        except TimeoutError:
            return False
        return True

    def _arrive(self, message: Any) -> None:  # noqa: ANN401 - amqp has no types
        body = message.body if isinstance(message.body, bytes) else message.body.encode("utf-8", "surrogatepass")
        info = message.delivery_info
        self._arrived.append(
            Delivery(
                tag=message.delivery_tag,
                exchange=info["exchange"],
                routing_key=info["routing_key"],
                body=body,
                received=time.time(),
                content_type=str(message.properties.get("content_type", "application/octet-stream")),
            )
        )

    @contextmanager
    def _translated(self, where: str) -> Iterator[None]:
        try:
            yield
        except _TROUBLE as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise BusUnreachable(f"{where}: {said}") from error
