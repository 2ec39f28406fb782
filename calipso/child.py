"""A command of ours as a process of its own: started, watched, told to end, and begun again when it died."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 300.0
"""Seconds before a command that died is begun again: twice as long each time."""
STEADY: Final = 60.0
"""Seconds after which one that lived so long is held to be well, and delays begin anew."""
GRACE: Final = 30.0
"""Seconds that one has to end when it is told to; then it is killed."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    """Its exit code; of a signal, the negative number."""
    told_to: bool
    said: str
    """The last line that it said on standard error."""

    def __str__(self) -> str:
        how = f"ended with exit code {self.code}" if self.code >= 0 else f"was ended by {_signal(-self.code)}"
        return f"{how}: {self.said}" if self.said and self.code > 0 else how


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Child:
    """One command. It ends when this process ends, however that ends."""

    def __init__(self, words: Sequence[str]) -> None:
        """Start nothing yet."""
        self._words = [sys.executable, "-m", "calipso.tethered", *words]
        self._process: subprocess.Popen[str] | None = None
        self._delay = FIRST_DELAY
        self._began = 0.0
        self._due = 0.0
        self._kill_at: float | None = None
        self._said = ""
        self._hearing: threading.Thread | None = None

    @property
    def runs(self) -> bool:
        """Answer whether the process is there."""
        return self._process is not None

    @property
    def wait(self) -> float:
        """Answer the seconds until it may be started (again)."""
        return max(0.0, self._due - time.monotonic())

    def start(self) -> None:
        """Start it, in a session of its own: an interrupt from the keyboard is for this process alone."""
        self._said = ""
        self._began = time.monotonic()
        self._kill_at = None
        self._process = subprocess.Popen(
            self._words,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",  # what libraries say there need not be text: nobody would hear the rest
            start_new_session=True,
        )
        self._hearing = threading.Thread(target=self._hear, args=(self._process,), daemon=True)
        self._hearing.start()

    def _hear(self, process: "subprocess.Popen[str]") -> None:
        """Hand on what it says on standard error, and keep the last line: it says why it ends."""
        for said in process.stderr or ():
            sys.stderr.write(said)
            sys.stderr.flush()
            self._said = said.strip().removeprefix("calipso: ") or self._said

    def begin_anew(self) -> None:
        """Forget how often it died: what it does is another thing now."""
        self._due, self._delay = 0.0, FIRST_DELAY

    def stop(self) -> None:
        """Tell it to end; `poll` kills it when it takes too long."""
        if self._process is not None and self._kill_at is None:
            self._kill_at = time.monotonic() + GRACE
            self._process.terminate()

    def poll(self) -> Ended | None:
        """Answer how it ended, once; None while it runs or after that was answered."""
        process = self._process
        if process is None:
            return None
        if process.poll() is None:
            if self._kill_at is not None and time.monotonic() > self._kill_at:
                process.kill()
            return None
        return self._ended(process)

    def _ended(self, process: "subprocess.Popen[str]") -> Ended:
        self._process = None
        if self._hearing is not None:
            self._hearing.join(2.0)
        for pipe in (process.stdin, process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        if self._kill_at is not None:
            self.begin_anew()
        else:
            if time.monotonic() - self._began > STEADY:
                self._delay = FIRST_DELAY
            self._due = time.monotonic() + self._delay
            self._delay = min(2 * self._delay, LONGEST_DELAY)
        return Ended(process.returncode, told_to=self._kill_at is not None, said=self._said)
