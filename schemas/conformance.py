"""Is a value what a schema says? Answered by path, and stricter than a writer that would round or cut silently."""

from collections.abc import Callable, Iterator
from typing import Any

Schema = Any
"""A parsed or plain Avro schema: an object, a list (a union) or a text."""

_LONG = 1 << 63
_INT = 1 << 31

_PRIMITIVES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a text", lambda value: isinstance(value, str) and _encodes(value)),
    "bytes": ("bytes", lambda value: isinstance(value, bytes)),
    "long": ("an integer of 64 bits", lambda value: _is_integer(value) and -_LONG <= value < _LONG),
    "int": ("an integer of 32 bits", lambda value: _is_integer(value) and -_INT <= value < _INT),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "double": ("a float", lambda value: isinstance(value, float)),
    "null": ("nothing", lambda value: value is None),
}


def mismatches(schema: Schema, value: object, path: str) -> Iterator[str]:
    """Yield where a value (records as dicts) is not of the schema, each as `path: what was expected, not what`."""
    if isinstance(schema, list):
        yield from _union(schema, value, path)
        return
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind == "record":
        yield from _record(schema["fields"], value, path)
    elif kind == "array":
        yield from _array(schema["items"], value, path)
    elif kind == "fixed":
        if not isinstance(value, bytes) or len(value) != schema["size"]:
            yield f"{path}: {schema['size']} bytes were expected, not {type(value).__name__}"
    else:
        expected, fits = _PRIMITIVES[kind]
        if not fits(value):
            more = " without half characters (lone surrogates)" if isinstance(value, str) and kind == "string" else ""
            yield f"{path}: {expected}{more} was expected, not {type(value).__name__}"


def _record(fields: list[dict[str, Any]], value: object, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        names = ", ".join(field["name"] for field in fields)
        yield f"{path}: a record with {names} was expected, not {type(value).__name__}"
        return
    for field in fields:
        yield from mismatches(field["type"], value[field["name"]], f"{path}.{field['name']}")


def _union(branches: list[Schema], value: object, path: str) -> Iterator[str]:
    if value is None and "null" in branches:
        return
    for branch in branches:
        if branch != "null":
            yield from mismatches(branch, value, path)


def _array(items: Schema, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: a list was expected, not {type(value).__name__}"
        return
    fits = _PRIMITIVES[items][1] if isinstance(items, str) else None
    for index, item in enumerate(value):
        if fits is None or not fits(item):
            yield from mismatches(items, item, f"{path}[{index}]")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
