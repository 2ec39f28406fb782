"""The API about a real cloud: every answer has the shape that is described, and pages make the whole."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from api.app import create_app
from calipso.settings import Settings
from calipso.wiring import opened
from schemas.canonical import Document
from streams.inbox import Inbox
from tests.e2e.program import Program
from tests.recordings import needs_recordings
from tests.unit.api_demo import ask
from tests.unit.json_schema import violations

pytestmark = needs_recordings

V1 = "/v1/environments/zed"

Get = Callable[..., Any]


@pytest.fixture(scope="module")
def get(two_days: Program) -> Iterator[Get]:
    """Give a way to ask; each answer is held against the shape that is described for its route."""
    with opened(Settings(two_days.folder)) as engine:
        app = create_app(
            engine.questions, lambda event: engine.journal.append([event])[0], Inbox(engine.journal).accept
        )
        document = app.openapi()

        def asked(route: str, target: str, **parameters: Any) -> Any:
            response = ask(app, f"{V1}{target}", params=parameters or None)
            assert response.status_code == 200, response.text
            shape = document["paths"][f"/v1/environments/{{environment}}{route}"]["get"]["responses"]["200"]
            assert violations(document, shape["content"]["application/json"]["schema"], response.json()) == []
            return response.json()

        yield asked


def _whole(get: Get, route: str, **parameters: Any) -> list[Document]:
    page = get(route, route, limit=1000, **parameters)
    assert page["next"] is None
    items: list[Document] = page["items"]
    return items


def _place(one: Document) -> str:
    return f"{one['type']}/{quote(one['id'], safe='')}"


@pytest.mark.parametrize("route", ["/objects", "/links", "/cliques", "/scans", "/snapshots", "/events"])
def test_pages_of_a_list_make_the_whole(get: Get, route: str) -> None:
    whole = _whole(get, route)
    page = get(route, route, limit=37)
    paged = page["items"]
    while page["next"] is not None:
        page = get(route, route, limit=37, cursor=page["next"])
        paged += page["items"]
    assert paged == whole != []


def test_every_object_can_be_asked_about(get: Get) -> None:
    some: dict[str, list[Document]] = {}
    for one in _whole(get, "/objects"):
        some.setdefault(one["type"], []).append(one)
    for found in some.values():
        for one in found[:3]:
            answer = get("/objects/{object_type}/{object_id}", f"/objects/{_place(one)}")
            assert answer["attributes"] == one["attributes"]
            get("/impact/{object_type}/{object_id}", f"/impact/{_place(one)}")
            get("/history/{object_type}/{object_id}", f"/history/{_place(one)}")
            get("/links/implicit/{object_type}/{object_id}", f"/links/implicit/{_place(one)}", limit=1000)
            if answer["has_clique"]:
                get("/cliques/{object_type}/{object_id}", f"/cliques/{_place(one)}")


def test_the_tree_holds_every_object(get: Get) -> None:
    def below(node: Document) -> Iterator[tuple[str, str]]:
        for child in node["children"]:
            yield child["type"], child["id"]
            yield from below(child)

    nodes = set(below(get("/tree", "/tree")["tree"]))
    assert {(one["type"], one["id"]) for one in _whole(get, "/objects")} <= nodes


def test_the_difference_of_the_days_is_what_the_objects_of_the_days_say(get: Get) -> None:
    days = [
        {(one["type"], one["id"]): one["attributes"] for one in _whole(get, "/objects", at=day)}
        for day in ("@monday", "@tuesday")
    ]
    found = get("/diff", "/diff", **{"from": "@monday", "to": "@tuesday"})["objects"]
    assert {(one["type"], one["id"]) for one in found["added"]} == days[1].keys() - days[0].keys()
    assert {(one["type"], one["id"]) for one in found["removed"]} == days[0].keys() - days[1].keys()
