"""The one door to Faust: an app whose agents keep the tables of the partitions that Kafka gives to this process.

What Faust is trusted with: handing out partitions among workers, delivering records in order, at least once, and
keeping tables in RocksDB with their changelog. What it is not trusted with: how far the fold is. The history says that,
so each partition is taken up from the history whenever it is assigned, and what was acknowledged counts for nothing.

Records are folded in batches: up to `_BATCH`, or as many as have arrived. A batch is dead letters, published
changes, history, tables, in this order; killed between two of them, the next worker does what is missing again.
"""

import asyncio
import logging
import signal
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar
from weakref import ref

import faust
from faust.streams import _current_event
from faust.types import TP, EventT, StreamT
from faust.types.auth import CredentialsT
from faust.types.web import Request, Response
from faust.web import View

from projections.digest import digest_of
from projections.digest import text as digest_text
from projections.fold import Fold
from schemas.errors import BadInput, BadSettings, CouldNotLook, HistoryError, LogCorrupt, LogError, LogTooNew
from streams.dead import DeadLetter, DeadLetters
from streams.kafka_client import Stored
from streams.kafka_topic import inbox_topic
from streams.keeper import Keeper, Taken
from streams.metrics import Metrics
from streams.pages import (
    INVENTORY,
    TABLES,
    Edits,
    Page,
    Reached,
    belongs_to,
    edited,
    edits,
    packed,
    packed_position,
    pages,
    position_of,
    position_page,
    things_of,
)

_BATCH: Final = 200
"""Records that are folded together."""

_FAR: Final = 2000
"""So many records that were folded in bulk are passed over rather than delivered once more."""

_PATIENCE: Final = 0.25
"""Seconds after which records are folded although more may be on their way."""

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
"""Seconds between tries while log or history do not answer."""

_JOIN: Final = 30.0
"""Seconds within which a worker is among the others; it takes one or two."""

_UNSENT: Final = 10_000
"""Writes of tables that may be on their way to the changelog while records are taken."""

_SESSION: Final = 10.0
"""Seconds of silence after which the other workers take over from this one."""

_LARGEST_PAGE: Final = 32 << 20
"""Bytes."""

_SLOW: Final = 5.0
"""Seconds between two lines about a backlog that is folded in bulk."""

_log = logging.getLogger("calipso.worker")
_T = TypeVar("_T")

TakeAlert = Callable[[bytes | None, bytes | None], int | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the worker works."""

    bootstrap: str
    """host:port of the brokers, with commas between."""
    topic: str
    partitions: int
    replicas: int
    options: Mapping[str, str]
    """librdkafka's settings of the connection, secrets in place."""
    folder: Path
    """For the tables."""
    name: str
    """Of this worker among all of the same log: one that comes back under its name takes over its own partitions at
    once."""
    host: str
    port: int


@dataclass(eq=False, slots=True)
class _Shift:
    """A partition while it is this worker's."""

    partition: int
    state: str = "settling"
    reason: str = ""
    settled: bool = False
    buffer: list[EventT[Any]] = field(default_factory=list)
    since: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class FaustWorker:
    """One worker; `run` runs it until it is told to stop."""

    def __init__(
        self,
        place: Place,
        keeper: Keeper,
        take_alert: TakeAlert,
        dead: DeadLetters,
        metrics: Metrics,
        begin_again: Callable[[], NoReturn],
    ) -> None:
        """Build the app. Raises BadSettings for a connection that Faust's client cannot make.

        `begin_again` starts the process anew: Faust's start hangs for ever when the brokers go in the midst of it.
        """
        self._place = place
        self._keeper = keeper
        self._take_alert = take_alert
        self._dead = dead
        self._metrics = metrics
        self._shifts: dict[int, _Shift] = {}
        self._held: set[int] = set()
        self._begin_again = begin_again
        self._joined = asyncio.Event()
        self._stopping = asyncio.Event()
        self._threads = ThreadPoolExecutor(thread_name_prefix="fold")
        self._app = _app(place)
        self._tables = {name: self._table(name) for name in TABLES}
        self._wire()

    # -- the app -----------------------------------------------------------------------------------

    def _table(self, name: str) -> Any:  # noqa: ANN401 - Faust's tables are typed by their keys and values only
        config = {"max.message.bytes": str(_LARGEST_PAGE)}
        return self._app.Table(
            name, key_type=bytes, value_type=bytes, partitions=self._place.partitions, extra_topic_configs=config
        )

    def _wire(self) -> None:
        app = self._app
        events = app.topic(self._place.topic, partitions=self._place.partitions)
        alerts = app.topic(inbox_topic(self._place.topic))
        app.agent(events, name="calipso.fold", concurrency=1)(self._fold)
        app.agent(alerts, name="calipso.inbox", concurrency=1)(self._inbox)

        async def revoked(_sender: object, partitions: Iterable[TP], **_: object) -> None:
            self._revoked(partitions)

        async def assigned(_sender: object, partitions: Iterable[TP], **_: object) -> None:
            self._assigned(partitions)

        app.on_partitions_revoked.connect(revoked, weak=False)  # type: ignore[arg-type]  # sent as it takes them
        app.on_partitions_assigned.connect(assigned, weak=False)  # type: ignore[arg-type]  # as above
        app.timer(interval=_PATIENCE)(self._fold_what_waits)
        self._answer()

    def _answer(self) -> None:
        """Answer over HTTP; Faust makes these functions methods of a view."""

        @self._app.page("/health")
        async def health(view: View, _request: Request) -> Response:
            return self._health(view)

        @self._app.page("/metrics")
        async def metrics(view: View, _request: Request) -> Response:
            return view.text(self._metrics.text(), content_type="text/plain")

        @self._app.page("/tables/{environment}")
        async def tables(view: View, _request: Request, environment: str) -> Response:
            return self._state_of_tables(view, environment)

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; answer the exit code: 0, or 2 when Faust itself gave up."""
        return asyncio.run(self._run())

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        self._app.finalize()
        started = asyncio.ensure_future(self._app.start())
        stopped = asyncio.ensure_future(self._stopping.wait())
        crashed = asyncio.ensure_future(self._app.wait_until_stopped())
        joined = asyncio.ensure_future(self._joined.wait())
        await asyncio.wait((stopped, crashed, joined), timeout=_JOIN, return_when=asyncio.FIRST_COMPLETED)
        if not (stopped.done() or crashed.done() or joined.done()):
            _log.warning("not among the workers after %g s: beginning again", _JOIN)
            self._begin_again()
        await asyncio.wait((stopped, crashed), return_when=asyncio.FIRST_COMPLETED)
        _log.info("stopping")
        await self._drain()
        await self._app.stop()
        for task in (started, stopped, crashed, joined):
            task.cancel()
        self._threads.shutdown(wait=True)
        return 2 if self._app.crash_reason else 0

    async def _drain(self) -> None:
        """Fold what has arrived."""
        for shift in list(self._shifts.values()):
            if shift.settled and shift.state == "following":
                await self._work_off(shift)

    # -- partitions come and go ---------------------------------------------------------------------

    def _revoked(self, revoked: Iterable[TP]) -> None:
        """Let go of partitions. Their folds are kept: most come back when the workers have shared out anew."""
        for tp in revoked:
            if tp.topic == self._place.topic:
                self._shifts.pop(tp.partition, None)

    def _assigned(self, assigned: Iterable[TP]) -> None:
        self._joined.set()
        self._app.producer.buffer.max_messages = _UNSENT
        ours = {tp.partition for tp in assigned if tp.topic == self._place.topic}
        for partition in self._held - ours:
            _log.info("partition %d: another worker has it now", partition)
            self._keeper.release(partition)
            self._metrics.leave(partition)
        self._held = ours
        for partition in ours:  # whatever was delivered before is over: each is settled anew
            shift = self._shifts[partition] = _Shift(partition)
            self._metrics.enter(partition, shift.state)
            self._app.add_future(self._begin(shift))

    async def _begin(self, shift: _Shift) -> None:
        """Settle a partition although no record of it may come for long."""
        await self._app.tables.wait_until_recovery_completed()
        async with shift.turn:
            await self._settle(shift)

    async def _settle(self, shift: _Shift) -> None:
        if shift.settled or not self._is_ours(shift):
            return
        began = time.monotonic()
        told = _Told()
        states = await self._tried(shift, partial(self._keeper.settle, shift.partition, told))
        if states is None or not self._is_ours(shift):
            return
        with _writing(self._app, self._place.topic, shift.partition):
            for environment, (fold, digest) in states.items():
                self._compare(environment, fold, digest)
                self._metrics.offset.labels(environment).set(fold.offset)
        shift.settled = True
        names = ", ".join(states) or "no environment yet"
        _log.info("partition %d: settled in %.1f s (%s)", shift.partition, time.monotonic() - began, names)
        await self._pass_over(shift, max((fold.offset for fold, _ in states.values()), default=-1))

    async def _pass_over(self, shift: _Shift, folded: int) -> None:
        """Let the consumer begin behind what was folded in bulk, if that is far."""
        tp = TP(self._place.topic, shift.partition)
        if tp in self._app.consumer.assignment():
            position = await self._app.consumer.position(tp)
            if position is not None and folded + 1 - position > _FAR:
                await self._app.consumer.seek(tp, folded + 1)

    def _is_ours(self, shift: _Shift) -> bool:
        return self._shifts.get(shift.partition) is shift and shift.state != "stopped"

    # -- records -----------------------------------------------------------------------------------

    async def _fold(self, stream: StreamT[Any]) -> None:
        async for event in stream.events():
            shift = self._shifts.get(event.message.partition)
            if shift is None or shift.state == "stopped":
                continue
            if not shift.buffer:
                shift.since = time.monotonic()
            shift.buffer.append(event)
            if len(shift.buffer) >= _BATCH or self._is_newest(event):
                await self._work_off(shift)

    def _is_newest(self, event: EventT[Any]) -> bool:
        end = self._app.consumer.highwater(event.message.tp)
        return not end or event.message.offset + 1 >= end

    async def _fold_what_waits(self) -> None:
        for shift in list(self._shifts.values()):
            if shift.buffer and time.monotonic() - shift.since > _PATIENCE:
                await self._work_off(shift)

    async def _work_off(self, shift: _Shift) -> None:
        async with shift.turn:
            await self._settle(shift)
            events, shift.buffer = shift.buffer, []
            if not events or not self._is_ours(shift):
                return
            records = [_stored(event) for event in events]
            taken = await self._tried(shift, partial(self._keeper.take, shift.partition, records))
            if taken is None or not self._is_ours(shift):
                return
            with _writing(self._app, self._place.topic, shift.partition):
                for one in taken:
                    self._keep(one)
            self._measure(shift, taken, events[-1])

    def _measure(self, shift: _Shift, taken: Sequence[Taken], newest: EventT[Any]) -> None:
        now = time.time()
        for one in taken:
            for step in one.steps or ():
                self._metrics.freshness.observe(max(0.0, now - step.logged_at / 1e6))
            if one.steps:
                self._metrics.events.labels(one.environment).inc(len(one.steps))
                self._metrics.offset.labels(one.environment).set(one.steps[-1].offset)
        end = self._app.consumer.highwater(newest.message.tp) or 0
        self._metrics.lag.labels(str(shift.partition)).set(max(0, end - newest.message.offset - 1))

    async def _tried(self, shift: _Shift, do: Callable[[], _T]) -> _T | None:
        """Do it in a thread, again and again while log or history do not answer.

        Any other error gives the partition up, loudly: an event is never left out. None then, and when stopping.
        """
        pause = _FIRST_PAUSE
        while self._is_ours(shift) and not self._app.should_stop:
            try:
                done = await self._in_thread(do)
            except (LogCorrupt, LogTooNew) as error:
                self._give_up(shift, error)
            except (LogError, HistoryError) as error:
                self._enter(shift, "retrying", str(error))
                _log.warning("partition %d: %s (again in %.1f s)", shift.partition, error, pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                if self._stopping.is_set():
                    return None
            except Exception as error:  # noqa: BLE001 - a fault of ours: this partition ends here, the others go on
                self._give_up(shift, error)
            else:
                self._enter(shift, "following", "")
                return done
        return None

    async def _in_thread(self, do: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, do)

    def _give_up(self, shift: _Shift, error: Exception) -> None:
        self._enter(shift, "stopped", f"{type(error).__name__}: {error}")
        shift.buffer.clear()
        _log.critical(
            "partition %d: stopped, nothing of it is folded until the worker is started again: %s",
            shift.partition,
            shift.reason,
            exc_info=error,
        )

    def _enter(self, shift: _Shift, state: str, reason: str) -> None:
        shift.state, shift.reason = state, reason
        if self._shifts.get(shift.partition) is shift:
            self._metrics.enter(shift.partition, state)

    # -- tables ------------------------------------------------------------------------------------

    def _keep(self, taken: Taken) -> None:
        """Put what changed on its pages; must run inside `_writing`."""
        if taken.steps is None:
            fold, digest = self._keeper.hold(taken.environment)
            self._compare(taken.environment, fold, digest)
            self._metrics.offset.labels(taken.environment).set(fold.offset)
        elif taken.steps:
            newest = taken.steps[-1]
            self._edit(edits(taken.environment, taken.changes))
            self._reach(taken.environment, Reached(newest.offset, newest.digest))

    def _edit(self, todo: Edits) -> None:
        for page, things in todo.items():
            self._put(page, edited(self._tables[page.table].get(page.key), things))

    def _compare(self, environment: str, fold: Fold, digest: int) -> None:
        """Make the pages of an environment those of a state; only those that differ are written."""
        must = {page: packed(things) for page, things in pages(environment, fold.everything()).items()}
        for page in self._pages_of(environment) - must.keys() - {position_page(environment)}:
            self._put(page, None)
        for page, content in must.items():
            if self._tables[page.table].get(page.key) != content:
                self._put(page, content)
        self._reach(environment, Reached(fold.offset, digest))

    def _reach(self, environment: str, reached: Reached) -> None:
        page = position_page(environment)
        if position_of(self._tables[INVENTORY].get(page.key)) != reached:
            self._put(page, packed_position(reached))

    def _put(self, page: Page, content: bytes | None) -> None:
        table = self._tables[page.table]
        if content is not None:
            table[page.key] = content
        elif table.get(page.key) is not None:
            del table[page.key]

    def _pages_of(self, environment: str) -> set[Page]:
        return {
            Page(name, key) for name, table in self._tables.items() for key in table if belongs_to(environment, key)
        }

    # -- alerts ------------------------------------------------------------------------------------

    async def _inbox(self, stream: StreamT[Any]) -> None:
        async for event in stream.events():
            await self._alert(_stored(event), event.message.topic, event.message.partition)

    async def _alert(self, record: Stored, topic: str, partition: int) -> None:
        """Take one alert in; it is tried until the log or the dead letters have it."""
        pause = _FIRST_PAUSE
        while not self._app.should_stop:
            try:
                outcome = await self._in_thread(partial(self._taken_or_buried, record, topic, partition))
            except (LogError, CouldNotLook) as error:
                _log.warning("inbox: %s (again in %.1f s)", error, pause)
                await self._app.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._metrics.alerts.labels(outcome).inc()
                return

    def _taken_or_buried(self, record: Stored, topic: str, partition: int) -> str:
        try:
            return "repeated" if self._take_alert(record.key, record.value) is None else "taken"
        except BadInput as error:
            when = record.time * 1000
            reason = str(error)
            self._dead.put([DeadLetter(topic, partition, record.offset, when, record.key, record.value, reason)])
            self._metrics.dead_letters.labels(topic).inc()
            return "refused"

    # -- answers over HTTP --------------------------------------------------------------------------

    def _health(self, view: View) -> Response:
        """200 when every partition of this worker is taken care of, else 503 with what is wrong."""
        partitions = [
            {"partition": shift.partition, "state": shift.state, "reason": shift.reason}
            for shift in self._shifts.values()
        ]
        well = self._joined.is_set() and all(
            shift.state in ("settling", "following") for shift in self._shifts.values()
        )
        answer = {"status": "ok" if well else "failing", "joined": self._joined.is_set(), "partitions": partitions}
        return view.json(answer, status=200 if well else 503)

    def _state_of_tables(self, view: View, environment: str) -> Response:
        """What the tables hold of an environment, counted and digested from their pages; 404 if nothing."""
        reached = position_of(self._tables[INVENTORY].get(position_page(environment).key))
        if reached is None:
            return view.json({"environment": environment, "status": "not in the tables of this worker"}, status=404)
        there = self._pages_of(environment) - {position_page(environment)}
        things = {page: list(things_of(self._tables[page.table].get(page.key))) for page in there}
        counts = {name: sum(len(held) for page, held in things.items() if page.table == name) for name in TABLES}
        digest = digest_of(thing for held in things.values() for thing in held)
        answer = {
            "environment": environment,
            "offset": reached.offset,
            "digest": digest_text(digest),
            "right": digest == reached.digest,
            "pages": len(there),
            **counts,
        }
        return view.json(answer)


class _Told:
    """Tells of a long way to go, now and then."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, environment: str, offset: int, head: int) -> None:
        if time.monotonic() - self._last > _SLOW:
            self._last = time.monotonic()
            _log.info("%s: folded up to offset %d of %d", environment, offset, head)


class _Delivery:
    """Stands for a record of a partition, where Faust asks which partition a table is written for."""

    def __init__(self, topic: str, partition: int) -> None:
        self.message = _Addressed(topic, partition)


@dataclass(frozen=True, slots=True)
class _Addressed:
    topic: str
    partition: int


@contextmanager
def _writing(_app: faust.App, topic: str, partition: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """Say for which partition tables are written: Faust takes it from the record in hand, and there may be none."""
    delivery = _Delivery(topic, partition)
    token = _current_event.set(ref(delivery))  # type: ignore[arg-type]  # asked for no more than it has
    try:
        yield
    finally:
        _current_event.reset(token)


def _stored(event: EventT[Any]) -> Stored:
    message = event.message
    return Stored(message.offset, round(message.timestamp * 1000), message.key, message.value)


def _app(place: Place) -> faust.App:
    place.folder.mkdir(parents=True, exist_ok=True)
    return faust.App(
        f"{place.topic}.worker",
        broker=[f"kafka://{address}" for address in place.bootstrap.split(",")],
        broker_credentials=_credentials(place.options),
        broker_session_timeout=_SESSION,
        broker_heartbeat_interval=_SESSION / 3,
        broker_client_id=place.name,
        consumer_group_instance_id=place.name,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_max_request_size=_LARGEST_PAGE,
        key_serializer="raw",
        value_serializer="raw",
        store="rocksdb://",
        datadir=place.folder,
        topic_partitions=place.partitions,
        topic_replication_factor=place.replicas,
        topic_disable_leader=True,
        autodiscover=False,
        web_bind=place.host,
        web_host=place.host,
        web_port=place.port,
        web_stats_enabled=False,
        web_graph_enabled=False,
        web_router_enabled=False,
        web_tables_enabled=False,
        web_metrics_enabled=False,
        worker_redirect_stdouts=False,
    )


_KNOWN: Final = {
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
}


def _credentials(options: Mapping[str, str]) -> CredentialsT | None:
    """Answer Faust's form of librdkafka's settings of a connection."""
    unknown = sorted(set(options) - _KNOWN)
    if unknown:
        raise BadSettings(f"the worker's client cannot do {', '.join(unknown)} (it can {', '.join(sorted(_KNOWN))})")
    protocol = options.get("security.protocol", "plaintext").upper()
    secure = _ssl(options) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=options.get("sasl.username"),
            password=options.get("sasl.password"),
            mechanism=options.get("sasl.mechanism", options.get("sasl.mechanisms", "PLAIN")),
            ssl_context=secure,
        )
    return None if secure is None else faust.SSLCredentials(secure)


def _ssl(options: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ssl.ca.location"))
        if "ssl.certificate.location" in options:
            context.load_cert_chain(
                options["ssl.certificate.location"],
                options.get("ssl.key.location"),
                options.get("ssl.key.password"),
            )
    except OSError as error:
        raise BadSettings(f"TLS to Kafka: {error}") from error
    return context
