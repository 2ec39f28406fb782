"""Routes: what changed in an environment, when, and by which event."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.asked import AskedHere
from api.cursor import Filters
from api.describe import ABOUT_A_MOMENT, IN_PAGES, described
from api.models import Diff, Events, History
from api.pages import Part, part_of, turn
from api.parameters import EnvironmentName, EventsQuestion, ListQuestion, ObjectId, ObjectType, SpanQuestion
from schemas.canonical import Document
from schemas.codec import PAYLOADS
from schemas.errors import NotFound
from streams.comparison import comparison

router = APIRouter(prefix="/environments/{environment}", tags=["changes"])


@router.get("/diff", **described("getDiff", "Compare two moments", Diff, ABOUT_A_MOMENT))
def get_diff(asked: AskedHere, environment: EnvironmentName, question: Annotated[SpanQuestion, Query()]) -> Response:
    """Answer what was added, removed and changed between two moments, each with the event that did it. Never cut."""
    first = asked.questions.moment(environment, question.from_)
    second = asked.questions.moment(environment, question.to)
    asked.check_known(environment, first, second)
    answer = comparison(asked.questions.history, environment, first, second)
    return asked.answer(answer, environment, first, second)


@router.get(
    "/history/{object_type}/{object_id:path}",
    **described("getHistory", "Show every version of an object", History, IN_PAGES),
)
def get_history(
    asked: AskedHere,
    environment: EnvironmentName,
    object_type: ObjectType,
    object_id: ObjectId,
    question: Annotated[ListQuestion, Query()],
) -> Response:
    """Answer the versions of an object up to a moment, oldest first: what changed, when, by which event; in pages."""
    subject: Filters = {"object": f"{object_type} {object_id}"}
    page = turn(asked, "history", environment, question.at, question, subject)
    found = asked.questions.history_of(environment, object_type, object_id, str(page.past.moment.offset))
    part = part_of(found["versions"], _offset, page.after(int), page.limit)
    return page.answer(part, type=found["type"], id=found["id"])


def _offset(version: Document) -> int:
    return int(version["cause"]["offset"])


@router.get("/events", **described("listEvents", "List events", Events, IN_PAGES))
def list_events(
    asked: AskedHere, environment: EnvironmentName, question: Annotated[EventsQuestion, Query()]
) -> Response:
    """Answer the events after `from`, up to and at `to`, oldest first, in pages: just those that a diff goes over."""
    filters = {"event": question.event, "from": question.from_}
    page = turn(asked, "events", environment, question.to, question, filters)
    event = page.filters["event"]
    if event is not None and event not in PAYLOADS:
        raise NotFound(f"event {event}: there is none of that kind (known: {', '.join(sorted(PAYLOADS))})")
    after = page.after(int)
    if after is None:
        after = _first(asked, environment, page.filters["from"])
    upto = str(page.past.moment.offset)
    items, behind, _ = asked.questions.events(environment, after, upto, page.limit, event)
    return page.answer(Part(items, behind))


def _first(asked: AskedHere, environment: str, text: str | None) -> int:
    return -1 if text is None else asked.questions.moment(environment, text).offset
