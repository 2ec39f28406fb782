"""What is no change: heartbeats, stamps and counters, named by the rules of `noise.json`."""

from functools import cache
from importlib import resources

from schemas.canonical import Document, decode_document

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


def strip(object_type: str, document: Document) -> None:
    """Remove the noise from a document in place."""
    for path in paths(object_type):
        _remove(document, path)


def _remove(value: object, path: Path) -> None:
    key, rest = path[0], path[1:]
    if key == EVERY:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            _remove(item, rest)
    elif isinstance(value, dict) and rest:
        _remove(value.get(key), rest)
    elif isinstance(value, dict):
        value.pop(key, None)
