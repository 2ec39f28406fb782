"""Events to bytes and back: Avro's single-object encoding around a thin envelope.

Source: Apache Avro specification, "Single-object encoding": C3 01, the CRC-64-AVRO fingerprint of the schema
(little-endian), the binary value. The payload is bytes inside the envelope, named by its own fingerprint, so a
reader skips what it does not ask for, and a new kind of payload does not break an old reader's envelope. What a
released version wrote is read by that version's schema, resolved to the present one.
"""

import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple, cast

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas import events
from schemas.binary import compile_reader, compile_writer
from schemas.errors import BadInput, BadSchema, LogCorrupt, LogTooNew
from schemas.events import Event, ObjectsSeen, Payload, Scope

MARKER = b"\xc3\x01"

PAYLOADS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        events.EnvironmentDefined,
        events.ScanStarted,
        events.ObjectsSeen,
        events.FetchFailed,
        events.ScanFinished,
        events.NotificationReceived,
        events.SnapshotTaken,
    )
}


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
    if name not in _WRITE:
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
        _FINGERPRINTS[name],
        _WRITE[name](payload),
    )
    return _PREFIX + _WRITE["Envelope"](envelope)


def decode(data: bytes, written_by: Released | None = None) -> Event:
    """Answer the event; LogTooNew for a schema not known here, LogCorrupt for bytes that are no event.

    `written_by` replaces the schemas of released versions by which older events are read.
    """
    envelope = decode_envelope(data, written_by)
    return Event(*envelope[:5], decode_payload(envelope, written_by))


def decode_envelope(data: bytes, written_by: Released | None = None) -> Envelope:
    """Answer the envelope alone, several times faster than the event; errors as of decode."""
    if data.startswith(_PREFIX):
        return cast(Envelope, _read("Envelope", data, len(_PREFIX)))
    if data[:2] != MARKER:
        raise LogCorrupt(f"not an event: starts with {data[:2].hex() or 'nothing'}, not with c301")
    if len(data) < len(_PREFIX):
        raise LogCorrupt("not an event: it ends inside the fingerprint of its envelope")
    schema = _released_schema("Envelope", data[2:10], written_by)
    if schema is None:
        raise LogTooNew(f"an event has an envelope unknown to this version (fingerprint {data[2:10].hex()})")
    return Envelope(**_resolved("Envelope", data[10:], schema))


def decode_payload(envelope: Envelope, written_by: Released | None = None) -> Payload:
    """Answer the payload of an envelope; errors as of decode."""
    name = envelope.payload_type
    if envelope.payload_fingerprint == _FINGERPRINTS.get(name):
        payload = _read(name, envelope.payload, 0)
    else:
        payload = _older_payload(envelope, written_by)
    if isinstance(payload, ObjectsSeen) and len(payload.ids) != len(payload.documents):
        raise LogCorrupt(
            f"event {envelope.id[:80]!r} has {len(payload.ids)} ids but {len(payload.documents)} documents"
        )
    return cast(Payload, payload)


def _read(name: str, data: bytes, position: int) -> object:
    try:
        return _READ[name](data, position)
    except BadInput as error:
        raise LogCorrupt(f"{name} cannot be decoded: {error}") from error


def _older_payload(envelope: Envelope, written_by: Released | None) -> object:
    name = envelope.payload_type
    schema = _released_schema(name, envelope.payload_fingerprint, written_by)
    if schema is None or name not in PAYLOADS:
        raise LogTooNew(
            f"event {envelope.id[:80]!r} holds a {name[:80]!r} of a schema unknown to this version "
            f"(fingerprint {envelope.payload_fingerprint.hex()})"
        )
    values = _resolved(name, envelope.payload, schema)
    if "scope" in values:
        values["scope"] = Scope(**values["scope"])
    if "covered" in values:
        values["covered"] = [Scope(**scope) for scope in values["covered"]]
    return PAYLOADS[name](**values)


def _released_schema(name: str, mark: bytes, written_by: Released | None) -> dict[str, Any] | None:
    schema = (released() if written_by is None else written_by).get(mark)
    return schema if schema is not None and schema["name"] == name else None


_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, SchemaResolutionError)
"""What fastavro is seen to raise for bytes that are no value of the schema; UnicodeDecodeError is a ValueError."""


def _resolved(name: str, data: bytes, writer: dict[str, Any]) -> dict[str, Any]:
    stream = io.BytesIO(data)
    try:
        value = fastavro.schemaless_reader(stream, writer, parsed_schema(name))
    except _UNREADABLE as error:
        raise LogCorrupt(f"older {name} cannot be decoded: {error or type(error).__name__}") from error
    if stream.read(1):
        raise LogCorrupt(f"older {name} is followed by bytes that belong to nothing")
    return cast(dict[str, Any], value)


_CLASSES: dict[str, Callable[..., Any]] = {**PAYLOADS, "Envelope": Envelope, "Scope": Scope, "Fingerprint": bytes}
_FINGERPRINTS = {name: schema_fingerprint(name) for name in PAYLOADS}
_PREFIX = MARKER + schema_fingerprint("Envelope")
_WRITE = {name: compile_writer(json.loads(schema_text(name))) for name in (*PAYLOADS, "Envelope")}
_READ = {name: compile_reader(json.loads(schema_text(name)), _CLASSES) for name in (*PAYLOADS, "Envelope")}
