"""How a listener is, written to the log when it changes."""

import time
from collections.abc import Callable
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
"""Seconds between two events of one state: a cause that is another each time must not fill the log.

And between two attempts to write to a log that takes nothing."""
_BRIEF: Final = 10.0
"""Seconds between two events of different states: a bus that accepts and fails at once must not fill it either."""
_FINAL: Final = (STOPPED, ERROR)
"""States that nothing follows, which are never too early."""


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
        self._written_at = -_SELDOM
        self._refused_at = -_SELDOM

    def tell(self, state: str, cause: str) -> None:
        """Say how it is, again and again: what comes too early is written later, if it is still so. Never fails.

        A log that does not answer keeps it waiting, once in a minute at most.
        """
        if not self._is_due(state, cause):
            return
        try:
            self._append([changed(self._environment, state, cause)])
        except LogError:
            self._refused_at = time.monotonic()
        else:
            self._written, self._written_at = (state, cause), time.monotonic()

    def _is_due(self, state: str, cause: str) -> bool:
        now = time.monotonic()
        if (state, cause) == self._written or now - self._refused_at < _SELDOM:
            return False
        if state in _FINAL:
            return True
        is_another = self._written is None or self._written[0] != state
        return now - self._written_at >= (_BRIEF if is_another else _SELDOM)
