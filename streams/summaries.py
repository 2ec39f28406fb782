"""Events in one line each, for a person who reads the log."""

from typing import assert_never

from schemas.canonical import decode, decode_document
from schemas.events import (
    AlertReceived,
    ConnectionTested,
    EnvironmentDefined,
    EnvironmentRemoved,
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
    SnapshotTaken,
)


def summary(payload: Payload) -> str:  # noqa: C901 - one case an event
    """Answer what the event says, in one line."""
    match payload:
        case EnvironmentDefined():
            return f"settings {', '.join(sorted(decode_document(payload.settings)))}"
        case EnvironmentRemoved():
            return f"environment removed{_because(payload.note)}"
        case ConnectionTested():
            return f"sources tried: {_tried(payload)}"
        case ListenerStateChanged():
            return f"listener {payload.state}{_because(payload.cause)}"
        case ScanRequested():
            return f"scan of {_what(payload)} asked for{_because(payload.reason)}"
        case ScanCancelled():
            return f"end of scan {payload.scan_id} asked for{_because(payload.reason)}"
        case ScheduleDefined():
            when = f"by cron {payload.cron}" if payload.every is None else f"each {payload.every}"
            return f"scans of {_what(payload)} {when} by schedule {payload.name}{_because(payload.note)}"
        case ScheduleRemoved():
            return f"schedule {payload.name} removed{_because(payload.note)}"
        case ScanStarted():
            return f"scan of {payload.origin} began"
        case ObjectsSeen():
            return f"{len(payload.ids)} {payload.object_type} under {payload.parent_type} {payload.parent_id}"
        case ObjectMissed():
            return f"{payload.object_type} {payload.object_id} is not there"
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


def _tried(tested: ConnectionTested) -> str:
    results = decode(tested.results)
    failed = [f"{result['source']} {result['target']}" for result in results if not result["passed"]]
    return f"{len(results)} answer" if tested.passed else f"no answer of {', '.join(failed) or 'any'}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _what(asked: ScanRequested | ScheduleDefined) -> str:
    return "everything" if asked.object_type is None else f"{asked.object_type} {asked.object_id}"
