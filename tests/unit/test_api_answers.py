"""The answers of the API: the same as those of the questions behind them, each about a fixed moment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from schemas.canonical import encode
from schemas.events import ConnectionTested, EnvironmentRemoved, ListenerStateChanged, Payload
from streams.comparison import comparison
from tests.unit.api_demo import ENV, ODD_ID, V1, Demo, demo


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def test_a_diff_is_the_comparison_of_the_same_moments(asked: Demo) -> None:
    for a, b in (("0", "latest"), ("@as-designed", "latest"), ("latest", "@as-designed"), ("3", "3")):
        first, second = (asked.questions.moment(ENV, text) for text in (a, b))
        expected = comparison(asked.history, ENV, first, second)
        assert asked.get(f"{V1}/diff", **{"from": a, "to": b}) == expected
    changed = asked.get(f"{V1}/diff", **{"from": "@as-designed"})["objects"]
    assert [(o["type"], o["id"]) for o in changed["added"]] == [
        ("instance", "i-new"),
        ("port", "port-new"),
        ("vnic", "node-1-tap30000000-00"),
    ]
    assert ("instance", "i-web", ["status"]) in [
        (o["type"], o["id"], [f["field"] for f in o["fields"]]) for o in changed["changed"]
    ]


@pytest.mark.parametrize("moment", ["latest", "1", "20", "@as-designed", "-23h", "2026-11-01T12:20:00Z"])
def test_an_answer_says_the_offset_and_time_of_the_moment_asked_for(asked: Demo, moment: str) -> None:
    expected = asked.questions.moment(ENV, moment).offset
    routes = ("objects", "links", "cliques", "scans", "snapshots", "tree", "")
    for answer in [asked.get(f"{V1}/{route}".rstrip("/"), at=moment) for route in routes]:
        assert (answer["environment"], answer["offset"]) == (ENV, expected)
        assert answer["time"] == f"2026-11-01T12:{expected:02}:00.000Z"


@pytest.mark.parametrize("written", [ODD_ID, quote(ODD_ID, safe="")])
def test_ids_may_hold_slashes_dots_and_colons(asked: Demo, written: str) -> None:
    for route in ("objects", "impact", "history", "links/implicit"):
        answer = asked.get(f"{V1}/{route}/host_pnic/{written}")
        assert answer["environment"] == ENV
    assert asked.get(f"{V1}/objects/host_pnic/{written}")["id"] == ODD_ID


def test_an_object_is_answered_as_it_was_at_the_moment(asked: Demo) -> None:
    def status(at: str) -> Any:
        return asked.get(f"{V1}/objects/instance/i-web", at=at)["attributes"]["status"]

    assert (status("@as-designed"), status("latest")) == ("ACTIVE", "SHUTOFF")
    assert asked.ask(f"{V1}/objects/instance/i-new?at=@as-designed").status_code == 404
    assert asked.get(f"{V1}/objects/instance/new")["id"] == "i-new"


def test_a_history_ends_at_the_moment_asked_for(asked: Demo) -> None:
    def changes(at: str) -> list[str]:
        answer = asked.get(f"{V1}/history/instance/i-web", at=at)
        assert (answer["type"], answer["id"]) == ("instance", "i-web")
        return [version["change"] for version in answer["items"]]

    assert changes("@as-designed") == ["added"]
    assert changes("latest") == ["added", "changed"]


def test_events_are_those_after_from_up_to_to(asked: Demo) -> None:
    head = asked.journal.head(ENV)
    everything = asked.get(f"{V1}/events")
    assert [event["offset"] for event in everything["items"]] == list(range(head + 1))
    some = asked.get(f"{V1}/events", **{"from": "3", "to": "7"})
    assert [event["offset"] for event in some["items"]] == [4, 5, 6, 7]
    assert some["offset"] == 7
    scans = asked.get(f"{V1}/events", event="ScanStarted")
    assert [event["event"] for event in scans["items"]] == ["ScanStarted"] * 2


def test_the_environments_that_were_not_known_at_a_moment_are_left_out(asked: Demo) -> None:
    now = asked.get("/v1/environments")["items"]
    assert [(item["name"], item["offset"]) for item in now] == [(ENV, asked.journal.head(ENV))]
    assert asked.get("/v1/environments", at="2020-01-01")["items"] == []


def test_the_past_is_answered_once(asked: Demo) -> None:
    for target in (f"{V1}/objects?at=@as-designed", f"{V1}/diff?from=1&to=9", f"{V1}/events", V1):
        first = asked.ask(target)
        again = asked.ask(target, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    tags = {asked.ask(f"{V1}/objects?at={offset}").headers["etag"] for offset in (5, 6, 7)}
    assert len(tags) == 3


def test_what_is_latest_is_answered_anew_when_an_event_arrives(tmp_path: Path) -> None:
    with demo(tmp_path) as opened:
        tag = opened.ask(f"{V1}/objects").headers["etag"]
        opened.see(("region", "RegionTwo", "environment", ENV, {"name": "RegionTwo"}))
        again = opened.ask(f"{V1}/objects?type=region", headers={"If-None-Match": tag})
        assert [item["id"] for item in again.json()["items"]] == ["RegionOne", "RegionTwo"]


def test_a_snapshot_is_taken_once_and_can_be_used_as_a_moment(tmp_path: Path) -> None:
    with demo(tmp_path) as opened:
        head = opened.journal.head(ENV)
        body = {"name": "before/upgrade 1", "at": "5", "note": "why"}
        taken = opened.ask(f"{V1}/snapshots", "POST", json=body)
        assert taken.status_code == 201
        assert (taken.json()["at_offset"], taken.json()["offset"]) == (5, head + 1)
        assert opened.get(taken.headers["location"])["offset"] == 5
        again = opened.ask(f"{V1}/snapshots", "POST", json={**body, "at": "6"})
        assert again.status_code == 409
        assert opened.journal.head(ENV) == head + 1
        names = [item["name"] for item in opened.get(f"{V1}/snapshots")["items"]]
        assert names == ["as-designed", "before/upgrade 1"]


def test_a_moment_in_the_wrong_place_is_refused_and_not_ignored(asked: Demo) -> None:
    head = asked.journal.head(ENV)
    response = asked.ask(f"{V1}/snapshots?at=5", "POST", json={"name": "x"})
    assert response.status_code == 422
    assert asked.journal.head(ENV) == head


@pytest.mark.parametrize("name", ["", "@x", " x", "x ", "a\nb", "a\x00b", "x" * 201])
def test_a_name_that_cannot_be_written_as_a_moment_is_refused(asked: Demo, name: str) -> None:
    head = asked.journal.head(ENV)
    assert asked.ask(f"{V1}/snapshots", "POST", json={"name": name}).status_code == 422
    assert asked.journal.head(ENV) == head


def test_health_tells_how_far_the_history_is_behind_the_log(tmp_path: Path) -> None:
    with demo(tmp_path) as opened:
        head = opened.journal.head(ENV)
        before = opened.get("/v1/health")
        assert before["status"] == "behind"
        assert before["environments"][0]["history"] is None
        opened.worker.catch_up_all()
        assert opened.get("/v1/health")["environments"][0]["lag_seconds"] == 0
        opened.see(("region", "RegionTwo", "environment", ENV, {"name": "RegionTwo"}))
        (reach,) = opened.get("/v1/health")["environments"]
        assert (reach["log"]["offset"], reach["history"]["offset"]) == (head + 1, head)
        assert (reach["behind"], reach["lag_seconds"]) == (True, 60)


@pytest.mark.parametrize("text", ['say "hi"', "C:\\now", "tab\there", "STRASSE", "ÜBER", "q-odd"])
def test_a_search_finds_text_that_json_writes_otherwise(tmp_path: Path, text: str) -> None:
    with demo(tmp_path) as opened:
        name = 'say "hi" C:\\now tab\there straße über'
        opened.see(("project", "q-odd", "environment", ENV, {"name": name}))
        found = opened.get(f"{V1}/search", text=text)["items"]
        assert [item["id"] for item in found] == ["q-odd"]


def test_an_environment_tells_its_end_its_listener_and_how_its_sources_answered(tmp_path: Path) -> None:
    with demo(tmp_path) as own:
        assert [own.get(V1)[part] for part in ("removed", "listener", "tested")] == [None, None, None]
        before = own.get(V1)["offset"]
        result = {"source": "api", "target": "compute", "passed": False, "text": "no", "remedy": "mend", "seconds": 0.5}
        payloads: list[Payload] = [
            ConnectionTested(False, encode([result])),
            ListenerStateChanged("running", "listens"),
            EnvironmentRemoved("sold"),
        ]
        own.tell(*payloads)
        answer = own.get(V1)
        assert answer["tested"]["results"] == [result]
        assert (answer["tested"]["passed"], answer["listener"]["state"]) == (False, "running")
        assert answer["removed"]["note"] == "sold"
        assert own.get(V1, at=str(before))["removed"] is None
        (listed,) = own.get("/v1/environments")["items"]
        assert listed == answer
