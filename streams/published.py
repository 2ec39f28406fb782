"""What is published of the changes: one message an event that changed something, for who follows the state."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

from projections.change import Change
from projections.digest import text as digest_text
from schemas import codec
from schemas.events import Entry
from streams.history import History, Step
from streams.journal import Journal
from streams.kafka_client import KafkaClient
from streams.kafka_topic import CHANGES, Topic, changes_topic, partition_of
from streams.worker import step_of

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})
_RECORD: Final = "StateChanged"
_BATCH: Final = 5_000
"""Changes that are sent together; each takes some hundred bytes."""

_FIRST_WINDOW: Final = 16
_WIDER: Final = 4
"""Looking back for a record, each window of offsets is so many times the one before."""


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
        self._sent: dict[str, int] = {}
        self._client = KafkaClient(bootstrap, self.topic, options, timeout)
        try:
            found = self._client.open(Topic(self.topic, partitions, replicas, CHANGES), create=True)
            self._partitions = found.partitions
        except BaseException:
            self._client.close()
            raise

    def publish(self, environment: str, steps: Iterable[Step]) -> None:
        """Send what the steps changed, in order, but for what was sent before; the environment is the key.

        Raises LogError; then nothing or a part was sent, and the same steps may be handed over again.
        """
        newest = self._newest(environment)
        for batch in _batches(step for step in steps if step.changes and step.offset > newest):
            self._client.send(
                self._home(environment), environment.encode(), [encode(told(environment, s)) for s in batch]
            )
            self._sent[environment] = batch[-1].offset

    def complete(self, environment: str, journal: Journal, history: History) -> None:
        """Send what is in the history and was not sent: somebody else may have folded it."""
        newest, reached = self._newest(environment), history.position(environment).offset
        entries = journal.read(environment, newest, reached) if newest < reached else ()
        self.publish(environment, (_remembered(history, environment, entry) for entry in entries))

    def _home(self, environment: str) -> int:
        return partition_of(environment.encode(), self._partitions)

    def _newest(self, environment: str) -> int:
        """Answer the newest offset that was sent for an environment, by whichever worker; -1 if none is kept."""
        if environment not in self._sent:
            self._sent[environment] = max(self._found(environment), default=-1)
        return self._sent[environment]

    def _found(self, environment: str) -> Iterator[int]:
        """Look back from the end of the topic until the environment is met."""
        partition, key = self._home(environment), environment.encode()
        start, end = self._client.start(partition), self._client.end(partition)
        width, met = _FIRST_WINDOW, False
        while end > start and not met:
            first = max(end - width, start)
            for stored in self._client.scan(partition, first, end):
                changed = decode(stored.value) if stored.key == key and stored.value is not None else None
                if changed is not None:
                    met = True
                    yield changed.offset
            end, width = first, width * _WIDER

    def forget(self, environment: str) -> None:
        """Look the newest offset up again next time: another worker may have sent meanwhile."""
        self._sent.pop(environment, None)

    def close(self) -> None:
        """Release the connections; closing twice does no harm."""
        self._client.close()


def _remembered(history: History, environment: str, entry: Entry) -> Step:
    """Answer a step as the history has it; of what it changed, only whether it was there before and after."""
    changes = [
        Change(key, None if before is None else before.value, version.value, entry.offset)
        for key, version in history.step_changes(environment, entry.offset)
        for before in (history.get(environment, key, entry.offset - 1),)
    ]
    blame = history.blame(environment, entry.offset)
    return step_of(entry, 0 if blame is None else blame.digest, changes)


def _batches(steps: Iterable[Step]) -> Iterator[list[Step]]:
    batch: list[Step] = []
    size = 0
    for step in steps:
        if batch and size + len(step.changes) > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(step)
        size += len(step.changes)
    if batch:
        yield batch
