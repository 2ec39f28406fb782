"""The settings of the program: read from the environment once, at the composition root, and handed on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import BadSettings

DEFAULT_LOG = "local:./calipso-data"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the data lives."""

    folder: Path
    """Of the embedded log and history."""


def read(environ: Mapping[str, str]) -> Settings:
    """Answer the settings; BadSettings names the variable that is wrong."""
    log = environ.get("CALIPSO_LOG", DEFAULT_LOG)
    engine, _, place = log.partition(":")
    if engine != "local" or not place:
        raise BadSettings(f"CALIPSO_LOG={log}: write local:FOLDER (default {DEFAULT_LOG})")
    return Settings(folder=Path(place).expanduser())
