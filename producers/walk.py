"""The walk along a scan plan: independent fetches run at once, and come out in the plan's order."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from queue import SimpleQueue
from typing import Any

from producers.access import Access
from producers.fetched import Completed, Fetched, complete, fetch
from producers.found import Found
from producers.look import Look, Memory
from producers.patience import taken
from producers.plan import Plan, PlanEntry
from producers.progress import Progress
from producers.settings import EnvironmentSettings
from schemas.events import Scope


@dataclass(slots=True)
class _Node:
    """A fetch of the walk, from the moment it is known that there will be one."""

    entry: PlanEntry
    parent: Found
    fetched: Fetched | None = None
    completed: dict[int, Completed] = field(default_factory=dict)
    children: list["_Node"] = field(default_factory=list)

    @property
    def scope(self) -> Scope:
        return Scope(self.entry.name, self.parent.type, self.parent.id)

    def outcome(self) -> Fetched | None:
        """Answer what the fetch and its completers came to; None while something is left to wait for."""
        fetched = self.fetched
        if fetched is None or self.entry.completer is None:
            return fetched
        if len(self.completed) < len(fetched.found):
            return None
        pieces = [self.completed[number] for number in range(len(fetched.found))]
        failures = [piece.failure for piece in pieces if piece.failure is not None]
        found = tuple(piece.found for piece in pieces)
        return replace(fetched, found=found, failures=(*fetched.failures, *failures))


class Walk:
    """One walk along a plan, in one environment."""

    def __init__(
        self,
        plan: Plan,
        access: Access,
        settings: EnvironmentSettings,
        memory: Memory,
        progress: Progress,
        stop: threading.Event,
    ) -> None:
        """Take the settings in force, detected drivers included; `stop` is set when the walk is to break off."""
        self.plan = plan
        self._access = access
        self._settings = settings
        self._memory = memory
        self.progress = progress
        self._stop = stop
        self._planned = 0
        self._ended: SimpleQueue[tuple[Callable[[Any], None], Future[Any]]] = SimpleQueue()
        """Work that a worker has ended, with what the walk's own thread is to do about it."""

    def steps(self, root: Found, workers: int) -> Generator[Fetched, None, None]:
        """Yield every fetch below `root` in the plan's order: an object's own before those below it.

        The order depends on what was found only, never on which fetch was faster. When the walk is left
        early, fetches that have not begun never will. Raises Stopped.
        """
        pool = ThreadPoolExecutor(workers, "fetch")
        try:
            yield from self._steps(pool, root)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _steps(self, pool: ThreadPoolExecutor, root: Found) -> Generator[Fetched, None, None]:
        ahead = self._look_below(pool, root)[::-1]
        while ahead:
            while (outcome := ahead[-1].outcome()) is None:
                go_on, future = taken(self._ended, self._stop)
                go_on(future.result())
            yield outcome
            ahead += ahead.pop().children[::-1]

    def _look_below(self, pool: ThreadPoolExecutor, parent: Found) -> list[_Node]:
        """Start the fetches below an object."""
        nodes = [_Node(entry, parent) for entry in self.entries(parent)]
        self.will_fetch(len(nodes))
        for node in nodes:
            self.progress.began(node.scope)
            work = partial(fetch, node.entry, parent, self.look())
            self._start(pool, work, partial(self._go_on, pool, node))
        return nodes

    def _go_on(self, pool: ThreadPoolExecutor, node: _Node, fetched: Fetched) -> None:
        """Complete the objects of a fetch, and look below them meanwhile."""
        node.fetched = fetched
        self.progress.ended(node.scope, len(fetched.found), failed=not fetched.complete)
        for number, found in enumerate(fetched.found):
            if node.entry.completer is not None:
                work = partial(complete, node.entry, found, self.look())
                self._start(pool, work, partial(node.completed.__setitem__, number))
            node.children += self._look_below(pool, found)

    def will_fetch(self, more: int) -> None:
        """Tell the progress that there will be so many fetches more."""
        self._planned += more
        self.progress.planned(self._planned)

    def entries(self, parent: Found) -> list[PlanEntry]:
        """Answer what is looked for below an object."""
        entries = self.plan.under(parent.type)
        return [entry for entry in entries if entry.applies(self._settings, parent.document)]

    def look(self) -> Look:
        """Answer eyes for one fetch, which remember what any other of this walk saw."""
        return Look(self._access, self._settings, self._memory)

    def _start(self, pool: ThreadPoolExecutor, work: Callable[[], Any], go_on: Callable[[Any], None]) -> None:
        pool.submit(work).add_done_callback(lambda future: self._ended.put((go_on, future)))
