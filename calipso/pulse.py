"""The pulse of what runs for long: a file says how it is, and by when it says so again; a health check reads it."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from schemas.errors import CouldNotLook, NotFound

_SELDOM: Final = 5.0
"""Seconds between two beats that say the same."""


@dataclass(slots=True)
class Pulse:
    """Written by one process, read by others of the same machine."""

    folder: Path
    what: str
    """listener or scanner."""
    environment: str
    _said: tuple[bool, str] | None = None
    _at: float = 0.0

    @property
    def _path(self) -> Path:
        return self.folder / "pulse" / f"{self.what}-{quote(self.environment, safe='')[:200]}.json"

    def beat(self, well: bool, text: str, within: float) -> None:
        """Say how it is; the next beat comes within so many seconds, or it is not well. Never fails."""
        if self._said == (well, text) and time.monotonic() - self._at < _SELDOM:
            return
        self._said, self._at = (well, text), time.monotonic()
        self._write(within)

    def extend(self, within: float) -> None:
        """Say the same again, for so many seconds."""
        self._write(within)

    @property
    def well(self) -> bool:
        """Answer what was said last; before anything was, all is well."""
        return self._said is None or self._said[0]

    def _write(self, within: float) -> None:
        well, text = self._said or (True, "")
        draft = self._path.with_suffix(".draft")
        with suppress(OSError):  # a folder that takes nothing shows as a pulse that is late
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps({"well": well, "text": text, "until": time.time() + within}))
            draft.replace(self._path)

    def end(self) -> None:
        """Leave no pulse behind."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def check(self) -> str:
        """Answer what it said, if it is well; NotFound if nothing runs, CouldNotLook if it is not well."""
        try:
            said = json.loads(self._path.read_text())
        except FileNotFoundError:
            raise NotFound(f"{self.environment}: no {self.what} runs in {self.folder}") from None
        except (OSError, ValueError) as error:
            raise CouldNotLook(f"{self.environment}: the pulse of the {self.what} cannot be read: {error}") from error
        late = time.time() - said["until"]
        if late > 0:
            raise CouldNotLook(f"{self.environment}: the {self.what} has said nothing for {late:.0f} s too long")
        if not said["well"]:
            raise CouldNotLook(f"{self.environment}: the {self.what} is not well: {said['text']}")
        return str(said["text"])
