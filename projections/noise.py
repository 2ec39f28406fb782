"""What is no change: heartbeats, stamps and counters, named by the rules of `noise.json`."""

from functools import cache
from importlib import resources

from schemas.canonical import Document, decode, decode_document, encode, split

Path = tuple[str, ...]

EVERY = "*"
"""As a type: each of them. In a path: each key or list item."""


@cache
def _rules() -> dict[str, list[list[str]]]:
    return decode_document(resources.files("projections").joinpath("noise.json").read_bytes())


@cache
def paths(object_type: str) -> tuple[Path, ...]:
    """Answer the paths that are noise in documents of a type."""
    rules = [*_rules()[EVERY], *_rules().get(object_type, [])]
    return tuple(tuple(path.split(".")) for path, _reason in rules)


@cache
def _plain(object_type: str) -> tuple[str, ...]:
    """Answer the attributes that are noise whole."""
    return tuple(path[0] for path in paths(object_type) if len(path) == 1)


@cache
def _deep(object_type: str) -> tuple[Path, ...]:
    """Answer the paths that lead into an attribute."""
    return tuple(path for path in paths(object_type) if len(path) > 1)


@cache
def _opened(object_type: str) -> frozenset[str]:
    """Answer the attributes that a path leads into."""
    return frozenset(path[0] for path in _deep(object_type))


def strip(object_type: str, document: Document) -> None:
    """Remove the noise from a document in place."""
    for name in _plain(object_type):
        document.pop(name, None)
    for path in _deep(object_type):
        _remove(document, path)


def stripped(object_type: str, raw: bytes) -> bytes:
    """Answer a document's JSON without its noise: canonical JSON if it was; BadInput if it is no object.

    Attributes without noise are not decoded: a switch has hundreds of ports beside the one stamp that moved.
    """
    document = split(raw)
    for name in _opened(object_type):
        if name in document:
            document[name] = decode(document[name])
    strip(object_type, document)
    return encode(document)


def _remove(value: object, path: Path) -> None:
    key, rest = path[0], path[1:]
    if key == EVERY:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            _remove(item, rest)
    elif isinstance(value, dict) and rest:
        _remove(value.get(key), rest)
    elif isinstance(value, dict):
        value.pop(key, None)
