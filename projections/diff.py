"""What differs between two documents, field by field."""

from typing import NamedTuple

from schemas.canonical import Document, encode

MISSING = object()


class FieldChange(NamedTuple):
    """One field with its values; None where it is not there."""

    field: str
    """Keys on the way to it, joined by dots; a dot inside a key is written as backslash dot."""
    before: object
    after: object


def diff(before: Document, after: Document) -> list[FieldChange]:
    """Answer the fields that differ, sorted by name. Objects are entered; lists are compared whole."""
    found: list[FieldChange] = []
    _enter((), before, after, found)
    return sorted(found, key=lambda change: change.field)


def _enter(path: tuple[str, ...], before: Document, after: Document, found: list[FieldChange]) -> None:
    for key, old in before.items():
        new = after.get(key, MISSING)
        if old is not new and not _same(old, new):
            _note((*path, key), old, new, found)
    for key in after.keys() - before.keys():
        _note((*path, key), MISSING, after[key], found)


def _note(path: tuple[str, ...], before: object, after: object, found: list[FieldChange]) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        _enter(path, before, after, found)
    else:
        found.append(FieldChange(field_name(path), _shown(before), _shown(after)))


def _same(before: object, after: object) -> bool:
    """Answer whether two values are one in JSON, where 1 is not true; to Python they are equal."""
    if before is MISSING or after is MISSING or before != after:
        return False
    return (type(before) is type(after) and type(before) in _PLAIN) or encode(before) == encode(after)


_PLAIN = frozenset((str, int, float, bool))


def _shown(value: object) -> object:
    return None if value is MISSING else value


def field_name(path: tuple[str, ...]) -> str:
    """Answer the name of the field at a path of keys."""
    return ".".join(key.replace("\\", "\\\\").replace(".", "\\.") if "." in key or "\\" in key else key for key in path)
