"""What is no change: heartbeats, stamps and counters, named by the rules of `noise.json`."""

from functools import cache
from importlib import resources

from schemas.canonical import Document, decode_document

Path = tuple[str, ...]

EVERY_TYPE = "*"


@cache
def _rules() -> dict[str, list[list[str]]]:
    return decode_document(resources.files("projections").joinpath("noise.json").read_bytes())


@cache
def paths(object_type: str) -> tuple[Path, ...]:
    """Answer the paths that are noise in documents of a type."""
    rules = [*_rules()[EVERY_TYPE], *_rules().get(object_type, [])]
    return tuple(tuple(path.split(".")) for path, _reason in rules)


def strip(object_type: str, document: Document) -> bool:
    """Remove the noise from a document in place; answer whether there was any."""
    found = [_remove(document, path) for path in paths(object_type)]
    return any(found)


def _remove(value: object, path: Path) -> bool:
    key, rest = path[0], path[1:]
    if key == "*":
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        found = [_remove(item, rest) for item in items]
        return any(found)
    if not isinstance(value, dict) or key not in value:
        return False
    if rest:
        return _remove(value[key], rest)
    del value[key]
    return True
