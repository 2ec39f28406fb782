"""How routes are described in the OpenAPI document: examples that are real answers, and every problem declared."""

from collections.abc import Iterable
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from api import problems
from api.models import ProblemDetails
from api.problems import MEDIA_TYPE, Problem, problem_document
from schemas.canonical import Document, decode_document

EXAMPLES = "examples.json"
"""Answers of the API about a small environment, by operation; a test asks again and compares."""

INTRODUCTION = """\
What a virtual network looked like at any moment, what changed, why, and what it touches.

Every answer says which environment, offset and time it reflects. A moment (`at`, `from`, `to`) is an offset, `latest`,
an ISO time, an age such as `-2h`, or a snapshot's name after an `@`. Lists come in pages: `next` is the cursor of the
following page and pins the moment, so that all pages of one answer agree. Errors are problem details (RFC 9457)."""

ABOUT_A_MOMENT = (problems.BAD_MOMENT, problems.NOT_FOUND)
IN_PAGES = (problems.BAD_INPUT, *ABOUT_A_MOMENT)
ALWAYS = (problems.INVALID_REQUEST, problems.INTERNAL, problems.LOG_UNAVAILABLE, problems.HISTORY_UNAVAILABLE)

Responses = dict[int | str, dict[str, Any]]

_ETAG = {"ETag": {"description": "Environment, offset and versions.", "schema": {"type": "string"}}}
_LINK = {"Link": {"description": 'The next page, rel="next".', "schema": {"type": "string"}}}
_NOT_MODIFIED: Responses = {304: {"description": "The client has this answer already (If-None-Match)."}}


def described(
    operation: str,
    summary: str,
    model: type[BaseModel],
    failures: Iterable[Problem] = (),
    *,
    status: int = 200,
) -> dict[str, Any]:
    """Answer the words of a route for FastAPI's decorator; its description is the function's docstring."""
    answer: dict[str, Any] = {"description": _said(model)}
    responses: Responses = {status: answer}
    if problems.BAD_MOMENT in failures and status == 200:
        answer["headers"] = _ETAG | (_LINK if problems.BAD_INPUT in failures else {})
        responses |= _NOT_MODIFIED
    return {
        "operation_id": operation,
        "summary": summary,
        "response_model": model,
        "status_code": status,
        "responses": responses | _failures((*failures, *ALWAYS)),
    }


def example(operation: str) -> Document:
    """Answer the real answer that is shown for an operation; empty if there is none yet."""
    found: Document = _examples().get(operation, {})
    return found


@cache
def _examples() -> Document:
    return decode_document(resources.files("api").joinpath(EXAMPLES).read_bytes())


def _said(model: type[BaseModel]) -> str:
    return (model.__doc__ or model.__name__).strip().splitlines()[0]


def _failures(found: Iterable[Problem]) -> Responses:
    ordered = sorted(found, key=lambda problem: problem.status)
    return {status: _failure(list(group)) for status, group in groupby(ordered, key=lambda problem: problem.status)}


def _failure(found: list[Problem]) -> dict[str, Any]:
    examples = {
        problem.name: {
            "summary": problem.title,
            "value": problem_document(problem, problem.example, problem.example_instance),
        }
        for problem in found
    }
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {
        "description": "; ".join(problem.title for problem in found),
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }


class DescribedApi(FastAPI):
    """An application whose description holds the shape of its problems and its real answers, too."""

    def openapi(self) -> dict[str, Any]:
        """Answer the OpenAPI document."""
        is_new = self.openapi_schema is None
        document = super().openapi()
        if is_new:
            shape = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
            inner = shape.pop("$defs", {})
            document["components"]["schemas"] |= {ProblemDetails.__name__: shape, **inner}
            _show_answers(document)
        return document


def _show_answers(document: dict[str, Any]) -> None:
    """Put the examples in; FastAPI itself would leave every null out of them."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    answer["content"]["application/json"]["example"] = example(operation["operationId"])
