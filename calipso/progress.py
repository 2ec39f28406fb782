"""How far a scan is, for other processes of the machine to read: a file that its process writes."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from producers.progress import Progress
from schemas.canonical import Document
from schemas.events import Scope

_SELDOM: Final = 0.5
"""Seconds between two writes."""


class Told:
    """Writes where a scan is into a file, and tells another progress, too (a producers.progress.Progress)."""

    def __init__(self, folder: Path, environment: str, other: Progress) -> None:
        """Begin; the scan's id may come later."""
        self.scan_id: str | None = None
        self._path = _path(folder, environment)
        self._other = other
        self._fetches = self._done = 0
        self._now = ""
        self._wrote = 0.0

    def planned(self, fetches: int) -> None:
        """So many fetches are known by now."""
        self._other.planned(fetches)
        self._fetches = fetches
        self._write()

    def began(self, scope: Scope) -> None:
        """A fetch began."""
        self._other.began(scope)
        self._now = f"{scope.entry} of {scope.parent_type} {scope.parent_id}"

    def ended(self, scope: Scope, found: int, *, failed: bool) -> None:
        """A fetch ended."""
        self._other.ended(scope, found, failed=failed)
        self._done += 1
        self._write()

    def end(self) -> None:
        """Leave no file behind."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        if self.scan_id is None or time.monotonic() - self._wrote < _SELDOM:
            return
        self._wrote = time.monotonic()
        draft = self._path.with_suffix(".draft")
        told = {"scan": self.scan_id, "fetches": self._fetches, "done": self._done, "now": self._now}
        with suppress(OSError):  # nobody needs it
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(told))
            draft.replace(self._path)


@contextmanager
def told(folder: Path, environment: str, other: Progress) -> Iterator[Told]:
    """Yield the progress of one scan; when the block ends, nothing is left of it."""
    progress = Told(folder, environment, other)
    try:
        yield progress
    finally:
        progress.end()


def progress_of(folder: Path, environment: str, scan_id: str) -> Document | None:
    """Answer how far a scan is: {fetches, done, now}; None if no process of this machine tells."""
    try:
        told: Document = json.loads(_path(folder, environment).read_text())
    except (OSError, ValueError):
        return None
    return {name: told[name] for name in ("fetches", "done", "now")} if told.get("scan") == scan_id else None


def _path(folder: Path, environment: str) -> Path:
    return folder / "pulse" / f"progress-{quote(environment, safe='')[:200]}.json"
