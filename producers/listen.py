"""Recorded notifications, read as events: one JSON object a line, as taken from the message bus.

A line holds `exchange`, `routing_key`, `received` (seconds since 1970) and `body`, the oslo.messaging envelope
(`oslo.version`, `oslo.message` as text) or the bare message of older clouds.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from schemas.canonical import Document, decode_document, encode
from schemas.errors import BadInput
from schemas.events import Event, NotificationReceived

SOURCE = "openstack"


def recorded_notifications(file: Path, environment: str) -> Iterator[Event]:
    """Yield the notifications of a file in its order; BadInput names file and line."""
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _event(line, environment, f"{file}:{number}")
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror or error}") from error


def _event(line: bytes, environment: str, where: str) -> Event:
    try:
        record = decode_document(line)
        message = _message(record)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error
    missing = [name for name in ("message_id", "event_type") if not isinstance(message.get(name), str)]
    if missing:
        raise BadInput(f"{where}: a notification without {' and '.join(missing)}")
    return Event(
        id=_uuid(message["message_id"]),
        environment=environment,
        source=SOURCE,
        occurred_at=_time(message, record, where),
        cause=None,
        payload=NotificationReceived(
            message_id=message["message_id"],
            event_type=message["event_type"],
            publisher_id=str(message.get("publisher_id", "")),
            exchange=str(record.get("exchange", "")),
            routing_key=str(record.get("routing_key", "")),
            body=encode(message),
        ),
    )


def _message(record: Document) -> Document:
    body = record.get("body", record)
    if not isinstance(body, dict):
        raise BadInput("body is not an object")
    inner = body.get("oslo.message")
    if inner is None:
        return body
    if not isinstance(inner, str):
        raise BadInput("oslo.message is not text")
    return decode_document(inner.encode())


def _uuid(message_id: str) -> str:
    try:
        return str(uuid.UUID(message_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"oslo:{message_id}"))


def _time(message: Document, record: Document, where: str) -> int:
    """Answer when it happened: the message's own timestamp (UTC, as oslo.messaging writes it), else when received."""
    stamp = message.get("timestamp")
    try:
        if isinstance(stamp, str):
            when = datetime.fromisoformat(stamp)
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            return int(when.timestamp() * 1_000_000)
        return int(float(record["received"]) * 1_000_000)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{where}: no time it happened at ({error!r})") from error
