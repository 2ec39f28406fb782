"""The two streams of the program: lines and tables on standard output, trouble on standard error."""

import os
import sys
from collections.abc import Iterable, Sequence
from json import dumps
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from calipso.values import printable, short

_GAP: Final = 2
_LEAST: Final = 12
"""Columns that a folded cell must at least have; on a narrower terminal every column folds."""


class _Stream(Console):
    """A console that leaves a reader who has seen enough to the program's entry."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


out = _Stream()
err = _Stream(stderr=True)


def as_json(answer: object) -> None:
    """Print an answer as indented JSON, the same for a terminal and for a pipe."""
    sys.stdout.write(f"{dumps(answer, indent=2, ensure_ascii=False)}\n")
    sys.stdout.flush()


def line(text: str, style: str = "") -> None:
    """Print one line as it is, however long."""
    out.print(Text(printable(text), style=style), soft_wrap=True)


def clipped(text: str, style: str = "") -> None:
    """Print one line, on a terminal not longer than that is wide (--json has it whole)."""
    line(_shortened(printable(text), out.width) if out.is_terminal else text, style)


def pieces(*parts: tuple[str, str]) -> None:
    """Print one line of parts, each a text and its style."""
    out.print(Text.assemble(*((printable(text), style) for text, style in parts)), soft_wrap=True)


def warning(text: str) -> None:
    """Print one line about what may be wrong, on standard error."""
    err.print(Text(f"warning: {printable(text)}", style="yellow"), soft_wrap=True)


def trouble(text: str) -> None:
    """Print one line about what went wrong, on standard error."""
    err.print(Text(f"calipso: {printable(' '.join(text.split()))}", style="red"), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, cut: bool = False) -> None:
    """Print a table: for a pipe a line for each row, for a terminal made as narrow as that is.

    The last column then folds first; with `cut` it is cut off instead, so that each row is one line.
    """
    cells = [[printable(short(cell)) for cell in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(columns, *cells, strict=True)]
    if not out.is_terminal:
        for row in (columns, *cells):
            line((" " * _GAP).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    room = out.width - sum(widths[:-1]) - _GAP * (len(widths) - 1)
    if cut and room >= _LEAST:
        cells = [[*row[:-1], _shortened(row[-1], room)] for row in cells]
    out.print(_grid(columns, cells, fits=room >= _LEAST))


def _grid(columns: Sequence[str], cells: list[list[str]], *, fits: bool) -> Table:
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for place, column in enumerate(columns):
        grid.add_column(column, overflow="fold", no_wrap=fits and place < len(columns) - 1)
    for row in cells:
        grid.add_row(*map(Text, row))
    return grid


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 3]}..."


def hush() -> None:
    """Let nothing more be written to standard output, whose reader is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
