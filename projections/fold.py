"""The fold: one event at a time, the state of one environment. The live worker and the replay both call it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, assert_never

from projections import noise, schedule
from projections.change import Change, Key, Kind
from projections.clique_types import SHIPPED, Recipe
from projections.cliques import Cliques
from projections.drift.drift import Drift, Look
from projections.drift.finding import Mark
from projections.inventory import Inventory, Obj, Ref, Touched
from projections.link import Link
from projections.links import Links
from projections.notifications.draft import Draft
from projections.notifications.ledger import Kept, Ledger
from projections.notifications.meaning import meaning
from projections.sighting import OpenScan, swept
from projections.version import here
from schemas.canonical import Document, decode, decode_document, encode
from schemas.events import (
    AlertReceived,
    ConnectionTested,
    Entry,
    EnvironmentDefined,
    EnvironmentRemoved,
    FetchFailed,
    ListenerStateChanged,
    NotificationReceived,
    ObjectMissed,
    ObjectsSeen,
    Payload,
    ScanCancelled,
    ScanFinished,
    ScanRequested,
    ScanStarted,
    ScheduleDefined,
    ScheduleRemoved,
    Scope,
    SnapshotTaken,
)
from schemas.vocabulary import ENVIRONMENT, UNSEEN

MEANING = 5
"""Counts the meanings of the fold. 5: the records of what scans covered name no scope whose parent is gone."""
VERSION = here(MEANING)
"""Of the fold, plug-ins included: a history folded by another version is rebuilt from the log."""

REMOVED = "removed"
"""Attribute of the environment's record, while nobody looks after it: {at, note}."""
TESTED = "tested"
"""Attribute of the environment's record: how its sources answered when they were tried last: {at, passed, results}."""
LISTENER = "listener"
"""Attribute of the environment's record: how its listener is: {state, cause, since}."""
REQUEST = ("object", "reason", "requested_at", "requested_by", "requested_offset", "cancelled", "cause", "schedule")
"""Attributes of a scan's record that a request for it has told."""
NOT_UNDERSTOOD = "notifications_not_understood"
"""Attribute of the environment's record: how many notifications of each type changed nothing for want of a handler
that knows the type, or because they were not what their type promises."""

_OF_A_SCAN = (ObjectsSeen, ObjectMissed, FetchFailed)
"""What a scan tells on its way."""

Stored = tuple[Key, bytes]
"""One thing of the state with its value, as a history keeps it."""


class Place(NamedTuple):
    """Where an object was seen."""

    parent: Ref
    scope: Scope


class Fold:
    """The projected state of one environment, as of the newest event applied."""

    def __init__(self, environment: str, recipes: Sequence[Recipe] = SHIPPED) -> None:
        """Start before the first event."""
        self.environment = environment
        self.offset = -1
        self.inventory = Inventory()
        self.links = Links()
        self.cliques = Cliques(recipes)
        self._now = Now(self.inventory, self.links)
        self.records: dict[Key, bytes] = {}
        """Scans, snapshots and the environment's own settings."""
        self.ledger = Ledger(environment)
        self.drift = Drift()
        self._open_scan: OpenScan | None = None
        self._told: dict[str, dict[str, tuple[Place, bytes]]] = {}
        """Of each type and id, where it was seen last and the document as it was written then, noise and all."""
        self._scopes: dict[Scope, Scope] = {}
        """Each scope that was ever told, the same one for equal ones: what is one is equal at a glance."""
        self.cliques.configure(environment, {})

    @property
    def resume_from(self) -> int:
        """Answer the offset from which `restore` needs the entries again: the open scan's start, or the next."""
        return self.offset + 1 if self._open_scan is None else self._open_scan.offset

    def apply(self, entry: Entry) -> list[Change]:
        """Take one event in and answer what it changed, sorted by key; nothing if it was applied before."""
        if entry.offset <= self.offset:
            return []
        self.offset = entry.offset
        changes = self._apply(entry)
        return _merged(changes if self._goes_on(entry.event.payload) else changes + self._settled(entry.offset))

    def _goes_on(self, payload: Payload) -> bool:
        """Answer whether the open scan goes on with this event: its cliques then wait, to be made once for all of it.

        Networks and NICs reach over many hosts: made host by host, their cliques were most of the cost of a scan.
        """
        scan = self._open_scan
        return isinstance(payload, _OF_A_SCAN) and scan is not None and scan.scan_id == payload.scan_id

    def _apply(self, entry: Entry) -> list[Change]:  # noqa: C901 - one case an event
        payload = entry.event.payload
        match payload:
            case ObjectsSeen():
                return self._seen(payload, entry)
            case ScanStarted():
                return self._scan_started(payload, entry)
            case FetchFailed():
                return self._fetch_failed(payload, entry.offset)
            case ScanFinished():
                return self._scan_finished(payload, entry)
            case ObjectMissed():
                return self._missed(payload)
            case ScanRequested():
                return self._scan_requested(payload, entry)
            case ScanCancelled():
                return self._scan_cancelled(payload, entry)
            case ScheduleDefined():
                return self._record(schedule_key(payload.name), schedule.document(payload, entry), entry.offset)
            case ScheduleRemoved():
                return self._forget(schedule_key(payload.name), entry.offset)
            case EnvironmentDefined():
                return self._defined(payload, entry.offset)
            case EnvironmentRemoved():
                return self._removed(payload, entry)
            case ConnectionTested():
                return self._tested(payload, entry)
            case ListenerStateChanged():
                return self._listener(payload, entry)
            case SnapshotTaken():
                return self._snapshot(payload, entry)
            case NotificationReceived():
                return self._notified(payload, entry)
            case AlertReceived():
                return []
        assert_never(payload)

    # -- objects -----------------------------------------------------------------------------------

    def _seen(self, seen: ObjectsSeen, entry: Entry) -> list[Change]:
        self._note(seen)
        look = Look(seen.scan_id, Mark(entry.offset, entry.event.occurred_at))
        place = Place(Ref(seen.parent_type, seen.parent_id), self._scopes.setdefault(seen.scope, seen.scope))
        told = self._told.setdefault(seen.object_type, {})
        touched: list[Touched] = []
        changes: list[Change] = []
        for object_id, raw in zip(seen.ids, seen.documents, strict=True):
            if told.get(object_id) != (place, raw):  # else nothing moved, not even a stamp: most of most scans
                ref = Ref(seen.object_type, object_id)
                if self.ledger.notices and self._is_outdated(seen.scan_id, ref, place, raw):
                    continue
                told[object_id] = (place, raw)
                changes += self._sighted(ref, place, raw, look, touched)
                changes += _as_changes(self.ledger.found_again(ref), entry.offset)
        return changes + self._joined(touched, entry.offset)

    def _is_outdated(self, scan_id: str, ref: Ref, place: Place, raw: bytes) -> bool:
        """Answer whether a notification told since the scan began what its look at the object may not have seen yet."""
        scan = self._open_scan
        if scan is None or scan.scan_id != scan_id:
            return False
        above = self.ledger.since(place.parent, scan.offset)
        notice = self.ledger.since(ref, scan.offset)
        return (above is not None and above.gone) or (notice is not None and notice.outdates(decode_document(raw)))

    def _sighted(self, ref: Ref, place: Place, raw: bytes, look: Look, touched: list[Touched]) -> list[Change]:
        before, scope = self.inventory.get(*ref), self.inventory.scope_of(ref)
        still = before is not None and (before.parent, scope) == place
        same = before is not None and still and before.raw == noise.stripped(ref.type, raw)
        if before is not None and same and not self.drift.is_open(ref):
            return []
        after = before if before is not None and same else _object(ref, place.parent, raw, before)
        found = self.drift.saw(before, scope, after, look, place.scope)
        return self._put(after, place.scope, look.mark.offset, touched) + _as_changes(found, look.mark.offset)

    def _put(self, after: Obj, place: Scope, offset: int, touched: list[Touched]) -> list[Change]:
        before, scope = self.inventory.get(*after.ref), self.inventory.scope_of(after.ref)
        same = before is not None and before.same_as(after)
        if same and scope == place:
            return []
        self.inventory.put(after, place)
        if not same:
            touched.append((before, after))
        old = object_value(before, scope) if before is not None and scope is not None else None
        return [Change(object_key(after.ref), old, object_value(after, place), offset)]

    def _note(self, seen: ObjectsSeen) -> None:
        if self._open_scan is not None and self._open_scan.scan_id == seen.scan_id:
            self._open_scan.note(seen)

    def _joined(self, touched: Sequence[Touched], offset: int) -> list[Change]:
        if not touched:
            return []
        links = self.links.update(self.inventory, touched)
        self.cliques.mark(self._now, touched, links)
        return [Change(key, _value(old), _value(new), offset) for key, old, new in links]

    def _settled(self, offset: int) -> list[Change]:
        return [Change(key, old, new, offset) for key, old, new in self.cliques.settle(self._now)]

    # -- scans -------------------------------------------------------------------------------------

    def _scan_requested(self, requested: ScanRequested, entry: Entry) -> list[Change]:
        key = _scan_key(entry.event.id)
        if key in self.records:
            return []
        document = {
            "name": entry.event.id,
            "status": "pending",
            "object": None if requested.object_type is None else [requested.object_type, requested.object_id],
            "reason": requested.reason,
            "requested_at": entry.event.occurred_at,
            "requested_by": entry.event.source,
            "requested_offset": entry.offset,
        }
        if entry.event.cause is not None:
            document["cause"] = entry.event.cause
        changes = self._scheduled(document, entry)
        return changes + self._record(key, document, entry.offset)

    def _scheduled(self, document: Document, entry: Entry) -> list[Change]:
        """Note at a schedule which scan it asked for last, and of the scan by which schedule it was asked for.

        One that is asked for again, because the first broke off, is of the same schedule.
        """
        first = self.records.get(_scan_key(entry.event.cause or ""))
        if first is not None and "schedule" in (known := decode_document(first)):
            document["schedule"] = known["schedule"]
        for key in [key for key in self.records if key.kind is Kind.SCHEDULE]:
            known = decode_document(self.records[key])
            if known["id"] == entry.event.cause:
                document["schedule"] = known["name"]
                known |= {"last_scan": entry.event.id, "last_at": entry.event.occurred_at}
                return self._record(key, known, entry.offset)
        return []

    def _scan_cancelled(self, cancelled: ScanCancelled, entry: Entry) -> list[Change]:
        """Take a request back; of a scan that runs only note it: how it ends, the scan itself says."""
        key = _scan_key(cancelled.scan_id)
        document = decode_document(self.records[key]) if key in self.records else {}
        if document.get("status") not in ("pending", "running"):
            return []
        document["cancelled"] = {"by": entry.event.source, "reason": cancelled.reason}
        if document["status"] == "pending":
            document |= {"status": "cancelled", "finished_at": entry.event.occurred_at}
        return self._record(key, document, entry.offset)

    def _request_of(self, scan_id: str) -> Document:
        """Answer what was said when the scan was asked for; nothing if nobody did."""
        key = _scan_key(scan_id)
        document = decode_document(self.records[key]) if key in self.records else {}
        return {name: document[name] for name in REQUEST if name in document}

    def _missed(self, missed: ObjectMissed) -> list[Change]:
        if self._open_scan is not None and self._open_scan.scan_id == missed.scan_id:
            self._open_scan.alone.append(missed)
        return []

    def _scan_started(self, started: ScanStarted, entry: Entry) -> list[Change]:
        changes = self._break_off(entry)
        self._open_scan = OpenScan(started.scan_id, entry.offset)
        document = {
            **self._request_of(started.scan_id),
            "name": started.scan_id,
            "origin": started.origin,
            "status": "running",
            "started_offset": entry.offset,
            "started_at": entry.event.occurred_at,
            "failures": [],
        }
        changes += self._record(_scan_key(started.scan_id), document, entry.offset)
        return changes + self._settle(started.settings, "detected", entry.offset)

    def _break_off(self, entry: Entry) -> list[Change]:
        if self._open_scan is None:
            return []
        document = self._scan_document(self._open_scan.scan_id)
        document["status"] = "aborted"
        document["finished_at"] = entry.event.occurred_at
        return self._record(_scan_key(self._open_scan.scan_id), document, entry.offset)

    def _fetch_failed(self, failed: FetchFailed, offset: int) -> list[Change]:
        key = _scan_key(failed.scan_id)
        if key not in self.records:
            return []
        document = self._scan_document(failed.scan_id)
        document.setdefault("failures", []).append(
            {
                "entry": failed.scope.entry,
                "parent": [failed.scope.parent_type, failed.scope.parent_id],
                "object_type": failed.object_type,
                "host": failed.host,
                "request": failed.request,
                "reason": failed.reason,
            }
        )
        return self._record(key, document, offset)

    def _scan_finished(self, finished: ScanFinished, entry: Entry) -> list[Change]:
        scan = self._close(finished)
        if scan is None:
            return []
        told_since = self.ledger.told_since(scan.offset)
        scan.keep(told_since)
        covered = [] if finished.status == "aborted" else finished.covered
        gone = [] if finished.status == "aborted" else swept(self.inventory, scan, covered)
        document = self._scan_document(finished.scan_id)
        document["status"] = finished.status
        document["finished_at"] = entry.event.occurred_at
        changes = self._record(_scan_key(finished.scan_id), document, entry.offset)
        look = Look(finished.scan_id, Mark(entry.offset, entry.event.occurred_at))
        kept = self._miss(gone, look)
        changes += self._remove(gone, entry.offset)
        kept += self.drift.finish(covered, told_since, look, Mark(scan.offset, document["started_at"]), self.inventory)
        looked_from = document["started_at"] if document["origin"].startswith("cloud:") else None
        wide = finished.covered if _is_wide(document) else []
        kept += self.ledger.looked(scan.offset, wide, _failed(document), looked_from)
        return changes + _as_changes(kept + self.ledger.lost(gone), entry.offset)

    def _miss(self, gone: Iterable[Ref], look: Look) -> list[Kept]:
        """Say of what is gone that nobody had told so."""
        known = ((self.inventory.get(*ref), self.inventory.scope_of(ref)) for ref in gone)
        there = [(obj, scope) for obj, scope in known if obj is not None and scope is not None]
        return [kept for obj, scope in there for kept in self.drift.missed(obj, scope, look)]

    def _close(self, finished: ScanFinished) -> OpenScan | None:
        """Answer the open scan if it is the one that finished; the end of one that broke off says nothing."""
        scan = self._open_scan
        if scan is None or scan.scan_id != finished.scan_id:
            return None
        self._open_scan = None
        return scan

    def _remove(self, refs: Iterable[Ref], offset: int) -> list[Change]:
        touched: list[Touched] = []
        changes = [change for ref in refs for change in self._take_away(ref, offset, touched)]
        return changes + self._joined(touched, offset)

    def _take_away(self, ref: Ref, offset: int, touched: list[Touched]) -> list[Change]:
        scope = self.inventory.scope_of(ref)
        obj = self.inventory.remove(ref)
        if obj is None or scope is None:
            return []
        self._told.get(ref.type, {}).pop(ref.id, None)
        touched.append((obj, None))
        return [Change(object_key(ref), object_value(obj, scope), None, offset)]

    # -- notifications -------------------------------------------------------------------------------

    def _notified(self, received: NotificationReceived, entry: Entry) -> list[Change]:
        scanning = self._open_scan is not None
        draft = meaning(received, entry, self.inventory, self.ledger, scanning=scanning)
        if draft is None:
            return self._count(received.event_type, entry.offset)
        kept = self.ledger.take(draft.notices)
        kept += self.ledger.ask(draft.asked, entry.offset, draft.notification.at, received.event_type)
        kept += self.ledger.lost(draft.removed)
        return self._written(draft, entry) + _as_changes(kept, entry.offset)

    def _written(self, draft: Draft, entry: Entry) -> list[Change]:
        by = Mark(entry.offset, entry.event.occurred_at)
        touched: list[Touched] = []
        changes: list[Change] = []
        for ref, put in draft.objects.items():
            before, scope = self.inventory.get(*ref), self.inventory.scope_of(ref)
            after, place = put or (None, scope)
            made = self._rewritten(ref, put, entry.offset, touched)
            changes += made
            if made and place is not None:
                told = self.drift.told(ref, before, after, scope or place, by)
                changes += _as_changes(told, entry.offset)
        return changes + self._joined(touched, entry.offset)

    def _rewritten(self, ref: Ref, put: tuple[Obj, Scope] | None, offset: int, touched: list[Touched]) -> list[Change]:
        if put is None:
            return self._take_away(ref, offset, touched)
        made = self._put(*put, offset, touched)
        if made:
            self._told.get(ref.type, {}).pop(ref.id, None)
        return made

    def _count(self, event_type: str, offset: int) -> list[Change]:
        key = environment_key(self.environment)
        document = decode_document(self.records[key]) if key in self.records else {}
        counts: dict[str, int] = document.get(NOT_UNDERSTOOD, {})
        document["name"] = self.environment
        document[NOT_UNDERSTOOD] = {**counts, event_type: counts.get(event_type, 0) + 1}
        return self._record(key, document, offset)

    # -- what else stands on the log -----------------------------------------------------------------

    def _defined(self, defined: EnvironmentDefined, offset: int) -> list[Change]:
        return self._settle(defined.settings, "settings", offset)

    def _removed(self, removed: EnvironmentRemoved, entry: Entry) -> list[Change]:
        return self._mark(REMOVED, {"at": entry.event.occurred_at, "note": removed.note}, entry.offset)

    def _tested(self, tested: ConnectionTested, entry: Entry) -> list[Change]:
        results = decode(tested.results)
        return self._mark(
            TESTED, {"at": entry.event.occurred_at, "passed": tested.passed, "results": results}, entry.offset
        )

    def _listener(self, changed: ListenerStateChanged, entry: Entry) -> list[Change]:
        state = {"state": changed.state, "cause": changed.cause, "since": entry.event.occurred_at}
        return self._mark(LISTENER, state, entry.offset)

    def _mark(self, attribute: str, value: Document, offset: int) -> list[Change]:
        """Put an attribute into the environment's own record."""
        key = environment_key(self.environment)
        document = decode_document(self.records[key]) if key in self.records else {}
        document |= {"name": self.environment, attribute: value}
        return self._record(key, document, offset)

    def _settle(self, settings: bytes, part: str, offset: int) -> list[Change]:
        key = environment_key(self.environment)
        document = decode_document(self.records[key]) if key in self.records else {}
        document["name"] = self.environment
        document[part] = decode_document(settings)
        if part == "settings":  # who describes an environment looks after it again
            document.pop(REMOVED, None)
        changes = self._record(key, document, offset)
        self.cliques.configure(self.environment, self.settings)
        return changes

    @property
    def settings(self) -> Document:
        """Answer the settings in force: as defined, completed by what the newest scan found out."""
        key = environment_key(self.environment)
        document = decode_document(self.records[key]) if key in self.records else {}
        defined = {name: value for name, value in document.get("settings", {}).items() if value}
        return {**document.get("detected", {}), **defined}

    def _snapshot(self, taken: SnapshotTaken, entry: Entry) -> list[Change]:
        if snapshot_key(taken.name) in self.records:  # a name keeps the moment it was given first
            return []
        document = {
            "name": taken.name,
            "at_offset": taken.at_offset,
            "note": taken.note,
            "taken_at": entry.event.occurred_at,
        }
        return self._record(snapshot_key(taken.name), document, entry.offset)

    def _scan_document(self, scan_id: str) -> Document:
        return decode_document(self.records[_scan_key(scan_id)])

    def _record(self, key: Key, document: Document, offset: int) -> list[Change]:
        before, after = self.records.get(key), encode(document)
        self.records[key] = after
        return [] if before == after else [Change(key, before, after, offset)]

    def _forget(self, key: Key, offset: int) -> list[Change]:
        before = self.records.pop(key, None)
        return [] if before is None else [Change(key, before, None, offset)]

    # -- beginning again from what a history kept -----------------------------------------------------

    @classmethod
    def restore(cls, environment: str, offset: int, stored: Iterable[Stored]) -> "Fold":
        """Answer the state at `offset` from everything that was in it; then `note` the open scan's entries."""
        fold = cls(environment)
        fold.offset = offset
        cliques = []
        for key, value in stored:
            if key.kind is Kind.OBJECT:
                obj, scope = object_of(key, value)
                fold.inventory.put(obj, scope)
            elif key.kind is Kind.CLIQUE:
                cliques.append(value)
            elif key.kind in (Kind.NOTICE, Kind.TARGET):
                fold.ledger.restore(key, value)
            elif key.kind in (Kind.SIGHTED, Kind.COVERED, Kind.DRIFT):
                fold.drift.restore(key, value)
            elif key.kind is not Kind.LINK:
                fold.records[key] = value
        fold.cliques.configure(environment, fold.settings)
        fold.links.rebuild(fold.inventory)
        fold.cliques.restore(cliques)
        return fold

    def note(self, entry: Entry) -> None:
        """Take from an entry that was applied before only what an open scan has seen."""
        payload = entry.event.payload
        if isinstance(payload, ScanStarted):
            self._open_scan = OpenScan(payload.scan_id, entry.offset)
            self.cliques.doubt()  # they are of before the scan, for what it touched since is not known
        elif isinstance(payload, ScanFinished):
            self._close(payload)
        elif isinstance(payload, ObjectsSeen):
            self._note(payload)
        elif isinstance(payload, ObjectMissed):
            self._missed(payload)

    def everything(self) -> Iterable[Stored]:
        """Yield every thing of the state with its value, sorted by key: the oracle of every cache."""
        values = self._beside_the_graph()
        for object_type in self.inventory.types():
            values.update(self._objects(object_type))
        values.update({link.key: link.value for link in self.links})
        return sorted(values.items())

    def of_type(self, kind: Kind, type_: str) -> list[Stored]:
        """Answer what there is of one kind and type in `everything`, sorted by key."""
        if kind is Kind.OBJECT:
            return sorted(self._objects(type_))
        if kind is Kind.LINK:
            return sorted((link.key, link.value) for link in self.links if link.key.type == type_)
        return sorted(item for item in self._beside_the_graph().items() if item[0][:2] == (kind, type_))

    def _objects(self, object_type: str) -> Iterator[Stored]:
        for obj in self.inventory.of_type(object_type):
            scope = self.inventory.scope_of(obj.ref)
            if scope is not None:
                yield object_key(obj.ref), object_value(obj, scope)

    def _beside_the_graph(self) -> dict[Key, bytes]:
        """Answer all that is neither object nor link."""
        return self.records | self.cliques.stored() | self.ledger.stored() | self.drift.stored()


def _merged(changes: list[Change]) -> list[Change]:
    """Answer one change a key, sorted by key: an event may touch a thing twice, and still is one step."""
    if len(changes) < 2:
        return [change for change in changes if change.before != change.after]
    merged = {change.key: change for change in changes}
    if len(merged) < len(changes):
        first = {change.key: change for change in reversed(changes)}
        merged = {key: change._replace(before=first[key].before) for key, change in merged.items()}
    return sorted(change for change in merged.values() if change.before != change.after)


def _object(ref: Ref, parent: Ref, raw: bytes, before: Obj | None) -> Obj:
    """Answer an object without its noise, completed by what is known of what could not be looked at."""
    document = decode_document(raw)
    unseen = document.pop(UNSEEN, ())
    if before is not None:
        document |= {name: before.document[name] for name in unseen if name in before.document}
    noise.strip(ref.type, document)
    return Obj(ref, parent, document)


class Now:
    """The graph of the present, as cliques and impact walk it."""

    def __init__(self, inventory: Inventory, links: Links) -> None:
        """Look at the inventory and the links."""
        self.inventory = inventory
        self.of_type: Callable[[str], Iterable[Obj]] = inventory.of_type
        self.links: Callable[[Ref], list[Link]] = links.at

    def get(self, ref: Ref) -> Obj | None:
        """Answer the object, or None."""
        return self.inventory.get(*ref)


def object_key(ref: Ref) -> Key:
    """Answer the key of an object."""
    return Key(Kind.OBJECT, ref.type, ref.id)


def snapshot_key(name: str) -> Key:
    """Answer the key of a snapshot's record."""
    return Key(Kind.SNAPSHOT, "snapshot", name)


def schedule_key(name: str) -> Key:
    """Answer the key of a schedule's record."""
    return Key(Kind.SCHEDULE, "schedule", name)


def environment_key(environment: str) -> Key:
    """Answer the key of the environment's own record."""
    return Key(Kind.ENVIRONMENT, ENVIRONMENT, environment)


def _is_wide(scan: Document) -> bool:
    """Answer whether a scan looked at all that stands below whatever it looked at: narrower ones meet no target."""
    asked = scan.get("object")
    return asked is None or asked[0] in ("host", "region", ENVIRONMENT)


def _scan_key(scan_id: str) -> Key:
    return Key(Kind.SCAN, "scan", scan_id)


def object_value(obj: Obj, scope: Scope) -> bytes:
    """Answer what is kept of an object: canonical JSON {document, parent: [type, id], scope: [entry, type, id]}."""
    parent = encode(list(obj.parent))
    place = encode([scope.entry, scope.parent_type, scope.parent_id])
    return b'{"document":' + obj.raw + b',"parent":' + parent + b',"scope":' + place + b"}"


def object_of(key: Key, value: bytes) -> tuple[Obj, Scope]:
    """Answer the object and scope of a kept value."""
    kept = decode_document(value)
    obj = Obj(Ref(key.type, key.id), Ref(*kept["parent"]), kept["document"])
    return obj, Scope(*kept["scope"])


def _failed(scan: Document) -> set[Ref]:
    """Answer the objects below which a scan could not look to the end; an object's own details stand for themselves."""
    return {Ref(*failure["parent"]) for failure in scan["failures"] if ":" not in failure["entry"]}


def _as_changes(kept: Iterable[Kept], offset: int) -> list[Change]:
    return [Change(key, before, after, offset) for key, before, after in kept]


def _value(link: Link | None) -> bytes | None:
    return None if link is None else link.value
