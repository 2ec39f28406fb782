"""A scan that runs hears from the log that somebody wants it to end."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from schemas.codec import decode_payload
from schemas.errors import CalipsoError
from schemas.events import EnvironmentRemoved, Event, ScanCancelled, ScanStarted
from streams.journal import Journal

SECONDS: Final = 1.0
"""Between two looks at the log."""


class Hearing:
    """Sets `stop` when the log says that this scan is cancelled, or that its environment is removed."""

    def __init__(self, journal: Journal, environment: str, stop: threading.Event, since: int | None = None) -> None:
        """Hear of what is appended behind an offset, without one from now on."""
        self.stop = stop
        self._journal = journal
        self._environment = environment
        self.scan_id: str | None = None
        """None until it began."""
        self._heard: set[str] = set()
        self._removed = False
        self._reached = journal.head(environment) if since is None else since

    def hear_of(self, events: Sequence[Event]) -> None:
        """Learn from what the scan says which scan it is."""
        for event in events:
            if isinstance(event.payload, ScanStarted):
                self.scan_id = event.payload.scan_id

    def listen(self) -> None:
        """Take in what is new on the log."""
        for offset, envelope in self._journal.envelopes(self._environment, after=self._reached):
            self._reached = offset
            self._removed |= envelope.payload_type == EnvironmentRemoved.__name__
            if envelope.payload_type == ScanCancelled.__name__:
                payload = decode_payload(envelope)
                self._heard |= {payload.scan_id} if isinstance(payload, ScanCancelled) else set()
        if self._removed or self.scan_id in self._heard:
            self.stop.set()


@contextmanager
def hearing(journal: Journal, environment: str, stop: threading.Event, since: int | None = None) -> Iterator[Hearing]:
    """Yield the ears of one scan, which listen until the block ends; a log that does not answer is asked again."""
    ears = Hearing(journal, environment, stop, since)
    over = threading.Event()

    def listen() -> None:
        while not over.wait(SECONDS):
            with suppress(CalipsoError):
                ears.listen()

    thread = threading.Thread(target=listen, name=f"hearing {environment}", daemon=True)
    thread.start()
    try:
        yield ears
    finally:
        over.set()
        thread.join()
