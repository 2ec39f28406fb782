"""The scan: a cloud, or a recording of one, in; events out. It never reads what earlier scans saw."""

import hashlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import groupby

from producers.access import Access
from producers.aim import Aim, Sought
from producers.drivers import settings_in_force
from producers.fetched import Failure, Fetched, twice
from producers.found import Found, root
from producers.look import Look, Memory
from producers.narrow import NarrowWalk
from producers.plan import Plan, load_plan
from producers.progress import Progress, Silence
from producers.settings import EnvironmentSettings
from producers.walk import Walk
from schemas import canonical
from schemas.errors import CalipsoError
from schemas.events import Event, FetchFailed, ObjectMissed, ObjectsSeen, Payload, ScanFinished, ScanStarted, Scope

SOURCE = "scan"
EVENT_BYTES = 256 * 1024
"""How many bytes of documents one event holds at most, but for a single document that is larger."""
BATCH_EVENTS = 256
BATCH_BYTES = 4 * 1024 * 1024
"""How much is appended at once at most: each append waits for the disk."""

Append = Callable[[list[Event]], object]


@dataclass(frozen=True, slots=True)
class ScanReport:
    """How a scan ended."""

    scan_id: str
    status: str
    """completed, completed_with_errors or failed (nothing could be looked at)."""
    counts: dict[str, int]
    """Objects seen by type, sorted by type."""
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]
    missed: tuple[tuple[str, str], ...] = ()
    """Type and id of what was looked for alone and is not there."""


def scan(
    environment: str,
    access: Access,
    settings: EnvironmentSettings,
    append: Append,
    *,
    origin: str,
    now: Callable[[], int] = lambda: time.time_ns() // 1000,
    plan: Plan | None = None,
    workers: int = 8,
    progress: Progress | None = None,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    aim: Aim | None = None,
    request: str | None = None,
    stop: threading.Event | None = None,
) -> ScanReport:
    """Look at a whole cloud and append what was seen, as it is found out, in an order that the answers alone decide.

    With `aim` only one object and what is below it is looked at. `request` is the id of the request that led to the
    scan, and then its own. Once `stop` is set, the scan breaks off within a second.

    `origin` is `cloud:<name>` or `bundle:<name>`; `now` answers microseconds since 1970-01-01 UTC; without `plan`
    the plan that ships with Calipso is walked. What could not be looked at is on the log and in the report; it
    raises nothing. Raises what `append` raises, Stopped, and KeyboardInterrupt, after having tried to say that the
    scan broke off. Raises BadPlan before anything was appended.
    """
    stopping = stop if stop is not None else threading.Event()
    memory = Memory()
    look = Look(access, settings, memory)
    in_force = settings_in_force(look)
    writer = _Writer(environment, append, now, new_id, request)
    findings = _Findings(request or new_id(), warnings=list(look.warnings))
    wide = Walk(plan or load_plan(), access, in_force, memory, progress or Silence(), stopping)
    walk = wide if aim is None else NarrowWalk(aim, wide, stopping)
    writer.write(ScanStarted(findings.scan_id, origin, canonical.encode(in_force.to_document())))
    writer.flush()
    try:
        with closing(walk.steps(root(environment), workers)) as steps:
            for fetched in steps:
                writer.write_all(findings.take(fetched))
        if isinstance(walk, NarrowWalk):
            writer.write_all(findings.miss(walk.missed()))
        writer.write(ScanFinished(findings.scan_id, findings.status, findings.covered))
        writer.flush()
    except BaseException:
        with suppress(CalipsoError, OSError):
            writer.write(ScanFinished(findings.scan_id, "aborted", []))
            writer.flush()
        raise
    return findings.report()


class _Writer:
    """Puts payloads into their envelope and appends them in batches."""

    def __init__(
        self, environment: str, append: Append, now: Callable[[], int], new_id: Callable[[], str], cause: str | None
    ) -> None:
        self._environment = environment
        self._append = append
        self._now = now
        self._new_id = new_id
        self._cause = cause
        self._started = False
        self._events: list[Event] = []
        self._bytes = 0

    def write_all(self, payloads: Iterator[Payload]) -> None:
        for payload in payloads:
            self.write(payload)

    def write(self, payload: Payload) -> None:
        """Take one payload; every event of a scan is caused by the first, and that by the request, if there was one."""
        event = Event(self._new_id(), self._environment, SOURCE, self._now(), self._cause, payload)
        if not self._started:
            self._started, self._cause = True, event.id
        self._events.append(event)
        self._bytes += sum(map(len, payload.documents)) if isinstance(payload, ObjectsSeen) else 0
        if len(self._events) >= BATCH_EVENTS or self._bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        events, self._events, self._bytes = self._events, [], 0
        if events:
            self._append(events)


@dataclass(slots=True)
class _Findings:
    """What a scan has come to so far."""

    scan_id: str
    warnings: list[str]
    covered: list[Scope] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    missed: list[tuple[str, str]] = field(default_factory=list)
    _seen: dict[tuple[str, str], tuple[Found, bytes]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        if not self.failures:
            return "completed"
        return "completed_with_errors" if self.covered or self._seen or self.missed else "failed"

    def report(self) -> ScanReport:
        counts = dict(sorted(self.counts.items()))
        return ScanReport(
            self.scan_id, self.status, counts, tuple(self.failures), tuple(self.warnings), tuple(self.missed)
        )

    def miss(self, sought: Iterable[Sought]) -> Iterator[Payload]:
        """Yield what is not there although it was looked for alone."""
        covered = set(self.covered)
        for one in sought:
            if one.scope not in covered:
                self.missed.append((one.type, one.id))
                yield ObjectMissed(self.scan_id, one.scope, one.type, one.id)

    def take(self, fetched: Fetched) -> Iterator[Payload]:
        """Yield what one fetch says to the log: its objects by place, then its failures."""
        self.warnings += fetched.warnings
        for place, found in groupby(fetched.found, lambda one: (one.parent_type, one.parent_id)):
            rows = [(one.id, document) for one in found if (document := self._first_sight(one)) is not None]
            self.counts[fetched.object_type] += len(rows)
            for ids, documents in _split(rows):
                yield ObjectsSeen(self.scan_id, fetched.scope, fetched.object_type, *place, ids, documents)
        for failure in fetched.failures:
            self.failures.append(failure)
            yield _fetch_failed(self.scan_id, failure)
        if fetched.complete:
            self.covered.append(fetched.scope)

    def _first_sight(self, one: Found) -> bytes | None:
        """Answer the object's document; None, and a warning unless it is the same, if its id was seen elsewhere."""
        document = canonical.encode(one.document)
        here = (one, hashlib.blake2b(document, digest_size=16).digest())
        first, digest = self._seen.setdefault((one.type, one.id), here)
        if first is one:
            return document
        if digest != here[1] or (first.parent_type, first.parent_id) != (one.parent_type, one.parent_id):
            self.warnings.append(twice(first, one))
        return None


def _split(rows: Sequence[tuple[str, bytes]]) -> Iterator[tuple[list[str], list[bytes]]]:
    """Yield ids and documents in columns, each piece small enough for one event."""
    ids: list[str] = []
    documents: list[bytes] = []
    size = 0
    for object_id, document in rows:
        if ids and size + len(document) > EVENT_BYTES:
            yield ids, documents
            ids, documents, size = [], [], 0
        ids.append(object_id)
        documents.append(document)
        size += len(document)
    if ids:
        yield ids, documents


def _fetch_failed(scan_id: str, failure: Failure) -> FetchFailed:
    return FetchFailed(scan_id, failure.scope, failure.object_type, failure.host, failure.request, failure.reason)
