"""Secrets: a value that hides itself, and the references by which settings name it."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import BadSettings

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")


class Secret:
    """A text that is shown by nothing but `reveal`: not by print, a log, a traceback, pickle or JSON."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Hide the value."""
        self._value = value

    def reveal(self) -> str:
        """Answer the value; call it only where it is handed to whoever must have it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> str:
        raise TypeError("a secret is neither copied nor stored")


def is_reference(text: str) -> bool:
    """Answer whether the text is `env:NAME` or `file:PATH`."""
    return _REFERENCE.fullmatch(text) is not None


def resolve(reference: str, environ: Mapping[str, str] = os.environ) -> Secret:
    """Answer the secret that `env:NAME` or `file:PATH` names; a file's last line end is not part of it.

    Raises BadSettings, naming the reference and never a value.
    """
    if not is_reference(reference):
        raise BadSettings("a secret is written as a reference, env:NAME or file:PATH")
    kind, _, name = reference.partition(":")
    value = environ.get(name, "") if kind == "env" else _content(reference, Path(name).expanduser())
    if not value:
        raise BadSettings(f"the secret {reference} is empty or not set")
    return Secret(value)


def _content(reference: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise BadSettings(f"the secret {reference} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise BadSettings(f"the secret {reference} is not UTF-8 text") from None
