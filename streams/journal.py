"""The journal: typed events over the log, and the one way in, so that nothing is stored unredacted."""

from collections.abc import Iterator, Sequence

from schemas import codec
from schemas.errors import BadInput, CalipsoError
from schemas.events import Entry, Event
from schemas.redaction import redact_event
from streams.log import Log, Record


class Journal:
    """The events of every environment, in the order in which they became known."""

    def __init__(self, log: Log) -> None:
        """Stand over a log; `close` closes it."""
        self._log = log

    def append(self, events: Sequence[Event]) -> list[int]:
        """Redact, encode and append events of one environment, all or nothing; answer their offsets.

        Raises BadInput for events of several environments, BadSchema for one that breaks its schema.
        """
        environments = {event.environment for event in events}
        if len(environments) > 1:
            raise BadInput(f"events of several environments in one append: {', '.join(sorted(environments))}")
        values = [codec.encode(redact_event(event)) for event in events]
        return self._log.append(environments.pop(), values) if values else []

    def read(self, environment: str, after: int = -1, upto: int | None = None) -> Iterator[Entry]:
        """Yield the entries with after < offset <= upto (None: the head when the call was made), in order.

        An event that cannot be decoded raises LogCorrupt or LogTooNew, naming environment and offset.
        """
        records = self._log.read(environment, after, upto)
        return (_entry(environment, record) for record in records)

    def head(self, environment: str) -> int:
        """Answer the offset of the newest event, -1 if there is none."""
        return self._log.head(environment)

    def offset_at(self, environment: str, time: int) -> int:
        """Answer the newest offset known at the time (microseconds), -1 if there is none."""
        return self._log.offset_at(environment, time)

    def time_of(self, environment: str, offset: int) -> int | None:
        """Answer when the newest event at or before the offset became known, None if there is none."""
        return self._log.time_of(environment, offset)

    def environments(self) -> list[str]:
        """Answer the environments that have an event, sorted."""
        return self._log.environments()

    def close(self) -> None:
        """Close the log."""
        self._log.close()


def _entry(environment: str, record: Record) -> Entry:
    try:
        return Entry(record.offset, record.logged_at, codec.decode(record.value))
    except CalipsoError as error:
        raise type(error)(f"environment {environment!r}, offset {record.offset}: {error}") from error
