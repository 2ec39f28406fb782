"""Events to bytes and back: Avro's single-object encoding around a thin envelope.

Source: Apache Avro specification, "Single-object encoding": C3 01, the CRC-64-AVRO fingerprint of the schema
(little-endian), the binary value. The payload is bytes inside the envelope, named by its own fingerprint, so a
reader skips what it does not ask for, and a new kind of payload does not break an old reader's envelope.
"""

import io
import json
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any, cast

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas import events
from schemas.errors import BadSchema, LogCorrupt, LogTooNew
from schemas.events import Event, Payload, Scope

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
    form = to_parsing_canonical_form(json.loads(schema_text(name)))
    return bytes.fromhex(fingerprint(form, "CRC-64-AVRO"))


def encode(event: Event) -> bytes:
    """Answer the event as bytes; BadSchema names the field that breaks the contract."""
    name = type(event.payload).__name__
    envelope = {
        "id": event.id,
        "environment": event.environment,
        "source": event.source,
        "occurred_at": event.occurred_at,
        "cause": event.cause,
        "payload_type": name,
        "payload_fingerprint": schema_fingerprint(name),
        "payload": _write(name, _as_dict(event.payload)),
    }
    return MARKER + schema_fingerprint("Envelope") + _write("Envelope", envelope)


def decode(data: bytes) -> Event:
    """Answer the event; LogTooNew for a schema not known here, LogCorrupt for bytes that are no event."""
    if data[:2] != MARKER:
        raise LogCorrupt(f"not an event: starts with {data[:2].hex() or 'nothing'}, not with c301")
    if data[2:10] != schema_fingerprint("Envelope"):
        raise LogTooNew(f"an event has an envelope unknown to this version (fingerprint {data[2:10].hex()})")
    envelope = _read("Envelope", data[10:])
    name = envelope["payload_type"]
    cls = PAYLOADS.get(name)
    if cls is None or envelope["payload_fingerprint"] != schema_fingerprint(name):
        raise LogTooNew(
            f"event {envelope['id']} holds a {name} of a schema unknown to this version "
            f"(fingerprint {envelope['payload_fingerprint'].hex()})"
        )
    return Event(
        id=envelope["id"],
        environment=envelope["environment"],
        source=envelope["source"],
        occurred_at=envelope["occurred_at"],
        cause=envelope["cause"],
        payload=_payload(cls, _read(name, envelope["payload"])),
    )


def _payload(cls: type, values: dict[str, Any]) -> Payload:
    if "scope" in values:
        values["scope"] = Scope(**values["scope"])
    if "covered" in values:
        values["covered"] = [Scope(**scope) for scope in values["covered"]]
    return cast(Payload, cls(**values))


def _as_dict(value: object) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}  # type: ignore[arg-type]  # every payload is a dataclass


def _plain(value: object) -> object:
    if isinstance(value, Scope):
        return _as_dict(value)
    if isinstance(value, list) and value and isinstance(value[0], Scope):
        return [_as_dict(item) for item in value]
    return value


def _write(name: str, value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, parsed_schema(name), value, strict=True)
    except (ValueError, TypeError, KeyError) as error:
        raise BadSchema(f"{name}: {error}") from error
    return out.getvalue()


def _read(name: str, data: bytes) -> dict[str, Any]:
    stream = io.BytesIO(data)
    try:
        value = fastavro.schemaless_reader(stream, parsed_schema(name), None)
    except (ValueError, TypeError, KeyError, EOFError, IndexError, StopIteration) as error:
        raise LogCorrupt(f"a {name} cannot be decoded: {error or type(error).__name__}") from error
    if stream.read(1):
        raise LogCorrupt(f"a {name} is followed by bytes that belong to nothing")
    return cast(dict[str, Any], value)
