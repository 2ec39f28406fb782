"""The definition of an environment: how it comes onto the log, and what the log has of it."""

from pathlib import Path

from calipso.wiring import Engine, event
from producers import rules
from producers.settings import EnvironmentSettings
from projections.fold import REMOVED
from schemas.canonical import Document, encode
from schemas.errors import BadSettings, Conflict
from schemas.events import EnvironmentDefined
from streams.moments import iso
from streams.past import Past

OPERATOR = "operator"
"""Source of what somebody asked for by a command."""


def check_name(environment: str) -> None:
    """Refuse a name that cannot be written in a command or a path."""
    if not environment or environment.startswith(("-", "@", ".")) or set(environment) & set("/\\\0\n\t "):
        raise BadSettings(f"environment {environment!r}: a name has no spaces or slashes and begins with a letter")


def load(path: Path) -> EnvironmentSettings:
    """Read the TOML that describes an environment. Raises BadSettings, naming file and key."""
    settings = EnvironmentSettings.load(path)
    rules.check(settings, str(path))
    return settings


def known(engine: Engine | None, environment: str) -> EnvironmentSettings | None:
    """Answer the settings that the log has of an environment, None if it knows none.

    Raises Conflict for one that was removed: nobody may look at it, until it is described again.
    """
    past = _past(engine, environment)
    removed = None if past is None else past.settings().get(REMOVED)
    if removed is not None:
        note = f" ({removed['note']})" if removed["note"] else ""
        raise Conflict(
            f"environment {environment}: was removed {iso(removed['at'])}{note}; "
            f"calipso env add {environment} looks after it again"
        )
    return None if past is None else _settings(past)


def described(engine: Engine | None, environment: str) -> EnvironmentSettings | None:
    """Answer the settings that were the last ones, also of an environment that was removed; None if there are none."""
    past = _past(engine, environment)
    return None if past is None else _settings(past)


def is_removed(engine: Engine, environment: str) -> bool:
    """Answer whether it was there and nobody looks after it any more."""
    past = _past(engine, environment)
    return past is not None and REMOVED in past.settings()


def write(engine: Engine, environment: str, settings: EnvironmentSettings) -> bool:
    """Put the settings on the log, unless it has the same; answer whether they were put there."""
    if described(engine, environment) == settings and not is_removed(engine, environment):
        return False
    payload = EnvironmentDefined(encode(settings.to_document()))
    engine.journal.append([event(environment, payload, OPERATOR)])
    return True


def _past(engine: Engine | None, environment: str) -> Past | None:
    if engine is None or engine.journal.head(environment) < 0:
        return None
    return engine.questions.past(environment)


def _settings(past: Past) -> EnvironmentSettings | None:
    document: Document | None = past.settings().get("settings")
    return None if document is None else EnvironmentSettings.from_document(document, f"environment {past.environment}")
