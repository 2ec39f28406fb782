"""Two moments of one environment, compared: costs what changed between them, not what exists."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from projections.change import Key, Kind
from projections.diff import FieldChange, diff
from schemas.canonical import Document, decode_document
from streams.history import History, Span, Version
from streams.moments import Moment, iso

COMPARED = {Kind.OBJECT: "objects", Kind.LINK: "links", Kind.CLIQUE: "cliques"}

Cause = TypeVar("Cause")
"""What an event that caused something is known by; an offset where there is but one future."""


@dataclass(frozen=True, slots=True)
class Change(Generic[Cause]):
    """How one key differs between two states."""

    key: Key
    before: Document | None
    after: Document | None
    fields: list[tuple[FieldChange, Cause]]
    """Of a changed key: each field with the event that gave it the later value."""
    cause: Cause
    """The event that brought the later state about."""


def compare(history: History, environment: str, a: Moment, b: Moment) -> list[Change[int]]:
    """Answer the objects, links and cliques that differ, sorted by key, as seen when going from `a` to `b`."""
    low, high = sorted((a.offset, b.offset))
    spans = history.spans(environment, low, high, tuple(COMPARED))
    found = (_compared(span, backwards=b.offset < a.offset) for span in spans)
    return [change for change in found if change is not None]


def _compared(span: Span, *, backwards: bool) -> Change[int] | None:
    key, first, last = span.key, span.first, span.versions[-1]
    if first is not None and first.value == last.value:
        return None
    before, after = (visible(key.kind, version) for version in ((last, first) if backwards else (first, last)))
    if before is None and after is None:
        return None
    if before is None or after is None:
        cause = turned(first, span.versions)
        return Change(key, before, after, [], last.offset if cause is None else cause)
    fields = [(change, last.offset) for change in diff(before, after)]
    if fields and len(span.versions) > 1:
        touches = Touches(key.kind, first, span.versions)
        fields = [(change, touches.newest(change.field) or 0) for change, _ in fields]
    return Change(key, before, after, fields, max(offset for _, offset in fields)) if fields else None


def visible(kind: Kind, version: Version | None) -> Document | None:
    """Answer what a person compares: attributes and parent of an object, members of a clique one by one."""
    if version is None or version.value is None:
        return None
    document = decode_document(version.value)
    if kind is Kind.OBJECT:
        parent_type, parent_id = document["parent"]
        return {**document["document"], "parent": f"{parent_type} {parent_id}"}
    if kind is Kind.CLIQUE:
        members = {name: dict.fromkeys(map(" ".join, document[name]), True) for name in ("nodes", "links")}
        return {**document, **members}
    return document


def is_the_same(kind: Kind, before: Version | None, after: Version | None) -> bool:
    """Answer whether two versions of one key, if they are there, are equal to a person's eye."""
    old, new = visible(kind, before), visible(kind, after)
    return old is not None and new is not None and not diff(old, new)


def turned(first: Version | None, versions: Sequence[Version]) -> int | None:
    """Answer the newest event that made a key appear or disappear, None if it was there, or not, all the time."""
    found, there = None, first is not None
    for version in versions:
        if (version.value is not None) != there:
            found, there = version.offset, not there
    return found


class Touches:
    """The newest event that touched each field, among versions of one key."""

    def __init__(self, kind: Kind, first: Version | None, versions: Sequence[Version]) -> None:
        """Look at versions, oldest first; `first` is what was before them all."""
        self._kind = kind
        self._first = first
        self._left = list(versions)
        self._after = visible(kind, versions[-1] if versions else first)
        self._fields: dict[str, int] = {}
        self._below: dict[str, int] = {}

    def newest(self, field: str) -> int | None:
        """Answer the newest event that touched the field, something inside it, or what it lies in; None if none did.

        Versions are compared from the newest back, each once, no further than some field asks for.
        """
        while (found := self._known(field)) is None and self._left:
            self._look_back()
        return found

    def _known(self, field: str) -> int | None:
        lies_in = (self._fields[name] for name in _above(field) if name in self._fields)
        own = (known[field] for known in (self._fields, self._below) if field in known)
        return max((*lies_in, *own), default=None)

    def _look_back(self) -> None:
        newest = self._left.pop()
        before, after = visible(self._kind, self._left[-1] if self._left else self._first), self._after
        self._after = before
        for change in diff(before or {}, after or {}):
            self._fields.setdefault(change.field, newest.offset)
            for name in _above(change.field):
                self._below.setdefault(name, newest.offset)


def _above(field: str) -> Iterator[str]:
    """Yield the fields that a field lies in, the outermost first."""
    end = field.find(".")
    while end >= 0:
        yield field[:end]
        end = field.find(".", end + 1)


def comparison(history: History, environment: str, a: Moment, b: Moment) -> Document:
    """Answer the comparison as one JSON document: both moments, then objects, links, cliques."""
    changes = compare(history, environment, a, b)
    causes = _Causes(history, environment)
    return {"environment": environment, "from": _moment(a), "to": _moment(b), **differences(changes, causes.of)}


def differences(changes: Iterable[Change[Cause]], cause_of: Callable[[Cause], Document]) -> Document:
    """Answer changes as JSON: of objects, links and cliques what was added, removed and changed, and by which event."""
    found = list(changes)
    answer: Document = {}
    for kind, name in COMPARED.items():
        own = [change for change in found if change.key.kind is kind]
        answer[name] = {
            "added": [_gone_or_come(c, c.after, cause_of) for c in own if c.before is None],
            "removed": [_gone_or_come(c, c.before, cause_of) for c in own if c.after is None],
            "changed": [_changed(c, cause_of) for c in own if c.fields],
        }
    return answer


def differs(answer: Document) -> bool:
    """Answer whether a comparison found any difference."""
    return any(answer[name][how] for name in COMPARED.values() for how in ("added", "removed", "changed"))


class _Causes:
    """Events behind offsets, each looked up once."""

    def __init__(self, history: History, environment: str) -> None:
        self._history = history
        self._environment = environment
        self._known: dict[int, Document] = {}

    def of(self, offset: int) -> Document:
        if offset not in self._known:
            self._known[offset] = cause_document(self._history, self._environment, offset)
        return self._known[offset]


def cause_document(history: History, environment: str, offset: int) -> Document:
    """Answer the event behind an offset: offset, source, time (when it happened), event, id."""
    blame = history.blame(environment, offset)
    if blame is None:
        return {"offset": offset, "source": None, "time": None, "event": None, "event_id": None}
    return {
        "offset": offset,
        "source": blame.source,
        "time": iso(blame.occurred_at),
        "event": blame.event,
        "event_id": blame.event_id,
    }


def _moment(moment: Moment) -> Document:
    return {"offset": moment.offset, "time": iso(moment.time)}


def _named(change: Change[Cause], document: Document | None) -> dict[str, Any]:
    name = (document or {}).get("name") or change.key.id
    return {"type": change.key.type, "id": change.key.id, "name": name}


def _gone_or_come(change: Change[Cause], document: Document | None, cause_of: Callable[[Cause], Document]) -> Document:
    return {**_named(change, document), "document": document, "cause": cause_of(change.cause)}


def _changed(change: Change[Cause], cause_of: Callable[[Cause], Document]) -> Document:
    fields = [
        {"field": field.field, "before": field.before, "after": field.after, "cause": cause_of(cause)}
        for field, cause in change.fields
    ]
    return {**_named(change, change.after), "fields": fields}
