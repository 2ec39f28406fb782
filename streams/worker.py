"""The local worker: folds what the log has and the history has not, in order, once."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice

from projections.change import Change, Kind
from projections.digest import EMPTY, advance, digest_of
from projections.fold import MEANING, VERSION, Fold, Stored
from projections.version import meaning_of
from schemas.errors import HistoryError
from schemas.events import Entry
from streams.history import History, Position, Step
from streams.journal import Journal

BATCH = 200
"""Events per write into the history."""

Progress = Callable[[int, int], None]
"""Called with the offset reached and the head aimed at."""


Announce = Callable[[str, Sequence[Step]], None]
"""Called with an environment and steps that were folded, before the history takes them: at least once."""

Began = Callable[[int], None]
"""Called once, with the offset behind which a fold begins: -1 if with the first event."""


def quiet(_offset: int, _head: int) -> None:
    """Show nothing."""


def unsaid(_offset: int) -> None:
    """Say nothing."""


def untold(_environment: str, _steps: Sequence[Step]) -> None:
    """Announce nothing."""


class Worker:
    """Keeps the history of every environment up to the log's head.

    Several workers may run at once, in any process: they fold the same events to the same steps, and the history
    takes each step once. One worker may be called from several threads: they take turns at an environment.
    """

    def __init__(self, journal: Journal, history: History, announce: Announce = untold) -> None:
        """Fold `journal` into `history`; `announce` hears of each step before the history takes it."""
        self._journal = journal
        self._history = history
        self._announce = announce
        self._folds: dict[str, tuple[Fold, int]] = {}
        self._turns: dict[str, threading.RLock] = {}

    def catch_up(self, environment: str, progress: Progress = quiet) -> Position:
        """Fold up to the head of the log as it was when called, and answer how far the history reaches."""
        with self._turn(environment):
            return self._catch_up(environment, progress)

    def _turn(self, environment: str) -> threading.RLock:
        return self._turns.setdefault(environment, threading.RLock())

    def _catch_up(self, environment: str, progress: Progress) -> Position:
        head = self._journal.head(environment)
        while not self._reaches(environment, head):  # again, if another process began the history anew meanwhile
            fold, digest = self._take(environment) or self._begin(environment)
            self._fold_up_to(head, fold, digest, progress)
        return self._history.position(environment)

    def _reaches(self, environment: str, head: int) -> bool:
        position = self._history.position(environment)
        folded_by = meaning_of(position.fold_version)
        if folded_by > MEANING:
            raise HistoryError(
                f"environment {environment}: the history was folded by version {folded_by} of the rules, "
                f"this program knows {MEANING} (a cache: delete it to have it built anew)"
            )
        if position.offset > head and position.offset > self._journal.head(environment):
            self._history.forget(environment)  # it tells of another log than the one that stands here
            return head < 0
        if position.offset >= head and position.fold_version == VERSION:
            return True
        of_these_rules = position.offset < 0 or position.fold_version == VERSION
        return of_these_rules and not self._journal.has_more(environment, position.offset, head)

    def _fold_up_to(self, head: int, fold: Fold, digest: int, progress: Progress) -> None:
        """Fold and write; the fold is kept for the next time if the history took all of it."""
        entries = self._journal.read(fold.environment, after=fold.offset, upto=head)
        while batch := list(islice(entries, BATCH)):
            _, written = self._fold(fold, digest, batch)
            if written is None:
                return
            digest = written
            progress(fold.offset, head)
        self._folds[fold.environment] = (fold, digest)

    def _fold(self, fold: Fold, digest: int, entries: Iterable[Entry]) -> tuple[list[Step], int | None]:
        """Fold and write; answer the steps and the digest after them, None if the history did not take them."""
        after = fold.offset
        steps, digest = _steps(fold, digest, entries)
        self._announce(fold.environment, steps)
        position = Position(fold.offset, fold.resume_from, digest, VERSION)
        written = self._history.write(fold.environment, steps, position, after)
        return steps, digest if written else None

    def follow(self, environment: str, entries: Sequence[Entry]) -> list[Step] | None:
        """Fold entries handed over as they arrive, those that were folded before left out; answer their steps.

        The caller hands over every entry behind those of the last call, in order, and begins (again) with `hold`.
        None: something else came between (the history was begun anew), so the state was taken up from the log's
        head instead, and what followed from which entry is in the history.
        """
        with self._turn(environment):
            left = self._take(environment)
            if left is None:
                self._hold(environment)
                return None
            fold, digest = left
            new = [entry for entry in entries if entry.offset > fold.offset]
            if not new:
                self._folds[environment] = left
                return []
            steps, written = self._fold(fold, digest, new)
            if written is None:
                self._hold(environment)
                return None
            self._folds[environment] = (fold, written)
            return steps

    def hold(self, environment: str, progress: Progress = quiet) -> tuple[Fold, int]:
        """Catch up, and answer the fold of the newest state with its digest: for who is alone to call `follow`."""
        with self._turn(environment):
            return self._hold(environment, progress)

    def _hold(self, environment: str, progress: Progress = quiet) -> tuple[Fold, int]:
        while True:
            self._catch_up(environment, progress)
            held = self._take(environment) or self._begin(environment)
            if held[0].offset < self._history.position(environment).offset:
                held = self._begin(environment)  # another process folded the newest events
            self._folds[environment] = held
            if held[0].offset >= self._history.position(environment).offset:
                return held

    def release(self, environment: str) -> None:
        """Forget the fold that is kept in memory."""
        with self._turn(environment):
            self._folds.pop(environment, None)

    def _take(self, environment: str) -> tuple[Fold, int] | None:
        """Answer the fold that was left here, unless the history has lost what it had taken in.

        It is put back when all it folded is written: one that an error broke off is ahead of the history.
        """
        left = self._folds.pop(environment, None)
        position = self._history.position(environment)
        if left is None or left[0].offset > position.offset or position.fold_version != VERSION:
            return None
        return left

    def catch_up_all(self) -> None:
        """Fold every environment up to its head."""
        for environment in self._journal.environments():
            self.catch_up(environment)

    def rebuild(
        self, environment: str, progress: Progress = quiet, *, restart: bool = False, began: Began = unsaid
    ) -> Position:
        """Fold the environment anew from the log. What the history held is read until the new reaches as far.

        One that broke off goes on where it was, if it was folded from this log by this version of the rules, and holds
        what its digest says; else, or with `restart`, it begins with the first event.
        """
        with self._turn(environment), closing(self._history.draft(environment)) as draft:
            if restart or draft.position(environment).fold_version != VERSION:
                draft.forget(environment)
            anew = Worker(self._journal, draft)  # that nobody hears of: these steps were announced when they happened
            began(anew.resume(environment))
            while True:
                anew.catch_up(environment, progress)
                if draft.position(environment).offset < 0 or self._history.adopt(environment):
                    break
                self._give_way(environment)
            self._folds.pop(environment, None)
            return self._catch_up(environment, quiet)

    def resume(self, environment: str) -> int:
        """Answer the offset behind which folding goes on, -1 if with the first event; what cannot go on is dropped."""
        with self._turn(environment):
            held = self._folds[environment] = self._take(environment) or self._begin(environment)
            return held[0].offset

    def _give_way(self, environment: str) -> None:
        """Drop a history that reaches beyond the log: it tells of another one, and nothing can catch up with it."""
        if self._history.position(environment).offset > self._journal.head(environment):
            self._history.forget(environment)

    def _begin(self, environment: str) -> tuple[Fold, int]:
        position = self._history.position(environment)
        fold = self._restored(environment, position) if position.fold_version == VERSION else None
        if fold is not None:
            return fold, position.digest
        self._history.forget(environment)
        return Fold(environment), EMPTY

    def _restored(self, environment: str, position: Position) -> Fold | None:
        """Answer the fold that the history holds; None if it tells of another log, or not what its digest says."""
        newest = next(self._journal.read(environment, after=position.offset - 1, upto=position.offset), None)
        step = self._history.blame(environment, position.offset)
        if newest is None or step is None or newest.event.id != step.event_id:
            return None
        kept = list(stored(self._history, environment, position.offset))
        if digest_of(kept) != position.digest:
            return None
        fold = Fold.restore(environment, position.offset, kept)
        for entry in self._journal.read(environment, after=position.resume_from - 1, upto=position.offset):
            fold.note(entry)
        return fold


def stored(history: History, environment: str, at: int) -> Iterator[Stored]:
    """Yield everything that a history says is there at an offset."""
    for kind in Kind:
        for key, version in history.all(environment, kind, at):
            if version.value is not None:
                yield key, version.value


def _steps(fold: Fold, digest: int, entries: Iterable[Entry]) -> tuple[list[Step], int]:
    steps = []
    for entry in entries:
        changes = fold.apply(entry)
        digest = advance(digest, changes)
        steps.append(step_of(entry, digest, changes))
    return steps, digest


def step_of(entry: Entry, digest: int, changes: list[Change]) -> Step:
    """Answer the step that an entry's changes make."""
    event = entry.event
    return Step(
        offset=entry.offset,
        logged_at=entry.logged_at,
        occurred_at=event.occurred_at,
        source=event.source,
        event_id=event.id,
        event=type(event.payload).__name__,
        digest=digest,
        changes=changes,
    )
