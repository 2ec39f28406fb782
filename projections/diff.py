"""What differs between two documents, field by field."""

from collections.abc import Iterator
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
    return sorted(_diff((), before, after), key=lambda change: change.field)


def _diff(path: tuple[str, ...], before: object, after: object) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            old, new = before.get(key, MISSING), after.get(key, MISSING)
            if not _same(old, new):
                yield from _diff((*path, key), old, new)
    elif not _same(before, after):
        yield FieldChange(field_name(path), _shown(before), _shown(after))


def _same(before: object, after: object) -> bool:
    """Answer whether two values are one in JSON, where 1 is not true; to Python they are equal."""
    if before is after:
        return True
    if before is MISSING or after is MISSING or before != after:
        return False
    return (type(before) is type(after) and type(before) in _PLAIN) or encode(before) == encode(after)


_PLAIN = frozenset((str, int, float, bool))


def _shown(value: object) -> object:
    return None if value is MISSING else value


def field_name(path: tuple[str, ...]) -> str:
    """Answer the name of the field at a path of keys."""
    return ".".join(key.replace("\\", "\\\\").replace(".", "\\.") for key in path)
