"""Proof that a history is what the log says: a pure replay, compared step by step."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from projections.change import Change, Key, Kind
from projections.digest import EMPTY, advance, text
from projections.fold import VERSION, Fold, object_of
from projections.inventory import Ref
from projections.link import ends
from schemas.errors import HistoryError
from schemas.events import Entry
from streams.history import Blame, History, KeyVersion, Position, Version
from streams.journal import Journal
from streams.worker import Progress, quiet, step_of, stored

_BEFORE_ALL = -(2**62)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    environment: str
    events: int
    changes: int
    offset: int
    digest: str
    """Of the replayed state at `offset`, 64 hexadecimal digits."""
    problem: str | None
    """The first difference, None if there is none."""
    problem_offset: int | None


class _Differs(Exception):
    def __init__(self, offset: int, problem: str) -> None:
        self.offset = offset
        self.problem = problem


def verify(journal: Journal, history: History, environment: str, progress: Progress = quiet) -> Verdict:
    """Replay the log of an environment from its first event and compare each step with the history.

    Compared are, for every event: what the history says of it, the digest of the whole state after it, the values of
    the keys that it changed, and what is found from the objects that these stand at. Between events there must be
    nothing. At the end: everything that the history says is there, and from where it would be folded on.
    """
    replay = _Replay(history, environment)
    position = history.position(environment)
    problem: _Differs | None = None
    try:
        for entry in journal.read(environment, upto=position.offset):
            replay.take(entry)
            progress(entry.offset, position.offset)
        replay.end(position)
    except _Differs as differs:
        problem = differs
    except HistoryError as unreadable:
        problem = _Differs(replay.fold.offset, str(unreadable))
    return Verdict(
        environment,
        replay.events,
        replay.changes,
        replay.fold.offset,
        text(replay.digest),
        None if problem is None else problem.problem,
        None if problem is None else problem.offset,
    )


class _Replay:
    """A fold from nothing, beside the history that should say the same."""

    def __init__(self, history: History, environment: str) -> None:
        self._history = history
        self._environment = environment
        self._steps = history.checkpoints(environment)
        self.fold, self.digest = Fold(environment), EMPTY
        self.events = self.changes = 0

    def take(self, entry: Entry) -> None:
        """Fold one event; _Differs if the history has it otherwise."""
        self._nothing_between(self.fold.offset if self.events else _BEFORE_ALL, entry.offset)
        changes = self.fold.apply(entry)
        self.digest = advance(self.digest, changes)
        self.events, self.changes = self.events + 1, self.changes + len(changes)
        _same_step(entry, self.digest, next(self._steps, None))
        _same_changes(changes, self._history.step_changes(self._environment, entry.offset), entry.offset)
        self._same_families(_ends(changes, Kind.OBJECT), entry.offset)
        self._same_links(_ends(changes, Kind.LINK), entry.offset)

    def end(self, position: Position) -> None:
        """Compare what there is after the last event; _Differs if the history has it otherwise."""
        step = next(self._steps, None)
        if step is not None and step.offset <= position.offset:
            raise _Differs(step.offset, "the history has an event that the log has not")
        _same_state(self.fold, dict(stored(self._history, self._environment, position.offset)), position.offset)
        if position.fold_version != VERSION and self.events:
            raise _Differs(position.offset, f"folded by version {position.fold_version}, this is version {VERSION}")
        if self.events and position != Position(self.fold.offset, self.fold.resume_from, self.digest, VERSION):
            raise _Differs(position.offset, "the history would be folded on from another state")

    def _nothing_between(self, after: int, before: int) -> None:
        """Events may have gaps between their offsets, but nothing can have changed there."""
        if before - after > 1:
            for key in self._history.changed(self._environment, after, before - 1):
                raise _Differs(before - 1, f"{_named(key)} changed without an event")

    def _same_families(self, parents: Iterable[Ref], offset: int) -> None:
        for parent in parents:
            ours = [Key(Kind.OBJECT, obj.type, obj.id) for obj in self.fold.inventory.children(parent)]
            _same_keys(ours, self._history.children(self._environment, parent, offset), parent, offset)

    def _same_links(self, refs: Iterable[Ref], offset: int) -> None:
        for ref in refs:
            ours = [link.key for link in self.fold.links.at(ref)]
            _same_keys(ours, self._history.links(self._environment, ref, offset), ref, offset)


def _same_step(entry: Entry, digest: int, step: Blame | None) -> None:
    if step is not None and step.offset < entry.offset:
        raise _Differs(step.offset, "the history has an event that the log has not")
    if step is None or step.offset != entry.offset:
        raise _Differs(entry.offset, "the history does not have the event")
    if step.event_id != entry.event.id:
        raise _Differs(entry.offset, f"the history has event {step.event_id}, the log {entry.event.id}")
    if step.digest != digest:
        raise _Differs(entry.offset, f"digest {text(step.digest)}, the replay has {text(digest)}")
    ours = step_of(entry, digest, [])
    for name in ("logged_at", "occurred_at", "source", "event"):
        if getattr(step, name) != getattr(ours, name):
            raise _Differs(
                entry.offset, f"{name} of the event is {getattr(step, name)}, the log has {getattr(ours, name)}"
            )


def _same_changes(made: list[Change], kept: list[KeyVersion], offset: int) -> None:
    replayed = [KeyVersion(c.key, Version(c.offset, c.after)) for c in made]
    for ours, theirs in zip(replayed, kept, strict=False):
        if ours != theirs:
            where = ours if ours.key == theirs.key else min(ours, theirs)
            raise _Differs(offset, f"{_named(where.key)} is kept otherwise than the replay has it")
    if len(replayed) != len(kept):
        raise _Differs(offset, f"the history has {len(kept)} changes, the replay {len(replayed)}")


def _same_keys(ours: list[Key], found: list[KeyVersion], ref: Ref, offset: int) -> None:
    theirs = [item.key for item in found]
    if ours != theirs:
        key = min(set(ours) ^ set(theirs))
        how = "not found" if key in ours else "found"
        raise _Differs(offset, f"{_named(key)} is {how} at {ref.type} {ref.id}")


def _same_state(fold: Fold, kept: dict[Key, bytes], upto: int) -> None:
    for key, value in fold.everything():
        if kept.pop(key, None) != value:
            raise _Differs(upto, f"{_named(key)} is kept otherwise than the replay has it")
    for key in sorted(kept):
        raise _Differs(upto, f"{_named(key)} is kept, and the replay has it not")


def _ends(changes: list[Change], kind: Kind) -> list[Ref]:
    """Answer the objects at which the changed objects or links stand or stood, sorted."""
    return sorted({ref for change in changes if change.key.kind is kind for ref in _ends_of(change)})


def _ends_of(change: Change) -> Iterator[Ref]:
    if change.key.kind is Kind.LINK:
        yield from ends(change.key.type, change.key.id)
        return
    for value in (change.before, change.after):
        if value is not None:
            yield object_of(change.key, value)[0].parent


def _named(key: Key) -> str:
    return f"{key.kind} {key.type} {key.id}"
