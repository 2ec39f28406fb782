"""Errors as problem details (RFC 9457): every answer that is not a success has this one shape."""

from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from api.target import path_of, target_of
from schemas import errors
from schemas.errors import CalipsoError

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """A type of problem; `/problems/<name>` explains it."""

    name: str
    status: int
    title: str
    meaning: str
    example: str
    """A detail as it is really answered."""
    example_instance: str = "/v1/environments/prod/objects"

    @property
    def uri(self) -> str:
        """Answer the reference that names the type."""
        return f"/problems/{self.name}"


BAD_INPUT = Problem(
    "bad-input",
    400,
    "The question cannot be used",
    "What was handed in was understood as a request, but it cannot be used; the detail names what and where.",
    "cursor: it belongs to at=latest, not to at=-2h",
)
BAD_MOMENT = Problem(
    "bad-moment",
    400,
    "The moment cannot be understood",
    "A moment is an offset (1234), latest, an ISO time (2026-11-22T03:00Z), an age (-2h) or a snapshot (@name).",
    "moment 'yesterday': write an offset (1234), latest, an ISO time (2026-11-22T03:00), an age (-2h; s m h d w) "
    "or a snapshot (@name)",
)
NOT_FOUND = Problem(
    "not-found",
    404,
    "It does not exist at that moment",
    "The environment, moment, type or object is not there at the moment asked for; it may be there at another.",
    "instance web-9: prod at offset 41 has none of that id or name",
)
NO_SUCH_ROUTE = Problem(
    "no-such-route",
    404,
    "There is no such route",
    "Nothing is answered under this path; /openapi.json lists every route.",
    "/v1/enviroments: there is no such route",
)
METHOD_NOT_ALLOWED = Problem(
    "method-not-allowed",
    405,
    "The route does not take this method",
    "The past is read-only; POST and DELETE append what is asked for or told. The header Allow names the methods.",
    "DELETE /v1/environments: not allowed here",
)
CONFLICT = Problem(
    "conflict",
    409,
    "It collides with what is there",
    "What was asked for collides with what exists or is running, such as a snapshot whose name is taken.",
    "snapshot @as-designed: prod has one of that name, of offset 12",
)
TOO_LARGE = Problem(
    "too-large",
    413,
    "The body is too large",
    "The body of the request has more bytes than are taken in; the detail says how many those are.",
    "body: the most is 4194304 bytes",
)
BUSY = Problem(
    "busy",
    429,
    "Another is being answered",
    "Only one question of this kind is answered at a time, for it costs much; ask again after `Retry-After` seconds.",
    "what-if: another is being answered; ask again in 5 seconds",
    "/v1/environments/prod/what-if",
)
INVALID_REQUEST = Problem(
    "invalid-request",
    422,
    "The request does not fit the description of the route",
    "A parameter or the body is missing, unknown, of another type or out of bounds; `errors` lists each place.",
    "query.limit: Input should be less than or equal to 1000",
)
INTERNAL = Problem(
    "internal",
    500,
    "Calipso failed",
    "A defect of Calipso, not of the request. The log of the server says more.",
    "an unexpected error; the log of the server says more",
)
COULD_NOT_LOOK = Problem(
    "could-not-look",
    502,
    "A source gave no usable answer",
    "A cloud, host or file could not be asked. Never read it as: nothing is there.",
    "node-1: no session within 10 s",
)
LOG_UNAVAILABLE = Problem(
    "log-unavailable",
    503,
    "The event log cannot be used",
    "The log cannot be read or written: damaged, full, or written by a newer version.",
    "environment 'prod', offset 17 is damaged",
)
HISTORY_UNAVAILABLE = Problem(
    "history-unavailable",
    503,
    "The history cannot be used",
    "The history is a cache of the log; it may be deleted and is then built anew.",
    "history.db: database disk image is malformed (a cache: delete it to have it built anew)",
)

PROBLEMS: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        BAD_INPUT,
        BAD_MOMENT,
        NOT_FOUND,
        NO_SUCH_ROUTE,
        METHOD_NOT_ALLOWED,
        CONFLICT,
        TOO_LARGE,
        INVALID_REQUEST,
        BUSY,
        INTERNAL,
        COULD_NOT_LOOK,
        LOG_UNAVAILABLE,
        HISTORY_UNAVAILABLE,
    )
}

_OF_ERROR: dict[type[Exception], Problem] = {
    errors.BadMoment: BAD_MOMENT,
    errors.BadInput: BAD_INPUT,
    errors.NotFound: NOT_FOUND,
    errors.Conflict: CONFLICT,
    errors.CouldNotLook: COULD_NOT_LOOK,
    errors.LogError: LOG_UNAVAILABLE,
    errors.HistoryError: HISTORY_UNAVAILABLE,
}

_OF_STATUS = {404: NO_SUCH_ROUTE, 405: METHOD_NOT_ALLOWED, 400: BAD_INPUT, 429: BUSY}


def problem_of(error: CalipsoError) -> Problem:
    """Answer the problem that an error is, by the nearest class that has one."""
    found = (_OF_ERROR[cls] for cls in type(error).__mro__ if cls in _OF_ERROR)
    return next(found, INTERNAL)


def answer_problems(app: FastAPI) -> None:
    """Have every error of `app` answered as problem details."""
    app.add_exception_handler(CalipsoError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unexpected)


def problem_document(problem: Problem, detail: str, instance: str) -> dict[str, Any]:
    """Answer the members of RFC 9457, section 3.1."""
    return {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "instance": instance,
    }


def _known(request: Request, error: Exception) -> Response:
    problem = problem_of(error) if isinstance(error, CalipsoError) else INTERNAL
    return response(request, problem, str(error) if problem is not INTERNAL else INTERNAL.example)


def _unexpected(request: Request, _error: Exception) -> Response:
    return response(request, INTERNAL, INTERNAL.example)


def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    places = [{"where": ".".join(str(part) for part in one["loc"]), "reason": one["msg"]} for one in found]
    detail = "; ".join(f"{place['where']}: {place['reason']}" for place in places)
    return response(request, INVALID_REQUEST, detail, errors=places)


def _of_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _unexpected(request, error)
    if error.status_code == 304:
        return Response(status_code=304, headers=error.headers)
    problem = _OF_STATUS.get(error.status_code, INTERNAL)
    details = {
        404: f"{path_of(request)}: there is no such route",
        405: f"{request.method} {path_of(request)}: not allowed here",
    }
    detail = details.get(error.status_code, str(error.detail))
    return response(request, problem, detail, headers=error.headers)


def response(request: Request, problem: Problem, detail: str, headers: Any = None, **more: object) -> Response:  # noqa: ANN401 - starlette's mapping of headers, or None
    """Answer a problem; `more` are further members of it."""
    document = {**problem_document(problem, detail, target_of(request)), **more}
    return Response(msgspec.json.encode(document), problem.status, headers, MEDIA_TYPE)
