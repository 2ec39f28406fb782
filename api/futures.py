"""Route: what would be otherwise if some events had been."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.exceptions import HTTPException

from api.asked import AskedHere, plain
from api.describe import IN_PAGES, described
from api.models import Counterfactual
from api.parameters import EnvironmentName, NoQuestion, WhatIf
from api.problems import BUSY, TOO_LARGE
from streams.edit_documents import read_edits

router = APIRouter(prefix="/environments/{environment}", tags=["changes"])

_WORDS = described("whatIf", "Compare what is with what would be", Counterfactual, (*IN_PAGES, TOO_LARGE, BUSY))
_WORDS["responses"].pop(304)  # it is asked by POST: no client keeps the answer
_WORDS["responses"][200].pop("headers")


@router.post("/what-if", **_WORDS)
def what_if(
    asked: AskedHere, environment: EnvironmentName, question: WhatIf, _question: Annotated[NoQuestion, Query()]
) -> Response:
    """Answer how the environment would differ if some events had not been, had been otherwise, or had been, too.

    The events behind `from` are folded again with these edits. Nothing is written. It takes as long as it takes to
    read the state at `from` and to fold the events behind it; one is answered at a time, another is refused with 429.
    """
    edits = read_edits(
        environment,
        drop=question.drop,
        drop_kinds=question.drop_event_types,
        drop_sources=question.drop_sources,
        alter=question.alter,
        add=question.add,
    )
    with _alone(asked.desk.imagining):
        return plain(asked.questions.what_if(environment, edits, question.from_, question.upto))


@contextmanager
def _alone(lock: threading.Lock) -> Iterator[None]:
    if not lock.acquire(blocking=False):
        raise HTTPException(429, BUSY.example, {"Retry-After": "5"})
    try:
        yield
    finally:
        lock.release()
