"""Trials: does a source answer as it should? All at once, none for longer than it may."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from producers.remedies import remedy
from schemas.canonical import Document
from schemas.errors import CalipsoError


class Trial(NamedTuple):
    """One source that is to be tried."""

    source: str
    """api, host, database, bus, ovn or monitoring."""
    target: str
    """Which of them."""
    ask: Callable[[], str]
    """Answers what the source said, in one line; raises CalipsoError if it is not as it should be. May block."""


class Tried(NamedTuple):
    """How a source answered."""

    source: str
    target: str
    passed: bool
    text: str
    remedy: str
    """Empty if it passed."""
    seconds: float

    def document(self) -> Document:
        """Answer it as JSON."""
        return {**self._asdict(), "seconds": round(self.seconds, 3)}


def tried(trials: Sequence[Trial], seconds: float) -> list[Tried]:
    """Try all at once and answer how each went, in their order; one that says nothing for so long has failed.

    What never answers is left behind in a thread that does not keep the program from ending.
    """
    began = time.monotonic()
    found: dict[int, Tried] = {}
    threads = [
        threading.Thread(target=_try, args=(trial, number, found, began), daemon=True)
        for number, trial in enumerate(trials)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, began + seconds - time.monotonic()))
    return [found.get(number) or _late(trial, seconds) for number, trial in enumerate(trials)]


def _try(trial: Trial, number: int, found: dict[int, Tried], began: float) -> None:
    """Note how it went; what is no error of ours is a fault of the program: said, and raised as well."""
    try:
        _note(trial, number, found, began, trial.ask(), passed=True)
    except CalipsoError as error:
        _note(trial, number, found, began, str(error), passed=False)
    except Exception as error:
        _note(trial, number, found, began, f"an unexpected {type(error).__name__}: {error}", passed=False)
        raise


def _note(trial: Trial, number: int, found: dict[int, Tried], began: float, text: str, *, passed: bool) -> None:
    text = " ".join(text.split())
    mending = "" if passed else remedy(trial.source, trial.target, text)
    found[number] = Tried(trial.source, trial.target, passed, text, mending, time.monotonic() - began)


def _late(trial: Trial, seconds: float) -> Tried:
    text = f"no answer within {seconds:g} seconds"
    return Tried(trial.source, trial.target, False, text, remedy(trial.source, trial.target, text), seconds)
