"""Route: which event broke what an operator expects."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.asked import AskedHere
from api.describe import IN_PAGES, described
from api.models import Bisection
from api.parameters import BisectQuestion, EnvironmentName
from streams import bisection
from streams.expectation import parse

router = APIRouter(prefix="/environments/{environment}", tags=["changes"])


@router.get("/bisect", **described("bisect", "Find the event that broke an expectation", Bisection, IN_PAGES))
def bisect(asked: AskedHere, environment: EnvironmentName, question: Annotated[BisectQuestion, Query()]) -> Response:
    """Answer the event after which an expectation that held at `from` does not hold any more, if it does not at `to`.

    It is found by bisection: of several failures it is one, not surely the first. `every` lists each, and each time
    that it held again, oldest first. docs/commands.md has the language of expectations.
    """
    expectation = parse(question.expect)
    begin = None if question.from_ is None else asked.questions.moment(environment, question.from_)
    end = asked.questions.moment(environment, question.to)
    moments = [end] if begin is None else [begin, end]
    asked.check_known(environment, *moments)
    history = asked.questions.history
    answer = bisection.bisect(history, environment, expectation, begin, end, every=question.every)
    return asked.answer({"expect": question.expect, **answer}, environment, *moments)
