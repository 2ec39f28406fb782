"""What a host says of itself: `cat /etc/os-release; arch` and `hostname; uname -sr`."""

import shlex

from schemas.canonical import Document

_NAMES = {"ID": "id", "VERSION_ID": "version", "PRETTY_NAME": "name"}


def parse_os_release(text: str) -> Document:
    """Answer id, version, name and architecture, as far as the text names them."""
    found: Document = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name in _NAMES:
            found[_NAMES[name]] = _unquoted(value)
        elif name and not equals and not name.startswith("#"):
            found["architecture"] = name
    return found


def parse_uname(text: str) -> Document:
    """Answer hostname and kernel."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return dict(zip(("hostname", "kernel"), lines, strict=False))


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value
