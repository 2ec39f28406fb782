"""An alert of an outside monitor: its fields, what they must be like, and its bytes."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from schemas import canonical, codec
from schemas.errors import BadAlert, BadInput
from schemas.vocabulary import OBJECT_TYPES

SCHEMA: Final = "Alert"
STATUSES: Final = ("OK", "Warning", "Error", "Unknown")
LARGEST_ALERT: Final = 512 << 10
"""Bytes of an encoded alert."""
LONGEST_NAME: Final = 1000
"""Characters of each name in it."""

EARLIEST: Final = 946_684_800_000_000
"""2000-01-01T00:00Z: an earlier number is a time in seconds or milliseconds."""
LATEST: Final = 253_402_300_800_000_000
"""The year 10000, which no calendar of Python has: a number from here on is a time in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What an outside monitor found, field by field as `avsc/Alert.avsc` explains it."""

    id: str
    environment: str
    source: str
    occurred_at: int
    """Microseconds since 1970-01-01 UTC."""
    object_type: str | None
    object_id: str | None
    check: str
    status: str
    text: str = ""
    details: bytes = b"{}"
    """A JSON object."""


def encode_alert(alert: Alert) -> bytes:
    """Answer the alert in Avro's single-object encoding; BadAlert says what breaks the contract."""
    try:
        value = codec.encode_record(SCHEMA, asdict(alert))
    except BadInput as error:
        raise BadAlert(str(error)) from error
    check(alert)
    if len(value) > LARGEST_ALERT:
        raise BadAlert(f"the alert has {len(value)} bytes, the most is {LARGEST_ALERT}")
    return value


def alert_of(values: dict[str, Any]) -> Alert:
    """Answer the alert that a decoded record is; BadAlert says what breaks the contract."""
    alert = Alert(**values)
    check(alert)
    return alert


def check(alert: Alert) -> None:
    """Raise BadAlert, naming every field that is not as it must be; the types of the fields are the codec's matter."""
    faults = [*_names(alert), *_object(alert), *_rest(alert)]
    if faults:
        raise BadAlert(f"the alert cannot be used: {'; '.join(faults)}")


def _names(alert: Alert) -> Iterator[str]:
    names = {
        "id": alert.id,
        "environment": alert.environment,
        "source": alert.source,
        "check": alert.check,
        "object_id": alert.object_id,
    }
    for field, name in names.items():
        if name is not None and not name.strip():
            yield f"{field} is empty"
        elif name is not None and len(name) > LONGEST_NAME:
            yield f"{field} has {len(name)} characters, the most is {LONGEST_NAME}"


def _object(alert: Alert) -> Iterator[str]:
    if (alert.object_type is None) != (alert.object_id is None):
        yield "an object is named by both object_type and object_id"
    elif alert.object_type is not None and alert.object_type not in OBJECT_TYPES:
        yield f"object_type {_quoted(alert.object_type)} is none of {', '.join(sorted(OBJECT_TYPES))}"


def _rest(alert: Alert) -> Iterator[str]:
    if alert.status not in STATUSES:
        yield f"status {_quoted(alert.status)} is none of {', '.join(STATUSES)}"
    if not EARLIEST <= alert.occurred_at < LATEST:
        yield f"occurred_at {alert.occurred_at} is no time in microseconds since 1970, from 2000 to 9999"
    try:
        canonical_details(alert.details)
    except BadInput as error:
        yield f"details: {error}"


def canonical_details(details: bytes) -> bytes:
    """Answer the JSON object in canonical form; BadInput if it is none."""
    try:
        return canonical.encode(canonical.decode_document(details))
    except RecursionError as error:
        raise BadInput("JSON that is nested too deep") from error
    except (ValueError, OverflowError, TypeError) as error:  # such as a number that no decoder holds
        raise BadInput(f"no JSON: {error}") from error


def _quoted(text: str) -> str:
    return repr(text[:80])
