"""Scans of many environments at once, each one at a time, until the program is told to end."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from calipso.listening import stopping
from calipso.pulse import Pulse
from calipso.scanning import Described
from calipso.serving import Serving
from calipso.terminal import line, trouble
from calipso.wiring import Engine
from schemas.errors import CalipsoError

_LOOK_SECONDS: Final = 1.0
_LATE: Final = 60.0
_PATIENCE: Final = 60.0
"""Seconds that the end of scans that were told to break off is waited for."""


def manage(engine: Engine, names: Sequence[str], described: Described, settle: float) -> None:
    """Serve these environments, or each that is on the log or comes onto it, until SIGTERM or SIGINT."""
    pulse = _pulse(engine.settings.folder, names)
    served: dict[str, tuple[Serving, threading.Thread]] = {}
    with stopping() as stop:
        line(f"serving scans of {', '.join(names) or 'every environment'}")
        try:
            while not stop.wait(_LOOK_SECONDS if served else 0):
                _begin(engine, names, described, settle, served)
                dead = sorted(name for name, (_, thread) in served.items() if not thread.is_alive())
                text = f"nothing serves {', '.join(dead)}" if dead else f"serves {len(served)} environments"
                pulse.beat(not dead, text, _LATE)
                stop.wait(_LOOK_SECONDS)
        finally:
            for serving, _ in served.values():
                serving.end()
            for _, thread in served.values():
                thread.join(_PATIENCE)
            pulse.end()
            line("told to end")


def check(folder: Path, names: Sequence[str]) -> str:
    """Answer what the manager of the folder says; an error if there is none, or it is not well."""
    return _pulse(folder, names).check()


def _begin(
    engine: Engine,
    names: Sequence[str],
    described: Described,
    settle: float,
    served: dict[str, tuple[Serving, threading.Thread]],
) -> None:
    """Begin to serve environments that are there and not served yet."""
    try:
        there = engine.journal.environments()
    except CalipsoError as error:
        return trouble(str(error))
    for name in there:
        if name not in served and (not names or name in names):
            serving = Serving(engine, name, described, settle)
            thread = threading.Thread(target=serving.run, name=f"serving {name}", daemon=True)
            served[name] = serving, thread
            thread.start()
    return None


def _pulse(folder: Path, names: Sequence[str]) -> Pulse:
    return Pulse(folder, "manager", ",".join(sorted(names)) or "every environment")
