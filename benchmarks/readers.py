"""Readers beside the writer: eight processes ask at a steady pace while events are written.

A reader looks at the newest event and checks that nothing of it is missing: what the history had before it and what
it says that the event changed must come to the digest after it.
"""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.cloud import NAME
from benchmarks.lab import Lab
from benchmarks.measure import Measure
from benchmarks.serving import answer
from benchmarks.shelf import write
from benchmarks.ticks import CLOCKS
from projections.change import Change, Key, Kind
from projections.digest import advance
from streams.history import History
from streams.local_history import LocalHistory

_PACE = 0.1
"""Seconds from one question of a reader to its next: two cores answer and write, and nobody asks without a pause."""
_TURNS = 6
"""So often the readers are let ask and stopped again, so that a noisy moment meets both."""
_PATIENCE = 180.0


def readers(lab: Lab) -> Iterator[Measure]:
    """Live writes while eight processes ask ten times a second each, beside writes alone; no event is seen in part."""
    batches = lab.estate.batches()
    asked = lab.estate.some(Random(8), Kind.OBJECT, lab.extent.questions)  # noqa: S311 - a seed
    with TemporaryDirectory() as folder, closing(LocalHistory(Path(folder))) as history:
        first = list(islice(batches, lab.estate.events // 512))
        after = -1
        for steps in first:
            write(history, steps, after, CLOCKS["wall"])
            after = steps[-1].offset
        rates: tuple[list[float], list[float]] = ([], [])
        rest = list(islice(batches, 20 * _TURNS))
        turn = max(1, len(rest) // (2 * _TURNS))
        with _reading(Path(folder), [key for key, _ in asked], lab.extent.readers) as (asking, counted):
            for number in range(0, len(rest), turn):
                asking.value = (number // turn) % 2
                time.sleep(_PACE)
                changes, took = 0, 0.0
                for steps in rest[number : number + turn]:
                    took += write(history, steps, after, CLOCKS["wall"])
                    after = steps[-1].offset
                    changes += sum(len(step.changes) for step in steps)
                rates[(number // turn) % 2].append(changes / took)
        assert counted.value > 0, "no reader asked anything"
    alone, read = map(median, rates)
    yield Measure("readers", lab.size, read, "changes/s", alone, "the same writes alone", read / alone, 0.8)


@contextmanager
def _reading(folder: Path, keys: list[Key], count: int) -> Iterator[tuple["Synchronized[int]", "Synchronized[int]"]]:
    """Start readers; answer the switch that lets them ask, and how much they have asked."""
    context: SpawnContext = multiprocessing.get_context("spawn")
    asking, counted = context.Value("i", 0), context.Value("i", 0)
    ready = context.Semaphore(0)
    started: list[BaseProcess] = [
        context.Process(target=_read, args=(folder, keys[number::count], asking, counted, ready))
        for number in range(count)
    ]
    for process in started:
        process.start()
    try:
        for _ in started:
            assert ready.acquire(timeout=_PATIENCE), "a reader does not come up"
        yield asking, counted
    finally:
        asking.value = -1
        for process in started:
            process.join(_PATIENCE)
    assert all(process.exitcode == 0 for process in started), "a reader saw an event in part"


def _read(
    folder: Path, keys: list[Key], asking: "Synchronized[int]", counted: "Synchronized[int]", ready: object
) -> None:
    with closing(LocalHistory(folder, read_only=True)) as history:
        ready.release()  # type: ignore[attr-defined]  # a semaphore, whose class depends on the context
        number = 0
        while asking.value >= 0:
            if asking.value:
                at = history.position(NAME).offset
                check_whole(history, at)
                answer(history, number, keys[number % len(keys)], at)
                number += 1
                with counted.get_lock():
                    counted.value += 1
            time.sleep(_PACE)


def check_whole(history: History, at: int) -> None:
    """Hold a history to its digest at an offset: AssertionError if a part of the event there is missing."""
    before, after = history.blame(NAME, at - 1), history.blame(NAME, at)
    assert before is not None, f"nothing is known of offset {at - 1}"
    assert after is not None, f"nothing is known of offset {at}"
    changes = []
    for key, version in history.step_changes(NAME, at):
        was = history.get(NAME, key, at - 1)
        now = history.get(NAME, key, at)
        assert (now and now.value) == version.value, f"{key} is not what the event at {at} made of it"
        changes.append(Change(key, was and was.value, version.value, at))
    assert advance(before.digest, changes) == after.digest, f"of the event at {at} a part is missing"


BENCHMARKS = {"readers": readers}
