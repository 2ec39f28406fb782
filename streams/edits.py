"""Edits of a stream of events: some left out, some told otherwise, some put between. Pure; the log stays as it is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from schemas.canonical import Document, decode, encode
from schemas.errors import BadInput
from schemas.events import Entry, Event, NotificationReceived, ObjectsSeen, Payload
from schemas.redaction import redact_event
from schemas.spelling import read_payload, spelled


class Edit(StrEnum):
    """What was done to an event."""

    DROPPED = "dropped"
    ALTERED = "altered"
    ADDED = "added"


class Told(NamedTuple):
    """An event as an edited stream has it, and where it comes from."""

    entry: Entry
    """Its offset counts the events that were added before it, too: the stream has one order."""
    offset: int
    """Where it stands on the log; of an added event, behind which event it stands."""
    edit: Edit | None
    added: int | None = None
    """Of an added event: which of the added ones it is, counted from 1."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """An event told otherwise: by another payload, or by a patch (RFC 7396) of what it says."""

    payload: Payload | None = None
    patch: Document | None = None

    def apply(self, event: Event) -> Event:
        """Answer the event told otherwise, secrets removed; BadInput if a patch does not fit it."""
        payload = event.payload if self.payload is None else self.payload
        if self.patch is not None:
            payload = patched(payload, self.patch)
        return redact_event(replace(event, payload=payload))


@dataclass(frozen=True, slots=True)
class Addition:
    """An event that the log does not have."""

    event: Event
    after: int | None = None
    """The offset behind which it stands; None: where the future begins."""
    timed: bool = True
    """False: it happened when the event before it became known, whatever it says itself."""


@dataclass(frozen=True, slots=True)
class Edits:
    """Everything that is to be otherwise. Offsets are those of the log."""

    drop: frozenset[int] = frozenset()
    drop_ids: frozenset[str] = frozenset()
    drop_kinds: frozenset[str] = frozenset()
    drop_sources: frozenset[str] = frozenset()
    alter: dict[int, Alteration] = field(default_factory=dict)
    add: Sequence[Addition] = ()

    @property
    def named(self) -> list[int]:
        """Answer the offsets of the events that are dropped or altered by their offset, sorted."""
        return sorted(self.drop | self.alter.keys())

    def drops(self, entry: Entry) -> bool:
        """Answer whether an event is left out."""
        event = entry.event
        return (
            entry.offset in self.drop
            or event.id in self.drop_ids
            or type(event.payload).__name__ in self.drop_kinds
            or event.source in self.drop_sources
        )


class EditedStream:
    """The events behind one offset, edited. When all were taken, it knows what was done to them."""

    def __init__(self, edits: Edits, after: int, logged_at: int) -> None:
        """Begin behind the event at `after`, which became known at `logged_at`."""
        self._edits = edits
        self._logged_at = logged_at
        places = [after if one.after is None else one.after for one in edits.add]
        self._waiting = sorted(zip(places, range(1, len(places) + 1), edits.add, strict=True), key=_place)
        self._added = 0
        self.done: dict[int, Edit] = {}
        """Of each event on the log that was dropped or altered, which of these."""
        self.dropped_ids: set[str] = set()

    @property
    def added(self) -> int:
        """Answer how many events were put between by now."""
        return self._added

    def of(self, entries: Iterable[Entry]) -> Iterator[Told]:
        """Yield what the log's entries behind `after`, in order, are with the edits."""
        for entry in entries:
            yield from self._additions(entry.offset)
            self._logged_at = entry.logged_at
            if self._edits.drops(entry):
                self.done[entry.offset] = Edit.DROPPED
                self.dropped_ids.add(entry.event.id)
            else:
                yield self._told(entry)
        yield from self._additions(None)

    def _told(self, entry: Entry) -> Told:
        alteration = self._edits.alter.get(entry.offset)
        event, edit = entry.event, None
        if alteration is not None:
            try:
                event = alteration.apply(event)
            except BadInput as error:
                raise BadInput(f"event at offset {entry.offset}: {error}") from error
            edit = self.done[entry.offset] = Edit.ALTERED
        return Told(Entry(entry.offset + self._added, entry.logged_at, event), entry.offset, edit)

    def _additions(self, before: int | None) -> Iterator[Told]:
        while self._waiting and (before is None or self._waiting[0][0] < before):
            after, number, addition = self._waiting.pop(0)
            event = addition.event if addition.timed else replace(addition.event, occurred_at=self._logged_at)
            self._added += 1
            yield Told(Entry(after + self._added, self._logged_at, event), after, Edit.ADDED, number)


def _place(waiting: tuple[int, int, Addition]) -> tuple[int, int]:
    return waiting[:2]


def patched(payload: Payload, patch: Document) -> Payload:
    """Answer a payload with a merge patch (RFC 7396) applied to what it says.

    Of ObjectsSeen that is the documents, each by the id of its object, and null takes the object out; of a
    notification its body; of any other event its payload. BadInput if the patch does not fit.
    """
    match payload:
        case ObjectsSeen():
            return _patched_objects(payload, patch)
        case NotificationReceived():
            return replace(payload, body=encode(merged(decode(payload.body), patch)))
    return read_payload(type(payload).__name__, merged(spelled(payload), patch))


def _patched_objects(seen: ObjectsSeen, patch: Document) -> ObjectsSeen:
    for object_id in patch.keys() - set(seen.ids):
        raise BadInput(f"it did not see {seen.object_type} {object_id} (it saw {', '.join(sorted(seen.ids)[:10])})")
    document = spelled(seen)
    kept = [
        (object_id, merged(attributes, patch.get(object_id, {})))
        for object_id, attributes in zip(seen.ids, document["documents"], strict=True)
        if patch.get(object_id, {}) is not None
    ]
    document |= {"ids": [object_id for object_id, _ in kept], "documents": [attributes for _, attributes in kept]}
    altered = read_payload(type(seen).__name__, document)
    assert isinstance(altered, ObjectsSeen)  # noqa: S101 - for the type checker
    return altered


def merged(value: object, patch: object) -> object:
    """Answer a JSON value with a merge patch applied: objects are entered, null takes away, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    found = dict(value) if isinstance(value, dict) else {}
    for name, inner in patch.items():
        if inner is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), inner)
    return found
