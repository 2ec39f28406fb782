"""Routes: the environments, and what is known of each as a whole."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.asked import AskedHere, plain
from api.describe import ABOUT_A_MOMENT, described
from api.models import Environment, Environments, Statistics, Tree
from api.parameters import AtQuestion, EnvironmentName, NoQuestion, TreeQuestion
from api.problems import BAD_INPUT, BAD_MOMENT, NOT_FOUND
from projections.inventory import Ref
from schemas.errors import BadInput

router = APIRouter(tags=["environments"])


@router.get("/environments", **described("listEnvironments", "List the environments", Environments, [BAD_MOMENT]))
def list_environments(asked: AskedHere, question: Annotated[AtQuestion, Query()]) -> Response:
    """Answer every environment at a moment, each with its settings, number of objects by type, and newest scan.

    Each item says what offset and time it reflects; an environment that was not known at the moment is left out.
    """
    return plain({"items": asked.questions.environments(question.at or "latest")})


@router.get(
    "/environments/{environment}",
    **described("getEnvironment", "Show an environment", Environment, ABOUT_A_MOMENT),
)
def get_environment(
    asked: AskedHere, environment: EnvironmentName, question: Annotated[AtQuestion, Query()]
) -> Response:
    """Answer one environment at a moment: settings, number of objects by type, newest scan."""
    moment = asked.past(environment, question.at).moment
    return asked.answer(asked.questions.environment(environment, str(moment.offset)), environment, moment)


@router.get(
    "/environments/{environment}/tree",
    **described("getTree", "Show the tree of objects", Tree, (*ABOUT_A_MOMENT, BAD_INPUT)),
)
def get_tree(asked: AskedHere, environment: EnvironmentName, question: Annotated[TreeQuestion, Query()]) -> Response:
    """Answer the tree of objects and folders below the environment, or below one object of it. Never cut."""
    if (question.type is None) != (question.id is None):
        raise BadInput("tree: name both the type and the id of the object to begin at, or neither")
    root = None if question.type is None or question.id is None else Ref(question.type, question.id)
    past = asked.past(environment, question.at)
    return asked.answer(asked.questions.tree(past, root, question.depth), environment, past.moment)


@router.get(
    "/environments/{environment}/stats", **described("getStats", "Show how much there is", Statistics, [NOT_FOUND])
)
def get_stats(asked: AskedHere, environment: EnvironmentName, _question: Annotated[NoQuestion, Query()]) -> Response:
    """Answer what log and history hold of an environment now, how fast they grow, and what disk a year of it takes.

    It reads one row an event and the length of each record, and no document. What cannot be told is null.
    """
    return plain(asked.questions.statistics(environment))
