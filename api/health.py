"""Routes: how far log and history reach, and what the types of problems mean."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.asked import AskedHere, plain
from api.describe import described
from api.models import Health, ProblemMeaning
from api.parameters import NoQuestion, ProblemName
from api.problems import NOT_FOUND, PROBLEMS
from projections.fold import VERSION
from schemas.canonical import Document
from schemas.errors import NotFound
from streams.moments import iso
from streams.questions import Questions

router = APIRouter(tags=["service"])
meanings = APIRouter(tags=["service"])


@router.get("/health", **described("getHealth", "Show how far log and history reach", Health))
def get_health(asked: AskedHere, _question: Annotated[NoQuestion, Query()]) -> Response:
    """Answer the newest moment on the log and in the history, for each environment, without folding anything."""
    reaches = [_reach(asked.questions, name) for name in asked.questions.journal.environments()]
    status = "behind" if any(reach["behind"] for reach in reaches) else "ok"
    return plain({"status": status, "fold_version": VERSION, "environments": reaches})


def _reach(questions: Questions, environment: str) -> Document:
    head = questions.journal.head(environment)
    position = questions.history.position(environment)
    reached = position.offset if position.fold_version == VERSION else -1
    logged, folded = (questions.journal.time_of(environment, offset) for offset in (head, reached))
    lag = None if logged is None or folded is None else (logged - folded) / 1_000_000
    return {
        "environment": environment,
        "log": _moment(head, logged),
        "history": _moment(reached, folded),
        "behind": questions.journal.has_more(environment, reached, head),
        "lag_seconds": lag,
    }


def _moment(offset: int, time: int | None) -> Document | None:
    return None if time is None else {"offset": offset, "time": iso(time)}


@meanings.get("/problems/{name}", **described("getProblem", "Explain a type of problem", ProblemMeaning, [NOT_FOUND]))
def get_problem(name: ProblemName, _question: Annotated[NoQuestion, Query()]) -> Response:
    """Answer what a problem's `type` means: a URI reference to this route."""
    problem = PROBLEMS.get(name)
    if problem is None:
        raise NotFound(f"problem {name}: there is none of that name (known: {', '.join(sorted(PROBLEMS))})")
    document = {"type": problem.uri, "title": problem.title, "status": problem.status, "meaning": problem.meaning}
    return plain(document)
