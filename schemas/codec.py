"""Events to bytes and back: Avro's single-object encoding around a thin envelope.

Source: Apache Avro specification, "Single-object encoding": C3 01, the CRC-64-AVRO fingerprint of the schema
(little-endian), the binary value. The payload is bytes inside the envelope, named by its own fingerprint, so a
reader skips what it does not ask for, and a new kind of payload does not break an old reader's envelope. What a
released version wrote is read by that version's schema, resolved to the present one.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple, cast

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, fingerprint, to_parsing_canonical_form

from schemas import events
from schemas.compatibility import reading_problems
from schemas.conformance import mismatches
from schemas.errors import BadSchema, LogCorrupt, LogTooNew
from schemas.events import Event, ObjectsSeen, Payload, Scope

MARKER = b"\xc3\x01"

PAYLOADS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        events.EnvironmentDefined,
        events.EnvironmentRemoved,
        events.ConnectionTested,
        events.ListenerStateChanged,
        events.ScanRequested,
        events.ScanCancelled,
        events.ScheduleDefined,
        events.ScheduleRemoved,
        events.ScanStarted,
        events.ObjectsSeen,
        events.ObjectMissed,
        events.FetchFailed,
        events.ScanFinished,
        events.NotificationReceived,
        events.AlertReceived,
        events.SnapshotTaken,
    )
}

RECORDS = frozenset({*PAYLOADS, "Envelope", "Alert", "DeadLetter", "DeadLetterRequeued", "StateChanged"})
"""Every record that has a schema of its own: `avsc/<name>.avsc`."""


class Envelope(NamedTuple):
    """An event whose payload is not decoded: enough to choose and to skip by."""

    id: str
    environment: str
    source: str
    occurred_at: int
    cause: str | None
    payload_type: str
    payload_fingerprint: bytes
    payload: bytes


Released = Mapping[bytes, dict[str, Any]]
"""Schemas of released versions by their fingerprint."""


def schema_text(name: str) -> str:
    """Answer the .avsc of `name` as shipped."""
    return resources.files("schemas").joinpath("avsc", f"{name}.avsc").read_text("utf-8")


@cache
def parsed_schema(name: str) -> dict[str, Any]:
    """Answer the parsed schema of `name`."""
    return cast(dict[str, Any], fastavro.parse_schema(json.loads(schema_text(name))))


@cache
def schema_fingerprint(name: str) -> bytes:
    """Answer the 8 bytes that name the schema on the wire (CRC-64-AVRO, little-endian)."""
    return fingerprint_of(json.loads(schema_text(name)))


def fingerprint_of(schema: Any) -> bytes:  # noqa: ANN401 - a schema is an object, a list or a text
    """Answer the fingerprint of any schema, as above; names, types and order count, documentation does not."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def released_schemas(folder: Traversable) -> dict[bytes, dict[str, Any]]:
    """Answer the schemas under `folder/<version>/*.avsc` by fingerprint."""
    versions = [version for version in folder.iterdir() if version.is_dir()]
    files = [file for version in versions for file in version.iterdir() if file.name.endswith(".avsc")]
    schemas = [json.loads(file.read_text("utf-8")) for file in files]
    return {fingerprint_of(schema): schema for schema in schemas}


@cache
def released() -> Released:
    """Answer the schemas of every released version, as shipped."""
    return released_schemas(resources.files("schemas").joinpath("released"))


def encode(event: Event) -> bytes:
    """Answer the event as bytes; BadSchema names the field that breaks the contract."""
    payload = event.payload
    name = type(payload).__name__
    if name not in PAYLOADS:
        raise BadSchema(f"{name} is no payload of an event")
    if isinstance(payload, ObjectsSeen) and len(payload.ids) != len(payload.documents):
        raise BadSchema(f"ObjectsSeen: {len(payload.ids)} ids but {len(payload.documents)} documents")
    envelope = Envelope(
        event.id,
        event.environment,
        event.source,
        event.occurred_at,
        event.cause,
        name,
        schema_fingerprint(name),
        _write(name, values_of(payload)),
    )
    return _prefix() + _write("Envelope", envelope._asdict())


def encode_record(name: str, values: dict[str, Any]) -> bytes:
    """Answer a record that is no event (such as a DeadLetter) in the single-object encoding; errors as of encode."""
    return MARKER + schema_fingerprint(name) + _write(name, values)


def decode_record(name: str, data: bytes, written_by: Released | None = None) -> dict[str, Any] | None:
    """Answer the values of such a record, None if the bytes do not say that they are one; errors as of decode."""
    if data[:2] != MARKER:
        return None
    writer = _writer(name, data[2:10], written_by)
    return None if writer is None else _read(name, data[10:], writer)


def decode_body(name: str, body: bytes, writer: dict[str, Any]) -> dict[str, Any]:
    """Answer the values of a record without the mark of its schema; LogCorrupt unless the last byte belongs to it."""
    try:
        return _read(name, body, writer)
    except RecursionError as error:  # of a writer's record that holds itself
        raise LogCorrupt(f"{name} cannot be decoded: nested too deep") from error


def writers_of(name: str) -> list[dict[str, Any]]:
    """Answer the schemas that ever stood for `name`, the present one first."""
    older = [schema for schema in released().values() if schema["name"] == name]
    present = schema_fingerprint(name)
    return [parsed_schema(name), *(schema for schema in older if fingerprint_of(schema) != present)]


def foreign_writer(name: str, text: str) -> dict[str, Any]:
    """Answer somebody's own schema, by which records were written that are to be read as `name`.

    Raises BadSchema if the text is no schema, or if what it writes cannot be read as the present `name`.
    """
    try:
        schema = json.loads(text, object_hook=_without_logical_type)
        if not isinstance(schema, dict):
            raise BadSchema("no Avro schema of a record")
        parsed = fastavro.parse_schema(schema)
        problems = reading_problems(schema, json.loads(schema_text(name)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, SchemaParseException) as error:
        raise BadSchema(f"no Avro schema: {error or type(error).__name__}") from error
    if problems:
        raise BadSchema(f"a schema that cannot be read as {name}: {'; '.join(problems)}")
    return cast(dict[str, Any], parsed)


def _without_logical_type(schema: dict[str, Any]) -> dict[str, Any]:
    """Ours have none: without it a time stays the number that it is."""
    return {name: value for name, value in schema.items() if name != "logicalType"}


def decode(data: bytes, written_by: Released | None = None) -> Event:
    """Answer the event; LogTooNew for a schema not known here, LogCorrupt for bytes that are no event.

    `written_by` replaces the schemas of released versions by which older events are read.
    """
    envelope = decode_envelope(data, written_by)
    return Event(*envelope[:5], decode_payload(envelope, written_by))


def decode_envelope(data: bytes, written_by: Released | None = None) -> Envelope:
    """Answer the envelope alone, several times faster than the event; errors as of decode."""
    if data[:2] != MARKER:
        raise LogCorrupt(f"not an event: starts with {data[:2].hex() or 'nothing'}, not with c301")
    if len(data) < len(_prefix()):
        raise LogCorrupt("not an event: it ends inside the fingerprint of its envelope")
    writer = _writer("Envelope", data[2:10], written_by)
    if writer is None:
        raise LogTooNew(f"an event has an envelope unknown to this version (fingerprint {data[2:10].hex()})")
    return Envelope(**_read("Envelope", data[10:], writer))


def decode_payload(envelope: Envelope, written_by: Released | None = None) -> Payload:
    """Answer the payload of an envelope; errors as of decode."""
    name = envelope.payload_type
    writer = _writer(name, envelope.payload_fingerprint, written_by)
    if writer is None or name not in PAYLOADS:
        raise LogTooNew(
            f"event {envelope.id[:80]!r} holds a {name[:80]!r} of a schema unknown to this version "
            f"(fingerprint {envelope.payload_fingerprint.hex()})"
        )
    payload = payload_of(name, _read(name, envelope.payload, writer))
    if isinstance(payload, ObjectsSeen) and len(payload.ids) != len(payload.documents):
        raise LogCorrupt(
            f"event {envelope.id[:80]!r} has {len(payload.ids)} ids but {len(payload.documents)} documents"
        )
    return payload


def looks_like_event(data: bytes) -> bool:
    """Answer whether bytes begin as an event of this version does."""
    return data.startswith(_prefix())


@cache
def _prefix() -> bytes:
    return MARKER + schema_fingerprint("Envelope")


def _writer(name: str, mark: bytes, written_by: Released | None) -> dict[str, Any] | None:
    """Answer the schema by which an event was written: the present one, or that of a released version."""
    if name in RECORDS and mark == schema_fingerprint(name):
        return parsed_schema(name)
    schema = (released() if written_by is None else written_by).get(mark)
    return schema if schema is not None and schema["name"] == name else None


_FIELDS = {name: [field.name for field in fields(cls)] for name, cls in {**PAYLOADS, "Scope": Scope}.items()}


def values_of(record: object) -> dict[str, Any]:
    """Answer a payload or scope as the schemas name its parts, records as dicts."""
    values = {name: getattr(record, name) for name in _FIELDS[type(record).__name__]}
    if isinstance(values.get("scope"), Scope):
        values["scope"] = values_of(values["scope"])
    if isinstance(values.get("covered"), list):
        values["covered"] = [values_of(each) if isinstance(each, Scope) else each for each in values["covered"]]
    return values


def payload_of(name: str, values: dict[str, Any]) -> Payload:
    """Answer the payload of such values, which are used up; they must be what the schema of `name` says."""
    if "scope" in values:
        values["scope"] = Scope(**values["scope"])
    if "covered" in values:
        values["covered"] = [Scope(**scope) for scope in values["covered"]]
    return cast(Payload, PAYLOADS[name](**values))


def _write(name: str, values: dict[str, Any]) -> bytes:
    schema = parsed_schema(name)
    for mismatch in mismatches(schema, values, name):
        raise BadSchema(mismatch)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, values)
    return out.getvalue()


_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError, SchemaResolutionError)
"""What fastavro is seen to raise for bytes that are no value of the schema; UnicodeDecodeError is a ValueError."""


def _read(name: str, data: bytes, writer: dict[str, Any]) -> dict[str, Any]:
    """Answer the values of a record, resolved to the present schema where an older one wrote it."""
    stream = io.BytesIO(data)
    present = parsed_schema(name)
    try:
        read = fastavro.schemaless_reader(stream, writer, None if writer is present else present)
    except _UNREADABLE as error:
        raise LogCorrupt(f"{name} cannot be decoded: {error or type(error).__name__}") from error
    rest = stream.read()
    if rest:
        raise LogCorrupt(f"{name} cannot be decoded: {len(rest)} bytes follow that belong to nothing")
    value = cast(dict[str, Any], read)
    if writer is not present:
        _spell_defaults(present, value)
    return value


def _spell_defaults(schema: dict[str, Any], value: dict[str, Any]) -> None:
    """Make bytes of a default that fastavro hands on as JSON spells it: a text of the code points 0 to 255."""
    for field in schema["fields"]:
        if field["type"] == "bytes" and isinstance(value[field["name"]], str):
            value[field["name"]] = value[field["name"]].encode("latin-1")
