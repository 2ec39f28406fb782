"""The listeners of all environments that are marked to be listened to: one process each, kept alive."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from calipso.child import Child, Ended
from calipso.listener_state import ERROR, RETRYING, RUNNING, STOPPED, changed
from calipso.pulse import Pulse
from calipso.stopping import stopping
from calipso.terminal import line, trouble
from calipso.wanted import Following, Told
from calipso.wiring import Engine
from schemas.canonical import Document
from schemas.errors import CalipsoError, Conflict, LogError
from streams.locks import environment_lock

LOOK: Final = 1.0
"""Seconds between two looks at the log and the processes."""
_PULSE: Final = 90.0
_EVERYBODY: Final = "all environments"
"""No environment has a name with a space in it."""
_REFUSED: Final = 2
"""Exit code of what is refused: it is not well before somebody mends what it said."""


def keep(engine: Engine) -> None:
    """Keep one listener process for each environment that is to be listened to, until SIGTERM or SIGINT.

    One that dies is begun again, after a second at first and five minutes at last. One whose environment is unmarked,
    removed, or has its bus elsewhere now is told to end. Raises Conflict where somebody keeps them on this folder.
    """
    with _alone(engine.settings.folder), stopping() as stop:
        listeners = Listeners(engine)
        pulse = Pulse(engine.settings.folder, "listener", _EVERYBODY)
        line("keeping the listeners of all environments that are marked (calipso env add NAME --listen)")
        try:
            while not stop.is_set():
                pulse.beat(*listeners.look(), _PULSE)
                stop.wait(LOOK)
        finally:
            listeners.end()
            pulse.end()


def check(folder: Path) -> str:
    """Answer how the listeners of the folder are; an error if nobody keeps them, or one of them is not well."""
    return Pulse(folder, "listener", _EVERYBODY).check()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(environment_lock(folder, _EVERYBODY, "keeping the listeners"))
        except Conflict as error:
            raise Conflict(f"the listeners are kept already: {error}") from None
        yield


@dataclass(slots=True)
class _Kept:
    """A listener that is kept."""

    child: Child
    bus: Document | None = None
    """As it was described when the process was started."""
    died: tuple[str, str] | None = None
    """State and cause that the process could not write itself."""


class Listeners:
    """The processes, tended look by look."""

    def __init__(self, engine: Engine) -> None:
        """Start nothing yet."""
        self._engine = engine
        self._following = Following(engine)
        self._kept: dict[str, _Kept] = {}
        self._troubles: dict[str, str] = {}

    def look(self) -> tuple[bool, str]:
        """Read what is new on the log, start and end what is to be; answer whether all is well, and how it is."""
        told = self._read()
        for name in sorted(told.keys() | self._kept.keys()):
            if name in told:
                self._tend(name, told[name])
        return self._how(told)

    def end(self) -> None:
        """Tell all to end and wait for it; one that takes too long is killed."""
        for kept in self._kept.values():
            kept.child.stop()
        while any(kept.child.runs for kept in self._kept.values()):
            for name, kept in self._kept.items():
                self._poll(name, kept)
            time.sleep(0.05)
        for name, told in self._read().items():
            if name in self._kept:
                self._write(name, self._kept[name], told)

    # What the log says

    def _read(self) -> Mapping[str, Told]:
        """Answer what the log says of each environment; one that cannot be read is told once, and left as it is."""
        found: dict[str, Told] = {}
        try:
            names = self._engine.journal.environments()
        except LogError as error:
            self._complain("", str(error))
            return found
        self._troubles.pop("", None)
        for name in names:
            try:
                found[name] = self._following.look(name)
                self._troubles.pop(name, None)
            except CalipsoError as error:
                self._complain(name, f"{name}: {error}")
        return found

    def _complain(self, name: str, text: str) -> None:
        if self._troubles.get(name) != text:
            self._troubles[name] = text
            trouble(text)

    def _write(self, name: str, kept: _Kept, told: Told) -> None:
        """Put on the log how a process ended that could not say so itself, unless it says so already."""
        died, kept.died = kept.died, None
        if died is None or told.listener == died or (died[0] == STOPPED and told.is_stopped):
            return
        try:
            self._engine.journal.append([changed(name, *died)])
        except LogError as error:
            kept.died = died
            self._complain(name, f"{name}: {error}")

    # The processes

    def _tend(self, name: str, told: Told) -> None:
        kept = self._kept.get(name)
        if kept is None:
            if told.bus is None:
                return
            kept = self._kept[name] = _Kept(Child(["listen", name]))
        self._write(name, kept, told)
        self._poll(name, kept)
        if kept.child.runs:
            if kept.bus != told.bus:
                kept.child.stop()
        elif told.bus is not None:
            self._start(name, kept, told.bus)
        elif kept.died is None:
            del self._kept[name]

    def _start(self, name: str, kept: _Kept, bus: Document) -> None:
        if kept.bus is not None and kept.bus != bus:
            kept.child.begin_anew()
        if kept.child.wait == 0:
            kept.bus, kept.died = bus, None
            kept.child.start()
            line(f"{name}: listener started")

    def _poll(self, name: str, kept: _Kept) -> None:
        ended = kept.child.poll()
        if ended is None:
            return
        kept.died = _state(ended)
        if ended.told_to:
            line(f"{name}: listener ended")
        else:
            trouble(f"{name}: the listener {ended}; it is begun again in {kept.child.wait:.0f} s")

    def _how(self, told: Mapping[str, Told]) -> tuple[bool, str]:
        if self._troubles:
            return False, "; ".join(self._troubles.values())
        states = {name: one.listener[0] if one.listener else "begins" for name, one in told.items() if one.bus}
        said = ", ".join(f"{name} {state}" for name, state in sorted(states.items()))
        return all(state == RUNNING for state in states.values()), said or "no environment is marked to be listened to"


def _state(ended: Ended) -> tuple[str, str]:
    if ended.told_to:
        return STOPPED, "told to end" if ended.code == 0 else f"told to end; {ended}"
    return ERROR if ended.code == _REFUSED else RETRYING, f"the listener {ended}"
