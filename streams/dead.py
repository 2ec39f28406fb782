"""Dead letters: records that could not be used, kept with the reason until somebody has looked at them.

They stand on a topic beside the log, one partition, deleted after 30 days: their bytes are the original ones, so
nothing was redacted in them. Who may read that topic is as grave a question as who may read the inbox.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from schemas import codec
from streams.kafka_client import KafkaClient
from streams.kafka_topic import DEAD, Topic, dead_topic

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})
_LETTER: Final = "DeadLetter"
_REQUEUED: Final = "DeadLetterRequeued"


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
        self._client = KafkaClient(bootstrap, self.topic, options, timeout)
        self._connect = lambda topic: KafkaClient(bootstrap, topic, options, timeout)
        try:
            self._client.open(Topic(self.topic, replicas=replicas, kind=DEAD), create=True)
        except BaseException:
            self._client.close()
            raise

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep the letters, durably; one that is kept already is listed once. Raises LogError."""
        for letter in letters:
            self._append(_LETTER, asdict(letter))

    def _append(self, name: str, values: dict[str, Any]) -> None:
        self._client.send(0, None, [codec.encode_record(name, values)])

    def close(self) -> None:
        """Release the connections; closing twice does no harm."""
        self._client.close()
