"""Scanning again and again, until the program is told to end."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import floor
from pathlib import Path
from typing import Final

from calipso.pulse import Pulse
from calipso.terminal import line, trouble
from calipso.values import span
from schemas.canonical import Document
from schemas.errors import BadInput, CalipsoError, Conflict

_LONGEST_SCAN: Final = 6 * 3600.0
"""Seconds after which a scan that has not ended is told as not well."""
_LATE: Final = 60.0


def every(
    interval: float, environment: str, folder: Path, scan: Callable[[], Document], show: Callable[[Document], None]
) -> None:
    """Scan at once, and then each `interval` seconds from the first start, until SIGTERM or SIGINT.

    A scan that lasts longer than the interval lets the starts pass that it missed. One that fails is told, and the next
    one is tried; only a first one that is refused for what was handed in (BadInput) is raised. A scan that
    is interrupted is written down as broken off.
    """
    pulse = Pulse(folder, "scanner", environment)
    first = time.monotonic()
    began = False
    try:
        with _interrupting():
            while True:
                _once(pulse, environment, scan, show, raises=not began)
                began = True
                elapsed = time.monotonic() - first
                _sleep(pulse, environment, (floor(elapsed / interval) + 1) * interval - elapsed)
    except KeyboardInterrupt:
        line(f"{environment}: told to end")
    finally:
        pulse.end()


def check(folder: Path, environment: str) -> str:
    """Answer what the scanner of the folder says; an error if there is none, or it is not well."""
    return Pulse(folder, "scanner", environment).check()


def _once(
    pulse: Pulse, environment: str, scan: Callable[[], Document], show: Callable[[Document], None], *, raises: bool
) -> None:
    pulse.beat(pulse.well, "scanning", _LONGEST_SCAN)
    try:
        result = scan()
    except CalipsoError as error:
        if raises and isinstance(error, BadInput):
            raise
        trouble(f"{environment}: {error}")
        # Somebody else's scan is no trouble of this one.
        pulse.beat(isinstance(error, Conflict), str(error), _LATE)
        return
    show(result)
    pulse.beat(result["status"] != "failed", f"last scan {result['status']}", _LATE)


def _sleep(pulse: Pulse, environment: str, seconds: float) -> None:
    line(f"{environment}: next scan in {span(seconds)}")
    pulse.extend(seconds + _LATE)
    time.sleep(seconds)


@contextmanager
def _interrupting() -> Iterator[None]:
    """Let SIGTERM interrupt as SIGINT does, each once: what writes the end of a scan is not interrupted again."""
    numbers = (signal.SIGTERM, signal.SIGINT)

    def interrupt(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
