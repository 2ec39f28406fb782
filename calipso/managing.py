"""Scans of many environments at once, each one at a time, until the program is told to end."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from calipso import definition
from calipso.pulse import Pulse
from calipso.scanning import Described
from calipso.serving import Serving
from calipso.stopping import stopping
from calipso.terminal import line, trouble
from calipso.wiring import Engine, event, now
from projections import schedule
from projections.fold import schedule_key
from schemas.errors import CalipsoError
from schemas.events import ScheduleDefined

EVERY: Final = "every"
"""Name of the schedule that `--every` sees to."""
_LOOK_SECONDS: Final = 1.0
_LATE: Final = 60.0
_LONGEST_SCAN: Final = 6.0
"""Hours after which a scan that has not ended is told as not well."""
_PATIENCE: Final = 60.0
"""Seconds that the end of scans that were told to break off is waited for."""


def manage(engine: Engine, names: Sequence[str], described: Described, settle: float, every: str | None = None) -> None:
    """Serve these environments, or each that is on the log or comes onto it, until SIGTERM or SIGINT.

    `every` is the interval of a schedule that they are to have.
    """
    pulse = _pulse(engine.settings.folder, names)
    served: dict[str, tuple[Serving, threading.Thread]] = {}
    told: list[str] = []
    with stopping() as stop:
        line(f"serving scans of {', '.join(names) or 'every environment'}")
        try:
            while not stop.is_set():
                not_begun = _begin(engine, names, described, settle, every, served)
                for text in not_begun:
                    if text not in told:
                        trouble(text)
                told = not_begun
                ill = "; ".join([*not_begun, *filter(None, (_trouble_of(*one) for one in served.values()))])
                pulse.beat(not ill, ill or f"serves {len(served)} environments", _LATE)
                stop.wait(_LOOK_SECONDS)
        finally:
            for serving, _ in served.values():
                serving.end()
            for _, thread in served.values():
                thread.join(_PATIENCE)
            pulse.end()
            line("told to end")


def _trouble_of(serving: Serving, thread: threading.Thread) -> str:
    """Answer what is wrong with what serves an environment, nothing if all is well."""
    if not thread.is_alive():
        return f"nothing serves {serving.environment}"
    if serving.trouble:
        return serving.trouble
    since = serving.scans_since
    hours = 0.0 if since is None else (time.monotonic() - since) / 3600
    return f"{serving.environment} has been scanned for {hours:.0f} hours" if hours > _LONGEST_SCAN else ""


def describe(engine: Engine, environment: str, define: Path) -> None:
    """Put on the log what a file says of an environment, unless it has the same."""
    definition.check_name(environment)
    definition.write(engine, environment, definition.load(define))


def see_to(engine: Engine, environment: str, every: str) -> None:
    """See to it that an environment has a schedule of its own with an interval."""
    known = engine.questions.past(environment).record(schedule_key(EVERY))
    if known is None or known["every"] != every:
        payload = ScheduleDefined(EVERY, None, every, "UTC", None, None, None, None, None, "calipso manage --every")
        schedule.check(payload, now())
        engine.journal.append([event(environment, payload, definition.OPERATOR)])


def check(folder: Path, names: Sequence[str]) -> str:
    """Answer what the manager of the folder says; an error if there is none, or it is not well."""
    return _pulse(folder, names).check()


def _begin(
    engine: Engine,
    names: Sequence[str],
    described: Described,
    settle: float,
    every: str | None,
    served: dict[str, tuple[Serving, threading.Thread]],
) -> list[str]:
    """Begin to serve environments that are there and not served yet; answer what kept others from being served.

    Those are tried again a moment later: a history that others fold may not be there yet.
    """
    ill = []
    try:
        known = [name for name in engine.journal.environments() if not names or name in names]
    except CalipsoError as error:
        return [str(error)]
    for name in known:
        if name not in served:
            try:
                if every is not None:
                    see_to(engine, name, every)
            except CalipsoError as error:
                ill.append(f"{name}: {error}")
                continue
            serving = Serving(engine, name, described, settle)
            thread = threading.Thread(target=serving.run, name=f"serving {name}", daemon=True)
            served[name] = serving, thread
            thread.start()
    return ill


def _pulse(folder: Path, names: Sequence[str]) -> Pulse:
    return Pulse(folder, "manager", ",".join(sorted(names)) or "every environment")
