"""The OpenAPI document is whole: every word of every route is there, and its examples are real answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.describe import example
from api.problems import MEDIA_TYPE
from tests.unit.api_demo import ASKED, V1, Demo, answers, demo
from tests.unit.json_schema import violations

JSON = "application/json"
GUIDE = Path(__file__).parents[2] / "docs" / "api.md"

BODIES = ("NewSnapshot", "NewAlert", "WhatIf", "NewScan", "NewSchedule")

Operation = tuple[str, str, dict[str, Any]]
"""Path, method, what is said of it."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.fixture(scope="module")
def document(asked: Demo) -> dict[str, Any]:
    found: dict[str, Any] = asked.get("/openapi.json")
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_every_operation_says_what_it_does(operations: list[Operation]) -> None:
    assert len(operations) == len(ASKED)
    for path, method, operation in operations:
        for word in ("summary", "description", "operationId", "tags"):
            assert operation.get(word), f"{method} {path}: {word}"


def test_every_parameter_is_described_with_an_example_that_fits(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for path, method, operation in operations:
        for parameter in operation.get("parameters", []):
            where = f"{method} {path} {parameter['name']}"
            assert parameter.get("description"), where
            examples = parameter["schema"].get("examples") or list(parameter.get("examples", {}).values())
            assert examples, where
            for one in examples:
                assert violations(document, parameter["schema"], one) == [], where


def test_every_body_is_described_field_by_field(document: dict[str, Any], operations: list[Operation]) -> None:
    bodies = [one["requestBody"] for _, _, one in operations if "requestBody" in one]
    shapes = [document["components"]["schemas"][name]["properties"] for name in BODIES]
    assert len(bodies) == len(shapes)
    for name, schema in (one for fields in shapes for one in fields.items()):
        assert schema.get("description"), name
        assert all(violations(document, schema, one) == [] for one in schema["examples"]), name


def test_every_field_of_an_answer_is_described(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, inner in schema.get("properties", {}).items():
            assert inner.get("description"), f"{name}.{field}"


def test_every_answer_has_a_shape_and_an_example_that_fits_it(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for path, method, operation in operations:
        good = {status: one for status, one in operation["responses"].items() if status.startswith("2")}
        assert len(good) == (2 if operation["operationId"] == "sendAlert" else 1), f"{method} {path}"
        for one in good.values():
            said = one["content"][JSON]
            assert set(said["schema"]) == {"$ref"}, f"{method} {path}"
            assert said["example"], f"{method} {path}"
            assert violations(document, said["schema"], said["example"]) == [], f"{method} {path}"


def test_every_route_declares_its_problems_with_examples_that_fit(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for path, method, operation in operations:
        bad = {status: one for status, one in operation["responses"].items() if status[0] in "45"}
        assert {"422", "500", "503"} <= set(bad), f"{method} {path}"
        assert "404" in bad or "{" not in path, f"{method} {path}"
        for status, one in bad.items():
            assert list(one["content"]) == [MEDIA_TYPE], f"{method} {path} {status}"
            said = one["content"][MEDIA_TYPE]
            for shown in said["examples"].values():
                assert violations(document, said["schema"], shown["value"]) == []
                assert shown["value"]["status"] == int(status)


def test_every_reading_route_of_an_environment_takes_a_moment(operations: list[Operation]) -> None:
    for path, method, operation in operations:
        if (
            method == "get" and path.startswith("/v1/environments") and not path.endswith("/stats")
        ):  # disks have no past
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert "at" in names or {"from", "to"} <= names, path


def test_every_example_is_what_is_really_answered(tmp_path: Path) -> None:
    real = answers(tmp_path)
    assert real == {operation: example(operation) for operation in real}, (
        "the answers have changed: python -m tests.unit.api_demo writes the examples anew"
    )


def test_every_real_answer_fits_its_shape(asked: Demo, document: dict[str, Any], operations: list[Operation]) -> None:
    shapes = {one["operationId"]: one["responses"] for _, _, one in operations}
    assert set(shapes) == set(ASKED)
    whole = {"listObjects": "objects", "listLinks": "links", "listCliques": "cliques", "getTree": "tree"}
    more = {"search": "search?text=o", "listEvents": "events", "getDiff": "diff?from=0", "getEnvironment": "?at=3"}
    for operation, route in (whole | more).items():
        answer = asked.get(f"{V1}/{route}".replace("/?", "?"))
        assert violations(document, shapes[operation]["200"]["content"][JSON]["schema"], answer) == [], operation
    objects = asked.get(f"{V1}/objects")["items"]
    for one in objects:
        for operation, route in (("getObject", "objects"), ("getImpact", "impact"), ("getHistory", "history")):
            answer = asked.get(f"{V1}/{route}/{one['type']}/{one['id']}")
            assert violations(document, shapes[operation]["200"]["content"][JSON]["schema"], answer) == []


def test_the_page_to_read_shows_every_route_and_fetches_nothing(asked: Demo, operations: list[Operation]) -> None:
    page = asked.ask("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert all(f"<h2>{method.upper()} {path}</h2>" in page.text for path, method, _ in operations)
    assert "://" not in page.text


def test_the_guide_names_every_route(operations: list[Operation]) -> None:
    guide = GUIDE.read_text("utf-8")
    missing = [f"{m.upper()} {path}" for path, m, _ in operations if f"| {m.upper()} | `{path}` |" not in guide]
    assert missing == []


def test_the_guide_names_no_route_that_is_not_there(operations: list[Operation]) -> None:
    rows = [
        line.split("|")[1:3]
        for line in GUIDE.read_text("utf-8").splitlines()
        if line.startswith(("| GET |", "| POST |", "| DELETE |"))
    ]
    known = {(method.upper(), path) for path, method, _ in operations}
    assert {(method.strip(), path.strip().strip("`")) for method, path in rows} <= known
