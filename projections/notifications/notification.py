"""A notification as its handler reads it."""

from dataclasses import dataclass
from typing import Any

from schemas.canonical import Document, decode_document
from schemas.events import NotificationReceived

_DATA = "nova_object.data"
_NESTED = (dict, list)
_PHASES = (".end", ".error")


@dataclass(frozen=True, slots=True)
class Notification:
    """What was told, when, and by whom."""

    event_type: str
    """As sent, such as `port.update.end`."""
    publisher: str
    """`<service>.<host>`, or `<service>:<host>` of a versioned one."""
    at: int
    """When it was sent, by the publisher's clock but not after it was logged: microseconds since 1970-01-01 UTC."""
    payload: Document
    """Without the envelopes of Nova's versioned objects."""

    @property
    def name(self) -> str:
        """Answer the event type without its phase: `port.update`, as older clouds spell it."""
        return named(self.event_type)

    @property
    def host(self) -> str:
        """Answer the name of the host that sent it, '' if the publisher names none."""
        marks = [self.publisher.find(mark) for mark in (".", ":") if mark in self.publisher]
        return self.publisher[min(marks) + 1 :] if marks else ""


def decoded(received: NotificationReceived, at: int) -> Notification:
    """Read a notification; BadInput if its body is no JSON object, ValueError if it has no payload."""
    payload = decode_document(received.body).get("payload")
    if not isinstance(payload, dict):
        raise ValueError("no payload")  # noqa: TRY004 - of what was received, not of what was called
    return Notification(received.event_type, received.publisher_id, at, plain(payload))


def named(event_type: str) -> str:
    """Answer an event type without the phase that says that it happened."""
    for phase in _PHASES:
        event_type = event_type.removesuffix(phase)
    return event_type


def has_only_begun(event_type: str) -> bool:
    """Answer whether it tells of what is about to happen, and may yet fail."""
    return event_type.endswith((".start", ".progress"))


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Answer a payload with each `nova_object` in it replaced by its data."""
    if isinstance(value, dict):
        if _DATA in value:
            return plain(value[_DATA])
        return {key: plain(item) if isinstance(item, _NESTED) else item for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
