"""Two moments compared: what a diff costs beside other ways to it, and beside itself in a smaller history."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import median

from benchmarks.bare import Bare
from benchmarks.cloud import NAME
from benchmarks.estate import Estate
from benchmarks.lab import Lab, asked
from benchmarks.measure import Measure
from benchmarks.peer import Pair
from benchmarks.ticks import Clock, latencies, seconds
from projections.change import Key
from projections.diff import diff
from schemas.canonical import Document
from streams.comparison import compare, visible
from streams.history import History, Version
from streams.local_history import LocalHistory
from streams.moments import Moment

Window = tuple[int, int]
"""Two offsets between which so many changes lie."""
Difference = tuple[Key, Document | None, Document | None]

_WINDOWS = 5
_SHARE = 10
"""The smaller history has so many times fewer cells, and so many times fewer changes."""


def diff_10k(lab: Lab) -> Iterator[Measure]:
    """A diff over ten thousand changes, field by field."""
    windows, unit = _windows(lab.estate, lab.extent.window), lab.unit("ms")
    for peer in asked(lambda: lab.duckdb):
        times = [_beside(lab, window, _in_python(peer.differences)) for window in windows]
        ours, reference = (median(each) * 1e3 for each in zip(*times, strict=True))
        yield Measure("diff-10k", lab.size, ours, unit, reference, peer.name, reference / ours, 1.0)
    times = [_beside(lab, window) for window in windows]
    ours = median(took for (took,) in times) * 1e3
    reference = sum(Bare.upto(lab.estate, windows[0], lab.clock)) * 1e3
    name = f"two replays: {Bare.name}"
    yield Measure("diff-10k", lab.size, ours, unit, reference, name, reference / ours, 100.0)


def _beside(lab: Lab, window: Window, *others: Callable[[Window], list[Difference]]) -> list[float]:
    """Answer the seconds of ours, which remembers no window before, and of others."""
    with closing(lab.opened()) as history:
        return [took for (took,) in latencies([window], [_ours(history), *others], lab.clock)]


def diff_scale(lab: Lab) -> Iterator[Measure]:
    """The same diff in this history and in one of a tenth of the changes, for each key that changed."""
    few = max(1, lab.extent.cells // _SHARE)
    folder, filled = lab.shelf.history(lab.size, few)
    small_windows = _windows(lab.shelf.few_cells(lab.size, few), lab.extent.window)
    pairs = zip(_windows(lab.estate, lab.extent.window), small_windows, strict=True)
    times = [(_a_key(lab.filled[0], window, lab.clock), _a_key(folder, other, lab.clock)) for window, other in pairs]
    value, reference = (median(each) * 1e6 for each in zip(*times, strict=True))
    name = f"the same inside {filled.changes} changes"
    yield Measure(
        "diff-scale", lab.size, value, lab.unit("us a key"), reference, name, reference / value, round(1 / 1.3, 3)
    )


def _windows(estate: Estate, changes: int) -> list[Window]:
    draw, counts = Random(6), estate.counts()  # noqa: S311 - a seed
    found = []
    for _ in range(_WINDOWS):
        after = draw.randrange(estate.events // 3, estate.events * 2 // 3)
        upto, left = after, changes
        while left > 0 and upto < estate.events - 1:
            upto += 1
            left -= counts[upto]
        found.append((after, upto))
    return found


def _a_key(folder: Path, window: Window, clock: Clock) -> float:
    """Answer the seconds of a diff for each key that changed, asked of a history that remembers nothing."""
    with closing(LocalHistory(folder, read_only=True)) as history:
        took = seconds(lambda: _ours(history)(window), clock)
        return took / len(history.changed(NAME, *window))


def _ours(history: History) -> Callable[[Window], list[Difference]]:
    def ask(window: Window) -> list[Difference]:
        a, b = (Moment(offset, 0) for offset in window)
        return [(change.key, change.before, change.after) for change in compare(history, NAME, a, b)]

    return ask


def _in_python(differences: Callable[[int, int], list[Pair]]) -> Callable[[Window], list[Difference]]:
    """Answer what compares documents of rows field by field, as ours does but for the blame."""

    def ask(window: Window) -> list[Difference]:
        found = []
        for key, before, after in sorted(differences(*window), key=lambda pair: pair[0]):
            old, new = (visible(key.kind, Version(0, value)) for value in (before, after))
            if old is None or new is None or diff(old, new):
                found.append((key, old, new))
        return found

    return ask


BENCHMARKS = {"diff-10k": diff_10k, "diff-scale": diff_scale}
