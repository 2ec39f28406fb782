"""Routes: the scans of an environment, those that are asked for, and what calls for them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import problems
from api.asked import Asked, AskedHere, plain
from api.describe import ABOUT_A_MOMENT, IN_PAGES, described
from api.models import KnownScan, KnownSchedule, RemovedSchedule, Scans, Schedules, Targets
from api.pages import part_of, turn
from api.parameters import (
    CancelQuestion,
    EnvironmentName,
    ListQuestion,
    NewScan,
    NewSchedule,
    NoQuestion,
    ScanName,
    ScheduleName,
)
from projections.fold import schedule_key
from projections.schedule import check
from schemas.canonical import Document
from schemas.errors import BadInput, Conflict, NotFound
from schemas.events import Event, Payload, ScanCancelled, ScanRequested, ScheduleDefined, ScheduleRemoved
from schemas.vocabulary import ENVIRONMENT
from streams.agenda import asked_at, is_open
from streams.moments import from_iso, iso
from streams.past import Past
from streams.questions import check_object_type, id_of, reflects

router = APIRouter(prefix="/environments/{environment}", tags=["scans"])

OPERATOR = "operator"
"""Source of what somebody asked for over HTTP."""

_WRITES = (problems.BAD_INPUT, problems.NOT_FOUND, problems.TOO_LARGE)


@router.get("/scans", **described("listScans", "List scans", Scans, IN_PAGES))
def list_scans(asked: AskedHere, environment: EnvironmentName, question: Annotated[ListQuestion, Query()]) -> Response:
    """Answer the scans up to a moment, those that wait included, with what each could not look at, in pages."""
    page = turn(asked, "scans", environment, question.at, question)
    scans = asked.questions.scans(environment, str(page.past.moment.offset))["scans"]
    return page.answer(part_of(scans, asked_at, page.after(int), page.limit))


@router.post("/scans", **described("requestScan", "Ask for a scan", KnownScan, _WRITES, status=201))
def request_scan(
    asked: AskedHere, environment: EnvironmentName, scan: NewScan, _question: Annotated[NoQuestion, Query()]
) -> Response:
    """Append the request for a scan to the log, of everything or of one object; `calipso manage` does it."""
    wanted = _object(asked, environment, scan.object_type, scan.object_id)
    name, past = _append(asked, environment, ScanRequested(*wanted, scan.reason))
    return plain({**reflects(past), **asked.questions.scan_answer(past, name)}, 201)


@router.delete(
    "/scans/{scan}",
    **described("cancelScan", "Cancel a scan", KnownScan, (problems.NOT_FOUND, problems.CONFLICT), status=202),
)
def cancel_scan(
    asked: AskedHere, environment: EnvironmentName, scan: ScanName, question: Annotated[CancelQuestion, Query()]
) -> Response:
    """Take back the request for a scan, or have one end that runs, within a few seconds. One that is over: 409."""
    found = asked.questions.scan(asked.questions.past(environment), scan)
    if not is_open(found):
        raise Conflict(f"scan {found['name']} of {environment} is over: {found['status']}")
    _, past = _append(asked, environment, ScanCancelled(found["name"], question.reason))
    return plain({**reflects(past), **asked.questions.scan_answer(past, found["name"])}, 202)


@router.get("/schedules", **described("listSchedules", "List schedules", Schedules, IN_PAGES))
def list_schedules(
    asked: AskedHere, environment: EnvironmentName, question: Annotated[ListQuestion, Query()]
) -> Response:
    """Answer the schedules that there were at a moment, by name, in pages."""
    page = turn(asked, "schedules", environment, question.at, question)
    return page.answer(part_of(asked.questions.schedules(page.past), _name, page.after(str), page.limit))


@router.post("/schedules", **described("defineSchedule", "Define a schedule", KnownSchedule, _WRITES, status=201))
def define_schedule(
    asked: AskedHere, environment: EnvironmentName, schedule: NewSchedule, _question: Annotated[NoQuestion, Query()]
) -> Response:
    """Have scans asked for again and again. A schedule of the same name is replaced."""
    said = schedule
    wanted = _object(asked, environment, said.object_type, said.object_id)
    bounds = _time("begins_at", said.begins_at), _time("ends_at", said.ends_at)
    payload = ScheduleDefined(
        said.name, said.cron, said.every, said.timezone, *wanted, said.snapshot, *bounds, said.note
    )
    check(payload, asked.desk.clock())
    _, past = _append(asked, environment, payload)
    kept = next(one for one in asked.questions.schedules(past) if one["name"] == said.name)
    return plain({**reflects(past), **kept}, 201)


@router.delete(
    "/schedules/{schedule}",
    **described("removeSchedule", "Remove a schedule", RemovedSchedule, (problems.NOT_FOUND,)),
)
def remove_schedule(
    asked: AskedHere, environment: EnvironmentName, schedule: ScheduleName, question: Annotated[CancelQuestion, Query()]
) -> Response:
    """Have a schedule ask for no more scans. Those that it has asked for are done."""
    if asked.questions.past(environment).record(schedule_key(schedule)) is None:
        raise NotFound(f"schedule {schedule}: {environment} has none of that name")
    _, past = _append(asked, environment, ScheduleRemoved(schedule, question.reason))
    return plain({**reflects(past), "name": schedule})


@router.get("/targets", **described("listTargets", "List targets", Targets, (*ABOUT_A_MOMENT, problems.BAD_INPUT)))
def list_targets(
    asked: AskedHere, environment: EnvironmentName, question: Annotated[ListQuestion, Query()]
) -> Response:
    """Answer what was to be looked at again at a moment, because of notifications, by type and id, in pages."""
    page = turn(asked, "targets", environment, question.at, question)
    targets = sorted(asked.questions.targets(page.past), key=_place)
    readable = ({**one, "asked_at": iso(one["asked_at"])} for one in targets)
    return page.answer(part_of(readable, _place, page.after(str), page.limit))


def _append(asked: Asked, environment: str, payload: Payload) -> tuple[str, Past]:
    """Append an event; answer its id, and the environment after it."""
    event = Event(asked.desk.new_id(), environment, OPERATOR, asked.desk.clock(), None, payload)
    offset = asked.desk.append(event)
    return event.id, asked.questions.past(environment, str(offset))


def _object(
    asked: Asked, environment: str, object_type: str | None, object_id: str | None
) -> tuple[str | None, str | None]:
    """Answer the object that is named by id or unique name; one that is not known is taken for an id."""
    past = asked.questions.past(environment)
    if object_type in (None, ENVIRONMENT) and (object_id is None or object_type == ENVIRONMENT):
        return None, None
    if object_type is None or object_id is None:
        raise BadInput("object: name both its type and its id, or neither")
    check_object_type(object_type)
    return object_type, id_of(past, object_type, object_id)


def _time(name: str, text: str | None) -> int | None:
    try:
        return None if text is None else from_iso(text)
    except (ValueError, OverflowError):
        raise BadInput(f"{name}: {text!r} is no time in ISO 8601") from None


def _name(one: Document) -> str:
    return str(one["name"])


def _place(one: Document) -> str:
    return f"{one['type']} {one['id']}"
