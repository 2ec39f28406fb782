"""What a request may say: each parameter described once. A parameter that a route does not know is refused."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from schemas.alert import EARLIEST, LATEST, LONGEST_NAME, STATUSES
from schemas.codec import PAYLOADS
from schemas.vocabulary import LINK_TYPES, OBJECT_TYPES
from streams.expectation import LONGEST

PAGE = 100
LONGEST_PAGE = 1000
LONGEST_TEXT = 500
DEEPEST = 100

EnvironmentName = Annotated[str, Path(description="Name of the environment.", examples=["demo"])]
ObjectType = Annotated[str, Path(description=f"One of {', '.join(sorted(OBJECT_TYPES))}.", examples=["instance"])]
ObjectId = Annotated[
    str,
    Path(
        description="Id of the object, or its name if only one object of the type has it. It may contain slashes.",
        examples=["i-web"],
    ),
]

_MOMENT = "an offset (1234), latest, an ISO time (2026-11-22T03:00Z), an age (-2h; s m h d w) or a snapshot (@name)"


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuestion(_Question):
    """A route that takes no parameter in the query."""


class AtQuestion(_Question):
    """A question about one moment."""

    at: str | None = Field(
        None,
        description=f"The moment: {_MOMENT}. Default: latest. Write the + of a time zone as %2B.",
        examples=["@as-designed"],
    )


class PageQuestion(_Question):
    """A question that is answered in pages."""

    limit: int = Field(
        PAGE,
        ge=1,
        le=LONGEST_PAGE,
        description="The most items of one page. More than the maximum is refused, never cut.",
        examples=[PAGE],
    )
    cursor: str | None = Field(
        None,
        description=(
            "`next` of the page before. It pins the moment, so that all pages of one answer agree; "
            "with another moment or filter than it was given for it is refused."
        ),
        examples=["eyJmb3JtYXQiOiIxLjEiLCJxdWVzdGlvbiI6Im9iamVjdHMifQ"],
    )


class ListQuestion(PageQuestion, AtQuestion):
    """A list at one moment."""


class ObjectsQuestion(ListQuestion):
    """A list of objects."""

    type: str | None = Field(
        None, description=f"Only objects of this type: {', '.join(sorted(OBJECT_TYPES))}.", examples=["vnic"]
    )


class LinksQuestion(ListQuestion):
    """A list of links."""

    type: str | None = Field(
        None, description=f"Only links of this type: {', '.join(sorted(LINK_TYPES))}.", examples=["instance-vnic"]
    )


class CliquesQuestion(ListQuestion):
    """A list of cliques."""

    type: str | None = Field(
        None, description="Only cliques around objects of this type, such as instance.", examples=["instance"]
    )


class SearchQuestion(ListQuestion):
    """A search."""

    text: str = Field(
        min_length=1,
        max_length=LONGEST_TEXT,
        description="Text to find in the id or any attribute, whatever its case.",
        examples=["fa:16:3e"],
    )


class TreeQuestion(AtQuestion):
    """A tree, or a part of it."""

    type: str | None = Field(
        None, description="Type of the object to begin at (with `id`); default: the environment.", examples=["host"]
    )
    id: str | None = Field(None, description="Id or name of the object to begin at (with `type`).", examples=["node-1"])
    depth: int | None = Field(
        None, ge=0, le=DEEPEST, description="Levels of objects below the root; default: all.", examples=[2]
    )


class SpanQuestion(_Question):
    """A question about two moments."""

    from_: str = Field(alias="from", description=f"The earlier state: {_MOMENT}.", examples=["@as-designed"])
    to: str = Field("latest", description=f"The later state: {_MOMENT}.", examples=["latest"])


class DriftQuestion(_Question):
    """A question about what scans had to correct."""

    from_: str | None = Field(
        None,
        alias="from",
        description=f"Only what was found after this moment: {_MOMENT}. Default: from the first event.",
        examples=["@as-designed"],
    )
    to: str = Field("latest", description=f"Only what was found up to this moment: {_MOMENT}.", examples=["latest"])
    type: str | None = Field(
        None, description=f"Only objects of this type: {', '.join(sorted(OBJECT_TYPES))}.", examples=["port"]
    )


class BisectQuestion(_Question):
    """A question about what broke an expectation."""

    expect: str = Field(
        min_length=1,
        max_length=LONGEST,
        description="What should hold (docs/commands.md has the language).",
        examples=["instance web.status == ACTIVE"],
    )
    from_: str | None = Field(
        None,
        alias="from",
        description=f"A moment at which it held: {_MOMENT}. Default: the first at which it did.",
        examples=["@as-designed"],
    )
    to: str = Field("latest", description=f"The later moment: {_MOMENT}.", examples=["latest"])
    every: bool = Field(
        False, description="List every time that it broke or held again, oldest first.", examples=[False]
    )


class WhatIf(_Question):
    """What had been otherwise."""

    from_: str | None = Field(
        None,
        alias="from",
        description=(
            f"The moment from which on it is otherwise: {_MOMENT}. Default: just before the first event that is "
            "dropped or altered by its offset."
        ),
        examples=["@as-designed"],
    )
    upto: str = Field("latest", description=f"The moment to compare at: {_MOMENT}.", examples=["latest"])
    drop: list[int | str] = Field(
        default_factory=list, description="Events that had not been, each by its offset or id.", examples=[[18]]
    )
    drop_event_types: list[str] = Field(
        default_factory=list,
        description=f"Kinds of event of which none had been: {', '.join(sorted(PAYLOADS))}.",
        examples=[["NotificationReceived"]],
    )
    drop_sources: list[str] = Field(
        default_factory=list, description="Sources of which no event had been.", examples=[["nfv-monitor"]]
    )
    alter: dict[int, dict[str, Any]] = Field(
        default_factory=dict,
        description=(
            'Events that had said something else, by offset: `{"event", "payload"}`, or `{"patch"}`, a merge patch '
            "(RFC 7396): of ObjectsSeen of its documents by id, of a notification of its body, else of the payload."
        ),
        examples=[{"20": {"patch": {"i-web": {"status": "ERROR"}}}}],
    )
    add: list[dict[str, Any]] = Field(
        default_factory=list,
        description=(
            'Events that had been, too: `{"event", "payload"}`, and if wanted `after` (the offset behind which), `id`, '
            "`source`, `cause`, `occurred_at`. docs/commands.md shows one."
        ),
        examples=[[{"event": "EnvironmentDefined", "payload": {"settings": {"uplinks": ["eth*"]}}}]],
    )


class EventsQuestion(PageQuestion):
    """A list of events."""

    from_: str | None = Field(
        None,
        alias="from",
        description=f"Only events after this moment: {_MOMENT}. Default: from the first.",
        examples=["3"],
    )
    to: str | None = Field(
        None, description=f"Only events up to and at this moment: {_MOMENT}. Default: latest.", examples=["latest"]
    )
    event: str | None = Field(
        None, description=f"Only this kind of event: {', '.join(sorted(PAYLOADS))}.", examples=["ScanFinished"]
    )


class NewSnapshot(_Question):
    """A name for a moment."""

    name: str = Field(
        max_length=200,
        pattern=r"^[^@\s\x00-\x1f]([^\x00-\x1f]*[^\s\x00-\x1f])?$",
        description="To be written @name as a moment. It begins with another character than @ or a space.",
        examples=["before-upgrade"],
    )
    at: str = Field("latest", description=f"The moment to name: {_MOMENT}.", examples=["latest"])
    note: str = Field("", max_length=2000, description="Why it was taken.", examples=["Neutron goes to 2026.1"])


ScanName = Annotated[
    str, Path(description="Id of the scan, its beginning (4 characters or more), or latest.", examples=["latest"])
]
ScheduleName = Annotated[str, Path(description="Name of the schedule.", examples=["nightly"])]

_OBJECT_TYPE = f"Of one object to scan with what is below it: {', '.join(sorted(OBJECT_TYPES))}; null: everything."
_ISO = "ISO 8601 (2026-11-25T22:00Z; without a zone it is UTC)"


class NewScan(_Question):
    """A scan to be done."""

    object_type: str | None = Field(None, description=_OBJECT_TYPE, examples=["host"])
    object_id: str | None = Field(
        None, max_length=LONGEST_NAME, description="Its id, or unique name.", examples=["node-1"]
    )
    reason: str = Field("", max_length=2000, description="Why.", examples=["a NIC was replaced"])


class CancelQuestion(_Question):
    """Why something is to end."""

    reason: str = Field("", max_length=2000, description="Why.", examples=["the window is over"])


class NewSchedule(_Question):
    """Scans to be asked for again and again."""

    name: str = Field(
        max_length=200,
        description="Name of the schedule; one of the same name is replaced.",
        examples=["nightly"],
    )
    cron: str | None = Field(
        None, max_length=200, description="Minute, hour, day of month, month, day of week.", examples=["0 3 * * *"]
    )
    every: str | None = Field(
        None,
        max_length=20,
        description="Instead: hourly, daily, weekly, monthly, yearly, or a length (15m, 2h).",
        examples=["daily"],
    )
    timezone: str = Field("UTC", max_length=100, description="Of hours and days.", examples=["Europe/Berlin"])
    object_type: str | None = Field(None, description=_OBJECT_TYPE, examples=["host"])
    object_id: str | None = Field(
        None, max_length=LONGEST_NAME, description="Its id, or unique name.", examples=["node-1"]
    )
    snapshot: str | None = Field(
        None, max_length=150, description="Name the moment after each scan so.", examples=["night-{date}"]
    )
    begins_at: str | None = Field(None, description=f"Not before: {_ISO}.", examples=["2026-11-25T22:00Z"])
    ends_at: str | None = Field(None, description=f"Not after: {_ISO}.", examples=["2027-11-26T02:00Z"])
    note: str = Field("", max_length=2000, description="Why.", examples=["the change window"])


class NewAlert(_Question):
    """What an outside monitor found; the environment stands in the path."""

    id: str = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="The monitor's own id of this alert: sent again with the same id and source, it is taken once.",
        examples=["probe-4711"],
    )
    source: str = Field(
        min_length=1, max_length=LONGEST_NAME, description="The monitor's name.", examples=["nfv-monitor"]
    )
    occurred_at: int = Field(
        ge=EARLIEST,
        le=LATEST - 1,
        strict=True,
        description="When it happened, microseconds since 1970-01-01 UTC.",
        examples=[1793534400000000],
    )
    object_type: str | None = Field(
        None,
        description=f"The object that it is about: {', '.join(sorted(OBJECT_TYPES))}; null: the environment.",
        examples=["instance"],
    )
    object_id: str | None = Field(None, description="Id of that object, with its type.", examples=["i-web"])
    check: str = Field(min_length=1, max_length=LONGEST_NAME, description="What was checked.", examples=["packet-loss"])
    status: str = Field(description=f"One of {', '.join(STATUSES)}.", examples=["Error"])
    text: str = Field("", description="What a person should read.", examples=["11 % of the probes were lost"])
    details: dict[str, Any] = Field(
        default_factory=dict, description="More, for programs.", examples=[{"loss_percent": 11}]
    )


ProblemName = Annotated[str, Path(description="Last part of a problem's `type`.", examples=["not-found"])]
