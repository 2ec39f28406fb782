"""The progress bars: of a scan, how many fetches are done and which one is under way; of a fold, how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from calipso.terminal import err
from schemas.events import Scope


class Walk:
    """Shows where a scan is (a producers.progress.Progress)."""

    def __init__(self, bar: Progress, title: str) -> None:
        """Show it on a bar."""
        self._bar = bar
        self._task = bar.add_task("", title=title, total=None)

    def planned(self, fetches: int) -> None:
        """Show how many fetches are known by now."""
        self._bar.update(self._task, total=fetches)

    def began(self, scope: Scope) -> None:
        """Show which fetch was begun last."""
        self._bar.update(self._task, description=f"{scope.entry} of {scope.parent_type} {scope.parent_id}")

    def ended(self, scope: Scope, found: int, *, failed: bool) -> None:  # noqa: ARG002 - the result tells what failed
        """Count a fetch that ended."""
        self._bar.advance(self._task)


@contextmanager
def shown(title: str) -> Iterator[Walk]:
    """Yield a walk on standard error; the bar leaves nothing behind when the scan is done."""
    columns = (
        TextColumn("[bold]{task.fields[title]}[/]"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield Walk(bar, title)


@contextmanager
def folding(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what shows the offset reached and the one aimed at, on standard error."""
    columns = (TextColumn("[bold]{task.description}[/]"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda reached, aim: bar.update(task, completed=reached, total=aim)
