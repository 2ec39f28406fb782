"""Listening, from the words of a command to its end: a recording, or the message bus."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from calipso import definition
from calipso.listener_state import ERROR, RETRYING, RUNNING, STOPPED, ListenerState
from calipso.pulse import Pulse
from calipso.stopping import stopping
from calipso.terminal import line, trouble
from calipso.wanted import Following, Told
from calipso.wiring import Engine
from producers.listen import recorded_notifications
from producers.secrets import Secret, resolve
from producers.settings import BusSettings, EnvironmentSettings
from schemas.errors import BadSettings, CalipsoError, Conflict
from streams.known import KnownNotifications, not_yet_known

if TYPE_CHECKING:
    from producers.delivery import MessageBus

_PULSE_SECONDS: Final = 180.0
"""The log may keep the listener waiting: Kafka's client gives up after 20 s, for reading and for writing."""


def from_file(engine: Engine, environment: str, file: Path) -> tuple[int, int]:
    """Write recorded notifications to the log; answer how many were written, and how many were there already."""
    events = list(recorded_notifications(file, environment))
    fresh = not_yet_known(engine.journal, environment, events)
    if fresh:
        engine.journal.append(fresh)
    engine.worker.catch_up(environment)
    return len(fresh), len(events) - len(fresh)


def from_plugin(engine: Engine, environment: str, told: str) -> tuple[int, int]:
    """Write what a plug-in's listener (`NAME` or `NAME:PLACE`) hears, as it hears it; answer as `from_file` does."""
    from producers.listeners import heard

    definition.check_name(environment)
    name, _, place = told.partition(":")
    known = KnownNotifications(engine.journal, environment)
    written = repeated = 0
    for event in heard(name, place, environment):
        fresh = known.fresh([event])
        if fresh:
            engine.journal.append(fresh)
        written, repeated = written + len(fresh), repeated + 1 - len(fresh)
    engine.worker.catch_up(environment)
    return written, repeated


def from_bus(engine: Engine, environment: str, define: Path | None) -> None:
    """Write what the message bus delivers to the log, until SIGTERM or SIGINT."""
    from producers.listener import Listener  # here, for no other command should wait for it

    definition.check_name(environment)
    told = _told(engine, environment, define)
    settings = _settings(environment, told)
    bus = _bus(settings, environment)
    state = ListenerState(environment, engine.journal.append, told.listener)
    tell = _Tell(environment, Pulse(engine.settings.folder, "listener", environment), state)
    known = KnownNotifications(engine.journal, environment)
    listener = Listener(bus, environment, engine.journal.append, known.fresh, tell)
    with stopping() as stop:
        try:
            listener.run(stop)
        except CalipsoError as error:
            state.tell(ERROR, str(error))
            raise
        else:
            state.tell(STOPPED, "told to end")
        finally:
            tell.pulse.end()
            heard = listener.heard
            line(
                f"{environment}: {heard.written} notifications written, {heard.repeated} were there already, "
                f"{heard.set_aside} set aside"
            )


def _bus(settings: BusSettings, environment: str) -> "MessageBus":
    """Answer the bus of its kind; only that one's client is imported."""
    password = None if settings.password is None else resolve(settings.password)
    if settings.is_kafka:
        from producers.kafka_bus import KafkaBus

        return KafkaBus(settings, environment, password)
    from producers.bus import Bus

    return Bus(settings, environment, password or Secret(""))


def check(folder: Path, environment: str) -> str:
    """Answer what the listener of the folder says; an error if there is none, or it is not well."""
    return Pulse(folder, "listener", environment).check()


def _told(engine: Engine, environment: str, define: Path | None) -> Told:
    """Answer what the log says of the environment, after it was told how it is described, if it was."""
    if define is not None:
        settings = definition.load(define)
        _bus_of(environment, settings)
        definition.write(engine, environment, settings)
    if engine.journal.head(environment) < 0:
        return Told(-1, {}, False, None)
    return Following(engine).look(environment)


def _settings(environment: str, told: Told) -> BusSettings:
    settings = EnvironmentSettings.from_document(told.settings, f"environment {environment}")
    if told.removed:
        raise Conflict(f"environment {environment}: was removed; calipso env add {environment} looks after it again")
    return _bus_of(environment, settings)


def _bus_of(environment: str, settings: EnvironmentSettings) -> BusSettings:
    if settings.bus is None:
        raise BadSettings(
            f"environment {environment}: how its message bus is reached is not known; describe it under [bus] in a "
            "TOML file and name that with --define FILE, or hand in recorded notifications with --from FILE"
        )
    return settings.bus


class _Tell:
    """Tells each new thing once: trouble on standard error, the rest on standard output; and its state to the log."""

    def __init__(self, environment: str, pulse: Pulse, state: ListenerState) -> None:
        self.pulse = pulse
        self._environment = environment
        self._state = state
        self._last = ""

    def __call__(self, well: bool, text: str, more: str = "") -> None:
        said = f"{text}; {more}" if more else text
        self.pulse.beat(well, said, _PULSE_SECONDS)
        if said != self._last:
            self._last = said
            say = line if well else trouble
            say(f"{self._environment}: {said}")
        self._state.tell(RUNNING if well else RETRYING, text)  # last, for it may wait for the log
