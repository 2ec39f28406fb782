"""Waiting for work that others do, without being deaf to the wish to stop."""

import threading
from concurrent.futures import Future, wait
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from schemas.errors import Stopped

_T = TypeVar("_T")

NOTICED: Final = 0.5
"""Seconds within which a wish to stop is noticed, however long the work lasts."""


def taken(queue: "SimpleQueue[_T]", stop: threading.Event) -> _T:
    """Answer the next item of a queue. Raises Stopped."""
    while True:
        check(stop)
        try:
            return queue.get(timeout=NOTICED)
        except Empty:
            continue


def done(future: "Future[_T]", stop: threading.Event) -> _T:
    """Answer what a future comes to, or raise what it raises. Raises Stopped."""
    while not future.done():
        check(stop)
        wait([future], NOTICED)
    return future.result()


def check(stop: threading.Event) -> None:
    """Raise Stopped if that is wished."""
    if stop.is_set():
        raise Stopped("the scan was told to stop")
