"""Routes: the objects of an environment at a moment."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.asked import AskedHere
from api.describe import ABOUT_A_MOMENT, IN_PAGES, described
from api.models import Hits, Impact, Objects, OneObject
from api.pages import Part, turn
from api.parameters import AtQuestion, EnvironmentName, ObjectId, ObjectsQuestion, ObjectType, SearchQuestion
from projections.change import Key

router = APIRouter(prefix="/environments/{environment}", tags=["objects"])


@router.get("/objects", **described("listObjects", "List objects", Objects, IN_PAGES))
def list_objects(
    asked: AskedHere, environment: EnvironmentName, question: Annotated[ObjectsQuestion, Query()]
) -> Response:
    """Answer the objects (of a type) with their attributes, sorted by type and id, in pages."""
    page = turn(asked, "objects", environment, question.at, question, {"type": question.type})
    found = asked.questions.objects(page.past, page.filters["type"], page.after(Key), page.limit)
    return page.answer(Part(found.items, found.next))


@router.get(
    "/objects/{object_type}/{object_id:path}",
    **described("getObject", "Show an object", OneObject, ABOUT_A_MOMENT),
)
def get_object(
    asked: AskedHere,
    environment: EnvironmentName,
    object_type: ObjectType,
    object_id: ObjectId,
    question: Annotated[AtQuestion, Query()],
) -> Response:
    """Answer one object: attributes, place in the tree, links, children, and the event that made it as it is."""
    past = asked.past(environment, question.at)
    return asked.answer(asked.questions.object(past, object_type, object_id), environment, past.moment)


@router.get(
    "/impact/{object_type}/{object_id:path}",
    **described("getImpact", "Show what depends on an object", Impact, ABOUT_A_MOMENT),
)
def get_impact(
    asked: AskedHere,
    environment: EnvironmentName,
    object_type: ObjectType,
    object_id: ObjectId,
    question: Annotated[AtQuestion, Query()],
) -> Response:
    """Answer every object that depends on one, nearest first, and the instances, hosts, projects, networks among them.

    The answer is whole, however long: who plans a repair needs to see everything it touches.
    """
    past = asked.past(environment, question.at)
    return asked.answer(asked.questions.impact(past, object_type, object_id), environment, past.moment)


@router.get("/search", **described("search", "Search objects by text", Hits, IN_PAGES))
def search(asked: AskedHere, environment: EnvironmentName, question: Annotated[SearchQuestion, Query()]) -> Response:
    """Answer the objects whose id or any attribute contains a text, whatever its case, in pages."""
    page = turn(asked, "search", environment, question.at, question, {"text": question.text})
    found = asked.questions.search(page.past, question.text, page.limit, page.after(Key))
    return page.answer(Part(found.items, found.next))
