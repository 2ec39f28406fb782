"""The event log on Kafka: one topic, the environment as the key of its records, one partition an environment."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from schemas import codec
from schemas.errors import BadInput, LogCorrupt
from streams.kafka_client import KafkaClient, Stored
from streams.kafka_topic import Topic, partition_of
from streams.log import Record

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})
_FIRST_WINDOW: Final = 16
_WIDER: Final = 4
"""Looking back for a record, each window of offsets is so many times the one before."""


class _Place(NamedTuple):
    """Where a record stands, and when it became known (microseconds)."""

    offset: int
    logged_at: int


class _Tail:
    """The newest record of each key among the offsets first <= offset < end of a partition: a cache of its keys."""

    def __init__(self, end: int) -> None:
        self.first = end
        self.end = end
        self.newest: dict[bytes, _Place] = {}


class KafkaLog:
    """The contract of `Log` on a topic of Kafka 4.0 or newer.

    Offsets are the partition's: an environment's have gaps where others of the same partition wrote. Any number
    of processes and threads may append and read; nobody waits for another. Do not carry one across a fork.

    `logged_at` is the broker's time of the append (millisecond steps), or that of an earlier record of the partition
    when the broker's clock has stepped back behind it: so it never decreases, and is the same for every reader.

    Costs. Kafka finds a record by its partition's offset only, so reading an environment fetches what others of the
    same partition wrote in between. `head` asks the broker for the end (one round trip) and reads what came since the
    last question of this process; the first question reads backwards from the end until the environment is met,
    which for an unknown one means the whole partition. `time_of` and `offset_at` read backwards from their place
    likewise. `environments` reads the whole log the first time, and later what came since. The first append of a
    process takes half a second more: librdkafka waits so long before it asks for a producer's number.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        options: Mapping[str, str] = _NO_OPTIONS,
        *,
        partitions: int = 1,
        replicas: int = 1,
        timeout: float = 20.0,
        create: bool = True,
    ) -> None:
        """Open the topic, made if need be with so many partitions and replicas; without `create`, NotFound.

        `bootstrap`: host:port, several with commas between. `options`: librdkafka's settings of the connection
        (security.protocol, sasl.*, ssl.*), secrets already in place. `timeout`: seconds that the brokers may be silent
        before LogError. Raises BadSettings when an option is wrong, or when the topic is there but could not
        keep the log: compacted, expiring, other timestamps or partitions, not durable, or a broker before 4.0.
        """
        self._client = KafkaClient(bootstrap, topic, options, timeout)
        self._partitions = partitions
        self._tails: dict[int, _Tail] = {}
        self._locks = [threading.Lock() for _ in range(partitions)]
        try:
            self._client.open(Topic(topic, partitions, replicas), create=create)
        except BaseException:
            self._client.close()
            raise

    def append(self, environment: str, values: Sequence[bytes]) -> list[int]:
        """Append in order, as one record batch; answer the offsets. Raises LogFull, LogError.

        Together the values may have the topic's max.message.bytes (32 MiB where the topic was made here).
        """
        key = _key(environment)
        for value in values:
            if not isinstance(value, bytes):
                raise TypeError(f"a record is bytes, not {type(value).__name__}")
        if not values:
            return []
        return self._client.send(partition_of(key, self._partitions), key, values)

    def read(self, environment: str, after: int = -1, upto: int | None = None) -> Iterator[Record]:
        """Yield the records of the contract, a bounded number of bytes at a time.

        LogCorrupt when a batch's checksum is wrong, or records were deleted from the beginning of the partition.
        """
        key, partition = self._home(environment)
        end = self._client.end(partition)
        last = end if upto is None else min(end, upto + 1)
        return self._records(key, self._scan(partition, max(after + 1, 0), last))

    def head(self, environment: str) -> int:
        """Answer the offset of the newest record, -1 if there is none."""
        newest = self._newest(environment)
        return -1 if newest is None else newest.offset

    def offset_at(self, environment: str, time: int) -> int:
        """Answer the newest offset with logged_at <= time (microseconds), -1 if there is none."""
        newest = self._newest(environment)
        if newest is None or time < 0:
            return -1
        if newest.logged_at <= time:
            return newest.offset
        key, partition = self._home(environment)
        # As logged_at is the highest time so far, it is later than asked from the first record that is later, on.
        later = self._client.first_at(partition, time // 1000 + 1)
        found = self._before(key, partition, newest.offset if later is None else later)
        return -1 if found is None else found.offset

    def time_of(self, environment: str, offset: int) -> int | None:
        """Answer logged_at of the newest record at or before the offset, None if there is none."""
        newest = self._newest(environment)
        if newest is not None and offset < newest.offset:
            newest = self._before(*self._home(environment), offset + 1)
        return None if newest is None else newest.logged_at

    def environments(self) -> list[str]:
        """Answer the environments that have a record, sorted."""
        return sorted(name for partition in range(self._partitions) for name in self._names(partition))

    def close(self) -> None:
        """Release the connections; closing twice does no harm."""
        self._client.close()

    # The partition of an environment

    def _home(self, environment: str) -> tuple[bytes, int]:
        key = _key(environment)
        return key, partition_of(key, self._partitions)

    # Reading

    def _scan(self, partition: int, first: int, end: int) -> Iterator[Stored]:
        """Yield the records with a key of first <= offset < end; the time of each is the highest so far."""
        highest = -1
        for stored in self._client.scan(partition, first, end):
            if self.nobodys(partition, stored) is not None:  # it changes no environment
                continue
            if highest < 0 < first:
                highest = self.highest_before(partition, stored)
            highest = max(highest, stored.time)
            yield stored._replace(time=highest)

    def nobodys(self, partition: int, stored: Stored) -> str | None:
        """Answer why a record belongs to no environment, None if it belongs to the one that its key names.

        LogCorrupt if an event of ours stands in a partition where it does not belong.
        """
        if stored.key is None:
            return "it has no key"
        try:
            stored.key.decode()
        except UnicodeDecodeError:
            return "its key is no name of an environment: it is not valid UTF-8"
        home = partition_of(stored.key, self._partitions)
        if home != partition and stored.value is not None and codec.looks_like_event(stored.value):
            raise LogCorrupt(
                f"{self._client.name}: offset {stored.offset} of partition {partition} belongs elsewhere: "
                "the number of partitions was changed, or somebody else writes there"
            )
        return None if home == partition else f"its key belongs to partition {home}"

    def end_of(self, partition: int) -> int:
        """Answer the offset behind the newest record of a partition."""
        return self._client.end(partition)

    def environments_of(self, partition: int) -> list[str]:
        """Answer the environments that have a record in a partition, sorted."""
        return sorted(self._names(partition))

    def highest_before(self, partition: int, stored: Stored) -> int:
        """Answer the highest time (milliseconds) of all records up to this one: its own, if no clock stepped back."""

        def is_reached(time: int) -> bool:
            first = self._client.first_at(partition, time)
            return first is not None and first < stored.offset

        lowest = stored.time
        if not is_reached(lowest + 1):
            return lowest
        lowest, highest = lowest + 1, self._client.highest_time(partition)
        while lowest < highest:
            middle = (lowest + highest + 1) // 2
            lowest, highest = (middle, highest) if is_reached(middle) else (lowest, middle - 1)
        return lowest

    def _records(self, key: bytes, stored: Iterator[Stored]) -> Iterator[Record]:
        for record in stored:
            if record.key == key:
                yield Record(record.offset, record.time * 1000, record.value or b"")

    def _newest_of(self, partition: int, first: int, end: int) -> dict[bytes, _Place]:
        """Answer the newest record of each key among the offsets."""
        stored = self._scan(partition, first, end)
        return {key: _Place(offset, time * 1000) for offset, time, key, _ in stored if key is not None}

    def _before(self, key: bytes, partition: int, end: int) -> _Place | None:
        """Answer the newest record of the key before an offset."""
        width = _FIRST_WINDOW
        while end > 0:
            first = max(end - width, 0)
            found = self._newest_of(partition, first, end).get(key)
            if found is not None:
                return found
            end, width = first, width * _WIDER
        return None

    # The tail

    def _newest(self, environment: str) -> _Place | None:
        key, partition = self._home(environment)
        with self._locks[partition]:
            tail = self._followed(partition)
            width = _FIRST_WINDOW
            while key not in tail.newest and tail.first > 0:
                self._look_back(tail, partition, width)
                width *= _WIDER
            return tail.newest.get(key)

    def _names(self, partition: int) -> list[str]:
        with self._locks[partition]:
            tail = self._followed(partition)
            self._look_back(tail, partition, tail.first)
            return [key.decode() for key in tail.newest]

    def _followed(self, partition: int) -> _Tail:
        """Answer what is known of the partition, up to its present end."""
        end = self._client.end(partition)
        tail = self._tails.setdefault(partition, _Tail(end))
        if end < tail.end:
            raise LogCorrupt(f"{self._client.name}: partition {partition} ended at {tail.end} and now at {end}")
        tail.newest |= self._newest_of(partition, tail.end, end)
        tail.end = end
        return tail

    def _look_back(self, tail: _Tail, partition: int, width: int) -> None:
        first = max(tail.first - width, 0)
        tail.newest = self._newest_of(partition, first, tail.first) | tail.newest
        tail.first = first


def _key(environment: str) -> bytes:
    try:
        return environment.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"no name of an environment: {environment!r} is not valid Unicode") from error
