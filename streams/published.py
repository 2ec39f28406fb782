"""What is published of the changes: one message an event that changed something, for who follows the state."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

from projections.change import Change
from projections.digest import text as digest_text
from schemas import codec
from streams.history import Step
from streams.kafka_client import KafkaClient
from streams.kafka_topic import CHANGES, Topic, changes_topic, partition_of

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})
_RECORD: Final = "StateChanged"
_BATCH: Final = 1 << 20
"""Bytes of messages that are sent together."""


@dataclass(frozen=True, slots=True)
class ThingChanged:
    """One thing that changed: object, link, clique or record."""

    kind: str
    type: str
    id: str
    change: str
    """added, changed or removed."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """What one event changed in the state of its environment, as `avsc/StateChanged.avsc` describes it."""

    environment: str
    offset: int
    logged_at: int
    occurred_at: int
    source: str
    event_id: str
    event: str
    digest: str
    changes: list[ThingChanged]


def told(environment: str, step: Step) -> StateChanged:
    """Answer what is published of a step."""
    when = step.logged_at, step.occurred_at
    changes = [_thing(change) for change in step.changes]
    what = step.source, step.event_id, step.event
    return StateChanged(environment, step.offset, *when, *what, digest_text(step.digest), changes)


def _thing(change: Change) -> ThingChanged:
    what = "added" if change.before is None else "removed" if change.after is None else "changed"
    return ThingChanged(change.key.kind.value, change.key.type, change.key.id, what)


def encode(changed: StateChanged) -> bytes:
    """Answer the bytes of a message: Avro's single-object encoding."""
    return codec.encode_record(_RECORD, asdict(changed))


def decode(data: bytes) -> StateChanged | None:
    """Read a message; None if it is none. LogCorrupt if it is damaged."""
    values = codec.decode_record(_RECORD, data)
    if values is None:
        return None
    return StateChanged(**{**values, "changes": [ThingChanged(**thing) for thing in values["changes"]]})


class Publisher:
    """The topic of changes that belongs to a log on Kafka. Threads may share it; do not carry it across a fork."""

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
        """Open the topic that belongs to the log's topic, made when it is missing; arguments as of KafkaLog."""
        self.topic = changes_topic(log)
        self._client = KafkaClient(bootstrap, self.topic, options, timeout)
        try:
            found = self._client.open(Topic(self.topic, partitions, replicas, CHANGES), create=True)
            self._partitions = found.partitions
        except BaseException:
            self._client.close()
            raise

    def publish(self, environment: str, steps: Sequence[Step]) -> None:
        """Send what the steps changed, in order; the environment is the key. Raises LogError."""
        key = environment.encode()
        messages = (encode(told(environment, step)) for step in steps if step.changes)
        for batch in _batches(messages):
            self._client.send(partition_of(key, self._partitions), key, batch)

    def close(self) -> None:
        """Release the connections; closing twice does no harm."""
        self._client.close()


def _batches(messages: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for one in messages:
        if batch and size + len(one) > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one)
    if batch:
        yield batch
