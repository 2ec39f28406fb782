"""What serves the scans of one environment: asks for those that are due, and does those that were asked for."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from calipso import scanning
from calipso.aiming import aim
from calipso.scanning import Described, Source
from calipso.terminal import line, trouble
from calipso.wiring import Engine, event, now
from producers.scan import ScanReport
from projections.change import Kind
from projections.fold import REMOVED
from projections.inventory import Ref
from projections.schedule import snapshot_name
from schemas.canonical import Document, encode
from schemas.errors import CalipsoError, Conflict, Stopped
from schemas.events import (
    Event,
    FetchFailed,
    Payload,
    ScanFinished,
    ScanStarted,
    Scope,
    SnapshotTaken,
)
from schemas.vocabulary import ENVIRONMENT
from streams import agenda
from streams.agenda import Waiting
from streams.locks import environment_lock
from streams.past import Past

LOOK_SECONDS: Final = 1.0
"""Between two looks at what waits."""
TROUBLE_SECONDS: Final = 5.0
SOURCE: Final = "manager"


@dataclass(slots=True)
class _Known:
    """What the state says of an environment's scans, as of one offset."""

    past: Past
    scans: dict[str, Document]
    schedules: list[Document]
    targets: list[tuple[Ref, Document]]
    hosts: int
    regions: list[Ref]

    @property
    def pending(self) -> list[Document]:
        """Answer the scans that wait, oldest first."""
        return sorted((scan for scan in self.scans.values() if scan["status"] == "pending"), key=agenda.asked_at)

    @property
    def is_removed(self) -> bool:
        """Answer whether nobody looks after the environment any more."""
        return REMOVED in self.past.settings()


class Serving:
    """Serves one environment, one scan at a time. Runs in a thread of its own."""

    def __init__(
        self, engine: Engine, environment: str, described: Described, settle: float, clock: Callable[[], int] = now
    ) -> None:
        """`settle`: seconds that targets wait for more of their kind."""
        self.environment = environment
        self._engine = engine
        self._described = described
        self._settle = int(settle * 1_000_000)
        self._clock = clock
        self._ending = threading.Event()
        self._stop = threading.Event()
        """Of the scan that runs."""
        self.scans_since: float | None = None
        """When the scan that runs began, by the monotonic clock."""
        self.trouble = ""
        """What failed at the last try; nothing if it did not."""
        self._known: _Known | None = None
        self._met: dict[Ref, int] = {}
        """When each target was first met with."""
        self._asked: set[str] = set()
        """Ids of requests that were appended here: a history that others fold may not show them yet."""

    def run(self) -> None:
        """Serve until `end` is called; what fails is told, and tried again."""
        while not self._ending.is_set():
            try:
                pause = 0.0 if self.step() else LOOK_SECONDS
                self.trouble = ""
            except Exception as error:  # noqa: BLE001 - this thread is all that serves the environment
                self.trouble = f"{self.environment}: {_reason(error)}"
                trouble(self.trouble)
                pause = TROUBLE_SECONDS
            self._ending.wait(pause)

    def end(self) -> None:
        """Have it end; a scan that runs is broken off, and asked for again."""
        self._ending.set()
        self._stop.set()

    def step(self) -> bool:
        """Ask for what is due and do the oldest scan that waits; answer whether there was one to do."""
        known = self._look()
        if known.is_removed:
            return False
        self._ask(self._due(known))
        known = self._look()
        if not known.pending and not any(agenda.is_open(scan) for scan in known.scans.values()):
            return False
        try:
            with environment_lock(self._engine.settings.folder, self.environment, "scanning (calipso manage)"):
                return self._serve_oldest()
        except Conflict:
            return False  # somebody else scans it

    # -- what is due ---------------------------------------------------------------------------------

    def _due(self, known: _Known) -> list[Event]:
        moment = self._clock()
        due = agenda.by_schedules(self.environment, known.schedules, known.scans, moment)
        targets = self._waiting(known, moment) if self._can_scan(known) else []
        if targets:
            groups = agenda.merged(targets, self.environment, self._parent(known.past), known.regions, known.hosts)
            due += agenda.by_targets(
                self.environment, groups, known.scans.values(), moment, self._settle, self._event_at
            )
        return [event for event in due if event.id not in known.scans and event.id not in self._asked]

    def _ask(self, requests: list[Event]) -> None:
        if requests:
            self._engine.journal.append(requests)
            self._asked.update(request.id for request in requests)  # not before: what the log refused is still due
            self._engine.worker.catch_up(self.environment)

    def _can_scan(self, known: _Known) -> bool:
        """Answer whether there is a cloud to scan: what was only ever a recording is not scanned for targets."""
        return self._described.bundle is not None or bool(known.past.settings().get("settings", {}).get("cloud"))

    def _waiting(self, known: _Known, moment: int) -> list[Waiting]:
        self._met = {ref: self._met.get(ref, moment) for ref, _ in known.targets}
        logged = self._engine.journal.time_of
        return [
            Waiting(
                ref,
                kept["offset"],
                tuple(kept["because"]),
                self._met[ref],
                logged(self.environment, kept["offset"]) or 0,
            )
            for ref, kept in known.targets
        ]

    @staticmethod
    def _parent(past: Past) -> Callable[[Ref], Ref | None]:
        def parent(ref: Ref) -> Ref | None:
            obj = past.get(ref)
            return None if obj is None else obj.parent

        return parent

    def _event_at(self, offset: int) -> str | None:
        entry = next(self._engine.journal.read(self.environment, offset - 1, offset), None)
        return None if entry is None else entry.event.id

    # -- what is done --------------------------------------------------------------------------------

    def _serve_oldest(self) -> bool:
        """Do the oldest scan that waits, now that no other process scans; what runs by the log has broken off."""
        known = self._newest()
        if known is None:
            return False
        broken = [scan for scan in known.scans.values() if scan["status"] == "running"]
        for scan in broken:
            line(f"{self.environment}: scan {scan['name'][:8]} broke off")
            self._append([self._event(ScanFinished(scan["name"], "aborted", []))])
            self._ask_again(self._look())
        known = self._newest()
        if known is None or not known.pending:
            return bool(broken)
        self._serve(known, known.pending[0])
        return True

    def _ask_again(self, known: _Known) -> None:
        if known.is_removed:
            return
        wanted = (agenda.again(self.environment, scan, known.scans, self._clock()) for scan in known.scans.values())
        self._append([event for event in wanted if event is not None])

    def _serve(self, known: _Known, scan: Document) -> None:
        self._stop = threading.Event()
        if self._ending.is_set():
            return
        what = "everything" if scan["object"] is None else " ".join(scan["object"])
        because = f": {scan['reason']}" if scan["reason"] else ""
        who = f"asked for by {scan['requested_by']}{because}"
        line(f"{self.environment}: scan {scan['name'][:8]} of {what} begins, {who}")
        try:
            with scanning.source_of(self._engine, self.environment, self._described) as source:
                report = self._scan(known.past, scan, source)
        except Stopped:
            self._engine.worker.catch_up(self.environment)
            line(f"{self.environment}: scan {scan['name'][:8]} broke off, as it was told to")
            self._ask_again(self._look())
            return
        except Exception as error:  # noqa: BLE001 - as in `run`; one that could not begin would wait for ever
            self._refuse(scan, error)
            return
        self._engine.worker.catch_up(self.environment)
        self._tell(scan, report)
        self._name(scan)

    def _scan(self, past: Past, scan: Document, source: Source) -> ScanReport:
        aimed = None if scan["object"] is None else aim(past, Ref(*scan["object"]))
        self.scans_since = time.monotonic()
        try:
            since = past.moment.offset  # what is told while this begins counts
            return scanning.run(self._engine, self.environment, source, aimed, scan["name"], self._stop, since)
        finally:
            self.scans_since = None

    def _refuse(self, scan: Document, error: Exception) -> None:
        """Write down that a scan could not even begin, so that it does not wait for ever; one that began has ended."""
        trouble(f"{self.environment}: scan {scan['name'][:8]} failed: {_reason(error)}")
        if self._look().scans[scan["name"]]["status"] != "pending":
            return
        detected = encode(self._look().past.settings().get("detected", {}))
        where = Scope("environment", ENVIRONMENT, self.environment)
        self._append(
            [
                self._event(ScanStarted(scan["name"], "cloud:", detected)),
                self._event(FetchFailed(scan["name"], where, ENVIRONMENT, None, "settings", _reason(error))),
                self._event(ScanFinished(scan["name"], "failed", [])),
            ]
        )

    def _tell(self, scan: Document, report: ScanReport) -> None:
        seen, missed, failed = sum(report.counts.values()), len(report.missed), len(report.failures)
        told = [
            f"{seen} objects seen",
            *([f"{missed} missed"] if missed else []),
            *([f"{failed} fetches failed"] if failed else []),
        ]
        line(f"{self.environment}: scan {scan['name'][:8]} {report.status}: {', '.join(told)}")
        for failure in report.failures[:3]:
            trouble(f"{self.environment}: {failure.scope.entry}: {failure.reason}")

    def _name(self, scan: Document) -> None:
        """Give the moment after a scan the name that its schedule wants, if it looked at anything."""
        known = self._look()
        schedule = next((one for one in known.schedules if one["name"] == scan.get("schedule")), None)
        done = known.scans[scan["name"]]
        if (
            schedule is None
            or schedule["snapshot"] is None
            or done["status"] not in ("completed", "completed_with_errors")
        ):
            return
        name = self._free(snapshot_name(schedule["snapshot"], done["started_at"], schedule["timezone"]), known.past)
        whole = "" if done["status"] == "completed" else ", which could not look at everything"
        note = f"after a scan of schedule {schedule['name']}{whole}"
        self._append([self._event(SnapshotTaken(name, known.past.moment.offset, note))])
        line(f"{self.environment}: @{name} is offset {known.past.moment.offset}")

    @staticmethod
    def _free(name: str, past: Past) -> str:
        taken = {snapshot["name"] for snapshot in past.records(Kind.SNAPSHOT)}
        return next(free for free in _numbered(name) if free not in taken)

    # -- the log and the state -----------------------------------------------------------------------

    def _look(self) -> _Known:
        """Answer what is known by now; read again only if the log has moved on."""
        past = self._engine.questions.past(self.environment)
        if self._known is None or self._known.past.moment != past.moment:
            self._known = _Known(
                past,
                {scan["name"]: scan for scan in past.records(Kind.SCAN)},
                list(past.records(Kind.SCHEDULE)),
                [(Ref(key.type, key.id), document) for key, document in past.all_of(Kind.TARGET)],
                past.counts().get("host", 0),
                [obj.ref for obj in past.of_type("region")],
            )
        return self._known

    def _newest(self) -> _Known | None:
        """Answer what is known of all that is on the log; None while a history that others fold is behind."""
        head = self._engine.journal.head(self.environment)
        known = self._look()
        return None if self._engine.journal.has_more(self.environment, known.past.moment.offset, head) else known

    def _event(self, payload: Payload) -> Event:
        return replace(event(self.environment, payload, SOURCE), occurred_at=self._clock())

    def _append(self, events: list[Event]) -> None:
        if events:
            self._engine.journal.append(events)
            self._engine.worker.catch_up(self.environment)


def _reason(error: Exception) -> str:
    """Answer the text of an error of ours; of any other, its type as well."""
    return str(error) if isinstance(error, CalipsoError) else f"{type(error).__name__}: {error}"


def _numbered(name: str) -> Iterator[str]:
    """Yield a name, and then the same with a number."""
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1
