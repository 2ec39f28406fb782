"""Events as JSON that a person can read and write: the payload spelled out, field by field as its schema names them.

What a schema calls bytes is JSON in itself and is spelled as that value: `documents` are objects, not texts.
"""

from typing import Any, cast

from schemas.canonical import Document, decode, encode
from schemas.codec import PAYLOADS, parsed_schema, payload_of, values_of
from schemas.conformance import mismatches
from schemas.errors import BadInput
from schemas.events import ObjectsSeen, Payload

_OBJECTS = ("settings", "documents", "details")
"""Fields that hold JSON objects, where others (a notification's body) may hold any JSON."""


def spelled(payload: Payload) -> Document:
    """Answer a payload as a JSON object."""
    return cast(Document, _spelled(parsed_schema(type(payload).__name__), values_of(payload)))


def _spelled(schema: Any, value: Any) -> Any:  # noqa: ANN401 - schemas and values come in many shapes
    if schema == "bytes":
        return decode(value)
    if isinstance(schema, dict) and schema["type"] == "array":
        return [_spelled(schema["items"], item) for item in value]
    if isinstance(schema, dict) and schema["type"] == "record":
        return {field["name"]: _spelled(field["type"], value[field["name"]]) for field in schema["fields"]}
    return value


def read_payload(name: str, document: object) -> Payload:
    """Answer the payload of a kind of event from its JSON object; BadInput names what does not fit and where."""
    if name not in PAYLOADS:
        raise BadInput(f"event {name}: there is none (known: {', '.join(sorted(PAYLOADS))})")
    schema = parsed_schema(name)
    values = _read(schema, document, name)
    for mismatch in mismatches(schema, values, name):
        raise BadInput(mismatch)
    payload = payload_of(name, values)
    if isinstance(payload, ObjectsSeen) and len(payload.ids) != len(payload.documents):
        raise BadInput(f"ObjectsSeen: {len(payload.ids)} ids but {len(payload.documents)} documents")
    return payload


def _read(schema: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - as above
    if schema == "bytes":
        return _written(value, path)
    if isinstance(schema, dict) and schema["type"] == "array" and isinstance(value, list):
        return [_read(schema["items"], item, f"{path}[{place}]") for place, item in enumerate(value)]
    if isinstance(schema, dict) and schema["type"] == "record":
        return _record([(field["name"], field["type"]) for field in schema["fields"]], value, path)
    return value


def _record(fields: list[tuple[str, Any]], value: object, path: str) -> Document:
    if not isinstance(value, dict):
        raise BadInput(f"{path}: an object was expected, not {type(value).__name__}")
    names = {name for name, _ in fields}
    for wrong in sorted(value.keys() ^ names):
        how = "is missing" if wrong in names else f"there is none (known: {', '.join(sorted(names))})"
        raise BadInput(f"{path}.{wrong}: {how}")
    return {name: _read(inner, value[name], f"{path}.{name}") for name, inner in fields}


def _written(value: object, path: str) -> bytes:
    if not isinstance(value, dict) and path.rpartition(".")[2].partition("[")[0] in _OBJECTS:
        raise BadInput(f"{path}: an object was expected, not {type(value).__name__}")
    try:
        return encode(value)
    except (ValueError, OverflowError, RecursionError) as error:
        raise BadInput(f"{path}: {error or 'nested too deeply'}") from error
