"""The schemas: every .avsc is sound for both libraries, says what it means, and is mirrored by its class."""

import json
from dataclasses import fields
from importlib import resources
from typing import Any, get_args, get_type_hints

import avro.schema
import fastavro
import pytest

from schemas import codec, events
from schemas.alert import Alert
from streams.dead import DeadLetter, Origin
from streams.published import StateChanged, ThingChanged

NAMES = sorted(file.name.removesuffix(".avsc") for file in resources.files("schemas").joinpath("avsc").iterdir())
PYTHON_TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "bytes": bytes,
    "int": int,
    "long": int,
    "optional string": str | None,
    "optional bytes": bytes | None,
    "optional long": int | None,
    "record Scope": events.Scope,
    "array of string": list[str],
    "array of bytes": list[bytes],
    "array of record Scope": list[events.Scope],
    "fixed Fingerprint": bytes,
    "array of record ThingChanged": list[ThingChanged],
}
CLASSES: dict[str, Any] = {
    **codec.PAYLOADS,
    "Envelope": codec.Envelope,
    "Alert": Alert,
    "DeadLetter": DeadLetter,
    "DeadLetterRequeued": Origin,
    "StateChanged": StateChanged,
}


def schema_of(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(codec.schema_text(name))
    return schema


def spelled(schema: Any) -> str:
    """Answer a type in words, as PYTHON_TYPES has it."""
    match schema:
        case ["null", other]:
            return f"optional {spelled(other)}"
        case {"type": "array", "items": items}:
            return f"array of {spelled(items)}"
        case {"type": kind, "name": name}:
            return f"{kind} {name}"
    return str(schema)


def scopes_in(schema: Any) -> list[Any]:
    if isinstance(schema, dict):
        own = [schema] if schema.get("name") == "Scope" else []
        return own + [scope for inner in schema.values() for scope in scopes_in(inner)]
    return [scope for inner in schema for scope in scopes_in(inner)] if isinstance(schema, list) else []


def test_there_is_a_schema_for_each_payload_for_the_envelope_and_for_what_else_is_written() -> None:
    payloads = {cls.__name__ for cls in get_args(events.Payload)}
    assert payloads == set(codec.PAYLOADS)
    assert set(NAMES) == codec.RECORDS
    assert payloads | {"Envelope"} < codec.RECORDS


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_implementation_accepts_the_schema(name: str) -> None:
    assert avro.schema.parse(codec.schema_text(name)).name == name


@pytest.mark.parametrize("name", NAMES)
def test_fastavro_accepts_the_schema_and_agrees_on_its_fingerprint(name: str) -> None:
    parsed = fastavro.parse_schema(schema_of(name))
    assert codec.fingerprint_of(parsed) == codec.schema_fingerprint(name)
    assert len(codec.schema_fingerprint(name)) == 8


def test_the_reference_implementation_refuses_a_field_that_stands_twice() -> None:
    """The reason for asking it too: fastavro lets this pass."""
    schema = schema_of("SnapshotTaken")
    schema["fields"].append(schema["fields"][0])
    with pytest.raises(avro.schema.SchemaParseException):
        avro.schema.parse(json.dumps(schema))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_stands_in_the_file_of_its_name_and_explains_every_field(name: str) -> None:
    schema = schema_of(name)
    assert (schema["type"], schema["name"], schema["namespace"]) == ("record", name, "calipso")
    assert schema["doc"].endswith(".")
    for field in [*schema["fields"], *(field for scope in scopes_in(schema) for field in scope["fields"])]:
        assert field["doc"].endswith((".", "..."))


@pytest.mark.parametrize("name", NAMES)
def test_the_class_has_the_fields_of_the_schema_in_their_order_and_types(name: str) -> None:
    hints = get_type_hints(CLASSES[name])
    schema = schema_of(name)
    assert list(hints) == [field["name"] for field in schema["fields"]]
    for field in schema["fields"]:
        assert hints[field["name"]] == PYTHON_TYPES[spelled(field["type"])], field["name"]


@pytest.mark.parametrize("name", NAMES)
def test_a_scope_is_the_same_in_every_schema_and_in_its_class(name: str) -> None:
    for scope in scopes_in(schema_of(name)):
        assert scope == scopes_in(schema_of("ScanFinished"))[0]
        assert [field["name"] for field in scope["fields"]] == [field.name for field in fields(events.Scope)]


def test_fingerprints_tell_the_schemas_apart() -> None:
    assert len({codec.schema_fingerprint(name) for name in NAMES}) == len(NAMES)
