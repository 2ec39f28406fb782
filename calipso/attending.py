"""The upkeep of a command that asks: a long folding, such as the first one of a log, shows how far it is."""

from typing import Final

from calipso.bar import folding
from streams.history import History, Position
from streams.journal import Journal
from streams.worker import Worker

LONG: Final = 1000
"""Events that take long enough to be shown."""


class Attended:
    """A worker that a person waits for at a terminal; broken off, the next command goes on where it was."""

    def __init__(self, worker: Worker, journal: Journal, history: History) -> None:
        """Stand before `worker`, which folds `journal` into `history`."""
        self._worker = worker
        self._journal = journal
        self._history = history

    def catch_up(self, environment: str) -> Position:
        """As Worker's."""
        if self._journal.head(environment) - self._history.position(environment).offset < LONG:
            return self._worker.catch_up(environment)
        with folding(f"folding {environment}") as progress:
            return self._worker.catch_up(environment, progress)

    def catch_up_all(self) -> None:
        """Do so for every environment."""
        for environment in self._journal.environments():
            self.catch_up(environment)
