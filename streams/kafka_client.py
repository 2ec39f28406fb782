"""The one door to Kafka: asking, reading and sending, with a timeout on each and its errors in our words.

**How an append is all or nothing.** All its records travel in one record batch: the unit in which a broker takes,
checks, writes, replicates, recovers and serves records. There is no state in which half of a batch is in a
partition, for no reader and after no crash; a retry is the same batch again, and the idempotent producer's
sequence numbers let it in once. librdkafka makes one batch of what is queued when sending starts, as far as the
limits of bytes and count allow, so: nothing may start sending while records are still queued (`linger.ms` of 15
minutes, the most there is; only `flush`, which ignores it, sends), nothing larger than the limits is queued, the place
of the partition is known before (records queued without it would be handed on one by one), no record expires alone
(`message.timeout.ms` 0: the queue is purged as a whole instead), and a producer that failed is never used again.
The tests read the batches back from the broker's files.

**Why not a Kafka transaction per append.** It costs three more round trips and a marker in the offsets; while one
that died is open, all readers of the partition stand still until it times out; and where two overlap, the
readers' stable end can fall inside of a committed one, so that they see a part of it. One batch has none of that.
Readers still ask for committed records only, so that an aborted transaction of somebody else is never read.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka import TopicCollection as Topics
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented there, not marked as exported
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from schemas.errors import BadSettings, LogCorrupt, LogError, LogFull, NotFound
from streams.kafka_topic import FoundTopic, Topic, faults

_MOST_RECORDS: Final = 1_000_000
"""Of one batch; the most that librdkafka allows (batch.num.messages)."""

_RECORD_OVERHEAD: Final = 64
"""Bytes a record may take beside key and value: 36 in Kafka's format, taken generously."""

_PULSE: Final = 0.1
"""Seconds between two looks at the clock while waiting for records."""

_LULL: Final = 0.02
"""Seconds of silence that end a batch."""

_IDLE_CONSUMERS: Final = 4
_LOOK_AGAIN: Final = 60.0
"""Seconds for which a producer's knowledge of the partitions is trusted; librdkafka keeps it for 15 minutes."""

_OURS: Final = ("security.", "sasl.", "ssl.", "socket.", "broker.address.", "client.id", "client.rack", "enable.ssl.")
_HIDDEN: Final = ("password", "secret", "pem", "sasl.oauthbearer.config", "sasl.jaas")

_PASSING: Final = {
    "_TRANSPORT",
    "_ALL_BROKERS_DOWN",
    "_TIMED_OUT",
    "_TIMED_OUT_QUEUE",
    "_WAIT_COORD",
    "_WAIT_CACHE",
    "REQUEST_TIMED_OUT",
    "NETWORK_EXCEPTION",
    "LEADER_NOT_AVAILABLE",
    "NOT_LEADER_FOR_PARTITION",
    "NOT_CONTROLLER",
    "OFFSET_NOT_AVAILABLE",
    "REPLICA_NOT_AVAILABLE",
    "FENCED_LEADER_EPOCH",
    "UNKNOWN_LEADER_EPOCH",
    "_NOENT",  # no leader is known just now
}
"""What a broker that restarts or a leader that moves make a client say: ask again until the time is over."""

_DAMAGE: Final = {
    "_BAD_MSG": "",
    "_BAD_COMPRESSION": "",
    "INVALID_MSG": "",
    "_AUTO_OFFSET_RESET": "records of the log were deleted: ",
    "OFFSET_OUT_OF_RANGE": "records of the log were deleted: ",
}


class Stored(NamedTuple):
    """A record of a partition; `time` in milliseconds since 1970-01-01 UTC."""

    offset: int
    time: int
    key: bytes | None
    value: bytes | None


class Delivered(NamedTuple):
    """A record of one of several topics; `time` in milliseconds since 1970-01-01 UTC."""

    topic: str
    partition: int
    offset: int
    time: int
    key: bytes | None
    value: bytes | None


class _Connection:
    """What every client of ours is made of, and how it says what went wrong."""

    def __init__(self, name: str, bootstrap: str, options: Mapping[str, str], timeout: float) -> None:
        self.name = name
        self._timeout = timeout
        self._trouble = ""
        self._secrets = [value for name, value in options.items() if any(word in name for word in _HIDDEN)]
        self._common: dict[str, Any] = {
            **_checked(options),
            "bootstrap.servers": bootstrap,
            "error_cb": self._hear,
            "log_level": 2,  # what goes wrong is raised, with librdkafka's words in it, not printed beside
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 500,
        }

    def _hear(self, error: KafkaError) -> None:
        """Keep what librdkafka says while it tries on: the reason of a timeout to come."""
        if error.name() != "_ALL_BROKERS_DOWN":  # says less than what was said before
            self._trouble = f", last: {self._cleaned(error)}"

    def _cleaned(self, error: KafkaError) -> str:
        text = " ".join(error.str().split())
        for secret in filter(None, self._secrets):
            text = text.replace(secret, "(hidden)")
        return text

    def _error(self, error: KafkaError, doing: str) -> LogError:
        text = f"{self.name}: {_DAMAGE.get(error.name(), '')}{self._cleaned(error)}"
        if error.name() in _DAMAGE:
            return LogCorrupt(f"{text} ({doing})")
        if error.name() == "KAFKA_STORAGE_ERROR":
            return LogFull(f"{text} ({doing})")
        return LogError(f"{text}{self._trouble} ({doing})")

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise self._error(error.args[0], doing) from error

    @contextmanager
    def _settings_checked(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise BadSettings(f"{self.name}: {self._cleaned(error.args[0])}") from error


class KafkaClient(_Connection):
    """A connection to one topic. Threads may share it; do not carry it across a fork."""

    def __init__(self, bootstrap: str, topic: str, options: Mapping[str, str], timeout: float) -> None:
        """Connect nothing yet. `options`: librdkafka's settings of the connection (security, SASL, TLS, sockets).

        Raises BadSettings for an option of another kind or a value that librdkafka refuses.
        """
        super().__init__(f"kafka {bootstrap}, topic {topic}", bootstrap, options, timeout)
        self._topic = topic
        self._largest = 0
        self._closed = False
        # Reentrant: a reader that nobody wants any more gives its consumer back whenever Python collects it.
        self._pool = threading.RLock()
        self._idle: list[Consumer] = []
        self._sending = threading.Lock()
        self._producer: Producer | None = None
        self._looked = 0.0
        with self._settings_checked():
            self._admin = AdminClient(self._common)

    # The topic

    def find(self) -> FoundTopic | None:
        """Answer what the topic is like, None if there is none. LogError if the broker does not answer in time."""
        doing = "looking for the topic"
        resource = ConfigResource(ResourceType.TOPIC, self._topic)
        try:
            configs = self._asked(doing, lambda wait: self._admin.describe_configs([resource], request_timeout=wait))
            found = self._asked(
                doing, lambda wait: self._admin.describe_topics(Topics([self._topic]), request_timeout=wait)
            )
        except _Unknown:
            return None
        replicas = min(len(partition.replicas) for partition in found.partitions)
        settings = {name: str(entry.value) for name, entry in configs.items()}
        topic = FoundTopic(len(found.partitions), replicas, settings)
        self._largest = topic.largest_append
        return topic

    def open(self, topic: Topic, *, create: bool) -> FoundTopic:
        """Answer what the topic is like, made if need be; without `create`, NotFound. BadSettings if it is unfit."""
        deadline = time.monotonic() + self._timeout
        found = self.find()
        if found is None and not create:
            raise NotFound(f"{self.name}: there is no such topic")
        if found is None:
            self.create(topic)
        while found is None and time.monotonic() < deadline:
            time.sleep(0.02)  # a topic that was made is not known to each broker at once
            found = self.find()
        if found is None:
            raise LogError(f"{self.name}: was made, but not found within {self._timeout:g} s")
        wrong = faults(topic, found)
        if wrong:
            raise BadSettings(f"{self.name}: cannot be {topic.kind.name}: {'; '.join(wrong)}")
        return found

    def create(self, topic: Topic) -> None:
        """Make the topic; no error if somebody else made it meanwhile. It may take a moment until `find` sees it."""
        new = NewTopic(
            topic.name, num_partitions=topic.partitions, replication_factor=topic.replicas, config=topic.settings()
        )
        with suppress(_AlreadyThere):
            self._asked("making the topic", lambda wait: self._admin.create_topics([new], request_timeout=wait))

    # Offsets

    def start(self, partition: int) -> int:
        """Answer the offset of the first record that was not deleted."""
        spec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # as theirs is
        return int(self._listed(partition, spec, "asking for its start").offset)

    def end(self, partition: int) -> int:
        """Answer the offset behind the last record that readers may see."""
        spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as theirs is
        return int(self._listed(partition, spec, "asking for its end").offset)

    def first_at(self, partition: int, time: int) -> int | None:
        """Answer the first offset with a time not before the given one (milliseconds), None if there is none."""
        spec = OffsetSpec.for_timestamp(time)
        offset = int(self._listed(partition, spec, "looking for a time").offset)
        return None if offset < 0 else offset

    def highest_time(self, partition: int) -> int:
        """Answer the highest time of the partition (milliseconds)."""
        spec = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]  # as theirs is
        return int(self._listed(partition, spec, "asking for its highest time").timestamp)

    def _listed(self, partition: int, spec: OffsetSpec, doing: str) -> Any:  # noqa: ANN401 - confluent's result, untyped
        at = TopicPartition(self._topic, partition)
        committed = IsolationLevel.READ_COMMITTED
        return self._asked(
            f"{doing}, partition {partition}",
            lambda wait: self._admin.list_offsets({at: spec}, isolation_level=committed, request_timeout=wait),
        )

    # Reading

    def scan(self, partition: int, first: int, end: int) -> Iterator[Stored]:
        """Yield the records with first <= offset < end, in order; holds a bounded number of bytes ahead.

        `end` must be one that `end` answered, or lower. Ends there, whatever the last offsets are.
        Raises LogCorrupt when records were deleted or are damaged, LogError when the broker is silent.
        """
        if first >= end:
            return
        doing = f"reading partition {partition} from offset {first}"
        with self._consumer() as consumer, self._translated(doing):
            consumer.assign([TopicPartition(self._topic, partition, first)])
            heard = time.monotonic()
            while True:
                message = consumer.poll(_PULSE)
                self._refuse_closed(doing)
                if message is None or not self._counts(message, doing):
                    self._refuse_late(heard, doing)
                    continue
                offset = _offset(message)
                if offset >= end:
                    return
                if message.error() is None:
                    yield Stored(offset, message.timestamp()[1], message.key(), message.value())
                    heard = time.monotonic()
                    if offset == end - 1:
                        return

    def _counts(self, message: Message, doing: str) -> bool:
        """Answer whether it tells how far the reading has come; raise what cannot pass."""
        error = message.error()
        if error is None or error.name() == "_PARTITION_EOF":
            return error is None or _offset(message) >= 0
        if error.name() not in _PASSING:
            raise self._error(error, doing)
        return False

    def _refuse_late(self, heard: float, doing: str) -> None:
        if time.monotonic() - heard > self._timeout:
            raise LogError(f"{self.name}: silent for {self._timeout:g} s{self._trouble} ({doing})")

    def _refuse_closed(self, doing: str) -> None:
        if self._closed:
            raise LogError(f"{self.name}: is closed ({doing})")

    @contextmanager
    def _consumer(self) -> Iterator[Consumer]:
        """Lend a consumer that nobody else uses; they are kept, for connecting takes longer than most reads."""
        with self._pool:
            self._refuse_closed("reading")
            consumer = self._idle.pop() if self._idle else None
        if consumer is None:
            consumer = self._new_consumer()
        try:
            yield consumer
        finally:
            consumer.unassign()
            with self._pool:
                kept = not self._closed and len(self._idle) < _IDLE_CONSUMERS
                if kept:
                    self._idle.append(consumer)
            if not kept:
                consumer.close()

    def _new_consumer(self) -> Consumer:
        settings = {
            "group.id": "calipso",  # librdkafka wants one; nothing joins it and nothing is committed
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "check.crcs": True,
            "fetch.wait.max.ms": 10,  # the next reader of a kept consumer waits for the last fetch of this one
            "fetch.error.backoff.ms": 50,
            "queued.max.messages.kbytes": 16 << 10,
        }
        with self._settings_checked():
            return Consumer({**self._common, **settings})

    # Sending

    def send(self, partition: int, key: bytes | None, values: Sequence[bytes]) -> list[int]:
        """Write the values as one batch; answer their offsets. All or nothing, also when it raises.

        Raises LogError when they are too large together, or when the broker did not acknowledge in time
        (then they may be there or not), LogFull when its disk takes no more.
        """
        doing = f"appending {len(values)} records to partition {partition}"
        self._refuse_oversize(key, values, doing)
        with self._sending, self._translated(doing):
            self._refuse_closed(doing)
            try:
                return self._sent(self._ready_producer(), partition, key, values, doing)
            except BaseException:
                self._drop_producer()
                raise

    def _sent(
        self, producer: Producer, partition: int, key: bytes | None, values: Sequence[bytes], doing: str
    ) -> list[int]:
        receipts: list[tuple[KafkaError | None, int | None]] = []

        def receive(error: KafkaError | None, message: Message) -> None:
            receipts.append((error, message.offset()))

        for value in values:
            producer.produce(self._topic, value, key, partition, on_delivery=receive)
        if producer.flush(self._timeout):
            raise LogError(
                f"{self.name}: not acknowledged within {self._timeout:g} s, so it is not known whether it was "
                f"written, all or nothing{self._trouble} ({doing})"
            )
        for error, _ in receipts:
            if error is not None:
                raise self._error(error, doing)
        offsets = [offset for _, offset in receipts if offset is not None]
        if offsets != list(range(offsets[0], offsets[0] + len(values))):
            raise LogError(f"{self.name}: the client tore the records apart ({doing})")
        return offsets

    def _refuse_oversize(self, key: bytes | None, values: Sequence[bytes], doing: str) -> None:
        size = sum(map(len, values)) + (len(values) + 1) * (len(key or b"") + _RECORD_OVERHEAD)
        if size > self._largest or len(values) > _MOST_RECORDS:
            raise LogError(
                f"{self.name}: {size} bytes in one append, the topic takes {self._largest} bytes "
                f"(max.message.bytes) and {_MOST_RECORDS} records ({doing})"
            )

    def _ready_producer(self) -> Producer:
        if self._producer is None:
            self._producer = self._new_producer()
            self._looked = 0.0
        if time.monotonic() - self._looked > _LOOK_AGAIN:
            self._producer.list_topics(self._topic, self._timeout)
            self._looked = time.monotonic()
        return self._producer

    def _new_producer(self) -> Producer:
        settings = {
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 900_000,
            "message.timeout.ms": 0,
            "batch.num.messages": _MOST_RECORDS,
            "batch.size": self._largest,
            "message.max.bytes": self._largest,
            "queue.buffering.max.messages": 0,
            "queue.buffering.max.kbytes": max(2 * self._largest >> 10, 1 << 20),
            "retry.backoff.ms": 50,
            "compression.type": "zstd",
        }
        with self._settings_checked():
            return Producer({**self._common, **settings})

    def _drop_producer(self) -> None:
        """Forget the producer with all that is queued in it: nothing of a failed append may be sent later."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(1)

    def close(self) -> None:
        """Close the connections; closing twice does no harm."""
        with self._sending, self._pool:
            self._closed = True
            self._drop_producer()
            idle, self._idle = self._idle, []
        for consumer in idle:
            consumer.close()

    # Asking

    def _asked(self, doing: str, ask: Callable[[float], Mapping[Any, "Future[Any]"]]) -> Any:  # noqa: ANN401 - as above
        """Answer the one result of a request; ask again while the cluster only moves."""
        deadline = time.monotonic() + self._timeout
        while True:
            self._refuse_closed(doing)
            wait = max(deadline - time.monotonic(), 0.1)
            try:
                (future,) = ask(wait).values()
                return future.result()
            except KafkaException as error:
                self._refuse_final(error, deadline, doing)
            time.sleep(0.05)
            self._look_around()

    def _look_around(self) -> None:
        """Learn anew who leads the partitions: the client keeps on asking the leader it knew, with its old epoch."""
        with suppress(KafkaException):
            self._admin.list_topics(timeout=1)

    def _refuse_final(self, error: KafkaException, deadline: float, doing: str) -> None:
        self._admin.poll(0)  # lets it say what it heard meanwhile
        name = error.args[0].name()
        if name == "TOPIC_ALREADY_EXISTS":
            raise _AlreadyThere(f"{self.name}: is there ({doing})") from error
        if name == "UNKNOWN_TOPIC_OR_PART":
            raise _Unknown(f"{self.name}: no such topic ({doing})") from error
        if name not in _PASSING or time.monotonic() > deadline:
            raise self._error(error.args[0], doing) from error


class Subscription(_Connection):
    """A member of a consumer group: records of several topics come in, and the broker keeps how far they were taken.

    Of one thread. A record is delivered until it is committed; to another member, if this one is gone.
    """

    def __init__(
        self, bootstrap: str, topics: Sequence[str], group: str, options: Mapping[str, str], timeout: float
    ) -> None:
        """Connect nothing yet; options and errors as of KafkaClient. Topics may be missing, and appear later."""
        super().__init__(f"kafka {bootstrap}, group {group}", bootstrap, options, timeout)
        self._topics = list(topics)
        settings = {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "check.crcs": True,
            "allow.auto.create.topics": False,
            "session.timeout.ms": 10_000,  # how long what a member had, waits for another one when it was killed
            "topic.metadata.refresh.interval.ms": 5000,  # how soon a topic that appears is read
            "fetch.wait.max.ms": 100,
            "queued.max.messages.kbytes": 16 << 10,
        }
        with self._settings_checked():
            self._consumer = Consumer({**self._common, **settings})

    def there(self) -> list[str]:
        """Answer which of the topics are there. Raises LogError if no broker answers."""
        return [topic for topic in self._topics if topic in self._partitions()]

    def _partitions(self) -> dict[str, list[TopicPartition]]:
        with self._translated("looking for the topics"):
            found = self._consumer.list_topics(timeout=self._timeout).topics
        return {
            topic: [TopicPartition(topic, number) for number in found[topic].partitions]
            for topic in self._topics
            if topic in found and found[topic].error is None
        }

    def open(self, *, from_now_on: bool) -> list[str]:
        """Join the group; answer which of the topics are there.

        With `from_now_on`, a group that never took anything begins behind what is there by now. Any other partition
        that it never took from is taken from its first record: it appeared since.
        """
        found = self._partitions()
        partitions = [partition for of_topic in found.values() for partition in of_topic]
        with self._translated("joining the group"):
            if from_now_on and partitions:
                self._begin(partitions)
            self._consumer.subscribe(self._topics)
        return list(found)

    def _begin(self, partitions: list[TopicPartition]) -> None:
        committed = self._consumer.committed(partitions, timeout=self._timeout)
        if any(one.offset >= 0 for one in committed):
            return
        for one in partitions:
            _, one.offset = self._consumer.get_watermark_offsets(one, timeout=self._timeout)
        self._consumer.commit(offsets=partitions, asynchronous=False)

    def take(self, most: int, seconds: float) -> list[Delivered]:
        """Answer what has arrived, at most so many; wait so long for the first. Raises LogError."""
        if most <= 0:
            return []
        with self._translated("taking records"):
            first = self._consumer.poll(seconds)
            if first is None:
                return []
            more = self._consumer.consume(most - 1, _LULL) if most > 1 else []
        return [self._delivered(message) for message in (first, *more) if self._is_record(message)]

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.name() not in _PASSING | {"_PARTITION_EOF", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"}:
            raise self._error(error, "taking records")
        return False

    @staticmethod
    def _delivered(message: Message) -> Delivered:
        return Delivered(
            message.topic() or "",
            message.partition() or 0,
            _offset(message),
            message.timestamp()[1],
            message.key(),
            message.value(),
        )

    def commit(self, taken: Iterable[Delivered]) -> None:
        """Have the broker keep that these were taken, and all before them in their partitions. Raises LogError."""
        following: dict[tuple[str, int], int] = {}
        for one in taken:
            place = (one.topic, one.partition)
            following[place] = max(one.offset + 1, following.get(place, 0))
        if following:
            offsets = [TopicPartition(*place, offset) for place, offset in following.items()]
            with self._translated("committing"):
                self._consumer.commit(offsets=offsets, asynchronous=False)

    def pause(self) -> None:
        """Have nothing more delivered, but stay a member as long as `take` is called."""
        with self._translated("pausing"):
            self._consumer.pause(self._consumer.assignment())

    def resume(self) -> None:
        """Have records delivered again."""
        with self._translated("resuming"):
            self._consumer.resume(self._consumer.assignment())

    def close(self) -> None:
        """Leave the group; closing twice does no harm."""
        with suppress(KafkaException, RuntimeError):
            self._consumer.close()


class _Unknown(LogError):
    """The broker does not know the topic."""


class _AlreadyThere(LogError):
    """Somebody else made the topic."""


def _offset(message: Message) -> int:
    offset = message.offset()
    return -1 if offset is None else offset


def _checked(options: Mapping[str, str]) -> Mapping[str, str]:
    for name in options:
        if not name.startswith(_OURS):
            raise BadSettings(f"{name} is no setting of a connection to Kafka (security.*, sasl.*, ssl.*, socket.*)")
    return options
