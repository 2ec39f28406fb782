"""The listener: what the bus delivers goes on the log, each notification once; then it is acknowledged."""

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from producers.delivery import Delivery, MessageBus
from producers.listen import notification
from schemas.canonical import decode
from schemas.errors import BadInput, BusUnreachable, LogCorrupt, LogError, LogTooNew
from schemas.events import Event

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one notification (real ones have some kilobytes), and of what is appended at once beyond a first one."""
PATIENCE: Final = 1.0
"""Seconds between two looks at whether to stop."""
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0


class Tell(Protocol):
    """Hears how the listener is, at least every few seconds unless the log keeps it waiting."""

    def __call__(self, well: bool, text: str, more: str = "") -> None:
        """`text` is one line; the same line may come again and again. `more` is of this moment only."""
        ...


@dataclass(slots=True)
class Heard:
    """How many notifications came."""

    written: int = 0
    repeated: int = 0
    set_aside: int = 0


class Listener:
    """Takes notifications from a bus to the log.

    A message is acknowledged when the log has it, so one that was appended by a listener that died comes again; `fresh`
    leaves it out. What is no notification is put aside with the reason. Nothing is dropped: when the log cannot be
    written, messages wait in the queue.
    """

    def __init__(
        self,
        bus: MessageBus,
        environment: str,
        append: Callable[[Sequence[Event]], object],
        fresh: Callable[[Sequence[Event]], list[Event]],
        tell: Tell,
    ) -> None:
        """`append` writes all or nothing; `fresh` answers those that are not on the log. Both raise LogError."""
        self._bus = bus
        self._environment = environment
        self._append = append
        self._fresh = fresh
        self._tell = tell
        self._delays = Delays()
        self.heard = Heard()

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop`; then write and acknowledge what has arrived, and leave.

        A lost connection is made again, for ever. Raises LogCorrupt and LogTooNew, which no waiting heals.
        """
        while not stop.is_set():
            try:
                self._connect()
                self._serve(stop)
            except BusUnreachable as error:
                delay = next(self._delays)
                self._tell(False, str(error), f"trying again in {delay:.1f} s")
                stop.wait(delay)
            finally:
                self._bus.close()

    def _connect(self) -> None:
        self._bus.connect()
        self._tell(True, self._how())

    def _how(self) -> str:
        lacking = self._bus.lacking
        waiting = f"; waiting for {lacking}" if lacking else ""
        return f"listening to {self._bus.place}{waiting}"

    def _serve(self, stop: threading.Event) -> None:
        while not stop.is_set():
            deliveries = self._bus.take(PATIENCE)
            self._store(deliveries, stop)
            self._delays.reset()
            self._tell(True, self._how())
        self._bus.cancel()
        while deliveries := self._bus.take(0):
            if not self._store(deliveries, stop):
                return

    def _store(self, deliveries: Sequence[Delivery], stop: threading.Event) -> bool:
        """Write and acknowledge; answer False if the log could not be written before `stop`."""
        for batch in _batches(deliveries):
            events, refused = _read(batch, self._environment)
            if not self._written(events, stop):
                return False
            for delivery, reason in refused:
                self._set_aside(delivery, reason)
            self._bus.acknowledge(batch[-1])
        return True

    def _set_aside(self, delivery: Delivery, reason: str) -> None:
        self._bus.set_aside(delivery, reason)
        self.heard.set_aside += 1
        where = f"exchange {delivery.exchange!r}, routing key {delivery.routing_key!r}"
        self._tell(True, self._how(), f"no notification ({where}), put into {self._bus.dead}: {reason}")

    def _written(self, events: Sequence[Event], stop: threading.Event) -> bool:
        delays = Delays()
        while True:
            try:
                fresh = self._fresh(events)
                if fresh:
                    self._append(fresh)
            except (LogCorrupt, LogTooNew):
                raise
            except LogError as error:
                if stop.is_set():
                    return False
                delay = next(delays)
                self._tell(False, str(error), f"messages wait in the queue, trying again in {delay:.1f} s")
                self._keep(delay, stop)
            else:
                self.heard.written += len(fresh)
                self.heard.repeated += len(events) - len(fresh)
                return True

    def _keep(self, seconds: float, stop: threading.Event) -> None:
        while seconds > 0 and not stop.is_set():
            self._bus.keep(min(seconds, PATIENCE))
            seconds -= PATIENCE


class Delays(Iterator[float]):
    """Seconds to wait before each further attempt: twice as long each time, less a random part, up to half a minute."""

    def __init__(self) -> None:
        """Begin with half a second at most."""
        self._longest = _FIRST_DELAY

    def __next__(self) -> float:
        delay = self._longest * random.uniform(0.5, 1)  # noqa: S311 - spreads attempts, keeps no secret
        self._longest = min(2 * self._longest, _LONGEST_DELAY)
        return delay

    def reset(self) -> None:
        """Begin anew, after a success."""
        self._longest = _FIRST_DELAY


def _read(batch: Sequence[Delivery], environment: str) -> tuple[list[Event], list[tuple[Delivery, str]]]:
    """Answer the notifications, and what is none with the reasons."""
    events: list[Event] = []
    refused: list[tuple[Delivery, str]] = []
    for delivery in batch:
        try:
            events.append(_notification(delivery, environment))
        except BadInput as error:
            refused.append((delivery, str(error)))
    return events, refused


def _notification(delivery: Delivery, environment: str) -> Event:
    if len(delivery.body) > MOST_BYTES:
        raise BadInput(f"{len(delivery.body)} bytes, more than any notification has")
    record = {
        "exchange": delivery.exchange,
        "routing_key": delivery.routing_key,
        "received": delivery.received,
    }
    return notification(decode(delivery.body), environment, record)


def _batches(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Yield the deliveries in pieces that an append takes."""
    batch: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        if batch and size + len(delivery.body) > MOST_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(delivery)
        size += len(delivery.body)
    if batch:
        yield batch
