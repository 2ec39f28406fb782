"""Other futures: what an environment would be now if some events had been otherwise. Nothing is written anywhere.

The state at the fork comes from the history, and behind it the log is folded again with edits, by the same `apply`.
Costs what there was at the fork and the events behind it, however long the log is.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from projections.change import Key
from projections.diff import diff
from projections.fold import Fold
from schemas.canonical import Document
from schemas.errors import BadInput, CalipsoError, NotFound
from streams.comparison import (
    COMPARED,
    Change,
    Touches,
    cause_document,
    differences,
    turned,
    visible,
)
from streams.edits import Edit, EditedStream, Edits, Told
from streams.history import History, Version
from streams.journal import Journal
from streams.moments import Moment, iso
from streams.restoring import restored
from streams.worker import Progress, quiet

REAL = "real"
IMAGINED = "what-if"


class Cause(NamedTuple):
    """An event of one of the two futures."""

    imagined: bool
    number: int
    """Its offset in that future."""


@dataclass(slots=True)
class Future:
    """What came of an edited stream: the values that keys got behind the fork, and the events that gave them."""

    fold: Fold
    stream: EditedStream
    events: int = 0
    versions: dict[Key, list[Version]] = field(default_factory=dict)
    told: dict[int, Told] = field(default_factory=dict)
    """The events that changed anything, by their offset in this future."""

    def take(self, told: Told) -> None:
        """Fold one event; BadInput if it was told in a way that cannot be folded."""
        self.events += 1
        try:
            changes = self.fold.apply(told.entry)
        except (CalipsoError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise BadInput(
                f"{_where(told)}: cannot be folded in this future: {type(error).__name__}: {error}"
            ) from error
        for change in changes:
            if change.key.kind in COMPARED:
                self.versions.setdefault(change.key, []).append(Version(change.offset, change.after))
                self.told[change.offset] = told


def _where(told: Told) -> str:
    if told.edit is Edit.ADDED:
        return f"added event {told.added}"
    return f"event at offset {told.offset}" + (f" ({told.edit})" if told.edit else "")


def future(
    journal: Journal,
    history: History,
    environment: str,
    edits: Edits,
    fork: Moment,
    end: Moment,
    progress: Progress = quiet,
) -> Future:
    """Fold the events behind `fork`, up to and with the one at `end`, with edits; errors as of what_if."""
    _check(history, environment, edits, fork, end)
    stream = EditedStream(edits, fork.offset, fork.time)
    found = Future(restored(journal, history, environment, fork.offset), stream)
    for told in stream.of(journal.read(environment, after=fork.offset, upto=end.offset)):
        found.take(told)
        progress(told.offset, end.offset)
    for missing in sorted(edits.drop_ids - stream.dropped_ids):
        raise NotFound(f"event {missing}: there is none of that id behind offset {fork.offset}, up to {end.offset}")
    return found


def _check(history: History, environment: str, edits: Edits, fork: Moment, end: Moment) -> None:
    if fork.offset > end.offset:
        raise BadInput(f"what-if: offset {fork.offset} lies behind offset {end.offset}; fork at the older moment")
    for offset in edits.named:
        if offset <= fork.offset:
            raise BadInput(f"event at offset {offset}: not behind the fork at offset {fork.offset}, so it is as it is")
        if offset > end.offset:
            raise BadInput(f"event at offset {offset}: behind offset {end.offset}, at which the futures are compared")
        if history.blame(environment, offset) is None:
            raise NotFound(f"event at offset {offset}: {environment} has none there")
    for offset in sorted(edits.drop & edits.alter.keys()):
        raise BadInput(f"event at offset {offset}: either drop it or alter it")
    for number, addition in enumerate(edits.add, 1):
        if addition.after is not None and not fork.offset <= addition.after <= end.offset:
            raise BadInput(
                f"added event {number}: offset {addition.after} is not between the fork at {fork.offset} "
                f"and {end.offset}"
            )


def what_if(
    journal: Journal,
    history: History,
    environment: str,
    edits: Edits,
    fork: Moment,
    end: Moment,
    progress: Progress = quiet,
) -> Document:
    """Answer what would be otherwise at `end` if the events behind `fork` had been edited, as a comparison does.

    It goes from what is to what would be: `added` would be there, `removed` would not. Each difference names the
    event that made it: of the imagined future if one there set it, else the real one that did. Raises BadInput for
    edits that do not fit the events, NotFound for events that are not there, LogCorrupt for what does not decode,
    HistoryError if the history is damaged at the fork.
    """
    found = future(journal, history, environment, edits, fork, end, progress)
    changes = compare(history, environment, found, fork, end)
    causes = _Causes(history, environment, found)
    done = Counter(found.stream.done.values())
    return {
        "environment": environment,
        "from": _moment(fork),
        "upto": _moment(end),
        "events": found.events,
        "dropped": done[Edit.DROPPED],
        "altered": done[Edit.ALTERED],
        "added": found.stream.added,
        **differences(changes, causes.of),
    }


def compare(history: History, environment: str, found: Future, fork: Moment, end: Moment) -> list[Change[Cause]]:
    """Answer the objects, links and cliques that are otherwise in a future than in the history, sorted by key."""
    changed = {key for key in history.changed(environment, fork.offset, end.offset) if key.kind in COMPARED}
    changes = []
    for key in sorted(changed | found.versions.keys()):
        real = history.versions(environment, key, fork.offset, end.offset)
        imagined = found.versions.get(key, [])
        if not real or not imagined or real[-1].value != imagined[-1].value:
            change = _compare_key(key, history.get(environment, key, fork.offset), real, imagined)
            if change is not None:
                changes.append(change)
    return changes


def _compare_key(key: Key, base: Version | None, real: list[Version], imagined: list[Version]) -> Change[Cause] | None:
    newest = (versions[-1] if versions else base for versions in (real, imagined))
    before, after = (visible(key.kind, version) for version in newest)
    if before is None and after is None:
        return None
    if before is None or after is None:
        number = turned(base, imagined)
        cause = Cause(False, turned(base, real) or 0) if number is None else Cause(True, number)
        return Change(key, before, after, [], cause)
    there, here = Touches(key.kind, base, imagined), Touches(key.kind, base, real)
    fields = []
    for change in diff(before, after):
        mine = there.newest(change.field)
        fields.append((change, Cause(False, here.newest(change.field) or 0) if mine is None else Cause(True, mine)))
    return Change(key, before, after, fields, max(cause for _, cause in fields)) if fields else None


class _Causes:
    """Events of both futures as documents, each looked up once."""

    def __init__(self, history: History, environment: str, found: Future) -> None:
        self._history = history
        self._environment = environment
        self._future = found
        self._known: dict[Cause, Document] = {}

    def of(self, cause: Cause) -> Document:
        if cause not in self._known:
            self._known[cause] = self._imagined(cause.number) if cause.imagined else self._real(cause.number)
        return self._known[cause]

    def _real(self, offset: int) -> Document:
        edit = self._future.stream.done.get(offset)
        return {**cause_document(self._history, self._environment, offset), "future": REAL, "edit": edit, "added": None}

    def _imagined(self, number: int) -> Document:
        told = self._future.told[number]
        event = told.entry.event
        return {
            "offset": told.offset,
            "source": event.source,
            "time": iso(event.occurred_at),
            "event": type(event.payload).__name__,
            "event_id": event.id,
            "future": IMAGINED,
            "edit": told.edit,
            "added": told.added,
        }


def _moment(moment: Moment) -> Document:
    return {"offset": moment.offset, "time": iso(moment.time)}
