"""Values as a person reads them, in one line each."""

import re
from collections.abc import Iterator

from schemas.errors import BadInput

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def printable(text: str) -> str:
    """Answer a text without characters that would steer a terminal: a cloud's names are anybody's."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def short(value: object) -> str:
    """Answer a value in one line; what is not set inside a value is left out."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        plain = all(isinstance(item, str | int) for item in value)
        return (", " if plain else "; ").join(map(short, value)) or "none"
    if isinstance(value, dict):
        inner = ((name, item) for name, item in value.items() if item not in (None, "", [], {}))
        return ", ".join(f"{name}={_within(item)}" for name, item in inner) or "none"
    return str(value) or '""'


def _within(value: object) -> str:
    return f"{{{short(value)}}}" if isinstance(value, dict | list) else short(value)


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def interval(text: str) -> float:
    """Answer the seconds of an interval such as 90s, 15m, 1h, 1d, at most a year; BadInput if it is none."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    seconds = 0 if found is None else int(found[1]) * _UNITS[found[2]]
    if not 0 < seconds <= 366 * _UNITS["d"]:
        raise BadInput(f"{text!r} is no interval: write 90s, 15m, 1h or 1d")
    return float(seconds)


def span(seconds: float) -> str:
    """Answer how long it is in the two largest units, rounded: 1h 30m."""
    left = max(round(seconds), 0)
    parts = []
    for unit, length in sorted(_UNITS.items(), key=lambda item: -item[1]):
        count, left = divmod(left, length)
        parts += [f"{count}{unit}"] if count else []
    return " ".join(parts[:2]) or "0s"


def rows(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield an attribute as rows of a table: a map by its keys, a list of maps by its items."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner not in (None, "", [], {}):
                yield from _items(f"{name}.{key}", inner)
    else:
        yield from _items(name, value)


def _items(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield name, short(item)
    else:
        yield name, short(value)


def changes(name: str, before: object, after: object) -> Iterator[str]:
    """Yield the lines that say how a field changed: of lists and maps only what came (+) and what went (-)."""
    if _many(before) or _many(after):
        gone, come = _left(before, after), _left(after, before)
        yield from (f"{name}: - {short(item)}" for item in gone)
        yield from (f"{name}: + {short(item)}" for item in come)
        if not gone and not come:
            yield f"{name}: {short(before)} -> {short(after)}"
    else:
        yield f"{name}: {_or_none(before)} -> {_or_none(after)}"


def _many(value: object) -> bool:
    return isinstance(value, dict | list)


def _left(value: object, other: object) -> list[object]:
    """Answer what a value has and the other has not."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    known = other if isinstance(other, list) else [other]
    return [item for item in items if item not in known]


def _or_none(value: object) -> str:
    return "none" if value is None else short(value)
