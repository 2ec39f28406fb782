"""The progress bar of a scan: how many fetches are done, and which one is under way."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from calipso import show


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """Yield a bar on standard error; it leaves nothing behind when the scan is done."""
    columns = (
        TextColumn("[bold]{task.fields[title]}[/]"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=show.err, transient=True) as progress:
        progress.add_task("", title=title, total=None)
        yield progress
