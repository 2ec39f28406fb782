"""Notifications of OpenStack, read as events: as taken from the message bus, or as recorded from it.

A recording has one JSON object a line. It holds `exchange`, `routing_key`, `received` (seconds since 1970) and `body`,
the oslo.messaging envelope (`oslo.version`, `oslo.message` as text) or the bare message of older clouds.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.alert import EARLIEST, LATEST
from schemas.canonical import Document, decode_document, encode
from schemas.errors import BadInput
from schemas.events import Event, NotificationReceived

SOURCE = "openstack"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def recorded_notifications(file: Path, environment: str) -> Iterator[Event]:
    """Yield the notifications of a file in its order; BadInput names file and line."""
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _recorded(line, environment, f"{file}:{number}")
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror or error}") from error


def _recorded(line: bytes, environment: str, where: str) -> Event:
    try:
        record = decode_document(line)
        return notification(record.get("body", record), environment, record)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error


def notification(body: object, environment: str, record: Document) -> Event:
    """Answer what the bus carried as an event; BadInput if it is no notification.

    `body` is the JSON value of the message; `record` holds `exchange`, `routing_key` and `received`. The event's id is
    made from the message's, so a message that comes again makes the same event again.
    """
    message = _message(body)
    missing = [name for name in ("message_id", "event_type") if not isinstance(message.get(name), str)]
    if missing:
        raise BadInput(f"a notification without {' and '.join(missing)}")
    return Event(
        id=_uuid(message["message_id"]),
        environment=environment,
        source=SOURCE,
        occurred_at=_time(message, record),
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


def _message(body: object) -> Document:
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


def _time(message: Document, record: Document) -> int:
    """Answer when it happened: the message's own timestamp (UTC, as oslo.messaging writes it), else when received.

    A timestamp outside the years that an alert may name is none.
    """
    stamp = message.get("timestamp")
    try:
        told = _stamped(stamp) if isinstance(stamp, str) else None
        found = told if told is not None else int(float(record["received"]) * 1_000_000)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise BadInput(f"no time it happened at ({error!r})") from error
    if not EARLIEST <= found < LATEST:
        raise BadInput(f"no time it happened at (received {found}: not from 2000 to 9999)")
    return found


def _stamped(stamp: str) -> int | None:
    when = datetime.fromisoformat(stamp)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    told = (when - _EPOCH) // timedelta(microseconds=1)
    return told if EARLIEST <= told < LATEST else None
