"""The codec: its bytes are those of the reference implementation, and no bytes make it fail without a name."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import BadSchema, CalipsoError, LogCorrupt, LogTooNew
from schemas.events import (
    AlertReceived,
    ConnectionTested,
    EnvironmentDefined,
    EnvironmentRemoved,
    Event,
    FetchFailed,
    ListenerStateChanged,
    NotificationReceived,
    ObjectMissed,
    ObjectsSeen,
    Payload,
    ScanCancelled,
    ScanFinished,
    ScanRequested,
    ScanStarted,
    ScheduleDefined,
    ScheduleRemoved,
    Scope,
    SnapshotTaken,
)

text = st.text(max_size=12) | st.text(min_size=60, max_size=70) | st.just("\u00e4\u20ac\U0001f600" * 30)
data = st.binary(max_size=12) | st.integers(60, 9000).map(lambda size: b"x" * size)
long = st.integers(-(1 << 63), (1 << 63) - 1)
scopes = st.builds(Scope, text, text, text)
seen = st.lists(st.tuples(text, data), max_size=4).flatmap(
    lambda rows: st.builds(
        ObjectsSeen,
        text,
        scopes,
        text,
        text,
        text,
        st.just([row[0] for row in rows]),
        st.just([row[1] for row in rows]),
    )
)
PAYLOADS: dict[str, st.SearchStrategy[Payload]] = {
    "EnvironmentDefined": st.builds(EnvironmentDefined, data),
    "EnvironmentRemoved": st.builds(EnvironmentRemoved, text),
    "ConnectionTested": st.builds(ConnectionTested, st.booleans(), data),
    "ListenerStateChanged": st.builds(ListenerStateChanged, text, text),
    "ScanRequested": st.builds(ScanRequested, st.none() | text, st.none() | text, text),
    "ScanCancelled": st.builds(ScanCancelled, text, text),
    "ScheduleDefined": st.builds(
        ScheduleDefined, text, *[st.none() | text] * 2, text, *[st.none() | text] * 3, *[st.none() | long] * 2, text
    ),
    "ScheduleRemoved": st.builds(ScheduleRemoved, text, text),
    "ScanStarted": st.builds(ScanStarted, text, text, data),
    "ObjectMissed": st.builds(ObjectMissed, text, scopes, text, text),
    "ObjectsSeen": seen,
    "FetchFailed": st.builds(FetchFailed, text, scopes, text, st.none() | text, text, text),
    "ScanFinished": st.builds(ScanFinished, text, text, st.lists(scopes, max_size=4)),
    "NotificationReceived": st.builds(NotificationReceived, text, text, text, text, text, data),
    "AlertReceived": st.builds(AlertReceived, text, st.none() | text, st.none() | text, text, text, text, data),
    "SnapshotTaken": st.builds(SnapshotTaken, text, long, text),
}
events_ = st.builds(Event, text, text, text, long, st.none() | text, st.one_of(*PAYLOADS.values()))

SCOPE = Scope("ports", "network", "net-1")
SEEN = ObjectsSeen("s-1", SCOPE, "port", "network", "net-1", ["p-1", "p-2"], [b"{}", b'{"a":1}' * 30])
EXAMPLES: list[Payload] = [
    EnvironmentDefined(b"{}"),
    EnvironmentRemoved("sold"),
    ConnectionTested(False, b"[]"),
    ListenerStateChanged("retrying", "no broker"),
    ScanRequested("host", "h-1", "a fan stands still"),
    ScanRequested(None, None, ""),
    ScanCancelled("s-1", ""),
    ScheduleDefined("nightly", "0 3 * * *", None, "Europe/Berlin", None, None, "night-{date}", None, 1 << 50, "audit"),
    ScheduleDefined("often", None, "15m", "UTC", "host", "h-1", None, 0, None, ""),
    ScheduleRemoved("nightly", ""),
    ScanStarted("s-1", "bundle:monday", b"{}"),
    SEEN,
    ObjectMissed("s-1", SCOPE, "port", "p-3"),
    FetchFailed("s-1", SCOPE, "port", None, "ip -j addr", "timed out"),
    ScanFinished("s-1", "completed", [SCOPE, SCOPE]),
    NotificationReceived("m-1", "port.create.end", "network.c", "neutron", "notifications.info", b"{}"),
    AlertReceived("a-1", "port", "p-1", "link", "Error", "down", b"{}"),
    AlertReceived("a-1", None, None, "quota", "OK", "", b'{"used":7}'),
    SnapshotTaken("as-designed", 1 << 40, ""),
]


def event_of(payload: Payload) -> Event:
    return Event("e-1", "zed", "scan", 1_795_349_896_129_059, None, payload)


@cache
def reference_schema(name: str) -> Any:
    return avro.schema.parse(codec.schema_text(name))


def reference_bytes(name: str, value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    avro.io.DatumWriter(reference_schema(name)).write(value, avro.io.BinaryEncoder(out))
    return out.getvalue()


def reference_value(name: str, encoded: bytes) -> Any:
    return avro.io.DatumReader(reference_schema(name)).read(avro.io.BinaryDecoder(io.BytesIO(encoded)))


def envelope_value(event: Event, payload: bytes) -> dict[str, Any]:
    name = type(event.payload).__name__
    return {
        "id": event.id,
        "environment": event.environment,
        "source": event.source,
        "occurred_at": event.occurred_at,
        "cause": event.cause,
        "payload_type": name,
        "payload_fingerprint": codec.schema_fingerprint(name),
        "payload": payload,
    }


def test_every_payload_has_its_strategy_and_its_example() -> None:
    assert set(PAYLOADS) == set(codec.PAYLOADS) == {type(payload).__name__ for payload in EXAMPLES}


@pytest.mark.parametrize("name", PAYLOADS)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_bytes_are_those_of_the_reference_implementation(name: str, drawn: st.DataObject) -> None:
    event = Event(*drawn.draw(st.tuples(text, text, text, long, st.none() | text)), drawn.draw(PAYLOADS[name]))
    payload = reference_bytes(name, asdict(event.payload))
    prefix = b"\xc3\x01" + codec.schema_fingerprint("Envelope")
    expected = prefix + reference_bytes("Envelope", envelope_value(event, payload))
    encoded = codec.encode(event)
    assert encoded == expected
    assert codec.decode(expected) == event
    assert reference_value("Envelope", encoded[10:]) == envelope_value(event, payload)
    assert reference_value(name, payload) == asdict(event.payload)


@given(events_)
@settings(max_examples=300, deadline=None)
def test_what_was_encoded_decodes_to_the_same_event(event: Event) -> None:
    encoded = codec.encode(event)
    assert codec.decode(encoded) == event
    assert codec.encode(codec.decode(encoded)) == encoded
    assert codec.decode_envelope(encoded)[:5] == (
        event.id,
        event.environment,
        event.source,
        event.occurred_at,
        event.cause,
    )
    assert codec.decode_payload(codec.decode_envelope(encoded)) == event.payload


@pytest.mark.parametrize("payload", EXAMPLES, ids=lambda payload: type(payload).__name__)
def test_bytes_cut_short_anywhere_are_corrupt(payload: Payload) -> None:
    encoded = codec.encode(event_of(payload))
    for size in range(len(encoded)):
        with pytest.raises(LogCorrupt) as caught:
            codec.decode(encoded[:size])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("payload", EXAMPLES, ids=lambda payload: type(payload).__name__)
def test_a_payload_cut_short_anywhere_or_followed_by_something_is_corrupt(payload: Payload) -> None:
    envelope = codec.decode_envelope(codec.encode(event_of(payload)))
    name = envelope.payload_type
    for cut in [*(envelope.payload[:size] for size in range(len(envelope.payload))), envelope.payload + b"\0"]:
        with pytest.raises(LogCorrupt, match=f"^{name} cannot be decoded: "):
            codec.decode_payload(envelope._replace(payload=cut))


def test_bytes_after_the_event_are_corrupt() -> None:
    with pytest.raises(LogCorrupt, match="Envelope cannot be decoded: 3 bytes follow that belong to nothing"):
        codec.decode(codec.encode(event_of(SEEN)) + b"abc")


def test_an_unknown_envelope_is_of_a_newer_version() -> None:
    encoded = bytearray(codec.encode(event_of(SEEN)))
    encoded[2:10] = bytes(range(8))
    with pytest.raises(LogTooNew, match=r"^an event has an envelope unknown to this version .*0001020304050607"):
        codec.decode(bytes(encoded))


@pytest.mark.parametrize(
    "changed",
    [
        {"payload_fingerprint": bytes(8)},
        {"payload_type": "AlertRaised"},
        {"payload_type": "Envelope", "payload_fingerprint": codec.schema_fingerprint("Envelope")},
        {"payload_type": "ScanStarted", "payload_fingerprint": codec.schema_fingerprint("SnapshotTaken")},
    ],
)
def test_an_unknown_payload_is_of_a_newer_version_and_its_envelope_is_read(changed: dict[str, Any]) -> None:
    event = event_of(SEEN)
    payload = reference_bytes("ObjectsSeen", asdict(SEEN))
    body = reference_bytes("Envelope", {**envelope_value(event, payload), **changed})
    encoded = codec.encode(event)[:10] + body
    assert codec.decode_envelope(encoded).id == "e-1"
    with pytest.raises(LogTooNew, match=r"^event 'e-1' holds a '.*' of a schema unknown to this version"):
        codec.decode(encoded)


@given(st.binary(max_size=80))
@settings(max_examples=250, deadline=None)
def test_no_bytes_make_decoding_fail_without_a_name(garbage: bytes) -> None:
    prefix = codec.MARKER + codec.schema_fingerprint("Envelope")
    for bad in (garbage, codec.MARKER + garbage, prefix + garbage):
        with pytest.raises(CalipsoError) as caught:
            codec.decode(bad)
        assert "\n" not in str(caught.value)


@given(events_, st.integers(min_value=0), st.binary(max_size=12), st.integers(0, 12))
@settings(max_examples=250, deadline=None)
def test_damage_anywhere_is_an_event_or_a_named_error(event: Event, at: int, new: bytes, gone: int) -> None:
    encoded = codec.encode(event)
    at %= len(encoded) + 1
    with suppress(LogCorrupt, LogTooNew):
        assert isinstance(codec.decode(encoded[:at] + new + encoded[at + gone :]), Event)


@pytest.mark.parametrize(
    "body",
    [b"\xff" * 1_000_000, b"\xff" * 9 + b"\x7f", b"\x01abc", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"],
    ids=["endless number", "70 bits", "negative length", "length of half the world"],
)
def test_hostile_lengths_are_refused_at_once(body: bytes) -> None:
    with pytest.raises(LogCorrupt, match=r"^Envelope cannot be decoded: "):
        codec.decode(codec.MARKER + codec.schema_fingerprint("Envelope") + body)


WRONG: list[tuple[Callable[[], Event], str]] = [
    (lambda: Event(7, "z", "s", 1, None, SEEN), "Envelope.id: a text was expected, not int"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda: Event("i", "z", "s", 1.5, None, SEEN), "Envelope.occurred_at: an integer of 64 bits"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda: Event("i", "z", "s", True, None, SEEN), "Envelope.occurred_at: an integer of 64 bits"),
    (lambda: Event("i", "z", "s", 1 << 63, None, SEEN), "Envelope.occurred_at: an integer of 64 bits"),
    (lambda: Event("i", "z", "s", 1, b"c", SEEN), "Envelope.cause: a text was expected, not bytes"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda: Event("i", "\ud800", "s", 1, None, SEEN), "Envelope.environment: a text without half characters"),
    (lambda: event_of(EnvironmentDefined("{}")), "EnvironmentDefined.settings: bytes was expected, not str"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda: event_of(EnvironmentDefined(None)), "EnvironmentDefined.settings: bytes was expected"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda: event_of(ScanFinished("s", "x", [SCOPE, None])), r"ScanFinished.covered\[1\]: a record with entry"),  # type: ignore[list-item]  # wrong on purpose
    (lambda: event_of(ScanFinished("s", "x", (SCOPE,))), "ScanFinished.covered: a list was expected, not tuple"),  # type: ignore[arg-type]  # wrong on purpose
    (
        lambda: event_of(ScanFinished("s", "x", [Scope("a", "b", 3)])),  # type: ignore[arg-type]  # wrong on purpose
        r"ScanFinished.covered\[0\].parent_id: a text was expected, not int",
    ),
    (
        lambda: event_of(ObjectsSeen("s", SCOPE, "p", "n", "1", ["a", 2], [b"", b""])),  # type: ignore[list-item]  # wrong on purpose
        r"ObjectsSeen.ids\[1\]: a text was expected, not int",
    ),
    (
        lambda: event_of(ObjectsSeen("s", SCOPE, "p", "n", "1", ["a"], ["{}"])),  # type: ignore[list-item]  # wrong on purpose
        r"ObjectsSeen.documents\[0\]: bytes was expected, not str",
    ),
    (lambda: event_of(ObjectsSeen("s", SCOPE, "p", "n", "1", ["a"], [])), "ObjectsSeen: 1 ids but 0 documents"),
    (lambda: event_of(SnapshotTaken("n", "7", "")), "SnapshotTaken.at_offset: an integer of 64 bits"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda: event_of(NotificationReceived("m", "\udfff", "p", "e", "r", b"")), "NotificationReceived.event_type"),
    (lambda: event_of(SCOPE), "Scope is no payload of an event"),  # type: ignore[arg-type]  # wrong on purpose
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_a_field_of_a_wrong_type_is_named_with_its_record(make: Callable[[], Event], message: str) -> None:
    with pytest.raises(BadSchema, match=f"^{message}"):
        codec.encode(make())


def test_columns_of_unequal_length_are_corrupt() -> None:
    envelope = codec.decode_envelope(codec.encode(event_of(SEEN)))
    payload = reference_bytes("ObjectsSeen", {**asdict(SEEN), "documents": [b"{}"]})
    with pytest.raises(LogCorrupt, match=r"^event 'e-1' has 2 ids but 1 documents"):
        codec.decode_payload(envelope._replace(payload=payload))


def older_schema(name: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Answer the present schema of `name` with the field list changed in place, as an older version had it."""
    schema: dict[str, Any] = json.loads(codec.schema_text(name))
    change({field["name"]: field for field in schema["fields"]} | {"fields": schema["fields"]})
    return schema


def written(schema: dict[str, Any], value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue()


NOTELESS = older_schema("SnapshotTaken", lambda fields: fields["fields"].remove(fields["note"]))
SHORT_OFFSET = older_schema("SnapshotTaken", lambda fields: fields["at_offset"].update(type="int"))
TALKATIVE = older_schema(
    "ScanFinished", lambda fields: fields["fields"].insert(1, {"name": "mood", "type": ["null", "string"]})
)
CAUSELESS = older_schema("Envelope", lambda fields: fields["fields"].remove(fields["cause"]))


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (NOTELESS, {"name": "n", "at_offset": 7}, SnapshotTaken("n", 7, "")),
        (SHORT_OFFSET, {"name": "n", "at_offset": 7, "note": "x"}, SnapshotTaken("n", 7, "x")),
        (
            TALKATIVE,
            {"scan_id": "s", "mood": "glad", "status": "completed", "covered": [asdict(SCOPE)]},
            ScanFinished("s", "completed", [SCOPE]),
        ),
    ],
)
def test_what_a_released_version_wrote_is_read_by_its_schema(
    tmp_path: Path, schema: dict[str, Any], value: dict[str, Any], expected: Payload
) -> None:
    (tmp_path / "v0").mkdir()
    (tmp_path / "v0" / f"{schema['name']}.avsc").write_text(json.dumps(schema))
    known = codec.released_schemas(tmp_path)
    event = event_of(expected)
    payload = written(schema, value)
    marked = {**envelope_value(event, payload), "payload_fingerprint": codec.fingerprint_of(schema)}
    encoded = codec.encode(event)[:10] + reference_bytes("Envelope", marked)
    assert codec.decode(encoded, known) == event
    with pytest.raises(LogTooNew):
        codec.decode(encoded)
    damaged = codec.decode_envelope(encoded)._replace(payload=payload[:-1])
    with pytest.raises(LogCorrupt, match=f"^{schema['name']} cannot be decoded"):
        codec.decode_payload(damaged, known)
    with pytest.raises(LogCorrupt, match="1 bytes follow that belong to nothing"):
        codec.decode_payload(damaged._replace(payload=payload + b"\0"), known)


def test_an_envelope_of_a_released_version_is_read_by_its_schema() -> None:
    event = event_of(SEEN)
    value = envelope_value(event, reference_bytes("ObjectsSeen", asdict(SEEN)))
    del value["cause"]
    mark = codec.fingerprint_of(CAUSELESS)
    encoded = codec.MARKER + mark + written(CAUSELESS, value)
    assert codec.decode(encoded, {mark: CAUSELESS}) == event


@given(st.binary(max_size=40), st.sampled_from([NOTELESS, TALKATIVE]))
@settings(max_examples=400, deadline=None)
def test_no_bytes_make_decoding_of_an_older_payload_fail_without_a_name(garbage: bytes, schema: dict[str, Any]) -> None:
    mark = codec.fingerprint_of(schema)
    envelope = codec.Envelope("i", "z", "s", 1, None, schema["name"], mark, garbage)
    with suppress(LogCorrupt):
        assert type(codec.decode_payload(envelope, {mark: schema})) is codec.PAYLOADS[schema["name"]]
