"""What a benchmark works with: an estate of one size, its filled history, and the references that hold the same."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from benchmarks.duckdb_peer import DuckPeer
from benchmarks.estate import EXTENTS, Estate, Extent
from benchmarks.peer import Missing, Peer
from benchmarks.raphtory_peer import RaphtoryPeer
from benchmarks.shelf import Filled, Shelf
from benchmarks.ticks import CLOCKS
from streams.local_history import LocalHistory

_P = TypeVar("_P")


class Lab:
    """Everything of one size, each made when it is first asked for."""

    def __init__(self, size: str, shelf: Shelf, clock: str = "wall") -> None:
        """Work with what is on a shelf, and take times by one of the clocks."""
        self.clock = CLOCKS[clock]
        self._unit = "" if clock == "wall" else f" ({clock})"
        self.size = size
        self.shelf = shelf

    def unit(self, unit: str) -> str:
        """Answer a unit of what the clock has taken; that of the wall goes without saying."""
        return unit + self._unit

    @property
    def extent(self) -> Extent:
        """Answer how much there is of everything, and how much is asked."""
        return EXTENTS[self.size]

    @cached_property
    def estate(self) -> Estate:
        """Answer the estate."""
        return self.shelf.estate(self.size)

    @cached_property
    def filled(self) -> tuple[Path, Filled]:
        """Answer the folder of the filled history, and what it holds."""
        return self.shelf.history(self.size)

    def opened(self) -> LocalHistory:
        """Answer the filled history, opened anew to be read: it remembers nothing; close it in the end."""
        return LocalHistory(self.filled[0], read_only=True)

    @cached_property
    def raphtory(self) -> RaphtoryPeer:
        """Answer raphtory with the same changes; Missing if it is not installed."""
        peer = RaphtoryPeer()
        for step in self.estate.steps():
            peer.take(step.changes)
        return peer

    @cached_property
    def duckdb(self) -> DuckPeer:
        """Answer DuckDB with the same changes; Missing if it is not installed."""
        file = self.shelf.folder / f"{self.filled[0].name}.duckdb"
        with suppress(FileNotFoundError):
            file.unlink()
        peer = DuckPeer(file)
        for step in self.estate.steps():
            peer.load(step.changes)
        peer.settle()
        return peer

    def peers(self) -> Iterator[Peer]:
        """Yield the references that are installed; say on stderr which is not."""
        for ask in (lambda: self.raphtory, lambda: self.duckdb):
            yield from asked(ask)

    def close(self) -> None:
        """Release files."""
        for name in ("raphtory", "duckdb"):
            held = self.__dict__.pop(name, None)
            if held is not None:
                held.close()


def asked(ask: Callable[[], _P]) -> Iterator[_P]:
    """Yield what is answered, or nothing and a line on stderr if it is not installed."""
    try:
        answer = ask()
    except Missing as missing:
        print(f"skipped a reference: {missing}", file=sys.stderr)
        return
    yield answer
