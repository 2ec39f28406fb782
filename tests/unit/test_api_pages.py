"""Pages agree with each other and with the whole, whatever the limit and whatever arrives in between."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api import cursor as cursors
from projections.change import Key, Kind
from schemas.canonical import Document
from schemas.errors import BadInput
from tests.unit.api_demo import ENV, V1, Demo, demo, the_past

LISTS = [
    "objects",
    "objects?type=vnic",
    "links",
    "links?type=vnic-port",
    "links/implicit/instance/i-web",
    "cliques",
    "cliques?type=instance",
    "search?text=node-1",
    "history/instance/i-web",
    "events",
    "events?event=ObjectsSeen",
    "events?from=4&to=20",
    "scans",
    "snapshots",
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("data")) as opened:
        yield opened


def _pages(asked: Demo, target: str, limits: Iterator[int], between: Iterator[None]) -> list[Document]:
    """Answer every page, following the cursor alone, with something happening before each next one."""
    path = target.partition("?")[0]
    pages = [asked.get(f"{V1}/{target}{'&' if '?' in target else '?'}limit={next(limits)}")]
    while pages[-1]["next"] is not None:
        next(between)
        follow = {"cursor": pages[-1]["next"], "limit": next(limits)}
        if path == "search":
            follow["text"] = "node-1"
        pages.append(asked.get(f"{V1}/{path}", **follow))
    return pages


def _cycle(limits: list[int]) -> Iterator[int]:
    while True:
        yield from limits


def _arrivals(asked: Demo, numbers: list[int]) -> Iterator[None]:
    """Append before each step: objects that sort anywhere, a scan that sweeps, names, events."""
    for number in _cycle(numbers):
        match number:
            case 0:
                asked.see(("project", f"a-{asked.journal.head(ENV)}", "environment", ENV, {"name": "node-1"}))
            case 1:
                asked.see(("vnic", f"z-{asked.journal.head(ENV)}", "instance", "i-web", {"name": "node-1"}))
            case 2:
                asked.tell(*list(the_past())[-3:])
            case _:
                asked.see(("instance", "i-web", "host", "node-1", {"name": f"web{asked.journal.head(ENV)}"}))
        yield


@given(target=st.sampled_from(LISTS), limits=st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_pages_of_any_size_make_the_whole(asked: Demo, target: str, limits: list[int]) -> None:
    whole = asked.get(f"{V1}/{target}{'&' if '?' in target else '?'}limit=1000")
    assert whole["next"] is None
    nothing = iter(lambda: None, 0)
    pages = _pages(asked, target, _cycle(limits), nothing)
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert all(len(page["items"]) <= max(limits) for page in pages)


@given(
    target=st.sampled_from(LISTS),
    limits=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    arrivals=st.lists(st.integers(0, 3), min_size=1, max_size=4),
)
@settings(max_examples=20, deadline=None)
def test_pages_agree_when_events_arrive_in_between(target: str, limits: list[int], arrivals: list[int]) -> None:
    with TemporaryDirectory() as folder, demo(Path(folder)) as opened:
        whole = opened.get(f"{V1}/{target}{'&' if '?' in target else '?'}limit=1000")
        pages = _pages(opened, target, _cycle(limits), _arrivals(opened, arrivals))
        assert [item for page in pages for item in page["items"]] == whole["items"]
        assert {(page["offset"], page["time"]) for page in pages} == {(whole["offset"], whole["time"])}


def test_a_page_holds_a_hundred_items_unless_told(tmp_path: Path) -> None:
    with demo(tmp_path) as opened:
        for number in range(130):
            opened.see(("project", f"p-{number:03}", "environment", ENV, {"name": "p"}))
        first = opened.get(f"{V1}/objects", type="project")
        assert (len(first["items"]), first["next"] is None) == (100, False)
        assert len(opened.get(f"{V1}/objects", cursor=first["next"])["items"]) == 31


def test_the_header_link_leads_to_the_same_next_page(asked: Demo) -> None:
    first = asked.ask(f"{V1}/history/instance/i-web?limit=1")
    assert first.links["next"]["url"].startswith("/v1/")
    second = asked.get(first.links["next"]["url"])
    assert second == asked.get(f"{V1}/history/instance/i-web", limit=1, cursor=first.json()["next"])
    assert "link" not in asked.ask(f"{V1}/history/instance/i-web").headers


def _refused(asked: Demo, target: str, **parameters: Any) -> str:
    response = asked.ask(target, params=parameters or None)
    assert response.status_code == 400, response.text
    return str(response.json()["detail"])


def test_a_cursor_with_another_question_than_its_own_is_refused(asked: Demo) -> None:
    cursor = asked.get(f"{V1}/objects?type=vnic&limit=1&at=@as-designed")["next"]
    pinned = asked.get(f"{V1}/objects?type=vnic&limit=1&at=@as-designed")["offset"]
    assert "moment" in _refused(asked, f"{V1}/objects", cursor=cursor, at="latest")
    assert "type vnic, not to type instance" in _refused(asked, f"{V1}/objects", cursor=cursor, type="instance")
    assert "question" in _refused(asked, f"{V1}/links", cursor=cursor)
    assert "question" in _refused(asked, f"{V1}/events", cursor=cursor)
    for at in ("@as-designed", str(pinned)):
        assert asked.get(f"{V1}/objects", cursor=cursor, at=at, type="vnic")["items"]
    history = asked.get(f"{V1}/history/instance/i-web?limit=1")["next"]
    assert "object" in _refused(asked, f"{V1}/history/instance/i-new", cursor=history)
    found = asked.get(f"{V1}/search?text=node-1&limit=1")["next"]
    assert "text" in _refused(asked, f"{V1}/search", cursor=found, text="node-2")


def test_a_cursor_of_another_environment_is_refused(tmp_path: Path) -> None:
    with demo(tmp_path) as opened:
        opened.tell(*the_past(), environment="other")
        cursor = opened.get(f"{V1}/objects?limit=1")["next"]
        assert "environment" in _refused(opened, "/v1/environments/other/objects", cursor=cursor)


@given(st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_any_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        cursors.decode(text)


@given(st.text(), st.text(), st.text(), st.integers(0, 2**53), st.text(), st.text())
def test_a_cursor_is_read_as_it_was_given(question: str, env: str, at: str, offset: int, a: str, b: str) -> None:
    for behind in (Key(Kind.LINK, a, b), offset, a):
        given = cursors.cursor(question, env, at, offset, {"type": a, "event": None}, behind)
        text = given.encode()
        assert cursors.decode(text) == given
        assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_whose_position_is_of_another_kind_is_refused(asked: Demo) -> None:
    forged = cursors.cursor("objects", ENV, "latest", 5, {"type": None}, 7).encode()
    assert "not one that was given here" in _refused(asked, f"{V1}/objects", cursor=forged)
