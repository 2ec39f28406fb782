"""Proof that a history is what the log says: a replay, compared step by step, whole or in segments.

A segment begins with the state that the history has of its first offset, if that is what the digest of the event there
says. Nothing is taken on trust by that: the segment before it replays that very event, and compares the digest. So if
no segment finds a difference, the first one, which begins with nothing, proves the state in which the second begins,
that one the state of the third, and so on; what each replays is then what a single replay from the first event would
come to. And if some find one, the first difference is that of the first of them, for all before it are proved.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from projections.change import Change, Key, Kind
from projections.digest import EMPTY, advance, digest_of, text
from projections.fold import VERSION, Fold, Stored, object_of
from projections.inventory import Ref
from projections.link import ends
from schemas.errors import HistoryError
from schemas.events import Entry
from streams.history import Anchor, Anchored, Blame, History, KeyVersion, Position, Version
from streams.journal import Journal
from streams.restoring import begun_again
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


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the log to be replayed."""

    after: int | None
    """Behind this event, whose state the history has; None: from the first event, with nothing."""
    upto: int
    position: Position | None
    """Of the last segment: where the history ends."""


class _Differs(Exception):
    def __init__(self, offset: int, problem: str) -> None:
        self.offset = offset
        self.problem = problem


def verify(
    journal: Journal, history: History, environment: str, progress: Progress = quiet, *, cuts: Collection[int] = ()
) -> Verdict:
    """Replay the log of an environment from its first event and compare each step with the history.

    Compared are, for every event: what the history says of it, the digest of the whole state after it, the values of
    the keys that it changed, and what is found from the objects that these stand at. Between events there must be
    nothing. Where a history has everything of a type written down: all of that type. At the end, and after the events
    at `cuts`: everything that the history says is there. And from where it would be folded on.
    """
    position = history.position(environment)
    return verified(journal, history, environment, Segment(None, position.offset, position), progress, cuts=cuts)


def segments(position: Position, cuts: Iterable[int]) -> list[Segment]:
    """Answer the segments of a history that is cut behind the events at some offsets, in order."""
    inner = sorted({cut for cut in cuts if cut < position.offset})
    begins: list[int | None] = [None, *inner]
    return [
        *(Segment(after, upto, None) for after, upto in zip(begins, inner, strict=False)),
        Segment(begins[-1], position.offset, position),
    ]


def verified(
    journal: Journal,
    history: History,
    environment: str,
    segment: Segment,
    progress: Progress = quiet,
    *,
    cuts: Collection[int] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> Verdict:
    """Verify one segment; if it is stopped meanwhile, the verdict is of the part that was replayed."""
    replay = _Replay(history, environment, segment.after)
    problem: _Differs | None = None
    try:
        replay.begin(journal, segment.after)
        for entry in journal.read(environment, after=-1 if segment.after is None else segment.after, upto=segment.upto):
            if stopped():
                return replay.verdict(None)
            replay.take(entry)
            if entry.offset in cuts:
                replay.same_state(entry.offset)
            progress(entry.offset, segment.upto)
        replay.end(segment)
    except _Differs as differs:
        problem = differs
    except HistoryError as unreadable:
        problem = _Differs(replay.fold.offset, str(unreadable))
    return replay.verdict(problem)


def joined(verdicts: Sequence[Verdict]) -> Verdict:
    """Answer what the verdicts on consecutive segments, from the first on, come to."""
    events = changes = 0
    for verdict in verdicts:
        events, changes = events + verdict.events, changes + verdict.changes
        if verdict.problem is not None:
            break
    return Verdict(
        verdict.environment,
        events,
        changes,
        verdict.offset,
        verdict.digest,
        verdict.problem,
        verdict.problem_offset,
    )


class _Replay:
    """A fold beside the history that should say the same."""

    def __init__(self, history: History, environment: str, after: int | None) -> None:
        self._history = history
        self._environment = environment
        self._steps = history.checkpoints(environment, after)
        self._reached = _BEFORE_ALL if after is None else after
        self._anchors: deque[Anchor] = deque()
        """Those that the replay has not come to."""
        self.fold, self.digest = Fold(environment), EMPTY
        self.events = self.changes = 0

    def begin(self, journal: Journal, after: int | None) -> None:
        """Take the state up that the history has of an offset; _Differs if it is not what the digest there says."""
        if isinstance(self._history, Anchored):
            found = self._history.anchors(self._environment)
            self._anchors = deque(anchor for anchor in found if anchor.offset > self._reached)
        if after is None:
            return
        self.fold.offset = after
        step = self._history.blame(self._environment, after)
        if step is None:
            raise _Differs(after, "the history does not have the event")
        self.digest = step.digest
        kept = list(stored(self._history, self._environment, after))
        if digest_of(kept) != step.digest:
            raise _Differs(after, f"what is kept is not what digest {text(step.digest)} says")
        self.fold = begun_again(journal, self._environment, after, kept)

    def take(self, entry: Entry) -> None:
        """Fold one event; _Differs if the history has it otherwise."""
        self._nothing_between(self._reached, entry.offset)
        self._same_anchors(entry.offset - 1)
        changes = self.fold.apply(entry)
        self.digest = advance(self.digest, changes)
        self._reached = entry.offset
        self.events, self.changes = self.events + 1, self.changes + len(changes)
        _same_step(entry, self.digest, next(self._steps, None))
        _same_changes(changes, self._history.step_changes(self._environment, entry.offset), entry.offset)
        self._same_families(_ends(changes, Kind.OBJECT), entry.offset)
        self._same_links(_ends(changes, Kind.LINK), entry.offset)
        self._same_anchors(entry.offset)

    def same_state(self, offset: int) -> None:
        """Compare all that there is after the event at an offset; _Differs if the history has it otherwise."""
        _same_things(self.fold.everything(), dict(stored(self._history, self._environment, offset)), offset)

    def end(self, segment: Segment) -> None:
        """Compare what there is after the last event; _Differs if the history has it otherwise."""
        step = next(self._steps, None)
        if step is not None and step.offset <= segment.upto:
            raise _Differs(step.offset, "the history has an event that the log has not")
        position = segment.position
        if position is None:
            return
        self.same_state(position.offset)
        begun = self.events or segment.after is not None
        if position.fold_version != VERSION and begun:
            raise _Differs(position.offset, f"folded by version {position.fold_version}, this is version {VERSION}")
        if begun and position != Position(self.fold.offset, self.fold.resume_from, self.digest, VERSION):
            raise _Differs(position.offset, "the history would be folded on from another state")

    def verdict(self, problem: _Differs | None) -> Verdict:
        """Answer what was found."""
        return Verdict(
            self._environment,
            self.events,
            self.changes,
            self.fold.offset,
            text(self.digest),
            None if problem is None else problem.problem,
            None if problem is None else problem.offset,
        )

    def _nothing_between(self, after: int, before: int) -> None:
        """Events may have gaps between their offsets, but nothing can have changed there."""
        if before - after > 1:
            for key in self._history.changed(self._environment, after, before - 1):
                raise _Differs(before - 1, f"{_named(key)} changed without an event")

    def _same_anchors(self, upto: int) -> None:
        """Compare all of the types that are written down at offsets up to this one, as they are found there."""
        while self._anchors and self._anchors[0].offset <= upto:
            offset, kind, type_ = self._anchors.popleft()
            theirs = self._history.all(self._environment, kind, offset, type=type_)
            kept = {item.key: item.version.value for item in theirs if item.version.value is not None}
            _same_things(self.fold.of_type(kind, type_), kept, offset)

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


def _same_things(replayed: Iterable[Stored], kept: dict[Key, bytes], upto: int) -> None:
    for key, value in replayed:
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
