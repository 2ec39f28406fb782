"""The journal: typed events over the log, and the one way in, so that nothing is stored unredacted."""

from collections.abc import Callable, Iterator, Sequence

from schemas import codec
from schemas.errors import BadInput, CalipsoError, LogCorrupt, LogTooNew
from schemas.events import Entry, Event
from schemas.redaction import redact_event
from streams.log import Log, Record, Sized

Bury = Callable[[str, Record, str], None]
"""Called with an environment, a record of it that is no event, and the reason."""


class Journal:
    """The events of every environment, in the order in which they became known."""

    def __init__(self, log: Log, bury: Bury | None = None) -> None:
        """Stand over a log; `close` closes it.

        What is no event of its environment raises LogCorrupt, for on a log that only this program writes it is damage.
        Where others can write, `bury` takes it, and reading goes on behind it: the same for every reader.
        """
        self._log = log
        self._bury = bury
        self._begun: set[str] = set()

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
        entries = (self.entry(environment, record) for record in self._log.read(environment, after, upto))
        return (entry for entry in entries if entry is not None)

    def envelopes(
        self, environment: str, after: int = -1, upto: int | None = None
    ) -> Iterator[tuple[int, codec.Envelope]]:
        """Yield offset and envelope of what `read` yields, several times faster: for who asks what is there by name."""
        for record in self._log.read(environment, after, upto):
            try:
                yield record.offset, self._envelope(environment, record)
            except CalipsoError as error:
                if self._bury is None or not isinstance(error, LogCorrupt):
                    raise type(error)(f"environment {environment!r}, offset {record.offset}: {error}") from error

    def entry(self, environment: str, record: Record) -> Entry | None:
        """Answer a record as an event; None for one that was buried. Errors as of `read`.

        A payload of an unknown schema in an envelope that is known raises LogTooNew, buried or not: the envelope shows
        that a newer version of this program wrote it, and to leave it out would be to tell another story.
        """
        where = f"environment {environment!r}, offset {record.offset}"
        try:
            return _entry(record, self._envelope(environment, record))
        except LogCorrupt as error:
            if self._bury is None:
                raise LogCorrupt(f"{where}: {error}") from error
            self._bury(environment, record, str(error))
            return None
        except CalipsoError as error:
            raise type(error)(f"{where}: {error}") from error

    def _envelope(self, environment: str, record: Record) -> codec.Envelope:
        try:
            envelope = codec.decode_envelope(record.value)
        except LogTooNew as error:
            if self._bury is None:
                raise
            raise LogCorrupt(str(error)) from error
        if envelope.environment != environment:
            raise LogCorrupt(f"an event of environment {envelope.environment[:80]!r} under the key of this one")
        return envelope

    def head(self, environment: str) -> int:
        """Answer the offset of the newest event, -1 if there is none."""
        return self._log.head(environment)

    def has_more(self, environment: str, after: int, upto: int) -> bool:
        """Answer whether there is an event with after < offset <= upto: the newest records may be none."""
        return upto > after and next(self.read(environment, after, upto), None) is not None

    def offset_at(self, environment: str, time: int) -> int:
        """Answer the newest offset known at the time (microseconds), -1 if there is none."""
        return self._log.offset_at(environment, time)

    def time_of(self, environment: str, offset: int) -> int | None:
        """Answer when the newest event at or before the offset became known, None if there is none."""
        return self._log.time_of(environment, offset)

    def environments(self) -> list[str]:
        """Answer the environments that have an event, sorted."""
        names = self._log.environments()
        if self._bury is not None:  # then there may be keys under which no event stands
            self._begun.update(name for name in names if name not in self._begun and self._begins(name))
            return [name for name in names if name in self._begun]
        return names

    def _begins(self, environment: str) -> bool:
        return next(self.read(environment), None) is not None

    @property
    def sized(self) -> Sized | None:
        """Answer the log if it tells how much it holds without reading it."""
        return self._log if isinstance(self._log, Sized) else None

    def close(self) -> None:
        """Close the log."""
        self._log.close()


def _entry(record: Record, envelope: codec.Envelope) -> Entry:
    event = Event(*envelope[:5], codec.decode_payload(envelope))
    return Entry(record.offset, record.logged_at, event)
