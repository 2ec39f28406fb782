"""The walk of a scan of one object: only what finds the object and what is below it."""

import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from producers.aim import Aim, Sought, Way
from producers.course import Course, Ledger
from producers.fetched import Failure, Fetched, complete, fetch
from producers.found import Found
from producers.patience import done
from producers.plan import PlanEntry
from producers.walk import Walk
from schemas.events import Scope


class NarrowWalk:
    """One walk to one object. What it does below objects that are wanted whole, it leaves to the wide walk.

    A fetch that finds more than is wanted is kept in part: it then counts as not complete, so that it covers nothing.
    What was sought in it and is not there, `missed` answers.
    """

    def __init__(self, aim: Aim, wide: Walk, stop: threading.Event) -> None:
        """Walk to what `aim` names; with the plan, the doors and the settings of `wide`."""
        self._aim = aim
        self._wide = wide
        self._stop = stop
        self._course = Course(wide.plan, aim)
        self._ledger = Ledger()
        self._ways: dict[tuple[str, str], Way] = {}
        """How each object that was found was reached, itself included."""

    def steps(self, root: Found, workers: int) -> Generator[Fetched, None, None]:
        """Yield every fetch that was done, in the plan's order, as Walk.steps does. Raises Stopped."""
        self._ways[root.type, root.id] = {}
        pool = ThreadPoolExecutor(1, "seek")
        try:
            yield from self._below(pool, root, workers)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def missed(self) -> list[Sought]:
        """Answer what was sought and is not there, when all steps are done."""
        sought = (one for one in self._aim.sought if one.scope.entry in self._course.entries)
        return self._ledger.missed(sought, self._aim.passed)

    def _below(self, pool: ThreadPoolExecutor, parent: Found, workers: int) -> Generator[Fetched, None, None]:
        way = self._ways[parent.type, parent.id]
        for entry in self._wide.entries(parent):
            takes, leads = self._course.takes(entry, parent, way), self._course.leads(entry, way)
            if takes or leads:
                fetched = self._fetch(pool, entry, parent)
                self._reached(fetched.found, way)
                self._ledger.saw(fetched.scope, fetched.found, complete=fetched.complete, leads=leads)
                kept = [one for one in fetched.found if takes and self._course.wants(one)]
                self._course.keep(entry.name, kept, way)
                yield self._in_part(pool, entry, fetched, kept)
                yield from self._further(pool, entry, fetched.found, kept, workers)

    def _fetch(self, pool: ThreadPoolExecutor, entry: PlanEntry, parent: Found) -> Fetched:
        self._wide.will_fetch(1)
        scope = Scope(entry.name, parent.type, parent.id)
        self._wide.progress.began(scope)
        fetched = done(pool.submit(fetch, entry, parent, self._wide.look()), self._stop)
        self._wide.progress.ended(scope, len(fetched.found), failed=not fetched.complete)
        return fetched

    def _further(
        self, pool: ThreadPoolExecutor, entry: PlanEntry, found: Iterable[Found], kept: list[Found], workers: int
    ) -> Generator[Fetched, None, None]:
        wanted = {one.id for one in kept}
        for one in found:
            if one.id in wanted:
                yield from self._whole(one, workers)
            elif self._course.leads(entry, self._ways[one.type, one.id]):
                yield from self._below(pool, one, workers)

    def _whole(self, top: Found, workers: int) -> Generator[Fetched, None, None]:
        for fetched in self._wide.steps(top, workers):
            way = self._ways[fetched.scope.parent_type, fetched.scope.parent_id]
            leads = bool(self._wide.plan.under(fetched.object_type))
            self._reached(fetched.found, way)
            self._ledger.saw(fetched.scope, fetched.found, complete=fetched.complete, leads=leads)
            self._course.keep(fetched.scope.entry, fetched.found, way)
            yield fetched

    def _reached(self, found: Iterable[Found], way: Way) -> None:
        for one in found:
            self._ways[one.type, one.id] = {**way, one.type: one.id}

    def _in_part(self, pool: ThreadPoolExecutor, entry: PlanEntry, fetched: Fetched, kept: list[Found]) -> Fetched:
        """Answer of a fetch what is kept, completed."""
        failures: list[Failure] = list(fetched.failures)
        if entry.completer is not None:
            pieces = [done(pool.submit(complete, entry, one, self._wide.look()), self._stop) for one in kept]
            kept = [piece.found for piece in pieces]
            failures += [piece.failure for piece in pieces if piece.failure is not None]
        return replace(fetched, found=tuple(kept), failures=tuple(failures), complete=False)
