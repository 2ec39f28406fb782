"""What the log has already of what is delivered at least once: the ids of its newest notifications."""

from collections.abc import Iterable, Sequence
from typing import Final

from schemas.events import Event, NotificationReceived
from streams.journal import Journal

MARGIN: Final = 3_600_000_000
"""Microseconds by which clocks may differ: no notification is on the log earlier than this before it happened."""
LOOKED_THROUGH: Final = 10_000
"""Offsets before the head that are looked through in any case, whatever the clocks say."""
REMEMBERED: Final = 200_000
"""Ids; a broker delivers again what is not acknowledged: some hundreds."""


class KnownNotifications:
    """The ids of an environment's newest notifications, from whichever process they came.

    They are read from the log: back to the time of the oldest notification that was asked about, less an hour, and at
    least the newest 10,000 offsets. So a message that is delivered again is known however long it waited.
    """

    def __init__(self, journal: Journal, environment: str) -> None:
        """Know nothing yet; the log is read when the first notification is asked about."""
        self._journal = journal
        self._environment = environment
        self._ids: dict[str, None] = {}
        self._since: int | None = None
        self._first = -1
        self._reached = -1

    def fresh(self, events: Sequence[Event]) -> list[Event]:
        """Answer those that are not on the log at this moment, each once, in their order. Raises LogError."""
        if events:
            self._look_back(min(event.occurred_at for event in events) - MARGIN)
        self._follow()
        found: dict[str, Event] = {}
        for event in events:
            if event.id not in self._ids:
                found.setdefault(event.id, event)
        return list(found.values())

    def _look_back(self, oldest: int) -> None:
        if self._since is not None and oldest >= self._since:
            return
        first = self._journal.offset_at(self._environment, max(oldest, 0))
        if self._since is None:
            head = self._journal.head(self._environment)
            self._first = self._reached = max(min(first, head - LOOKED_THROUGH), -1)
        elif first < self._first:
            self._read(first, self._first)
            self._first = first
        self._since = oldest

    def _follow(self) -> None:
        self._reached = max(self._read(self._reached, None), self._reached)

    def _read(self, after: int, upto: int | None) -> int:
        reached = after
        for entry in self._journal.read(self._environment, after, upto):
            if isinstance(entry.event.payload, NotificationReceived):
                self._ids[entry.event.id] = None
            reached = entry.offset
        while len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        return reached


def not_yet_known(journal: Journal, environment: str, events: Iterable[Event]) -> list[Event]:
    """Answer those that the whole log does not have, each once, in their order: for what may be of any age."""
    found: dict[str, Event] = {}
    for event in events:
        found.setdefault(event.id, event)
    for entry in journal.read(environment):
        found.pop(entry.event.id, None)
    return list(found.values())
