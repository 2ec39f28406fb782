"""Where what is dear to make is kept from run to run: moulds, and histories that are filled. It may be deleted."""

import pickle
import re
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from shutil import rmtree

import msgspec

from benchmarks.cloud import NAME
from benchmarks.estate import EXTENTS, ORDER, SEED, Estate, Extent
from benchmarks.mould import Mould
from benchmarks.ticks import CLOCKS, Clock
from projections.fold import VERSION
from streams.history import History, Position, Step
from streams.local_history import FORMAT, LocalHistory

_DONE = "filled.json"
_SOURCES = ("cloud", "cell", "oslo", "life", "mould")
"""Modules that decide, beside the order of the cells, what a history holds."""


class Filled(msgspec.Struct, frozen=True):
    """What a filled history holds and what it cost."""

    changes: int
    events: int
    log_bytes: int
    seconds: float
    filled_by: str
    """Names the code that filled it."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of moulds and histories.

    A history that other code has filled is filled anew, unless `keep`: then any of its format is taken.
    """

    folder: Path
    keep: bool = False

    def estate(self, size: str) -> Estate:
        """Answer the estate of a size; its mould is made if it is not here."""
        extent = EXTENTS[size]
        return Estate(self._mould(extent), extent.cells)

    def few_cells(self, size: str, cells: int) -> Estate:
        """Answer an estate of cells like those of a size."""
        return Estate(self._mould(EXTENTS[size]), cells)

    def history(self, size: str, cells: int | None = None) -> tuple[Path, Filled]:
        """Answer the folder of a filled history of a size, or of fewer cells alike; it is filled if it is not here."""
        extent = EXTENTS[size]
        number = extent.cells if cells is None else cells
        folder = self.folder / f"history-{_mark(extent)}-{number}-f{FORMAT}"
        done = folder / _DONE
        if not done.exists() or (not self.keep and _read(done).filled_by != _filled_by()):
            rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            with closing(LocalHistory(folder)) as history:
                filled = fill(history, self.few_cells(size, number), CLOCKS["wall"])
            done.write_bytes(msgspec.json.encode(filled))
        return folder, _read(done)

    def _mould(self, extent: Extent) -> Mould:
        file = self.folder / f"mould-{_mark(extent)}.pickle"
        if not file.exists():
            mould = Mould(extent.cell, SEED, extent.changes)
            self.folder.mkdir(parents=True, exist_ok=True)
            file.with_suffix(".new").write_bytes(pickle.dumps(mould))
            file.with_suffix(".new").replace(file)
            return mould
        mould = pickle.loads(file.read_bytes())  # noqa: S301 - written above, by whoever runs this
        assert isinstance(mould, Mould)
        return mould


def default_folder() -> Path:
    """Answer the folder that is used where none is named."""
    return Path(tempfile.gettempdir()) / "calipso-benchmarks"


def fill(
    history: History,
    estate: Estate,
    clock: Clock,
    watch: Callable[[list[Step], float], None] = lambda _steps, _seconds: None,
) -> Filled:
    """Write an estate into a history as a worker does; only the writing is timed. `watch` hears of each batch."""
    seconds, after = 0.0, -1
    for steps in estate.batches():
        took = write(history, steps, after, clock)
        after = steps[-1].offset
        seconds += took
        watch(steps, took)
    return Filled(estate.changes, estate.events, estate.log_bytes, seconds, _filled_by())


def write(history: History, steps: list[Step], after: int, clock: Clock) -> float:
    """Write steps behind an offset; answer the seconds that it took."""
    last = steps[-1]
    position = Position(last.offset, last.offset + 1, last.digest, VERSION)
    start = clock()
    taken = history.write(NAME, steps, position, after)
    took = clock() - start
    assert taken, f"the history does not take offset {last.offset}"
    return took


def _read(done: Path) -> Filled:
    return msgspec.json.decode(done.read_bytes(), type=Filled)


@cache
def _filled_by() -> str:
    """Answer a name for the code of the history: its module with all of `streams` that this imports."""
    found: dict[str, bytes] = {}
    left = [LocalHistory.__module__]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = Path(str(import_module(name).__file__)).read_bytes()
            left += [imported.decode() for imported in _IMPORTED.findall(found[name])]
    return sha256(b"".join(found[name] for name in sorted(found))).hexdigest()[:12]


_IMPORTED = re.compile(rb"^from (streams\.\w+) import", re.MULTILINE)


def _mark(extent: Extent) -> str:
    """Answer a name for what a mould holds: it changes with the extent and with the modules that make it."""
    digest = sha256(repr((extent.cell, extent.changes, SEED, ORDER, VERSION)).encode())
    for module in _SOURCES:
        digest.update((Path(__file__).parent / f"{module}.py").read_bytes())
    return digest.hexdigest()[:12]
