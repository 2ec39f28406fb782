"""What the log says of listeners: which environments are to be listened to, and how their listeners are."""

from dataclasses import dataclass

from calipso.listener_state import STOPPED
from calipso.wiring import Engine
from projections.fold import LISTENER, REMOVED
from schemas import codec
from schemas.canonical import Document, decode_document
from schemas.errors import HistoryError
from schemas.events import EnvironmentDefined, EnvironmentRemoved, ListenerStateChanged

_TELLING = {payload.__name__ for payload in (EnvironmentDefined, EnvironmentRemoved, ListenerStateChanged)}


@dataclass(slots=True)
class Told:
    """What the log says of one environment so far."""

    offset: int
    settings: Document
    removed: bool
    listener: tuple[str, str] | None
    """State and cause."""

    @property
    def bus(self) -> Document | None:
        """Answer how its bus is reached, None if nobody is to listen."""
        wanted = self.settings.get("listen") and not self.removed
        return self.settings.get("bus") if wanted else None

    @property
    def is_stopped(self) -> bool:
        """Answer whether it says that nobody listens."""
        return self.listener is not None and self.listener[0] == STOPPED


class Following:
    """Follows the log of every environment, event by event: it knows more than a history that others fold."""

    def __init__(self, engine: Engine) -> None:
        """Know nothing yet."""
        self._engine = engine
        self._told: dict[str, Told] = {}

    def look(self, name: str) -> Told:
        """Answer what the log says by now of an environment. Raises LogError."""
        if name not in self._told:
            self._told[name] = self._before(name)
        self._follow(name, self._told[name])
        return self._told[name]

    def _before(self, name: str) -> Told:
        """Read what was before from the history; where nobody has folded it yet, the log tells it from its start."""
        try:
            past = self._engine.questions.past(name)
        except HistoryError:
            return Told(-1, {}, False, None)
        known = past.settings()
        listener = known.get(LISTENER)
        state = None if listener is None else (listener["state"], listener["cause"])
        return Told(past.moment.offset, known.get("settings", {}), REMOVED in known, state)

    def _follow(self, name: str, told: Told) -> None:
        for offset, envelope in self._engine.journal.envelopes(name, told.offset):
            if envelope.payload_type in _TELLING:
                match codec.decode_payload(envelope):
                    case EnvironmentDefined(settings):
                        told.settings, told.removed = decode_document(settings), False
                    case EnvironmentRemoved():
                        told.removed = True
                    case ListenerStateChanged(state, cause):
                        told.listener = (state, cause)
            told.offset = offset
