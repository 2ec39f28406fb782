"""Route: what scans had to correct of what notifications had led to believe."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.asked import AskedHere
from api.describe import ABOUT_A_MOMENT, described
from api.models import Drift
from api.parameters import DriftQuestion, EnvironmentName
from streams.drift import drift
from streams.questions import check_object_type

router = APIRouter(prefix="/environments/{environment}", tags=["changes"])


@router.get("/drift", **described("getDrift", "Compare what was told with what scans found", Drift, ABOUT_A_MOMENT))
def get_drift(asked: AskedHere, environment: EnvironmentName, question: Annotated[DriftQuestion, Query()]) -> Response:
    """Answer what scans found after `from`, up to `to`, that no notification had told, and why; never cut.

    Before that, of each type: how much of what changed each source knew, and how long after it happened.
    """
    check_object_type(question.type)
    begin = None if question.from_ is None else asked.questions.moment(environment, question.from_)
    end = asked.questions.moment(environment, question.to)
    moments = [end] if begin is None else [begin, end]
    asked.check_known(environment, *moments)
    answer = drift(asked.questions.history, environment, begin, end, question.type)
    return asked.answer(answer, environment, *moments)
