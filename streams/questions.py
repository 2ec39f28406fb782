"""The questions of an operator, each answered as a JSON document that says of what moment it speaks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from projections.change import Key, Kind
from projections.diff import diff, field_name
from projections.fold import LISTENER, REMOVED, TESTED, object_key
from projections.impact import Dependent, impact, rolled_up
from projections.implicit import reachable
from projections.inventory import Obj, Ref
from projections.link import Link, ends
from projections.schedule import schedule_of
from projections.tree import grow, id_path, name_of, name_path, path
from schemas.canonical import Document, encode
from schemas.errors import BadInput, NotFound
from schemas.events import Entry
from schemas.spelling import spelled
from schemas.vocabulary import ENVIRONMENT, LINK_TYPES, OBJECT_TYPES
from streams.agenda import asked_at, is_open, last_run
from streams.comparison import cause_document, comparison, visible
from streams.edits import Edits
from streams.follower import Upkeep
from streams.futures import what_if
from streams.history import History, Version
from streams.journal import Journal
from streams.moments import Moment, Moments, iso
from streams.past import Past
from streams.statistics import statistics
from streams.summaries import summary
from streams.worker import Progress, quiet

_T = TypeVar("_T")

_SHORTEST = 4
"""Characters of an id that name a scan."""


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a long answer, and the key behind which the next part begins (None: it was the last)."""

    items: list[Document]
    next: Key | None


class Questions:
    """Answers about every environment of one log. Safe to ask from several threads."""

    def __init__(self, journal: Journal, history: History, upkeep: Upkeep, now: Callable[[], int]) -> None:
        """Answer from `history`, which `upkeep` keeps up to `journal`; `now` is microseconds since 1970."""
        self.journal = journal
        self.history = history
        self._upkeep = upkeep
        self._now = now

    # -- moments -----------------------------------------------------------------------------------

    def moment(self, environment: str, text: str = "latest") -> Moment:
        """Answer a moment of an environment, after folding what is new on the log."""
        reach = -1 if self.journal.head(environment) < 0 else self._upkeep.catch_up(environment).offset
        if reach < 0:
            known = ", ".join(self.journal.environments()) or "none yet"
            raise NotFound(f"environment {environment}: there is none of that name (known: {known})")
        return Moments(self.journal, self.history, environment, self._now(), reach).read(text)

    def past(self, environment: str, text: str = "latest") -> Past:
        """Answer the environment as it was at a moment."""
        return Past(self.history, environment, self.moment(environment, text))

    # -- environments --------------------------------------------------------------------------------

    def environments(self, text: str = "latest") -> list[Document]:
        """Answer every environment that was known at a moment, as `environment` does."""
        found = []
        for name in self.journal.environments():
            with suppress(NotFound):  # it was not known then
                found.append(self.environment(name, text))
        return found

    def environment(self, name: str, text: str = "latest") -> Document:
        """Answer one environment at a moment: its settings, how it is, its newest scan, its objects counted by type."""
        past = self.past(name, text)
        known = past.settings()
        return {
            **reflects(past),
            "name": name,
            "settings": known.get("settings", {}),
            "detected": known.get("detected", {}),
            "removed": _dated(known.get(REMOVED), "at"),
            "listener": _dated(known.get(LISTENER), "since"),
            "tested": _dated(known.get(TESTED), "at"),
            "objects": past.counts(),
            "last_scan": self._last_scan(past),
        }

    @staticmethod
    def _last_scan(past: Past) -> Document | None:
        scans = _begun(past)
        return readable_scan(scans[-1]) if scans else None

    def scans(self, environment: str, text: str = "latest") -> Document:
        """Answer the scans of an environment, those asked for included, in the order in which they became known."""
        past = self.past(environment, text)
        scans = sorted(past.records(Kind.SCAN), key=asked_at)
        return {**reflects(past), "scans": [readable_scan(scan) for scan in scans]}

    def scan(self, past: Past, name: str) -> Document:
        """Answer a scan by its id or the beginning of it, or `latest`: the one that runs, or else waits longest."""
        scans = sorted(past.records(Kind.SCAN), key=asked_at)
        if name == "latest":
            found = [scan for scan in scans if scan["status"] == "running"] or [s for s in scans if is_open(s)][:1]
        else:
            found = [scan for scan in scans if len(name) >= _SHORTEST and scan["name"].startswith(name)]
        if len(found) == 1:
            return found[0]
        where = f"{past.environment} at offset {past.moment.offset}"
        many = f" {len(found)} whose id begins so" if found else " none that runs or waits" if name == "latest" else ""
        raise NotFound(f"scan {name}: {where} has{many or ' none of that id'}")

    def scan_answer(self, past: Past, name: str) -> Document:
        """Answer a scan by its whole id, times as ISO."""
        return readable_scan(self.scan(past, name))

    def schedules(self, past: Past) -> list[Document]:
        """Answer the schedules, by name, each with when it was due next at the moment (None: it is over)."""
        scans = {scan["name"]: scan for scan in past.records(Kind.SCAN)}
        return [_readable_schedule(kept, scans, past.moment.time) for kept in past.records(Kind.SCHEDULE)]

    def requests(self, past: Past) -> list[Document]:
        """Answer the scans that were asked for and did not begin, oldest first; those taken back are left out."""
        waiting = (scan for scan in past.records(Kind.SCAN) if scan["status"] == "pending")
        return [readable_scan(scan) for scan in sorted(waiting, key=lambda scan: scan["requested_offset"])]

    def targets(self, past: Past) -> list[Document]:
        """Answer what is to be looked at again because of notifications, longest waiting first: {type, id, ...}."""
        found = past.all_of(Kind.TARGET)
        targets = ({"type": key.type, "id": key.id, **document} for key, document in found)
        return sorted(targets, key=lambda target: (target["offset"], target["type"], target["id"]))

    def snapshots(self, environment: str, text: str = "latest") -> Document:
        """Answer the snapshots of an environment, by name."""
        past = self.past(environment, text)
        return {**reflects(past), "snapshots": [readable_snapshot(s) for s in past.records(Kind.SNAPSHOT)]}

    # -- objects -------------------------------------------------------------------------------------

    def objects(
        self, past: Past, object_type: str | None = None, after: Key | None = None, limit: int | None = None
    ) -> Page:
        """Answer objects (of a type) with their attributes, sorted by type and id."""
        check_object_type(object_type)
        found = past.objects(object_type, after)
        return _page(found, limit, brief, lambda obj: object_key(obj.ref))

    def object(self, past: Past, object_type: str, object_id: str) -> Document:
        """Answer one object: attributes, place in the tree, links, since when it is as it is."""
        obj = self.find(past, object_type, object_id)
        steps = path(obj, past.environment, past.get)
        since = past.since(object_key(obj.ref))
        return {
            **reflects(past),
            **brief(obj),
            "id_path": id_path(steps),
            "name_path": name_path(steps),
            "attributes": obj.document,
            "links": [link_answer(link) for link in past.links(obj.ref)],
            "children": [{"type": o.type, "id": o.id, "name": name_of(o)} for o in past.children(obj.ref)],
            "has_clique": past.clique(obj.ref) is not None,
            "since": self._cause(past, since),
        }

    def find(self, past: Past, object_type: str, object_id: str) -> Obj:
        """Answer an object by id, or by its name if only one object of the type has it."""
        check_object_type(object_type)
        obj = past.get(Ref(object_type, object_id))
        if obj is not None:
            return obj
        named = [o for o in past.objects(object_type) if name_of(o) == object_id]
        if len(named) == 1:
            return named[0]
        where = f"{past.environment} at offset {past.moment.offset}"
        if named:
            ids = ", ".join(o.id for o in named)
            raise NotFound(f"{object_type} {object_id}: {where} has {len(named)} of that name: {ids}")
        raise NotFound(f"{object_type} {object_id}: {where} has none of that id or name")

    def search(self, past: Past, text: str, limit: int | None = None, after: Key | None = None) -> Page:
        """Answer the objects whose id or any attribute contains the text, whatever its case."""
        found = ((obj, places) for obj in past.objects(None, after) if (places := _places(obj, text)))
        return _page(
            found, limit, lambda hit: {**brief(hit[0]), "found_in": hit[1]}, lambda hit: object_key(hit[0].ref)
        )

    def tree(self, past: Past, root: Ref | None = None, depth: int | None = None) -> Document:
        """Answer the tree of objects and folders below an object (default: the environment)."""
        if root is None:
            ref = Ref(ENVIRONMENT, past.environment)
            node: Document = {"type": ENVIRONMENT, "id": past.environment, "name": past.environment}
        else:
            obj = self.find(past, *root)
            ref, node = obj.ref, {"type": obj.type, "id": obj.id, "name": name_of(obj)}
        whole = root is None and depth is None
        node["children"] = grow(ref, past.families() if whole else past.children, depth)
        return {**reflects(past), "tree": node}

    # -- links and cliques -----------------------------------------------------------------------------

    def links(
        self, past: Past, link_type: str | None = None, after: Key | None = None, limit: int | None = None
    ) -> Page:
        """Answer links (of a type), sorted by type and id."""
        if link_type is not None and link_type not in LINK_TYPES:
            raise NotFound(f"link type {link_type}: there is none (known: {', '.join(LINK_TYPES)})")
        return _page(past.all_links(link_type, after), limit, link_answer, lambda link: link.key)

    def implicit_links(self, past: Past, object_type: str, object_id: str) -> Document:
        """Answer the implicit links that begin at an object: what its chains of links lead to."""
        obj = self.find(past, object_type, object_id)
        links = reachable(obj.ref, past)
        return {**reflects(past), "links": [link_answer(link) for link in links]}

    def cliques(
        self, past: Past, focal_type: str | None = None, after: Key | None = None, limit: int | None = None
    ) -> Page:
        """Answer cliques (around objects of a type), sorted by focal object."""
        check_object_type(focal_type)
        found = past.cliques(focal_type, after)
        return _page(found, limit, dict, lambda c: Key(Kind.CLIQUE, c["focal_type"], c["focal_id"]))

    def clique(self, past: Past, object_type: str, object_id: str) -> Document:
        """Answer the clique around an object, its nodes and links written out."""
        obj = self.find(past, object_type, object_id)
        document = past.clique(obj.ref)
        if document is None:
            raise NotFound(f"{object_type} {object_id}: no clique is built around it at {past.moment.offset}")
        key = Key(Kind.CLIQUE, obj.type, obj.id)
        links = self._clique_links(past, [Key(Kind.LINK, *item) for item in document["links"]])
        steps = _steps(obj.ref, links)
        return {
            **reflects(past),
            "focal": {"type": obj.type, "id": obj.id, "name": name_of(obj)},
            "clique_type": document["clique_type"],
            "constraints": document["constraints"],
            "nodes": [_node(past, ref) for ref in steps],
            "links": sorted(links, key=lambda link: sorted(steps[end] for end in _ends(link))),
            "since": self._cause(past, past.since(key)),
        }

    @staticmethod
    def _clique_links(past: Past, keys: list[Key]) -> list[Document]:
        stored = {key: past.record(key) for key in keys}
        found = {key: Link.from_document(document) for key, document in stored.items() if document is not None}
        begins = {ends(key.type, key.id)[0] for key in keys if key not in found}
        for begin in begins:  # implicit links are derived, not stored
            found |= {link.key: link for link in reachable(begin, past)}
        return [link_answer(found[key]) for key in keys]

    def impact(self, past: Past, object_type: str, object_id: str) -> Document:
        """Answer everything that depends on an object, nearest first, and the hosts, projects, networks among it."""
        obj = self.find(past, object_type, object_id)
        found = impact(obj.ref, past, past.children)
        rolled = rolled_up(found)
        return {
            **reflects(past),
            "object": {"type": obj.type, "id": obj.id, "name": name_of(obj)},
            "dependents": [_dependent(past, item) for item in found],
            "instances": _names(past, "instance", rolled.instances),
            "hosts": _names(past, "host", rolled.hosts),
            "projects": _names(past, "project", rolled.projects),
            "networks": _names(past, "network", rolled.networks),
        }

    # -- time --------------------------------------------------------------------------------------------

    def diff(self, environment: str, a: str, b: str) -> Document:
        """Answer what differs between two moments."""
        first, second = self.moment(environment, a), self.moment(environment, b)
        return comparison(self.history, environment, first, second)

    def history_of(self, environment: str, object_type: str, object_id: str, text: str = "latest") -> Document:
        """Answer every version of an object up to a moment, oldest first: what changed, when, by which event."""
        check_object_type(object_type)
        moment = self.moment(environment, text)
        past = Past(self.history, environment, moment)
        key = Key(Kind.OBJECT, object_type, object_id)
        versions = self.history.versions(environment, key, -1, moment.offset)
        if not versions:
            key = object_key(self.find(past, object_type, object_id).ref)
            versions = self.history.versions(environment, key, -1, moment.offset)
        return {
            **reflects(past),
            "type": key.type,
            "id": key.id,
            "versions": list(self._versions(environment, key, versions)),
        }

    def _versions(self, environment: str, key: Key, versions: list[Version]) -> Iterator[Document]:
        before: Document | None = None
        for version in versions:
            after = visible(key.kind, version)
            fields = diff(before or {}, after or {}) if before is not None and after is not None else []
            if before is None or after is None or fields:
                yield {
                    "change": "added" if before is None else "removed" if after is None else "changed",
                    "fields": [{"field": f.field, "before": f.before, "after": f.after} for f in fields],
                    "document": after if before is None else None,
                    "cause": cause_document(self.history, environment, version.offset),
                }
            before = after

    def events(
        self,
        environment: str,
        after: int = -1,
        upto: str = "latest",
        limit: int | None = None,
        kind: str | None = None,
        *,
        payload: bool = False,
    ) -> tuple[list[Document], int | None, Moment]:
        """Answer events in order, the offset behind which the next page begins (None: no more), the moment.

        With `payload` each says whole what it says, as schemas.spelling spells it.
        """
        moment = self.moment(environment, upto)
        entries: Iterable[Entry] = self.journal.read(environment, after=after, upto=moment.offset)
        wanted = (e for e in entries if kind is None or type(e.event.payload).__name__ == kind)
        taken = list(wanted if limit is None else islice(wanted, limit + 1))
        more = limit is not None and len(taken) > limit
        taken = taken[:limit] if more else taken
        answers = [{**event_answer(e), **({"payload": spelled(e.event.payload)} if payload else {})} for e in taken]
        return answers, taken[-1].offset if more else None, moment

    def statistics(self, environment: str) -> Document:
        """Answer what log and history hold of an environment now, how fast they grow, and what disk that takes."""
        self.moment(environment)
        return statistics(self.journal, self.history, environment, self._now())

    # -- other futures ---------------------------------------------------------------------------------

    def what_if(
        self,
        environment: str,
        edits: Edits,
        begin: str | None = None,
        upto: str = "latest",
        progress: Progress = quiet,
    ) -> Document:
        """Answer what would be otherwise at `upto` if the events behind `begin` had been edited (see what_if).

        Without `begin` the future forks just before the first event that is dropped or altered by its offset.
        """
        end = self.moment(environment, upto)
        fork = self.moment(environment, begin or self._before_all(edits, end))
        return what_if(self.journal, self.history, environment, edits, fork, end, progress)

    @staticmethod
    def _before_all(edits: Edits, end: Moment) -> str:
        if not edits.named:
            raise BadInput("what-if: name the moment from which on it is otherwise, or an event by its offset")
        if edits.named[0] == 0:
            raise BadInput("event at offset 0: nothing lies before it, where a future could fork")
        return str(min(edits.named[0] - 1, end.offset))

    def _cause(self, past: Past, offset: int | None) -> Document | None:
        return None if offset is None else cause_document(self.history, past.environment, offset)


def reflects(past: Past) -> Document:
    """Answer of what moment an answer speaks."""
    moment = past.moment
    return {"environment": past.environment, "offset": moment.offset, "time": iso(moment.time)}


def id_of(past: Past, object_type: str, object_id: str) -> str:
    """Answer the id of an object that is named by id, or by a name that one of the type has; or else the same.

    Raises NotFound if several have the name.
    """
    if past.get(Ref(object_type, object_id)) is not None:
        return object_id
    named = [obj.id for obj in past.objects(object_type) if name_of(obj) == object_id]
    if len(named) > 1:
        raise NotFound(
            f"{object_type} {object_id}: {past.environment} has {len(named)} of that name: {', '.join(named)}"
        )
    return named[0] if named else object_id


def check_object_type(object_type: str | None) -> None:
    """Refuse a type that does not exist."""
    if object_type is not None and object_type not in OBJECT_TYPES:
        raise NotFound(f"object type {object_type}: there is none (known: {', '.join(sorted(OBJECT_TYPES))})")


def brief(obj: Obj) -> Document:
    """Answer an object with its attributes."""
    return {
        "type": obj.type,
        "id": obj.id,
        "name": name_of(obj),
        "parent": {"type": obj.parent.type, "id": obj.parent.id},
        "attributes": obj.document,
    }


def link_answer(link: Link) -> Document:
    """Answer a link with its type and id."""
    return {"type": link.type, "id": link.key.id, **link.document()}


def _begun(past: Past) -> list[Document]:
    """Answer the scans that began, oldest first."""
    scans = (scan for scan in past.records(Kind.SCAN) if "started_offset" in scan)
    return sorted(scans, key=lambda scan: scan["started_offset"])


def readable_scan(scan: Document) -> Document:
    """Answer a scan with its times as ISO."""
    times: Document = {name: iso(scan[name]) for name in ("requested_at", "started_at", "finished_at") if name in scan}
    return {**scan, **times}


def _dated(found: Document | None, time: str) -> Document | None:
    """Answer a part of an environment's record with its time as ISO."""
    return None if found is None else {**found, time: iso(found[time])}


def _readable_schedule(kept: Document, scans: Mapping[str, Document], now: int) -> Document:
    """Answer a schedule with its times as ISO; `next_at` is None if it is over."""
    coming = schedule_of(kept).next(last_run(kept, scans), now)
    last = scans.get(kept["last_scan"] or "")
    times = {
        name: iso(kept[name]) for name in ("begins_at", "ends_at", "defined_at", "last_at") if kept[name] is not None
    }
    return {
        **kept,
        **times,
        "last_status": None if last is None else last["status"],
        "next_at": None if coming is None else iso(coming),
    }


def readable_snapshot(snapshot: Document) -> Document:
    """Answer a snapshot with its time as ISO."""
    return {**snapshot, "taken_at": iso(snapshot["taken_at"])}


def event_answer(entry: Entry) -> Document:
    """Answer an event as one line of the log's table."""
    event = entry.event
    return {
        "offset": entry.offset,
        "time": iso(entry.logged_at),
        "occurred_at": iso(event.occurred_at),
        "source": event.source,
        "event": type(event.payload).__name__,
        "id": event.id,
        "cause": event.cause,
        "summary": summary(event.payload),
    }


def _page(found: Iterable[_T], limit: int | None, show: Callable[[_T], Document], key: Callable[[_T], Key]) -> Page:
    if limit is None:
        return Page([show(item) for item in found], None)
    taken = list(islice(found, limit + 1))
    more = len(taken) > limit
    taken = taken[:limit]
    return Page([show(item) for item in taken], key(taken[-1]) if more else None)


def _places(obj: Obj, text: str) -> list[str]:
    wanted = text.casefold()
    escaped = encode(text).decode()[1:-1].casefold()  # as it stands in JSON, where quotes are escaped
    if wanted not in obj.id.casefold() and escaped not in obj.raw.decode().casefold():
        return []
    places = ["id"] if wanted in obj.id.casefold() else []
    fields = (field_name(path) for path, value in _leaves((), obj.document) if wanted in str(value).casefold())
    return list(dict.fromkeys([*places, *fields]))


def _leaves(path: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), key
            yield from _leaves((*path, key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(path, inner)
    else:
        yield path, value


def _ends(link: Document) -> tuple[Ref, Ref]:
    return Ref(link["source_type"], link["source_id"]), Ref(link["target_type"], link["target_id"])


def _steps(focal: Ref, links: list[Document]) -> dict[Ref, int]:
    """Answer the objects of a clique with their steps from the focal one, nearest first, then by type and id."""
    steps, wave = {focal: 0}, {focal}
    while wave:
        pairs = (pair for pair in map(_ends, links) if set(pair) & wave)
        wave = {end for pair in pairs for end in pair} - steps.keys()
        steps |= dict.fromkeys(sorted(wave), max(steps.values()) + 1)
    return steps


def _node(past: Past, ref: Ref) -> Document:
    obj = past.get(ref)
    host = None if obj is None else obj.get("host")
    return {"type": ref.type, "id": ref.id, "name": _name(past, ref), "host": host}


def _names(past: Past, object_type: str, ids: Iterable[str]) -> list[str]:
    return sorted(_name(past, Ref(object_type, object_id)) for object_id in ids)


def _name(past: Past, ref: Ref) -> str:
    obj = past.get(ref)
    return ref.id if obj is None else name_of(obj)


def _dependent(past: Past, item: Dependent) -> Document:
    return {
        **_node(past, item.ref),
        "distance": item.distance,
        "because": item.reason,
        "whole": item.whole,
        "lost_networks": [_name(past, Ref("network", network)) for network in item.networks],
    }
