"""Alerts over HTTP: the contract of the inbox, in the words of HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.api_demo import NEW_ALERT, NOON, V1, Demo, demo

ALERTS = f"{V1}/alerts"


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        yield opened


def sent(asked: Demo, target: str = ALERTS, **changed: Any) -> httpx.Response:
    body = {name: value for name, value in (NEW_ALERT | changed).items() if value is not ...}
    return asked.ask(target, "POST", json=body)


def test_an_alert_is_taken_once_and_shown_among_the_events(asked: Demo) -> None:
    before = asked.get(f"{V1}/objects")["items"]
    first, again = sent(asked), sent(asked, text="told in other words")
    assert (first.status_code, again.status_code) == (201, 200)
    offset = first.json()["offset"]
    assert first.json() == {"environment": "demo", "offset": offset, "repeat": False}
    assert again.json() == {"environment": "demo", "offset": offset, "repeat": True}
    (event,) = asked.get(f"{V1}/events?event=AlertReceived")["items"]
    assert (event["offset"], event["source"]) == (offset, "nfv-monitor")
    assert event["summary"] == "Error: packet-loss of instance i-web: 11 % of the probes were lost"
    assert asked.get(f"{V1}/objects")["items"] == before


def test_what_may_be_left_out_has_a_default(asked: Demo) -> None:
    answer = sent(asked, object_type=..., object_id=..., text=..., details=...)
    assert answer.status_code == 201
    (event,) = asked.get(f"{V1}/events?event=AlertReceived")["items"]
    assert event["summary"] == "Error: packet-loss of the environment"


def test_a_secret_in_an_alert_does_not_reach_the_log(asked: Demo, tmp_path: Path) -> None:
    assert sent(asked, text="login: password=hunter2-Zq8", details={"token": "hunter2-Zq8"}).status_code == 201
    assert all(b"hunter2-Zq8" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"status": "Fatal"}, 400, "status 'Fatal' is none of OK, Warning, Error, Unknown"),
        ({"object_type": "instnace"}, 400, "object_type 'instnace' is none of"),
        ({"object_id": None}, 400, "an object is named by both"),
        ({"source": " "}, 400, "source is empty"),
        ({"text": "x" * 600_000}, 400, "the most is 524288"),
        ({"details": {"a": "x" * 600_000}}, 400, "the most is 524288"),
        ({"id": ""}, 422, "body.id: "),
        ({"id": ...}, 422, "body.id: Field required"),
        ({"id": "x" * 1001}, 422, "body.id: "),
        ({"occurred_at": NOON // 1000}, 422, "body.occurred_at: "),
        ({"occurred_at": "2026-11-01T12:00Z"}, 422, "body.occurred_at: "),
        ({"occurred_at": 1.5}, 422, "body.occurred_at: "),
        ({"details": [1]}, 422, "body.details: "),
        ({"colour": "red"}, 422, "body.colour: "),
        ({"environment": "demo"}, 422, "body.environment: "),
    ],
)
def test_an_alert_that_breaks_the_contract_is_a_problem_and_no_event(
    asked: Demo, changed: dict[str, Any], status: int, told: str
) -> None:
    head = asked.journal.head("demo")
    answer = sent(asked, **changed)
    assert answer.status_code == status, answer.text
    assert told in answer.json()["detail"]
    assert asked.journal.head("demo") == head


def sent_raw(asked: Demo, more: str) -> httpx.Response:
    body = f'{{"id": "1", "source": "m", "occurred_at": {NOON}, "check": "c", "status": "OK", {more}}}'
    return asked.ask(ALERTS, "POST", content=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("raw", ['"text": "\\ud800"', '"details": {"a": "\\udfff"}', '"details": {"\\ud800": 1}'])
def test_half_characters_are_refused(asked: Demo, raw: str) -> None:
    answer = sent_raw(asked, raw)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_details_that_are_nested_too_deep_are_refused(asked: Demo) -> None:
    deep = '{"a":' * 60_000 + "1" + "}" * 60_000
    answer = sent_raw(asked, f'"details": {deep}')
    assert answer.status_code in (400, 422), answer.text


def test_an_alert_makes_no_environment(asked: Demo) -> None:
    answer = sent(asked, "/v1/environments/nowhere/alerts")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert asked.journal.environments() == ["demo"]
