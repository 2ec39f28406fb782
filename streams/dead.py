"""Dead letters: records that could not be used, kept with the reason until somebody has looked at them.

They stand on a topic beside the log, one partition, deleted after 30 days: their bytes are the original ones, so
nothing was redacted in them. Who may read that topic is as grave a question as who may read the inbox.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from schemas import codec
from schemas.errors import BadInput, BadSettings, CalipsoError, Conflict, LogCorrupt, NotFound
from schemas.redaction import redact_event
from streams.kafka_client import KafkaClient, Stored
from streams.kafka_topic import DEAD, Topic, dead_topic, inbox_topic, partition_of

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})
_LETTER: Final = "DeadLetter"
_REQUEUED: Final = "DeadLetterRequeued"
_BATCH: Final = 1 << 20
"""Bytes of letters that are sent together."""


class Origin(NamedTuple):
    """Where a record stood: it names a dead letter, however often it was put."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be used, as `avsc/DeadLetter.avsc` describes it."""

    topic: str
    partition: int
    offset: int
    time: int
    """Of the record in its topic, microseconds since 1970-01-01 UTC."""
    key: bytes | None
    value: bytes | None
    reason: str

    @property
    def origin(self) -> Origin:
        """Answer where it stood."""
        return Origin(self.topic, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class Kept:
    """A dead letter in the list of them."""

    number: int
    """By which it is asked for: its offset among the dead letters."""
    kept_at: int
    """When it became a dead letter, microseconds since 1970-01-01 UTC."""
    origin: Origin
    time: int
    """Of the record in its topic, microseconds since 1970-01-01 UTC."""
    size: int
    """Of key and value, bytes."""
    reason: str
    requeued_at: int | None
    """When it was last sent again, microseconds since 1970-01-01 UTC; None: never."""


class DeadLetters:
    """The dead letters of a log on Kafka. Threads may share it; do not carry it across a fork."""

    def __init__(
        self,
        bootstrap: str,
        log: str,
        options: Mapping[str, str] = _NO_OPTIONS,
        *,
        partitions: int = 1,
        replicas: int = 1,
        timeout: float = 20.0,
    ) -> None:
        """Open the topic that belongs to the log's topic, made when it is missing; arguments as of KafkaLog.

        Raises BadSettings when the topic is there but could not keep letters (compacted, several partitions).
        """
        self.topic = dead_topic(log)
        self._log = log
        self._partitions = partitions
        self._connection = (bootstrap, options, timeout)
        self._client = self._connected(self.topic)
        try:
            self._client.open(Topic(self.topic, replicas=replicas, kind=DEAD), create=True)
        except BaseException:
            self._client.close()
            raise

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep the letters, durably; one that is kept already is listed once. Raises LogError."""
        encoded = (
            codec.encode_record(_LETTER, {**asdict(letter), "reason": " ".join(letter.reason.split())})
            for letter in letters
        )
        for batch in _batches(encoded):
            self._client.send(0, None, batch)

    def list(self) -> list[Kept]:
        """Answer the letters, oldest first. Raises LogError."""
        found: dict[Origin, Kept] = {}
        for stored in self._stored():
            requeued = _read(_REQUEUED, stored)
            if requeued is None:
                letter = self._letter(stored)
                found.setdefault(letter.origin, _kept(stored, letter))
            elif Origin(**requeued) in found:
                origin = Origin(**requeued)
                found[origin] = replace(found[origin], requeued_at=stored.time * 1000)
        return list(found.values())

    def get(self, number: int) -> tuple[Kept, DeadLetter]:
        """Answer a letter, whole. NotFound if there is none of that number, LogError."""
        kept = next((kept for kept in self.list() if kept.number == number), None)
        if kept is None:
            raise NotFound(f"{self.topic}: there is no dead letter {number}")
        (stored,) = self._client.scan(0, number, number + 1)
        return kept, self._letter(stored)

    def requeue(self, number: int) -> str:
        """Send a letter's own key and value to the topic that it came from; answer that topic.

        An event is sent only if it is one by now, and without its secrets if it has any: what the log has, it keeps.
        Where the letter is no better than it was, it comes back as another. Raises BadInput for an event that still
        is none and for a topic that is not of this log, Conflict for a letter that was sent again already, NotFound,
        LogError (then it may have been sent or not).
        """
        kept, letter = self.get(number)
        if kept.requeued_at is not None:
            raise Conflict(f"dead letter {number}: was sent again already")
        if letter.value is None:
            raise BadInput(f"dead letter {number}: it has no value, and never will")
        if letter.topic == self._log:
            self._send(letter.topic, letter.key, _event(number, letter.key, letter.value))
        elif letter.topic == inbox_topic(self._log):
            self._send(letter.topic, letter.key, letter.value)
        else:
            raise BadInput(f"dead letter {number}: is of the topic {letter.topic[:200]!r}, which takes none back")
        self._client.send(0, None, [codec.encode_record(_REQUEUED, letter.origin._asdict())])
        return letter.topic

    def _connected(self, topic: str) -> KafkaClient:
        bootstrap, options, timeout = self._connection
        return KafkaClient(bootstrap, topic, options, timeout)

    def _send(self, topic: str, key: bytes | None, value: bytes) -> None:
        client = self._connected(topic)
        try:
            found = client.find()
            if found is None:
                raise NotFound(f"{client.name}: there is no such topic")
            if topic == self._log and found.partitions != self._partitions:
                raise BadSettings(f"{client.name}: has {found.partitions} partitions, not {self._partitions}")
            client.send(partition_of(key or b"", found.partitions), key, [value])
        finally:
            client.close()

    def _stored(self) -> Iterator[Stored]:
        return self._client.scan(0, self._client.start(0), self._client.end(0))

    def _letter(self, stored: Stored) -> DeadLetter:
        """Answer the letter; what somebody else wrote here is one of this topic itself, so that it hides no other."""
        values = _read(_LETTER, stored)
        if values is not None:
            return DeadLetter(**values)
        time, reason = stored.time * 1000, "it stands among the dead letters, and is none"
        return DeadLetter(self.topic, 0, stored.offset, time, stored.key, stored.value, reason)

    def close(self) -> None:
        """Release the connections; closing twice does no harm."""
        self._client.close()


def has_letters(bootstrap: str, log: str, options: Mapping[str, str] = _NO_OPTIONS, timeout: float = 20.0) -> bool:
    """Answer whether the log has a topic of dead letters; looking makes none. Errors as of DeadLetters."""
    client = KafkaClient(bootstrap, dead_topic(log), options, timeout)
    try:
        return client.find() is not None
    finally:
        client.close()


def _batches(values: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the values, as many together as have the size of a batch; at least one."""
    batch: list[bytes] = []
    size = 0
    for value in values:
        if batch and size + len(value) > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(value)
        size += len(value)
    if batch:
        yield batch


def _read(name: str, stored: Stored) -> dict[str, Any] | None:
    try:
        return codec.decode_record(name, stored.value or b"")
    except LogCorrupt:
        return None


def _kept(stored: Stored, letter: DeadLetter) -> Kept:
    size = len(letter.key or b"") + len(letter.value or b"")
    return Kept(stored.offset, stored.time * 1000, letter.origin, letter.time, size, letter.reason, None)


def _event(number: int, key: bytes | None, value: bytes) -> bytes:
    """Answer the bytes of an event that may stand on the log; BadInput if it is none."""
    try:
        event = codec.decode(value)
    except CalipsoError as error:
        raise BadInput(f"dead letter {number}: {error}") from error
    if key != event.environment.encode():
        raise BadInput(f"dead letter {number}: its key is {(key or b'')[:80]!r}, not {event.environment[:80]!r}")
    redacted = redact_event(event)
    return value if redacted is event else codec.encode(redacted)
