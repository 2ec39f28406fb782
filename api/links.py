"""Routes: links and cliques of an environment at a moment."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.asked import AskedHere
from api.cursor import Filters
from api.describe import ABOUT_A_MOMENT, IN_PAGES, described
from api.models import Cliques, ImplicitLinks, Links, OneClique
from api.pages import Part, part_of, turn
from api.parameters import (
    AtQuestion,
    CliquesQuestion,
    EnvironmentName,
    LinksQuestion,
    ListQuestion,
    ObjectId,
    ObjectType,
)
from projections.change import Key, Kind
from schemas.canonical import Document

router = APIRouter(prefix="/environments/{environment}", tags=["links and cliques"])


@router.get("/links", **described("listLinks", "List links", Links, IN_PAGES))
def list_links(asked: AskedHere, environment: EnvironmentName, question: Annotated[LinksQuestion, Query()]) -> Response:
    """Answer the explicit links (of a type), sorted by type and id, in pages."""
    page = turn(asked, "links", environment, question.at, question, {"type": question.type})
    found = asked.questions.links(page.past, page.filters["type"], page.after(Key), page.limit)
    return page.answer(Part(found.items, found.next))


@router.get(
    "/links/implicit/{object_type}/{object_id:path}",
    **described("listImplicitLinks", "List the implicit links of an object", ImplicitLinks, IN_PAGES),
)
def list_implicit_links(
    asked: AskedHere,
    environment: EnvironmentName,
    object_type: ObjectType,
    object_id: ObjectId,
    question: Annotated[ListQuestion, Query()],
) -> Response:
    """Answer what the chains of links that begin at an object lead to, sorted by type and id, in pages."""
    subject: Filters = {"object": f"{object_type} {object_id}"}
    page = turn(asked, "implicit links", environment, question.at, question, subject)
    links = asked.questions.implicit_links(page.past, object_type, object_id)["links"]
    return page.answer(part_of(links, _link_key, page.after(Key), page.limit))


def _link_key(link: Document) -> Key:
    return Key(Kind.LINK, link["type"], link["id"])


@router.get("/cliques", **described("listCliques", "List cliques", Cliques, IN_PAGES))
def list_cliques(
    asked: AskedHere, environment: EnvironmentName, question: Annotated[CliquesQuestion, Query()]
) -> Response:
    """Answer the cliques (around objects of a type), sorted by focal object, in pages."""
    page = turn(asked, "cliques", environment, question.at, question, {"type": question.type})
    found = asked.questions.cliques(page.past, page.filters["type"], page.after(Key), page.limit)
    return page.answer(Part(found.items, found.next))


@router.get(
    "/cliques/{object_type}/{object_id:path}",
    **described("getClique", "Show the clique around an object", OneClique, ABOUT_A_MOMENT),
)
def get_clique(
    asked: AskedHere,
    environment: EnvironmentName,
    object_type: ObjectType,
    object_id: ObjectId,
    question: Annotated[AtQuestion, Query()],
) -> Response:
    """Answer the part of the network that belongs to one object: nodes and links written out."""
    past = asked.past(environment, question.at)
    return asked.answer(asked.questions.clique(past, object_type, object_id), environment, past.moment)
