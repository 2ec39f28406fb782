"""Taking times: questions in turn to each of several, so that a noisy moment meets them all."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

_Q = TypeVar("_Q")
_A = TypeVar("_A")
Clock = Callable[[], float]
"""Answers seconds since some moment."""
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "processor": time.process_time}
"""The processor's counts what all threads of this process have used, and nothing that others on the machine do."""

_BLOCK = 20
"""Questions to one before the next is asked the same."""


def latencies(
    questions: Sequence[_Q], answerers: Sequence[Callable[[_Q], _A]], clock: Clock, block: int = _BLOCK
) -> list[list[float]]:
    """Answer the seconds of each question, by answerer; AssertionError if two answers differ."""
    found: list[list[float]] = [[] for _ in answerers]
    for start in range(0, len(questions), block):
        some = questions[start : start + block]
        first: list[_A] | None = None
        for answer, times in zip(answerers, found, strict=True):
            answers = [_timed(answer, question, times, clock) for question in some]
            if first is None:
                first = answers
            for question, one, other in zip(some, first, answers, strict=True):
                assert one == other, f"different answers to {question}"
    return found


def _timed(answer: Callable[[_Q], _A], question: _Q, times: list[float], clock: Clock) -> _A:
    start = clock()
    answered = answer(question)
    times.append(clock() - start)
    return answered


def percentile(times: Sequence[float], percent: float) -> float:
    """Answer the time that so many percent do not exceed."""
    return sorted(times)[min(len(times) - 1, int(len(times) * percent / 100))]


def seconds(work: Callable[[], object], clock: Clock) -> float:
    """Answer how long something takes."""
    start = clock()
    work()
    return clock() - start
