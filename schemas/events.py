"""The events: facts about one environment, in the past tense, as they stand on the log.

Each payload class mirrors `avsc/<its kind>.avsc` field by field; the codec relies on it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What one fetch covers: one entry of the scan plan under one parent object."""

    entry: str
    parent_type: str
    parent_id: str


@dataclass(frozen=True, slots=True)
class EnvironmentDefined:
    """An environment was created or its settings changed; secrets stand as references only."""

    settings: bytes
    """Canonical JSON: cloud, uplinks, mechanism_drivers, distribution, ssh ... (see docs)."""


@dataclass(frozen=True, slots=True)
class EnvironmentRemoved:
    """An environment is no longer looked after; what is known of it stays, until it is defined again."""

    note: str


@dataclass(frozen=True, slots=True)
class ScanRequested:
    """Somebody asked for a scan; the id of the event is the id of the scan that it leads to."""

    object_type: str | None
    """Of the object to look at and below; None: the whole environment."""
    object_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class ScanCancelled:
    """Somebody asked for the end of a scan that runs, or that was requested and did not begin."""

    scan_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScheduleDefined:
    """Scans are to be asked for again and again; a schedule of the same name is replaced."""

    name: str
    cron: str | None
    """Five fields; None: each interval."""
    every: str | None
    """hourly, daily, weekly, monthly, yearly, or a length such as 15m; None: by cron."""
    timezone: str
    object_type: str | None
    """Of the object to look at and below; None: the whole environment."""
    object_id: str | None
    snapshot: str | None
    """Pattern of the name that the moment after each scan is given; None: none."""
    begins_at: int | None
    """Microseconds since 1970-01-01 UTC; None: at once."""
    ends_at: int | None
    """Likewise; None: never."""
    note: str


@dataclass(frozen=True, slots=True)
class ScheduleRemoved:
    """A schedule asks for no more scans."""

    name: str
    note: str


@dataclass(frozen=True, slots=True)
class ScanStarted:
    """A scan began; whatever scan of the environment was still open has thereby broken off."""

    scan_id: str
    origin: str
    """`cloud:<clouds.yaml name>` or `bundle:<folder name>`."""
    settings: bytes
    """Canonical JSON: the settings in force, with what the scan found out itself (drivers)."""


@dataclass(frozen=True, slots=True)
class ObjectsSeen:
    """Objects of one type under one parent, as columns: `documents[i]` describes `ids[i]`."""

    scan_id: str
    scope: Scope
    object_type: str
    parent_type: str
    parent_id: str
    ids: list[str]
    documents: list[bytes]
    """Canonical JSON objects, attributes only (no id, type or parent)."""


@dataclass(frozen=True, slots=True)
class ObjectMissed:
    """An object was looked for alone and is not there; the end of the scan says that it is gone."""

    scan_id: str
    scope: Scope
    """The fetch that would have found it; it is not covered as a whole."""
    object_type: str
    object_id: str


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """A fetch could not look; nothing is swept in its scope or below it."""

    scan_id: str
    scope: Scope
    object_type: str
    host: str | None
    request: str
    """The command or the API request that failed."""
    reason: str


@dataclass(frozen=True, slots=True)
class ScanFinished:
    """A scan ended; the covered scopes, and only these, say what is no longer there."""

    scan_id: str
    status: str
    """completed, completed_with_errors, failed or aborted."""
    covered: list[Scope]


@dataclass(frozen=True, slots=True)
class NotificationReceived:
    """A notification of the message bus, as received but for its secrets."""

    message_id: str
    event_type: str
    publisher_id: str
    exchange: str
    routing_key: str
    body: bytes
    """JSON of the whole oslo.messaging message (payload, timestamp, priority ...)."""


@dataclass(frozen=True, slots=True)
class AlertReceived:
    """An alert of an outside monitor, as received but for its secrets."""

    alert_id: str
    object_type: str | None
    """Of the object that it is about; None: it is about the environment."""
    object_id: str | None
    check: str
    status: str
    """OK, Warning, Error or Unknown."""
    text: str
    details: bytes
    """Canonical JSON object."""


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """A moment of the environment got a name."""

    name: str
    at_offset: int
    note: str


@dataclass(frozen=True, slots=True)
class ConnectionTested:
    """Every source that the settings of an environment name was tried."""

    passed: bool
    """Whether each of them answered as it should."""
    results: bytes
    """Canonical JSON: a list of {source, target, passed, text, remedy, seconds}."""


@dataclass(frozen=True, slots=True)
class ListenerStateChanged:
    """The listener of an environment is in another state than before."""

    state: str
    """running, retrying, stopped or error."""
    cause: str
    """Why, in one line."""


Payload = (
    EnvironmentDefined
    | EnvironmentRemoved
    | ConnectionTested
    | ListenerStateChanged
    | ScanRequested
    | ScanCancelled
    | ScheduleDefined
    | ScheduleRemoved
    | ScanStarted
    | ObjectsSeen
    | ObjectMissed
    | FetchFailed
    | ScanFinished
    | NotificationReceived
    | AlertReceived
    | SnapshotTaken
)


@dataclass(frozen=True, slots=True)
class Event:
    """A fact with its envelope."""

    id: str
    """UUID, given by whoever saw the fact: the same fact has the same id."""
    environment: str
    source: str
    """Who saw it: `scan`, `openstack`, `operator` ..."""
    occurred_at: int
    """When it happened, microseconds since 1970-01-01 UTC."""
    cause: str | None
    """The id of the event or of the request that led to this one."""
    payload: Payload


@dataclass(frozen=True, slots=True)
class Entry:
    """An event where it stands on the log."""

    offset: int
    logged_at: int
    """When we knew: the log's own time, microseconds since 1970-01-01 UTC, never decreasing."""
    event: Event
