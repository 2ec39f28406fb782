"""The inbox: alerts of outside monitors, checked and appended to the log, each once."""

import threading
import uuid
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from schemas import canonical, codec
from schemas.alert import LARGEST_ALERT, SCHEMA, Alert, alert_of, canonical_details, encode_alert
from schemas.errors import BadAlert, BadInput, LogCorrupt, NotFound
from schemas.events import AlertReceived, Event
from schemas.redaction import redact_text
from streams.journal import Journal

_REGISTRY_MARK: Final = b"\0"
_REGISTRY_HEAD: Final = 5
"""Source: Confluent's "Wire format": a zero byte, four bytes of the schema's id, then the body."""

_SKEW: Final = 3_600_000_000
"""Microseconds by which a monitor's clock may be ahead of the log's."""
_DAY: Final = 24 * 3_600_000_000
"""Microseconds."""
MOST_REMEMBERED: Final = 100_000
_ALERT: Final = AlertReceived.__name__


class Registry(Protocol):
    """Where the schemas of records with Confluent's framing are found."""

    def schema(self, number: int) -> str:
        """Answer the Avro schema of an id; NotFound, BadInput, or RequestFailed: ask again later."""
        ...


class Taken(NamedTuple):
    """What became of an alert."""

    offset: int
    """Of its event on the log."""
    repeat: bool
    """Whether the event was there before."""


@dataclass(slots=True)
class _Memory:
    """The alerts of one environment that are on the log: their events' ids, oldest first, and the offsets."""

    since: int
    """All are known from this time of the log on (microseconds), but for what is beyond the newest 100,000."""
    is_long: bool
    """Whether that was as far as is ever looked back."""
    upto: int
    """The offset up to which the log was read."""
    offsets: dict[str, int] = field(default_factory=dict)

    def add(self, event_id: str, offset: int) -> None:
        self.offsets.setdefault(event_id, offset)
        if len(self.offsets) > MOST_REMEMBERED:
            del self.offsets[next(iter(self.offsets))]


class Inbox:
    """Takes alerts in. Threads may share one.

    **Repeats.** The same alert (environment, source, id) makes the same event id, and the log itself is the memory of
    those: nothing else has to be stored, and nothing is lost with a process that is killed between the append and the
    acknowledgement. Before the first alert of an environment the log is read back for a day before its newest event,
    or for up to eight where the alert says that it happened then; what is delivered again by the inbox topic, which
    keeps seven days, is no older. At most the newest 100,000 alerts of an environment are remembered. What other
    processes appended since is read before each decision; only where two of them take the same alert at the
    same moment, from different doors, may it stand on the log twice, under one event id.
    """

    def __init__(self, journal: Journal, registry: Registry | None = None) -> None:
        """Append to the journal. Without a registry, framed records are read as the released Alert."""
        self._journal = journal
        self._registry = registry
        self._memories: dict[str, _Memory] = {}
        self._writers: dict[int, dict[str, object]] = {}
        self._turn = threading.Lock()

    def take(self, key: bytes | None, value: bytes | None) -> int | None:
        """Take a record of the inbox topic in; answer the offset of its event, None if it was there before.

        Raises BadAlert for what can never be taken: it belongs to the dead letters. LogError, and RequestFailed of the
        registry, mean that it was not decided: try again.
        """
        alert = self._decoded(value)
        if key != alert.environment.encode():
            named = "no key" if key is None else f"the key {key[:80]!r}"
            raise BadAlert(f"the record has {named}, and its environment is {alert.environment[:80]!r}: must be equal")
        try:
            taken = self.accept(alert)
        except NotFound as error:
            raise BadAlert(str(error)) from error
        return None if taken.repeat else taken.offset

    def accept(self, alert: Alert) -> Taken:
        """Take an alert in. Raises BadAlert, NotFound for an environment that nothing is known of, LogError."""
        encode_alert(alert)  # as strict as for who sends bytes
        event = event_of(alert)
        with self._turn:
            memory = self._memory(alert)
            known = memory.offsets.get(event.id)
            if known is not None:
                return Taken(known, repeat=True)
            offset = self._append(event)
            memory.add(event.id, offset)
            if offset == memory.upto + 1:  # nobody else wrote in between
                memory.upto = offset
            return Taken(offset, repeat=False)

    def _append(self, event: Event) -> int:
        try:
            return self._journal.append([event])[0]
        except BadInput as error:
            raise BadAlert(str(error)) from error

    # What is there

    def _memory(self, alert: Alert) -> _Memory:
        """Answer what the log has of the alert's environment at this moment."""
        environment = alert.environment
        head = self._journal.head(environment)
        if head < 0:
            raise _unknown(environment)
        newest = self._journal.time_of(environment, head) or 0
        memory = self._memories.get(environment)
        oldest = alert.occurred_at - _SKEW
        if memory is None or (oldest < memory.since and not memory.is_long):
            memory = self._recalled(environment, head, newest, is_long=oldest < newest - _DAY)
            self._memories[environment] = memory
        elif head > memory.upto:
            self._read(memory, environment, head)
        return memory

    def _recalled(self, environment: str, head: int, newest: int, *, is_long: bool) -> _Memory:
        since = newest - (8 * _DAY if is_long else _DAY)
        memory = _Memory(since, is_long, self._journal.offset_at(environment, since))
        found = self._read(memory, environment, head)
        if not found and next(self._journal.envelopes(environment), None) is None:
            raise _unknown(environment)  # there are records under its key, but no event
        return memory

    def _read(self, memory: _Memory, environment: str, head: int) -> bool:
        """Read on up to the head; answer whether there was any event."""
        found = False
        for offset, envelope in self._journal.envelopes(environment, memory.upto, head):
            found = True
            if envelope.payload_type == _ALERT:
                memory.add(envelope.id, offset)
        memory.upto = head
        return found

    # Bytes

    def _decoded(self, value: bytes | None) -> Alert:
        if not value:
            raise BadAlert("the record is empty")
        if len(value) > LARGEST_ALERT:
            raise BadAlert(f"the record has {len(value)} bytes, the most is {LARGEST_ALERT}")
        try:
            if value[:2] == codec.MARKER:
                return _single_object(value)
            if value[:1] == _REGISTRY_MARK and len(value) > _REGISTRY_HEAD:
                return self._framed(int.from_bytes(value[1:_REGISTRY_HEAD]), value[_REGISTRY_HEAD:])
        except BadAlert:
            raise
        except (LogCorrupt, BadInput) as error:
            raise BadAlert(str(error)) from error
        raise BadAlert(
            f"the record starts with {value[:2].hex()}: neither Avro's single-object encoding (c301) "
            "nor that of a schema registry (00 and four bytes of an id)"
        )

    def _framed(self, number: int, body: bytes) -> Alert:
        if self._registry is None:
            return _released(body)
        try:
            text = self._registry.schema(number)
        except NotFound as error:
            raise BadAlert(str(error)) from error
        if number not in self._writers:
            self._writers[number] = codec.foreign_writer(SCHEMA, text)
        return alert_of(codec.decode_body(SCHEMA, body, self._writers[number]))


def event_of(alert: Alert) -> Event:
    """Answer the event that an alert makes: the same one, however often. Not redacted but for the source."""
    name = canonical.encode([alert.environment, alert.source, alert.id]).decode()
    payload = AlertReceived(
        alert.id,
        alert.object_type,
        alert.object_id,
        alert.check,
        alert.status,
        alert.text,
        canonical_details(alert.details),
    )
    event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"calipso:alert:{name}"))
    return Event(event_id, alert.environment, redact_text(alert.source), alert.occurred_at, None, payload)


def _single_object(value: bytes) -> Alert:
    values = codec.decode_record(SCHEMA, value)
    if values is None:
        raise BadAlert(f"the record's schema (fingerprint {value[2:10].hex()}) is no released version of Alert")
    return alert_of(values)


def _released(body: bytes) -> Alert:
    """Read a body of an unknown schema: as whichever released Alert it is, to its last byte."""
    refused = []
    for writer in codec.writers_of(SCHEMA):
        try:
            return alert_of(codec.decode_body(SCHEMA, body, writer))
        except (LogCorrupt, BadInput) as error:
            refused.append(str(error))
    raise BadAlert(f"{refused[0]} (read as the released Alert, for no schema registry is set)")


def _unknown(environment: str) -> NotFound:
    return NotFound(f"environment {environment[:80]!r}: nothing is known of it")
