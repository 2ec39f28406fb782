"""What a listener needs of a message bus: the contract that RabbitMQ and Kafka both keep, and what they deliver."""

from dataclasses import dataclass
from typing import Final, Protocol

PREFETCH: Final = 200
"""Messages that may be on their way unacknowledged: as many as one append takes."""
PRIORITIES: Final = ("audit", "critical", "debug", "error", "info", "warn")
"""oslo.messaging's, but for `sample`: measurements."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the broker handed it over."""

    tag: int
    """Grows with each delivery of a connection."""
    exchange: str
    """Empty on Kafka, which has none."""
    routing_key: str
    """On Kafka the topic, without the virtual host."""
    body: bytes
    received: float
    """Seconds since 1970-01-01 UTC."""
    content_type: str


class MessageBus(Protocol):
    """A connection at a time. BusUnreachable from any call means: close it and connect again.

    What was delivered and not acknowledged is delivered again, to this listener or another one.
    """

    @property
    def place(self) -> str:
        """Answer where it listens, in words, without user and password."""
        ...

    @property
    def lacking(self) -> str:
        """Answer what is not there (yet) and waited for, in words; empty if nothing is."""
        ...

    @property
    def dead(self) -> str:
        """Answer the name of what keeps messages that are no notifications."""
        ...

    def connect(self) -> None:
        """Connect, and have messages sent."""
        ...

    def take(self, seconds: float) -> list[Delivery]:
        """Answer what has arrived, at most PREFETCH; wait so long for the first. None is an empty list."""
        ...

    def keep(self, seconds: float) -> None:
        """Keep the connection alive while nothing can be taken."""
        ...

    def acknowledge(self, upto: Delivery) -> None:
        """Let the broker forget all deliveries up to and with this one."""
        ...

    def set_aside(self, delivery: Delivery, reason: str) -> None:
        """Keep what is no notification, as it came, and see that confirmed."""
        ...

    def cancel(self) -> None:
        """Have no more messages sent; `take` answers those that are here."""
        ...

    def close(self) -> None:
        """Leave. Closing twice does no harm."""
        ...
