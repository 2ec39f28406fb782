"""The command that looks after dead letters: what a log on Kafka, or the inbox beside it, held and nobody could use."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from calipso.reading import Json, settings_of
from calipso.settings import Settings
from calipso.terminal import as_json, line, table
from calipso.values import short
from schemas import codec
from schemas.alert import SCHEMA
from schemas.canonical import Document
from schemas.errors import BadInput, BadSettings, CalipsoError, NotFound
from schemas.redaction import redact_bytes, redact_event, redact_json, redact_text
from streams.moments import FIRST, LAST, iso

if TYPE_CHECKING:
    from streams.dead import DeadLetter, DeadLetters, Kept

_SHOWN = 256
"""Bytes of a dump."""
_WIDTH = 16
_LONGEST = 300
"""Characters of a field; --json has it whole."""


def dead(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="list, show or requeue.")],
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="N", help="Of the letter to show, of those to send again.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what could not be used, and send it again to where it came from: events to the log, alerts to the inbox."""
    found = [int(number) for number in numbers or [] if number.isascii() and number.isdigit()]
    many = {"list": range(1), "show": range(1, 2), "requeue": range(1, 1000)}.get(action, range(0))
    if len(found) != len(numbers or []) or len(found) not in many:
        raise BadInput("dead: write dead list, dead show N, or dead requeue N and more")
    with _opened(settings_of(context)) as letters:
        if action == "list":
            _list(letters, json=json)
        elif action == "show":
            _show(*letters.get(found[0]), json=json)
        else:
            _requeue(letters, found, json=json)


@contextmanager
def _opened(settings: Settings) -> Iterator["DeadLetters"]:
    kafka = settings.kafka
    if kafka is None:
        raise BadSettings("only a log on Kafka has dead letters (CALIPSO_LOG=kafka://HOST:PORT/TOPIC)")
    from streams.dead import DeadLetters, has_letters  # here, for no other command should wait for Kafka's client

    if not has_letters(kafka.bootstrap, kafka.topic, kafka.resolved()):
        raise NotFound(f"{settings.place}: no dead letters, and no topic of them (calipso worker makes it)")
    sized = {"partitions": kafka.partitions, "replicas": kafka.replicas}
    letters = DeadLetters(kafka.bootstrap, kafka.topic, kafka.resolved(), **sized)
    try:
        yield letters
    finally:
        letters.close()


def _list(letters: "DeadLetters", *, json: bool) -> None:
    found = [_row(kept) for kept in letters.list()]
    if json:
        return as_json({"topic": letters.topic, "letters": found})
    if not found:
        return line("no dead letters")
    columns = ("number", "kept_at", "origin", "size", "requeued_at", "reason")
    return table(columns, [[row[name] for name in columns] for row in found], cut=True)


def _row(kept: "Kept") -> Document:
    return {
        "number": kept.number,
        "kept_at": _time(kept.kept_at),
        "origin": f"{kept.origin.topic}/{kept.origin.partition}/{kept.origin.offset}",
        "time": _time(kept.time),
        "size": kept.size,
        "requeued_at": None if kept.requeued_at is None else _time(kept.requeued_at),
        "reason": redact_text(kept.reason),
    }


def _time(time: int) -> str:
    """Answer a time; one that no calendar has, for anybody may have written it, as its number."""
    return iso(time) if FIRST <= time <= LAST else str(time)


def _show(kept: "Kept", letter: "DeadLetter", *, json: bool) -> None:
    key, value = letter.key or b"", letter.value or b""
    kind, decoded, safe = _decoded(value)
    row = {**_row(kept), "key": redact_bytes(key).decode("utf-8", "backslashreplace"), "holds": kind, "fields": decoded}
    dump = list(_dump(safe))
    if json:
        return as_json({**row, "dump": dump})
    for name, said in row.items():
        if name != "fields":
            line(f"{name:12} {'-' if said in (None, '') else said}")
    for name, said in decoded.items():
        text = short(said)
        line(f"  {name:16} {text if len(text) <= _LONGEST else f'{text[:_LONGEST]}...'}")
    for text in dump:
        line(text)
    return None


def _decoded(value: bytes) -> tuple[str, Document, bytes]:
    """Answer what the bytes hold, its fields, and the bytes to show: all without secrets.

    Of what can be decoded, the redacted record is shown, encoded again: in bytes as they are, a secret's name may not
    be told from what stands before it.
    """
    for kind, read in (("an alert", _alert), ("a framed alert", _framed), ("an event", _event), ("a part", _envelope)):
        with suppress(CalipsoError):
            fields, safe = read(value)
            return kind, fields, safe
    return "nothing that can be decoded", {}, redact_bytes(value)


def _alert(value: bytes) -> tuple[Document, bytes]:
    values = codec.decode_record(SCHEMA, value)
    if values is None:
        raise BadInput("no alert")
    safe = {name: _safe(item) for name, item in values.items()}
    return _readable(safe), codec.encode_record(SCHEMA, safe)


def _framed(value: bytes) -> tuple[Document, bytes]:
    """Read what is framed as for a schema registry, if its body is a released alert."""
    if value[:1] != b"\0":
        raise BadInput("not framed")
    mark = codec.MARKER + codec.schema_fingerprint(SCHEMA)
    fields, safe = _alert(mark + value[5:])
    return fields, value[:5] + safe[len(mark) :]


def _event(value: bytes) -> tuple[Document, bytes]:
    event = redact_event(codec.decode(value))
    envelope = {
        "id": event.id,
        "environment": event.environment,
        "source": event.source,
        "occurred_at": event.occurred_at,
        "payload_type": type(event.payload).__name__,
    }
    return _readable(envelope | asdict(event.payload)), codec.encode(event)


def _envelope(value: bytes) -> tuple[Document, bytes]:
    """Read an event whose payload cannot be read."""
    fields = codec.decode_envelope(value)._asdict()
    del fields["payload"], fields["payload_fingerprint"]
    return _readable(fields), redact_bytes(value)


def _safe(item: object) -> object:
    if isinstance(item, bytes):
        return redact_bytes(item)
    return redact_text(item) if isinstance(item, str) else item


def _readable(fields: Document) -> Document:
    shown = {name: _text(item) for name, item in fields.items()}
    answer = redact_json(shown)
    return answer if isinstance(answer, dict) else {}


def _text(item: object) -> object:
    if isinstance(item, bytes):
        return item.decode("utf-8", "backslashreplace")
    return [_text(one) for one in item] if isinstance(item, list) else item


def _dump(data: bytes) -> Iterator[str]:
    """Yield the first bytes: where, in hexadecimal, as ASCII."""
    for place in range(0, min(len(data), _SHOWN), _WIDTH):
        part = data[place : min(place + _WIDTH, _SHOWN)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{place:08x}  {part.hex(' '):{3 * _WIDTH}} {text}"
    if len(data) > _SHOWN:
        yield f"... {len(data) - _SHOWN} bytes more"


def _requeue(letters: "DeadLetters", numbers: list[int], *, json: bool) -> None:
    """Send each again, in the order of the words; what was sent is told before anything is refused."""
    sent = []
    for number in numbers:
        topic = letters.requeue(number)
        sent.append({"number": number, "topic": topic})
        if not json:
            line(f"dead letter {number} was sent to {topic}")
    if json:
        as_json({"sent": sent})
