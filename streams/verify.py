"""Proof that a history is what the log says: a pure replay, compared step by step."""

from dataclasses import dataclass

from projections.change import Change
from projections.digest import EMPTY, advance, text
from projections.fold import VERSION, Fold
from schemas.events import Entry
from streams.history import Blame, History, KeyVersion, Version
from streams.journal import Journal
from streams.worker import Progress, quiet, stored


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

    Compared are, for every event: that the history has it, the digest of the whole state after it, and the values
    of the keys that it changed; at the end, everything that the history says is there.
    """
    fold, digest = Fold(environment), EMPTY
    events = changes = 0
    upto = history.position(environment).offset
    steps = history.checkpoints(environment)
    try:
        for entry in journal.read(environment, upto=upto):
            made = fold.apply(entry)
            digest = advance(digest, made)
            events, changes = events + 1, changes + len(made)
            _same_step(entry, digest, next(steps, None))
            _same_changes(made, history.step_changes(environment, entry.offset), entry.offset)
            progress(entry.offset, upto)
        _same_end(fold, history, environment, upto)
    except _Differs as differs:
        return Verdict(environment, events, changes, fold.offset, text(digest), differs.problem, differs.offset)
    return Verdict(environment, events, changes, fold.offset, text(digest), None, None)


def _same_step(entry: Entry, digest: int, step: Blame | None) -> None:
    if step is None or step.offset != entry.offset:
        raise _Differs(entry.offset, "the history does not have the event")
    if step.event_id != entry.event.id:
        raise _Differs(entry.offset, f"the history has event {step.event_id}, the log {entry.event.id}")
    if step.digest != digest:
        raise _Differs(entry.offset, f"digest {text(step.digest)}, the replay has {text(digest)}")


def _same_changes(made: list[Change], kept: list[KeyVersion], offset: int) -> None:
    replayed = [KeyVersion(c.key, Version(c.offset, c.after)) for c in made]
    for ours, theirs in zip(replayed, kept, strict=False):
        if ours != theirs:
            where = ours if ours.key == theirs.key else min(ours, theirs)
            raise _Differs(offset, f"{where.key.kind} {where.key.type} {where.key.id} is kept otherwise")
    if len(replayed) != len(kept):
        raise _Differs(offset, f"the history has {len(kept)} changes, the replay {len(replayed)}")


def _same_end(fold: Fold, history: History, environment: str, upto: int) -> None:
    kept = dict(stored(history, environment, upto))
    for key, value in fold.everything():
        if kept.pop(key, None) != value:
            raise _Differs(upto, f"{key.kind} {key.type} {key.id} is kept otherwise than the replay has it")
    for key in sorted(kept):
        raise _Differs(upto, f"{key.kind} {key.type} {key.id} is kept, and the replay has it not")
    position = history.position(environment)
    if position.fold_version != VERSION:
        raise _Differs(upto, f"folded by version {position.fold_version}, this is version {VERSION}")
