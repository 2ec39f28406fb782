"""Scans and schedules over HTTP: asked for, taken back, and refused where they collide or mean nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.events import ScanFinished, ScanStarted
from tests.unit.api_demo import V1, Demo, demo


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        yield opened


def post(asked: Demo, route: str, status: int = 201, **body: Any) -> Any:
    """Answer what a POST is answered with."""
    response = asked.ask(f"{V1}/{route}", "POST", json=body)
    assert response.status_code == status, response.text
    return response.json()


def delete(asked: Demo, route: str, status: int) -> Any:
    """Answer what a DELETE is answered with."""
    response = asked.ask(f"{V1}/{route}", "DELETE")
    assert response.status_code == status, response.text
    return response.json()


def test_a_scan_that_is_asked_for_waits_in_the_list_and_at_no_earlier_moment(asked: Demo) -> None:
    scan = post(asked, "scans", object_type="instance", object_id="web", reason="it blinks")
    assert (scan["status"], scan["object"], scan["reason"]) == ("pending", ["instance", "i-web"], "it blinks")
    assert asked.get(f"{V1}/scans")["items"][-1]["name"] == scan["name"]
    earlier = asked.get(f"{V1}/scans", at=str(scan["offset"] - 1))["items"]
    assert scan["name"] not in {one["name"] for one in earlier}


def test_the_list_of_scans_goes_on_page_by_page_whether_they_began_or_wait(asked: Demo) -> None:
    names = [post(asked, "scans")["name"] for _ in range(3)]
    first = asked.get(f"{V1}/scans", limit="3")
    rest = asked.get(f"{V1}/scans", cursor=first["next"])
    assert [one["name"] for one in first["items"] + rest["items"]] == ["scan-1", "scan-2", *names]


def test_a_request_is_taken_back_by_its_id_or_the_beginning_of_it(asked: Demo) -> None:
    first, second = post(asked, "scans")["name"], post(asked, "scans")["name"]
    assert delete(asked, f"scans/{first}", 202)["status"] == "cancelled"
    assert delete(asked, f"scans/{second[:8]}", 202)["status"] == "cancelled"
    assert "is over: cancelled" in delete(asked, f"scans/{first}", 409)["detail"]


def test_latest_is_what_runs_or_else_waits_longest(asked: Demo) -> None:
    assert "none that runs or waits" in delete(asked, "scans/latest", 404)["detail"]
    waits = post(asked, "scans")["name"]
    asked.tell(ScanStarted("runs", "bundle:b", b"{}"))
    cancelled = delete(asked, "scans/latest?reason=enough", 202)
    assert (cancelled["name"], cancelled["status"], cancelled["cancelled"]["reason"]) == ("runs", "running", "enough")
    asked.tell(ScanFinished("runs", "aborted", []))
    assert delete(asked, "scans/latest", 202)["name"] == waits


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"object_type": "switch", "object_id": "s"}, 404, "object type switch"),
        ({"object_type": "host"}, 400, "both its type and its id"),
        ({"object_id": "node-1"}, 400, "both its type and its id"),
        ({"colour": "red"}, 422, "colour"),
        ({"object_type": "host", "object_id": "x" * 1001}, 422, "body.object_id"),
    ],
)
def test_a_scan_of_nothing_is_refused(asked: Demo, body: dict[str, Any], status: int, said: str) -> None:
    assert said in post(asked, "scans", status, **body)["detail"]


def test_a_schedule_is_kept_replaced_and_removed(asked: Demo) -> None:
    post(asked, "schedules", name="nightly", every="daily")
    kept = post(
        asked,
        "schedules",
        name="nightly",
        cron="0 3 * * *",
        timezone="Europe/Berlin",
        object_type="host",
        object_id="node-1",
    )
    assert (kept["every"], kept["cron"], kept["object"]) == (None, "0 3 * * *", ["host", "node-1"])
    (listed,) = asked.get(f"{V1}/schedules")["items"]
    assert listed["id"] == kept["id"]
    assert listed["next_at"].endswith("T02:00:00.000Z")
    delete(asked, "schedules/nightly", 200)
    assert asked.get(f"{V1}/schedules")["items"] == []
    assert "none of that name" in delete(asked, "schedules/nightly", 404)["detail"]
    assert len(asked.get(f"{V1}/schedules", at=str(kept["offset"]))["items"]) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"every": "fortnightly"}, "'fortnightly' is no interval"),
        ({"cron": "0 3 * *"}, "five fields"),
        ({}, "either cron or an interval"),
        ({"every": "daily", "timezone": "Mars"}, "time zone 'Mars'"),
        ({"every": "daily", "snapshot": "night"}, "a name is given only once"),
        ({"every": "daily", "begins_at": "soon"}, "begins_at: 'soon'"),
        ({"every": "daily", "begins_at": "0001-01-01", "timezone": "America/New_York"}, "begins_at is no time"),
        (
            {"cron": "0 3 * * *", "begins_at": "9999-12-31T23:59:59Z", "timezone": "Pacific/Kiritimati"},
            "begins_at is no time",
        ),
        ({"every": "yearly", "begins_at": "3000-01-01"}, "begins_at is no time"),
        ({"every": "daily", "ends_at": "9999-12-31T23:59:59-14:00"}, "ends_at is no time"),
        ({"cron": "0 3 * * *", "ends_at": "2026-11-01T12:30Z"}, "never be due"),
        ({"every": "daily", "ends_at": "2001-01-01T00:00Z"}, "ends after it begins"),
        ({"every": "daily", "begins_at": "2020-01-01T00:00Z", "ends_at": "2020-01-02T00:00Z"}, "is over already"),
    ],
)
def test_what_is_no_schedule_is_refused(asked: Demo, body: dict[str, Any], said: str) -> None:
    assert said in post(asked, "schedules", 400, name="x", **body)["detail"]


def test_a_schedule_of_an_object_without_end_is_refused(asked: Demo) -> None:
    body = {"name": "x", "every": "daily", "object_type": "host", "object_id": "x" * 1001}
    assert "body.object_id" in post(asked, "schedules", 422, **body)["detail"]


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("begins_at", ["2000-01-01T00:00Z", "2999-12-31T23:59:59Z"])
@pytest.mark.parametrize("when", [{"cron": "0 3 29 2 *"}, {"every": "yearly"}])
def test_a_schedule_may_begin_at_any_time_within_the_bounds(
    asked: Demo, timezone: str, begins_at: str, when: dict[str, Any]
) -> None:
    kept = post(asked, "schedules", name="x", timezone=timezone, begins_at=begins_at, **when)
    assert kept["next_at"] is not None
