"""Every error of the API is a problem detail of RFC 9457, and none tells more than it should."""

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from api.bodies import LARGEST
from api.problems import MEDIA_TYPE, PROBLEMS, problem_of
from schemas import errors
from schemas.errors import CalipsoError
from tests.unit.api_demo import ENV, V1, Demo, demo


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def _is_problem(response: httpx.Response, name: str) -> None:
    problem = response.json()
    known = PROBLEMS[name]
    assert response.headers["content-type"] == MEDIA_TYPE
    assert (problem["type"], problem["title"]) == (known.uri, known.title)
    assert problem["status"] == response.status_code == known.status
    assert problem["detail"]
    assert "\n" not in problem["detail"]


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/v1/environments/nowhere", "not-found"),
        (f"{V1}/objects/instance/i-none", "not-found"),
        (f"{V1}/objects/router9/x", "not-found"),
        (f"{V1}/objects?type=router9", "not-found"),
        (f"{V1}/links?type=a-b", "not-found"),
        (f"{V1}/events?event=Nothing", "not-found"),
        (f"{V1}?at=@never", "not-found"),
        (f"{V1}?at=999999", "not-found"),
        (f"{V1}?at=2001-01-01", "not-found"),
        (f"{V1}/diff?from=1&to=77777", "not-found"),
        (f"{V1}?at=yesterday", "bad-moment"),
        (f"{V1}?at=", "bad-moment"),
        (f"{V1}/tree?type=host", "bad-input"),
        (f"{V1}/objects?cursor=nonsense", "bad-input"),
        (f"{V1}/objects?limit=0", "invalid-request"),
        (f"{V1}/objects?limit=1001", "invalid-request"),
        (f"{V1}/objects?limit=many", "invalid-request"),
        (f"{V1}/objects?typ=instance", "invalid-request"),
        (f"{V1}/diff", "invalid-request"),
        ("/v1/health?at=1", "invalid-request"),
        ("/problems/internal?x=1", "invalid-request"),
        (f"{V1}/search", "invalid-request"),
        ("/v1/nothing", "no-such-route"),
        ("/", "no-such-route"),
        ("/problems/none", "not-found"),
        ("/%ff%00%0d%0aX", "no-such-route"),
    ],
)
def test_a_bad_request_is_answered_by_the_problem_it_is(asked: Demo, target: str, name: str) -> None:
    response = asked.ask(target)
    _is_problem(response, name)
    assert response.json()["instance"].startswith(target.partition("%")[0].partition("?")[0])


def test_a_body_that_does_not_fit_names_each_place(asked: Demo) -> None:
    response = asked.ask(f"{V1}/snapshots", "POST", json={"at": 5, "nam": "x"})
    _is_problem(response, "invalid-request")
    assert {one["where"] for one in response.json()["errors"]} == {"body.name", "body.at", "body.nam"}
    for body in (b"{", b"\xff\xfe", b""):
        headers = {"content-type": "application/json"}
        response = asked.ask(f"{V1}/snapshots", "POST", content=body, headers=headers)
        assert response.status_code in {400, 422}
        assert response.headers["content-type"] == MEDIA_TYPE


def test_a_body_that_is_too_large_is_refused_and_read_no_further(asked: Demo) -> None:
    taken: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b" " * LARGEST

    for route in ("what-if", "alerts", "nothing"):
        taken.clear()
        _is_problem(asked.ask(f"{V1}/{route}", "POST", content=body()), "too-large")
        assert len(taken) == 2
    full = b"{" + b" " * (LARGEST - 2) + b"}"
    headers = {"content-type": "application/json"}
    _is_problem(asked.ask(f"{V1}/snapshots", "POST", content=full, headers=headers), "invalid-request")


def test_a_method_that_a_route_does_not_take_is_refused_and_those_it_takes_are_named(asked: Demo) -> None:
    for method in ("DELETE", "PUT", "PATCH"):
        response = asked.ask(f"{V1}/objects", method)
        _is_problem(response, "method-not-allowed")
        assert response.headers["allow"] == "GET"


ERRORS: list[tuple[CalipsoError, str]] = [
    (errors.NotFound("x"), "not-found"),
    (errors.BadMoment("x"), "bad-moment"),
    (errors.BadSchema("x"), "bad-input"),
    (errors.Conflict("x"), "conflict"),
    (errors.CommandFailed("x"), "could-not-look"),
    (errors.LogCorrupt("x"), "log-unavailable"),
    (errors.LogFull("x"), "log-unavailable"),
    (errors.HistoryError("x"), "history-unavailable"),
]


@pytest.mark.parametrize(("error", "name"), ERRORS)
def test_each_branch_of_the_error_tree_has_its_status(asked: Demo, error: CalipsoError, name: str) -> None:
    _is_problem(_failing_with(asked, error), name)
    assert _failing_with(asked, error).json()["detail"] == "x"


def test_every_error_but_the_root_has_a_problem() -> None:
    def below(cls: type[CalipsoError]) -> Iterator[type[CalipsoError]]:
        for child in cls.__subclasses__():
            yield child
            yield from below(child)

    assert [cls for cls in below(CalipsoError) if problem_of(cls("x")).name == "internal"] == []


@pytest.mark.parametrize("error", [ValueError("password of /etc/secret"), KeyError("secret"), CalipsoError("secret")])
def test_an_unexpected_error_is_answered_without_what_it_says(asked: Demo, error: Exception) -> None:
    response = _failing_with(asked, error)
    _is_problem(response, "internal")
    assert "secret" not in response.text


def _failing_with(asked: Demo, error: Exception) -> httpx.Response:
    def fail() -> None:
        raise error

    failing: Callable[[], None] = fail
    path = f"/failing/{len(asked.app.router.routes)}"
    asked.app.add_api_route(path, failing, include_in_schema=False)
    return asked.ask(path)


def test_a_problem_explains_itself(asked: Demo) -> None:
    for problem in PROBLEMS.values():
        answer = asked.get(problem.uri)
        assert (answer["type"], answer["status"]) == (problem.uri, problem.status)


def test_a_damaged_log_is_told_and_not_read_as_nothing(asked: Demo) -> None:
    # The environment's name is known, its events are not readable: what was appended is no event.
    offset = asked.log.append("damaged", [b"no event"])[0]
    _is_problem(asked.ask("/v1/environments/damaged"), "log-unavailable")
    assert f"offset {offset}" in asked.ask("/v1/environments/damaged").json()["detail"]
    assert asked.ask(f"/v1/environments/{ENV}").status_code == 200
