"""A verification by several processes at once: where the log is cut, and how what they find is put together."""

import signal
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from multiprocessing import get_context
from multiprocessing.context import SpawnContext
from typing import Any, Final

from projections.change import Kind
from schemas.errors import CalipsoError, HistoryError
from streams.history import History
from streams.journal import Journal
from streams.restoring import open_scan
from streams.verify import Segment, Verdict, joined, segments, verified
from streams.worker import Progress, quiet

WORTH: Final = 2000
"""Events of a segment below which the start of a process, and the state to begin with, cost more than they save."""

_LOOK: Final = 0.2
"""Seconds between two looks at how far the processes are."""

Door = Callable[[], AbstractContextManager[tuple[Journal, History]]]
"""Opens log and history; each process opens its own, so that it must be one that can be handed to another process."""


def cut(history: History, environment: str, count: int) -> list[int]:
    """Answer up to `count - 1` offsets of events that part an environment's log into segments of alike many events.

    Rather where no scan is open: behind such an offset nothing has to be read again, and no clique made anew. A
    history that cannot be read is not cut: whoever reads it all will say where it cannot be.
    """
    reach = history.position(environment).offset
    try:
        offsets = [step.offset for step in history.checkpoints(environment) if 0 <= step.offset < reach]
        places = [len(offsets) * number // count for number in range(1, count)]
        slack = len(offsets) // count // 2
        found = [_calm(history, environment, offsets, place, place - slack) for place in places if offsets]
    except (CalipsoError, LookupError, TypeError):  # damage: records of scans that are none
        return []
    return sorted({offsets[place] for place in found})


def _calm(history: History, environment: str, offsets: Sequence[int], place: int, least: int) -> int:
    """Answer the nearest place up to this one at which no scan is open, the place itself if that lies too far back."""
    calm = place
    while calm >= least:
        scans = history.all(environment, Kind.SCAN, offsets[calm])
        begin = open_scan(item.version.value for item in scans if item.version.value is not None)
        if begin is None:
            return calm
        calm = bisect_left(offsets, begin) - 1
    return place


def verify_in_parallel(
    door: Door, environment: str, jobs: int, progress: Progress = quiet, *, worth: int = WORTH
) -> Verdict:
    """As verify, by up to `jobs` processes; `progress` is told how many events are done, and of how many.

    What is wrong at the offset where a segment begins is found, too, if nothing before it is: see streams.verify.
    """
    with door() as (journal, history):
        position = history.position(environment)
        total = sum(1 for step in history.checkpoints(environment) if step.offset <= position.offset)
        count = max(1, min(jobs, total // max(worth, 1)))
        parts = segments(position, cut(history, environment, count) if count > 1 else [])
        if len(parts) == 1:
            done = iter(range(1, total + 2))
            return verified(
                journal, history, environment, parts[0], lambda _offset, _upto: progress(next(done, total), total)
            )
    return _Crew(door, environment, parts, get_context("spawn")).verdict(progress, total)


class _Crew:
    """The processes, one for each segment, and what they share: how far each is, and the first that found anything."""

    def __init__(self, door: Door, environment: str, parts: Sequence[Segment], context: SpawnContext) -> None:
        # spawned, not forked: neither log nor history may be carried across a fork
        self._door = door
        self._environment = environment
        self._parts = parts
        self._context = context
        self._done = context.Array("q", len(parts), lock=False)
        self._wrong = context.Value("q", len(parts), lock=False)

    def verdict(self, progress: Progress, total: int) -> Verdict:
        shared = (self._done, self._wrong)
        with ProcessPoolExecutor(len(self._parts), self._context, initializer=_share, initargs=shared) as pool:
            try:
                running = [
                    pool.submit(_segment, number, self._door, self._environment, part)
                    for number, part in enumerate(self._parts)
                ]
                self._watch(running, progress, total)
                return joined(_sound(running))
            except BrokenProcessPool as error:
                raise HistoryError(
                    f"environment {self._environment}: a process of the verification was killed (did the memory "
                    "suffice? --jobs 1 takes the least)"
                ) from error
            finally:
                self._wrong.value = -1  # whoever is not done now, because this was interrupted, need not go on

    def _watch(self, running: Sequence[Future[Verdict]], progress: Progress, total: int) -> None:
        left = set(running)
        while left:
            ended, left = wait(left, _LOOK)
            progress(sum(self._done), total)
            for number, one in enumerate(running):
                if one in ended and (one.exception() is not None or one.result().problem is not None):
                    self._wrong.value = min(self._wrong.value, number)


def _sound(running: Sequence[Future[Verdict]]) -> list[Verdict]:
    """Answer the verdicts up to the first that is not good; raises what a process raised, if nothing before it is."""
    verdicts = []
    for one in running:
        verdicts.append(one.result())
        if verdicts[-1].problem is not None:
            break
    return verdicts


_shared: list[Any] = []
"""In a process of the crew: the numbers of events done, and the number of the first segment that is wrong."""


def _share(*shared: Any) -> None:  # noqa: ANN401 - shared memory, which has no type of its own
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who is interrupted says so to its crew
    _shared[:] = shared


def _segment(number: int, door: Door, environment: str, segment: Segment) -> Verdict:
    done, wrong = _shared

    def count(_offset: int, _upto: int) -> None:
        done[number] += 1

    with door() as (journal, history):
        return verified(journal, history, environment, segment, count, stopped=lambda: wrong.value < number)
