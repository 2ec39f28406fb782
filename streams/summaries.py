"""Events in one line each, for a person who reads the log."""

from typing import assert_never

from schemas.canonical import decode_document
from schemas.events import (
    AlertReceived,
    EnvironmentDefined,
    FetchFailed,
    NotificationReceived,
    ObjectsSeen,
    Payload,
    ScanFinished,
    ScanStarted,
    SnapshotTaken,
)


def summary(payload: Payload) -> str:
    """Answer what the event says, in one line."""
    match payload:
        case EnvironmentDefined():
            return f"settings {', '.join(sorted(decode_document(payload.settings)))}"
        case ScanStarted():
            return f"scan of {payload.origin} began"
        case ObjectsSeen():
            return f"{len(payload.ids)} {payload.object_type} under {payload.parent_type} {payload.parent_id}"
        case FetchFailed():
            where = f"{payload.host}: " if payload.host else ""
            return f"{payload.scope.entry} failed: {where}{payload.request}: {payload.reason}"
        case ScanFinished():
            return f"scan {payload.status}, {len(payload.covered)} scopes covered"
        case NotificationReceived():
            return f"{payload.event_type} from {payload.publisher_id}"
        case AlertReceived():
            about = "the environment" if payload.object_type is None else f"{payload.object_type} {payload.object_id}"
            return f"{payload.status}: {payload.check} of {about}{f': {payload.text}' if payload.text else ''}"
        case SnapshotTaken():
            return f"snapshot @{payload.name} of offset {payload.at_offset}"
    assert_never(payload)
