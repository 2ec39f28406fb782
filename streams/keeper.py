"""The work of one worker on its partitions of the log, without the machinery that delivers them.

`settle` takes a partition up from where the history stands, in bulk; `take` folds what is delivered behind that.
Both use the same fold, and neither trusts what was acknowledged: the history says how far an environment is, what is
delivered again is left out, and where records are missing between two deliveries the partition is settled anew.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from projections.change import Change
from projections.fold import Fold
from schemas.events import Entry
from streams.dead import DeadLetter, DeadLetters
from streams.history import History, Step
from streams.journal import Journal
from streams.kafka_client import Stored
from streams.kafka_log import KafkaLog
from streams.kafka_topic import partition_of
from streams.log import Record
from streams.published import Publisher
from streams.worker import Worker, quiet


class Burial:
    """What a journal does with a record that is no event: it becomes a dead letter."""

    def __init__(self, dead: DeadLetters, topic: str, partitions: int, count: Callable[[], None]) -> None:
        """`topic`: of the log; `count` is called for each."""
        self._dead = dead
        self._topic = topic
        self._partitions = partitions
        self._count = count

    def __call__(self, environment: str, record: Record, reason: str) -> None:
        """Put the letter; durable before the reading goes on."""
        key = environment.encode()
        self.put(partition_of(key, self._partitions), record, key, reason)

    def put(self, partition: int, record: Record, key: bytes | None, reason: str) -> None:
        """Put a record of any key."""
        letter = DeadLetter(self._topic, partition, record.offset, record.logged_at, key, record.value, reason)
        self._dead.put([letter])
        self._count()


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of records for one environment."""

    environment: str
    steps: list[Step] | None
    """None: the state was taken up from the history; whoever keeps a copy compares it as a whole."""

    @property
    def changes(self) -> list[Change]:
        """Answer all changes of the steps, in order."""
        return [change for step in self.steps or () for change in step.changes]


class Keeper:
    """Folds the environments of the partitions that a worker was given. One thread at a time for a partition."""

    def __init__(
        self, log: KafkaLog, journal: Journal, history: History, worker: Worker, burial: Burial, publisher: Publisher
    ) -> None:
        """Read and fold by `worker`, which stands over `history` and `journal`, which stands over `log`."""
        self._log = log
        self._journal = journal
        self._worker = worker
        self._burial = burial
        self._history = history
        self._publisher = publisher
        self._environments: dict[int, set[str]] = {}
        self._times: dict[int, int] = {}
        self._next: dict[int, int] = {}
        """Of a partition: the offset up to which everything before it was folded."""

    def settle(
        self, partition: int, progress: Callable[[str, int, int], None] = lambda _environment, _offset, _head: None
    ) -> dict[str, tuple[Fold, int]]:
        """Fold all environments of a partition up to the log's end; answer their states with the digests."""
        self._times.pop(partition, None)
        end = self._log.end_of(partition)  # asked first: what is held below reaches at least there
        names = self._log.environments_of(partition)
        self._environments[partition] = set(names)
        held = {name: self._held(name, partial(progress, name)) for name in names}
        self._next[partition] = end
        return held

    def hold(self, environment: str) -> tuple[Fold, int]:
        """Answer the newest state of an environment with its digest."""
        return self._held(environment, quiet)

    def _held(self, environment: str, progress: Callable[[int, int], None]) -> tuple[Fold, int]:
        held = self._worker.hold(environment, progress)
        self._publisher.complete(environment, self._journal, self._history)
        return held

    def release(self, partition: int) -> None:
        """Forget a partition that went to another worker."""
        self._next.pop(partition, None)
        for name in self._environments.pop(partition, ()):
            self._worker.release(name)
            self._publisher.forget(name)

    def take(self, partition: int, records: Sequence[Stored]) -> list[Taken]:
        """Fold records of a partition that follow those of the last call (or of `settle`); repeats do no harm.

        Raises what the log, the history and the fold raise; then nothing or a part is done, and the same records
        may be handed over again.
        """
        if not self._follows(partition, records):
            return [Taken(name, None) for name in self.settle(partition)]
        entries: dict[str, list[Entry]] = {}
        for environment, record in self._records(partition, records):
            entry = self._journal.entry(environment, record)
            if entry is not None:
                entries.setdefault(environment, []).append(entry)
        self._environments.setdefault(partition, set()).update(entries)
        taken = [Taken(name, self._worker.follow(name, those)) for name, those in entries.items()]
        self._next[partition] = max(self._next.get(partition, 0), records[-1].offset + 1)
        return taken

    def _follows(self, partition: int, records: Sequence[Stored]) -> bool:
        """Answer whether nothing is missing before and between the records."""
        due = self._next.get(partition, 0)
        new = [stored.offset for stored in records if stored.offset >= due]
        return new == list(range(due, due + len(new)))

    def _records(self, partition: int, records: Iterable[Stored]) -> Iterable[tuple[str, Record]]:
        for stored in records:
            record = Record(stored.offset, self._time(partition, stored) * 1000, stored.value or b"")
            reason = self._log.nobodys(partition, stored)
            if reason is None and stored.key is not None:
                yield stored.key.decode(), record
            else:
                self._burial.put(partition, record, stored.key, str(reason))

    def _time(self, partition: int, stored: Stored) -> int:
        """Answer when it became known (milliseconds), as the log tells every reader: the highest time so far."""
        known = self._times.get(partition)
        if known is None:
            known = self._log.highest_before(partition, stored)
        self._times[partition] = max(known, stored.time)
        return self._times[partition]
