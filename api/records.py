"""Routes: the snapshots of an environment."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from api.asked import AskedHere, plain
from api.describe import ABOUT_A_MOMENT, IN_PAGES, described
from api.models import Snapshots, TakenSnapshot
from api.pages import part_of, turn
from api.parameters import EnvironmentName, ListQuestion, NewSnapshot, NoQuestion
from api.problems import CONFLICT, TOO_LARGE
from projections.fold import snapshot_key
from schemas.canonical import Document
from schemas.errors import Conflict
from schemas.events import Event, SnapshotTaken
from streams.questions import readable_snapshot, reflects

router = APIRouter(prefix="/environments/{environment}", tags=["snapshots"])

OPERATOR = "operator"
"""Source of what somebody asked for over HTTP."""


@router.get("/snapshots", **described("listSnapshots", "List snapshots", Snapshots, IN_PAGES))
def list_snapshots(
    asked: AskedHere, environment: EnvironmentName, question: Annotated[ListQuestion, Query()]
) -> Response:
    """Answer the names that were given up to a moment, sorted, in pages."""
    page = turn(asked, "snapshots", environment, question.at, question)
    snapshots = asked.questions.snapshots(environment, str(page.past.moment.offset))["snapshots"]
    return page.answer(part_of(snapshots, _name, page.after(str), page.limit))


def _name(snapshot: Document) -> str:
    return str(snapshot["name"])


@router.post(
    "/snapshots",
    **described(
        "takeSnapshot", "Give a moment a name", TakenSnapshot, (*ABOUT_A_MOMENT, CONFLICT, TOO_LARGE), status=201
    ),
)
def take_snapshot(
    asked: AskedHere, environment: EnvironmentName, snapshot: NewSnapshot, _question: Annotated[NoQuestion, Query()]
) -> Response:
    """Append a name for a moment to the log. A name that exists is never moved: 409."""
    with asked.desk.naming:
        moment = asked.questions.moment(environment, snapshot.at)
        _refuse_taken(asked, environment, snapshot.name)
        payload = SnapshotTaken(snapshot.name, moment.offset, snapshot.note)
        event = Event(asked.desk.new_id(), environment, OPERATOR, asked.desk.clock(), None, payload)
        offset = asked.desk.append(event)
    past = asked.questions.past(environment, str(offset))
    taken = past.record(snapshot_key(snapshot.name)) or {}
    where = f"/v1/environments/{quote(environment, safe='')}?at={quote(f'@{snapshot.name}')}"
    return plain({**reflects(past), **readable_snapshot(taken)}, 201, {"Location": where})


def _refuse_taken(asked: AskedHere, environment: str, name: str) -> None:
    known = asked.questions.past(environment).record(snapshot_key(name))
    if known is not None:
        raise Conflict(f"snapshot @{name}: {environment} has one of that name, of offset {known['at_offset']}")
