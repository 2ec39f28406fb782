"""The shapes of the answers, for the OpenAPI description. The answers themselves leave as they are: nothing is cut."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.vocabulary import LINK_TYPES, OBJECT_TYPES


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _At(_Answer):
    environment: str = Field(description="Name of the environment.")
    offset: int = Field(description="Offset of the newest event that the answer reflects.")
    time: str = Field(description="When that event was logged, ISO 8601 in UTC.")


class _Page(_At):
    next: str | None = Field(description="Cursor of the next page; null: this is the last.")


class Cause(_Answer):
    """The event that brought something about."""

    offset: int = Field(description="Offset of the event.")
    source: str | None = Field(description="Who saw it: scan, openstack, operator ...")
    time: str | None = Field(description="When it happened, ISO 8601 in UTC.")
    event: str | None = Field(description="Kind of event, such as ObjectsSeen.")
    event_id: str | None = Field(description="Id of the event.")


class Name(_Answer):
    """What names an object inside its environment."""

    type: str = Field(description=f"One of environment, {', '.join(sorted(OBJECT_TYPES))}.")
    id: str = Field(description="Id of the object.")


class Named(Name):
    """An object with its name."""

    name: str = Field(description="What a person calls it: its name, or its id.")


class Failure(_Answer):
    """A fetch of a scan that could not look."""

    entry: str = Field(description="Entry of the scan plan.")
    parent: tuple[str, str] = Field(description="Type and id of the object below which was looked.")
    object_type: str = Field(description="Type of the objects looked for.")
    host: str | None = Field(description="Host that was asked, null for the cloud's API.")
    request: str = Field(description="Command or API request that failed.")
    reason: str = Field(description="Why it failed.")


class Cancelled(_Answer):
    """The wish that a scan ends."""

    by: str = Field(description="Who asked for it.")
    reason: str = Field(description="Why; may be empty.")


class Scan(_Answer):
    """One scan."""

    name: str = Field(description="Id of the scan, and of the request for it.")
    object: tuple[str, str] | None = Field(
        None, description="Type and id of the object that was looked at with what is below it; null: everything."
    )
    status: Literal["pending", "running", "completed", "completed_with_errors", "failed", "aborted", "cancelled"] = (
        Field(description="How it stands at the moment of the answer.")
    )
    reason: str = Field("", description="Why it was asked for.")
    requested_by: str | None = Field(None, description="Who asked for it; missing if nobody did.")
    requested_at: str | None = Field(None, description="When it was asked for, ISO 8601 in UTC.")
    requested_offset: int | None = Field(None, description="Offset of its ScanRequested.")
    cause: str | None = Field(None, description="Id of the event that led to the request.")
    schedule: str | None = Field(None, description="Name of the schedule that asked for it.")
    cancelled: Cancelled | None = Field(None, description="Set if somebody asked for its end.")
    origin: str | None = Field(
        None, description="What was scanned: cloud:<name> or bundle:<folder>; missing until it begins."
    )
    started_offset: int | None = Field(None, description="Offset of its ScanStarted.")
    started_at: str | None = Field(None, description="When it began, ISO 8601 in UTC.")
    finished_at: str | None = Field(None, description="When it ended; missing while it waits or runs.")
    failures: list[Failure] = Field([], description="What it could not look at.")


class Removed(_Answer):
    """The end of an environment: nobody looks after it any more."""

    at: str = Field(description="When it was removed, ISO 8601 in UTC.")
    note: str = Field(description="Why; may be empty.")


class Listener(_Answer):
    """The listener of an environment."""

    state: Literal["running", "retrying", "stopped", "error"] = Field(description="How it is.")
    cause: str = Field(description="Why, in one line.")
    since: str = Field(description="When that was told, ISO 8601 in UTC.")


class Tried(_Answer):
    """How one source of an environment answered when it was tried."""

    source: str = Field(description="api, host, database, bus, ovn or monitoring.")
    target: str = Field(description="Which of them: a service, a host, an address.")
    passed: bool = Field(description="Whether it answered as it should.")
    text: str = Field(description="What it answered, or why it did not, in one line.")
    remedy: str = Field(description="How to mend it; empty if it is well.")
    seconds: float = Field(description="How long it took.")


class Tested(_Answer):
    """How the sources of an environment answered when they were tried last."""

    at: str = Field(description="When, ISO 8601 in UTC.")
    passed: bool = Field(description="Whether each of them answered as it should.")
    results: list[Tried] = Field(description="Each source.")


class Environment(_At):
    """One environment at a moment."""

    name: str = Field(description="Name of the environment.")
    settings: dict[str, Any] = Field(description="As defined by the operator; secrets are references.")
    detected: dict[str, Any] = Field(description="What the newest scan found out about the cloud.")
    removed: Removed | None = Field(description="Its end, null while it is looked after.")
    listener: Listener | None = Field(description="How its listener is, null if it never had one.")
    tested: Tested | None = Field(description="How its sources answered (calipso env test), null if never tried.")
    objects: dict[str, int] = Field(description="How many objects there are of each type.")
    last_scan: Scan | None = Field(description="The newest scan, null if there was none.")


class Environments(_Answer):
    """All environments; each says of what moment it speaks."""

    items: list[Environment] = Field(description="The environments that were known at the moment, by name.")


class Object(Named):
    """One object with its attributes."""

    parent: Name = Field(description="The object it stands under in the tree.")
    attributes: dict[str, Any] = Field(description="What is known of it (docs/model.md).")


class Objects(_Page):
    """Objects, sorted by type and id."""

    items: list[Object] = Field(description="The objects of this page.")


class Hit(Object):
    """An object that a search found."""

    found_in: list[str] = Field(description="Where the text stands: id, or fields of the attributes.")


class Hits(_Page):
    """What a search found, sorted by type and id."""

    items: list[Hit] = Field(description="The objects of this page.")


class Link(_Answer):
    """Two objects that carry each other's traffic, or that name each other."""

    type: str = Field(description=f"<source type>-<target type>; the explicit ones are {', '.join(LINK_TYPES)}.")
    id: str = Field(description="Both ids, joined by a bar.")
    source_type: str = Field(description="Type of the source.")
    source_id: str = Field(description="Id of the source.")
    target_type: str = Field(description="Type of the target.")
    target_id: str = Field(description="Id of the target.")
    name: str = Field(description="What a person calls it.")
    state: Literal["up", "down"] = Field(description="Down when an end says so.")
    host: str | None = Field(description="Host it stands on, null between hosts.")
    implicit: bool = Field(description="True: derived from a chain of links.")
    attributes: dict[str, Any] = Field(description="network and segment bound it (docs/model.md).")


class Links(_Page):
    """Links, sorted by type and id."""

    items: list[Link] = Field(description="The links of this page.")


class ImplicitLinks(_Page):
    """What an object's chains of links lead to."""

    items: list[Link] = Field(description="The links of this page, sorted by type and id.")


class OneObject(_At, Object):
    """One object: attributes, place in the tree, links, and since when it is as it is."""

    id_path: str = Field(description="Ids on the way from the root, folders included.")
    name_path: str = Field(description="Names on the way from the root, folders included.")
    links: list[Link] = Field(description="The explicit links at it.")
    children: list[Named] = Field(description="The objects directly under it.")
    has_clique: bool = Field(description="Whether a clique is built around it.")
    since: Cause | None = Field(description="The event that made it as it is.")


class TreeNode(Named):
    """An object or a folder with what is under it."""

    children: list["TreeNode"] = Field(description="The nodes directly under it.")


class Tree(_At):
    """The tree of objects and folders below a root."""

    tree: TreeNode = Field(description="The root.")


class Clique(_Answer):
    """The part of the network that belongs to one object."""

    focal_type: str = Field(description="Type of the object in the middle.")
    focal_id: str = Field(description="Id of the object in the middle.")
    clique_type: str = Field(description="Recipe by which it was built.")
    constraints: dict[str, Any] = Field(description="What bounds it, with the focal object's value.")
    nodes: list[tuple[str, str]] = Field(description="Type and id of each object in it.")
    links: list[tuple[str, str]] = Field(description="Type and id of each link in it.")


class Cliques(_Page):
    """Cliques, sorted by focal object."""

    items: list[Clique] = Field(description="The cliques of this page.")


class Node(Named):
    """An object in a clique or among dependents."""

    host: str | None = Field(description="Host it lives on, null if it is on none.")


class DerivedLink(_Answer):
    """An implicit link of a clique: derived, not stored."""

    type: str = Field(description="<source type>-<target type>.")
    id: str = Field(description="Both ids, joined by a bar.")
    implicit: Literal[True] = Field(description="Always true.")


class OneClique(_At):
    """The clique around one object, nodes and links written out."""

    focal: Named = Field(description="The object in the middle.")
    clique_type: str = Field(description="Recipe by which it was built.")
    constraints: dict[str, Any] = Field(description="What bounds it, with the focal object's value.")
    nodes: list[Node] = Field(description="The objects in it.")
    links: list[Link | DerivedLink] = Field(description="The links in it.")
    since: Cause | None = Field(description="The event that made it as it is.")


class Dependent(Node):
    """An object that depends on the one asked about."""

    distance: int = Field(description="Steps away from the object asked about.")
    because: str = Field(description="What makes it depend.")
    whole: bool = Field(description="Whether all of it is lost, or only its share in what failed.")
    lost_networks: list[str] = Field(description="Of a share: names of the networks that it loses, if known.")


class Impact(_At):
    """Everything that depends on an object."""

    object: Named = Field(description="The object asked about.")
    dependents: list[Dependent] = Field(description="What depends on it, nearest first.")
    instances: list[str] = Field(description="Names of the instances among them.")
    hosts: list[str] = Field(description="Names of the hosts among them.")
    projects: list[str] = Field(description="Names of the projects among them.")
    networks: list[str] = Field(description="Names of the networks among them.")


class Moment(_Answer):
    """A state of an environment."""

    offset: int = Field(description="Offset of the newest event in it.")
    time: str = Field(description="When that event was logged, ISO 8601 in UTC.")


class FieldDifference(_Answer):
    """One field that differs."""

    field: str = Field(description="Keys on the way to it, joined by dots (a dot in a key: backslash dot).")
    before: Any = Field(description="Earlier value, null where it was not there.")
    after: Any = Field(description="Later value, null where it is not there.")


class BlamedField(FieldDifference):
    """One field that differs, with the event that made it so."""

    cause: Cause = Field(description="The event that gave it the later value.")


class ComeOrGone(Named):
    """Something that is there at one of two moments only."""

    document: dict[str, Any] | None = Field(description="As it was when it was there.")
    cause: Cause = Field(description="The event that made it appear or disappear.")


class Changed(Named):
    """Something that is there at both moments and differs."""

    fields: list[BlamedField] = Field(description="The fields that differ, by name.")


class Differences(_Answer):
    """What differs, of one kind of thing."""

    added: list[ComeOrGone] = Field(description="There at `to` only.")
    removed: list[ComeOrGone] = Field(description="There at `from` only.")
    changed: list[Changed] = Field(description="There at both, but different.")


class Ages(_Answer):
    """How long after it happened something was known, in seconds; null: nothing was."""

    p50: float | None = Field(description="Half of it after so long.")
    p99: float | None = Field(description="99 of 100 after so long.")


class Score(_Answer):
    """How much a source knew of what changed about objects of a type."""

    type: str = Field(description=f"One of {', '.join(sorted(OBJECT_TYPES))}.")
    source: Literal["notifications", "scan"] = Field(description="Who knew.")
    changed: int = Field(description="Facts that changed: objects that came or went, attributes.")
    known: int = Field(description="Those that the source knew.")
    completeness: float = Field(description="`known` of `changed`, from 0 to 1.")
    knowable: int = Field(description="Of `changed`, those that the source can tell: not all is announced.")
    completeness_of_knowable: float | None = Field(description="`known` of `knowable`; null if nothing is.")
    freshness_seconds: Ages = Field(description="How old it was when it was known; by a scan: at most.")


class Mark(_Answer):
    """An event of the log."""

    offset: int = Field(description="Its offset.")
    time: str = Field(description="When it happened, ISO 8601 in UTC.")


class DriftLine(Named):
    """A fact that changed without being told, until a scan found it."""

    kind: Literal["create", "delete", "change"] = Field(description="What was missed.")
    field: str | None = Field(description="The attribute; null: whether the object is there.")
    believed: Any = Field(description="The value until then.")
    found: Any = Field(description="The value that the scan found.")
    source: Literal["notifications", "scan"] = Field(description="Who had told the old value.")
    after: Mark = Field(description="When that was confirmed last: the loss is later.")
    before: Mark = Field(description="When the scan said what it found: the loss is earlier.")
    scan: str = Field(description="The scan.")
    reason: str | None = Field(description="Why OpenStack does not announce it; null: it should have been told.")


class Drift(_Answer):
    """What was told, beside what scans found."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    environment: str = Field(description="Name of the environment.")
    from_: Moment | None = Field(alias="from", description="What was found later; null: from the first event.")
    to: Moment = Field(description="What was found until then.")
    scores: list[Score] = Field(description="Of each type and source of which something changed.")
    lines: list[DriftLine] = Field(description="What was missed, in the order in which it was found.")
    unexplained: int = Field(description="How many of the lines have no reason.")
    not_understood: dict[str, int] = Field(
        description="Notifications by type, since the first event, that no handler knows or could read."
    )


class Diff(_Answer):
    """Two moments compared."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    environment: str = Field(description="Name of the environment.")
    from_: Moment = Field(alias="from", description="The state compared from.")
    to: Moment = Field(description="The state compared to.")
    objects: Differences = Field(description="Objects that differ.")
    links: Differences = Field(description="Links that differ.")
    cliques: Differences = Field(description="Cliques that differ.")


class ImaginedCause(Cause):
    """The event of the real or the imagined future that brought something about."""

    future: Literal["real", "what-if"] = Field(
        description="what-if: an event of the imagined future; real: one that really was, and was edited or undone."
    )
    edit: Literal["dropped", "altered", "added"] | None = Field(description="What was done to it, null: nothing.")
    added: int | None = Field(description="Which of the added events it is, from 1; it stands behind `offset`.")


class ImaginedField(FieldDifference):
    """One field that would be otherwise, with the event that makes it so."""

    cause: ImaginedCause = Field(description="What would give it its value, else what really gave it the present one.")


class ImaginedComeOrGone(Named):
    """Something that is there in one of two futures only."""

    document: dict[str, Any] | None = Field(description="As it is in the future in which it is there.")
    cause: ImaginedCause = Field(description="The event that makes it appear or disappear.")


class ImaginedChanged(Named):
    """Something that is there in both futures and differs."""

    fields: list[ImaginedField] = Field(description="The fields that differ, by name: real before, imagined after.")


class ImaginedDifferences(_Answer):
    """What would be otherwise, of one kind of thing."""

    added: list[ImaginedComeOrGone] = Field(description="What would be there and is not.")
    removed: list[ImaginedComeOrGone] = Field(description="What is there and would not be.")
    changed: list[ImaginedChanged] = Field(description="What would be otherwise.")


class Counterfactual(_Answer):
    """What would be otherwise if some events had been."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    environment: str = Field(description="Name of the environment.")
    from_: Moment = Field(alias="from", description="Where the imagined future begins.")
    upto: Moment = Field(description="Where both futures are compared.")
    events: int = Field(description="How many events were folded in the imagined future.")
    dropped: int = Field(description="How many events were left out.")
    altered: int = Field(description="How many events were told otherwise.")
    added: int = Field(description="How many events were put between.")
    objects: ImaginedDifferences = Field(description="Objects that would be otherwise.")
    links: ImaginedDifferences = Field(description="Links that would be otherwise.")
    cliques: ImaginedDifferences = Field(description="Cliques that would be otherwise.")


class Expected(Moment):
    """A moment, and whether an expectation holds at it."""

    holds: bool = Field(description="Whether it holds then.")


class TouchedChange(Named):
    """What an event changed of all that an expectation looks at."""

    kind: Literal["object", "link", "clique"] = Field(description="What it is; a clique has its focal object's name.")
    change: Literal["added", "removed", "changed"] = Field(description="What happened to it.")
    fields: list[FieldDifference] = Field(description="What changed, if it was there before and after.")


class Flip(_Answer):
    """An event after which an expectation came to something else."""

    holds: bool = Field(description="Whether it holds from then on.")
    cause: Cause = Field(description="The event.")
    changes: list[TouchedChange] = Field(description="What it changed of all that the expectation looks at.")


class Bisection(_Answer):
    """What broke an expectation."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    expect: str = Field(description="The expectation.")
    environment: str = Field(description="Name of the environment.")
    from_: Expected = Field(alias="from", description="The moment begun at.")
    to: Expected = Field(description="The moment ended at.")
    every: bool = Field(description="True: `flips` has all; false: it has one failure, or none.")
    flips: list[Flip] = Field(description="The events after which it broke or held again, oldest first.")
    evaluations: int = Field(description="At how many moments it was evaluated.")


class Version(_Answer):
    """One state of an object, and how it came about."""

    change: Literal["added", "removed", "changed"] = Field(description="What happened to the object.")
    fields: list[FieldDifference] = Field(description="What changed, if it was there before and after.")
    document: dict[str, Any] | None = Field(description="The whole object, when it was added.")
    cause: Cause = Field(description="The event behind it.")


class History(_Page, Name):
    """The versions of one object, oldest first."""

    items: list[Version] = Field(description="The versions of this page.")


class Event(_Answer):
    """One event of the log."""

    offset: int = Field(description="Where it stands in the environment's order.")
    time: str = Field(description="When it was logged, ISO 8601 in UTC.")
    occurred_at: str = Field(description="When it happened, ISO 8601 in UTC.")
    source: str = Field(description="Who saw it.")
    event: str = Field(description="Kind of event.")
    id: str = Field(description="Id of the event.")
    cause: str | None = Field(description="Id of the event or request that led to it.")
    summary: str = Field(description="What it says, in one line.")


class Events(_Page):
    """Events, oldest first."""

    items: list[Event] = Field(description="The events of this page.")


class Scans(_Page):
    """Scans, in the order in which they became known."""

    items: list[Scan] = Field(description="The scans of this page.")


class KnownScan(_At, Scan):
    """The scan after the request; the offset is that of the event which was appended."""


class Schedule(_Answer):
    """When scans are asked for again and again."""

    name: str = Field(description="Name of the schedule.")
    id: str = Field(description="Id of the event that defined it: the cause of its requests.")
    cron: str | None = Field(description="When, as five fields of cron; null: by `every`.")
    every: str | None = Field(description="The interval; null: by `cron`.")
    timezone: str = Field(description="Time zone of hours and days.")
    object: tuple[str, str] | None = Field(description="Type and id of the object to scan; null: everything.")
    snapshot: str | None = Field(description="Pattern of the name of the moment after each scan.")
    begins_at: str | None = Field(description="Not before, ISO 8601 in UTC.")
    ends_at: str | None = Field(description="Not after, ISO 8601 in UTC.")
    note: str = Field(description="Why.")
    defined_at: str = Field(description="When it was defined, ISO 8601 in UTC.")
    defined_by: str = Field(description="Who defined it.")
    defined_offset: int = Field(description="Offset of the event that did.")
    last_scan: str | None = Field(description="Id of the scan that it asked for last.")
    last_at: str | None = Field(description="When it did, ISO 8601 in UTC.")
    last_status: str | None = Field(description="How that scan stands.")
    next_at: str | None = Field(description="When the next is due, seen from the moment of the answer; null: never.")


class Schedules(_Page):
    """Schedules, by name."""

    items: list[Schedule] = Field(description="The schedules of this page.")


class KnownSchedule(_At, Schedule):
    """The schedule after the request; the offset is that of the event which was appended."""


class RemovedSchedule(_At):
    """A schedule that is there no more; the offset is that of the event which removed it."""

    name: str = Field(description="Name of the schedule.")


class Target(_Answer):
    """An object below which a scan is to look again."""

    type: str = Field(description="Type of the object.")
    id: str = Field(description="Id of the object.")
    offset: int = Field(description="Offset of the newest notification that made it one.")
    asked_at: str = Field(description="When what it told happened, ISO 8601 in UTC.")
    because: list[str] = Field(description="Types of the notifications that made it one.")


class Targets(_Page):
    """Targets, by type and id."""

    items: list[Target] = Field(description="The targets of this page.")


class Snapshot(_Answer):
    """A name of a moment."""

    name: str = Field(description="To be written @name as a moment.")
    at_offset: int = Field(description="The moment it names.")
    note: str = Field(description="Why it was taken.")
    taken_at: str = Field(description="When the name was given, ISO 8601 in UTC.")


class Snapshots(_Page):
    """Snapshots, by name."""

    items: list[Snapshot] = Field(description="The snapshots of this page.")


class TakenSnapshot(_At, Snapshot):
    """The snapshot that was taken; the offset is that of the event which did it."""


class TakenAlert(_Answer):
    """What became of an alert."""

    environment: str = Field(description="Name of the environment.")
    offset: int = Field(description="Offset of the event that the alert is.")
    repeat: bool = Field(description="Whether it was there before.")


class EventsOfAKind(_Answer):
    """The events of one kind."""

    event: str = Field(description="Kind of event.")
    events: int = Field(description="How many there are.")
    bytes: int | None = Field(description="Bytes of their records on the log; null: the log does not tell.")
    bytes_per_event: float | None = Field(description="Of one, on average.")


class Things(_Answer):
    """How much there is now."""

    objects: int = Field(description="Objects.")
    links: int = Field(description="Links.")
    cliques: int = Field(description="Cliques.")


class LogSize(_Answer):
    """How much the log holds."""

    events: int = Field(description="Events of the environment.")
    bytes: int | None = Field(description="Bytes of its records; null: the log does not tell.")
    file_bytes: int | None = Field(description="Bytes on the disk, of all environments; null: the log does not tell.")
    environments: int = Field(description="How many environments the log has.")


class HistorySize(_Answer):
    """How much the history holds."""

    changes: int | None = Field(description="Versions of everything of the environment; null: it does not tell.")
    file_bytes: int | None = Field(description="Bytes on the disk, of all environments; null: it does not tell.")
    bytes_per_log_byte: float | None = Field(description="Of the files of history and log.")


class Growth(_Answer):
    """How much came in a time, and what a year of that is; null where it was less than an hour."""

    days: float = Field(description="How long it was.")
    events: int = Field(description="Events that came in it.")
    bytes: int | None = Field(description="Bytes of their records.")
    events_per_day: float | None = Field(description="Events a day.")
    bytes_per_day: float | None = Field(description="Bytes of the log a day.")
    log_gb_per_year: float | None = Field(description="Gigabytes (of 1000000000 bytes) of the log a year.")
    gb_per_year: float | None = Field(description="With the history beside it, in the proportion that they have now.")


class Periods(_Answer):
    """Growth over two times."""

    last_week: Growth = Field(description="The last seven days, or as many as there were.")
    whole_life: Growth = Field(description="Since the first event.")


class Statistics(_At):
    """What log and history hold of an environment."""

    oldest: str = Field(description="When its first event was logged, ISO 8601 in UTC.")
    newest: str = Field(description="When its newest event was logged, ISO 8601 in UTC.")
    now: Things = Field(description="What the newest state holds.")
    objects: dict[str, int] = Field(description="How many objects there are of each type.")
    events: list[EventsOfAKind] = Field(description="Events by kind, heaviest first.")
    log: LogSize = Field(description="What the log holds.")
    history: HistorySize = Field(description="What the history holds.")
    growth: Periods = Field(description="How fast the log grows.")


class Reach(_Answer):
    """How far log and history reach for one environment."""

    environment: str = Field(description="Name of the environment.")
    log: Moment = Field(description="The newest event on the log.")
    history: Moment | None = Field(description="The newest event in the history; null: none yet.")
    behind: bool = Field(
        description="Whether the log has events that the history has not; the next question folds them."
    )
    lag_seconds: float | None = Field(
        description="Log time between the two; null while the history has nothing of the environment."
    )


class Health(_Answer):
    """How far log and history reach."""

    status: Literal["ok", "behind"] = Field(description="behind: at least one environment is.")
    fold_version: int = Field(description="Meaning of the events by which the history is folded.")
    environments: list[Reach] = Field(description="Each environment, by name.")


class ProblemPlace(_Answer):
    """One place of a request that does not fit."""

    where: str = Field(description="Where in the request, such as query.limit.")
    reason: str = Field(description="What is wrong there.")


class ProblemDetails(_Answer):
    """An error (RFC 9457)."""

    type: str = Field(description="Reference that names the type of problem and explains it.")
    title: str = Field(description="The type of problem in one line, always the same.")
    status: int = Field(description="Status of the answer.")
    detail: str = Field(description="What went wrong this time, in one line.")
    instance: str = Field(description="The request that went wrong.")
    errors: list[ProblemPlace] = Field([], description="Each place that does not fit (status 422 only).")


class ProblemMeaning(_Answer):
    """A type of problem explained."""

    type: str = Field(description="Reference that names it.")
    title: str = Field(description="In one line.")
    status: int = Field(description="Status of the answers that carry it.")
    meaning: str = Field(description="What it means and what to do.")
