"""Events in one line each, for a person who reads the log."""

from typing import assert_never

from schemas.canonical import decode_document
from schemas.events import (
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
        case SnapshotTaken():
            return f"snapshot @{payload.name} of offset {payload.at_offset}"
    assert_never(payload)
