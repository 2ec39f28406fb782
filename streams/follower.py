"""Who asks where somebody else folds: waits a moment for the workers, and answers as far as they have come."""

import time
from typing import Final, Protocol

from schemas.errors import HistoryError
from streams.history import History, Position
from streams.journal import Journal

_LOOK: Final = 0.02
"""Seconds between two looks at the history."""


class Upkeep(Protocol):
    """What keeps a history up to its log: a worker in this process, or the wait for others."""

    def catch_up(self, environment: str) -> Position:
        """Bring the history up to the log's head, as far as it can be; answer how far it reaches."""
        ...

    def catch_up_all(self) -> None:
        """Do so for every environment."""
        ...


class Follower:
    """Leaves the folding to the workers of the log."""

    def __init__(self, journal: Journal, history: History, patience: float) -> None:
        """Wait for up to `patience` seconds until the history has what was on the log when asked."""
        self._journal = journal
        self._history = history
        self._patience = patience

    def catch_up(self, environment: str) -> Position:
        """Answer how far the history reaches, once it has the log's head or patience is over.

        HistoryError if no worker has folded anything of the environment by then.
        """
        head = self._journal.head(environment)
        deadline = time.monotonic() + self._patience
        while True:
            position = self._history.position(environment)
            if position.offset >= head or time.monotonic() > deadline:
                break
            if not self._journal.has_more(environment, position.offset, head):
                break
            time.sleep(_LOOK)
        if position.offset < 0 and self._journal.has_more(environment, -1, head):
            raise HistoryError(f"environment {environment}: no worker has folded its log yet (start: calipso worker)")
        return position

    def catch_up_all(self) -> None:
        """Do nothing: the workers do."""
