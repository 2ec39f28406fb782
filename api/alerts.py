"""Route: an alert of an outside monitor."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api import problems
from api.asked import AskedHere, plain
from api.describe import described
from api.models import TakenAlert
from api.parameters import EnvironmentName, NewAlert, NoQuestion
from schemas.alert import Alert
from schemas.canonical import encode
from schemas.errors import BadAlert

router = APIRouter(prefix="/environments/{environment}", tags=["alerts"])

_WORDS: dict[str, Any] = described(
    "sendAlert",
    "Take an alert in",
    TakenAlert,
    (problems.BAD_INPUT, problems.NOT_FOUND, problems.TOO_LARGE),
    status=201,
)
_WORDS["responses"][200] = {"description": "A repeat: the alert is on the log already.", "model": TakenAlert}


@router.post("/alerts", **_WORDS)
def send_alert(
    asked: AskedHere, environment: EnvironmentName, alert: NewAlert, _question: Annotated[NoQuestion, Query()]
) -> Response:
    """Append what an outside monitor found to the log, secrets removed. Sent again, the same alert is answered 200."""
    taken = asked.desk.accept(_alert(environment, alert))
    answer = {"environment": environment, "offset": taken.offset, "repeat": taken.repeat}
    return plain(answer, 200 if taken.repeat else 201)


def _alert(environment: str, alert: NewAlert) -> Alert:
    try:
        details = encode(alert.details)
    except (ValueError, OverflowError, RecursionError) as error:  # such as half characters, which JSON can write
        raise BadAlert(f"details: {error or 'nested too deep'}") from error
    return Alert(
        alert.id,
        environment,
        alert.source,
        alert.occurred_at,
        alert.object_type,
        alert.object_id,
        alert.check,
        alert.status,
        alert.text,
        details,
    )
