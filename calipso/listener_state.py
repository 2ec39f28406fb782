"""How a listener is, written to the log when it changes."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from calipso.wiring import event
from schemas.errors import LogError
from schemas.events import Event, ListenerStateChanged

RUNNING: Final = "running"
RETRYING: Final = "retrying"
STOPPED: Final = "stopped"
ERROR: Final = "error"

SOURCE: Final = "listener"
_SELDOM: Final = 60.0
"""Seconds between two events of one state: a cause that is another each time must not fill the log."""


def changed(environment: str, state: str, cause: str) -> Event:
    """Answer the event that says so."""
    return event(environment, ListenerStateChanged(state, cause), SOURCE)


class ListenerState:
    """Writes the state of one listener. While the log takes nothing, what was told last is written later."""

    def __init__(
        self, environment: str, append: Callable[[list[Event]], object], known: tuple[str, str] | None = None
    ) -> None:
        """`known`: state and cause, as the log has them."""
        self._environment = environment
        self._append = append
        self._written = known
        self._at = -_SELDOM

    def tell(self, state: str, cause: str) -> None:
        """Say how it is; the same may be said again and again. Never fails."""
        if (state, cause) == self._written:
            return
        is_another = self._written is None or self._written[0] != state
        if is_another or time.monotonic() - self._at >= _SELDOM:
            with suppress(LogError):
                self._append([changed(self._environment, state, cause)])
                self._written = (state, cause)
                self._at = time.monotonic()
