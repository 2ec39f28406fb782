"""What an operator asks of the past, where names are odd, parents go round in circles, or nothing is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from projections.inventory import Ref
from schemas.canonical import Document
from schemas.errors import NotFound
from schemas.events import EnvironmentDefined
from streams.past import Past
from tests.unit.api_demo import ENV, Demo, Told, demo

ODD = ["a|b", "a/b c", "\\", "é\u2028", 'x"y', "%", "_"]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        yield opened


def found(asked: Demo, text: str) -> dict[str, list[str]]:
    """Answer what a search finds: id -> the places."""
    page = asked.questions.search(asked.questions.past(ENV), text)
    return {item["id"]: item["found_in"] for item in page.items}


def project(name: str, **attributes: object) -> Told:
    return "project", name, "environment", ENV, {"name": name, **attributes}


def vnic(name: str, above: str, **attributes: object) -> Told:
    return "vnic", name, "vnic", above, {"name": name, **attributes}


# -- search -------------------------------------------------------------------------------------------------


def test_a_search_says_where_the_text_stands_once_each(asked: Demo) -> None:
    asked.see(project("p-1", tags=["green", "green too", {"colour": "GREEN"}], ports={"eth0.5": {"green": "no"}}))
    assert found(asked, "green") == {"p-1": ["ports.eth0\\.5.green", "tags", "tags.colour"]}


@pytest.mark.parametrize("text", ["SUPER green", "super GREEN", "r g"])
def test_a_search_takes_no_heed_of_case(asked: Demo, text: str) -> None:
    asked.see(project("p-1", motto="Super Green"))
    assert found(asked, text) == {"p-1": ["motto"]}


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_found_by_search_and_by_name(asked: Demo, name: str) -> None:
    asked.see(project(f"id {name}", note=f"<{name}>"))
    asked.see(project("other"))
    assert found(asked, f"<{name}>") == {f"id {name}": ["note"]}
    assert found(asked, f"d {name}") == {f"id {name}": ["id", "name"]}
    answer = asked.questions.object(asked.questions.past(ENV), "project", f"id {name}")
    assert answer["id_path"] == f"/{ENV}/{ENV}-projects/id {name}"


def test_a_search_does_not_find_what_only_the_notation_holds(asked: Demo) -> None:
    asked.see(project("p-1", motto="x"))
    for text in ('":', "document", "null", "},{"):
        assert "p-1" not in found(asked, text)


def test_pages_of_a_search_make_up_the_whole(asked: Demo) -> None:
    past = asked.questions.past(ENV)
    whole = asked.questions.search(past, "node").items
    pages, after = [], None
    while True:
        page = asked.questions.search(past, "node", 3, after)
        pages += page.items
        after = page.next
        if after is None:
            break
    assert pages == whole
    assert len(whole) > 6


# -- the tree -----------------------------------------------------------------------------------------------


def ids(node: Document) -> list[str]:
    return [node["id"], *(name for child in node["children"] for name in ids(child))]


def test_the_whole_tree_is_the_tree_below_each_object(asked: Demo) -> None:
    past = asked.questions.past(ENV)
    (_projects, regions) = asked.questions.tree(past)["tree"]["children"]
    (region,) = regions["children"]
    assert asked.questions.tree(past, Ref("region", "RegionOne"))["tree"] == region
    assert asked.questions.tree(past, depth=99)["tree"] == asked.questions.tree(past)["tree"]


def test_the_tree_of_objects_that_stand_in_a_circle_ends(asked: Demo) -> None:
    for told in (vnic("a", "b"), vnic("b", "a"), vnic("own", "own")):
        asked.see(told)
    past = asked.questions.past(ENV)
    assert ids(asked.questions.tree(past, Ref("vnic", "a"))["tree"]) == ["a", "a-vnics", "b"]
    assert ids(asked.questions.tree(past, Ref("vnic", "own"))["tree"]) == ["own"]
    assert asked.questions.object(past, "vnic", "own")["id_path"] == "/own-vnics/own"
    assert asked.questions.impact(past, "vnic", "a")["object"]["id"] == "a"


# -- cliques ------------------------------------------------------------------------------------------------


def test_a_clique_is_told_from_its_focal_object_outwards(asked: Demo) -> None:
    answer = asked.questions.clique(asked.questions.past(ENV), "instance", "i-web")
    names = [(node["type"], node["id"]) for node in answer["nodes"]]
    assert names == [
        ("instance", "i-web"),
        ("vnic", "node-1-tap10000000-00"),
        ("vedge", "agent-1"),
        ("otep", "node-1-otep"),
        ("host_pnic", "node-1-eth1"),
        ("network", "n-shop"),
    ]
    types = [link["type"] for link in answer["links"]]
    assert types == ["instance-vnic", "vnic-vedge", "vedge-otep", "otep-host_pnic", "host_pnic-network"]
    assert answer["since"]["event"] == "ScanFinished"


def test_a_clique_of_implicit_links_is_told_with_them(tmp_path: Path) -> None:
    environment = "implicit-links-ex"  # the one environment whose recipe asks for them
    with demo(tmp_path) as asked:
        for entry in list(asked.journal.read(ENV)):
            asked.tell(entry.event.payload, environment=environment)
        past = asked.questions.past(environment)
        answer = asked.questions.clique(past, "instance", "i-web")
    assert [node["id"] for node in answer["nodes"]] == ["i-web", "n-shop"]
    assert [(link["type"], link["implicit"]) for link in answer["links"]] == [("instance-network", True)]


# -- where there is nothing -----------------------------------------------------------------------------------


def test_an_environment_without_objects_answers_every_question(asked: Demo) -> None:
    asked.tell(EnvironmentDefined(b"{}"), environment="empty")
    questions, past = asked.questions, asked.questions.past("empty")
    answer: dict[str, Any] = questions.environment("empty")
    assert (answer["objects"], answer["last_scan"], answer["settings"]) == ({}, None, {})
    assert questions.tree(past)["tree"] == {"type": "environment", "id": "empty", "name": "empty", "children": []}
    pages = [questions.objects(past), questions.links(past), questions.cliques(past), questions.search(past, "a")]
    assert [(page.items, page.next) for page in pages] == [([], None)] * 4
    assert questions.diff("empty", "0", "latest")["objects"] == {"added": [], "removed": [], "changed": []}
    assert questions.scans("empty")["scans"] == questions.snapshots("empty")["snapshots"] == []
    with pytest.raises(NotFound, match="has none of that id or name"):
        questions.object(past, "instance", "i-web")
    assert {e["name"] for e in questions.environments()} == {ENV, "empty"}


def test_the_number_of_objects_of_each_type_is_what_was_there_then(asked: Demo) -> None:
    asked.see(project("p-2"))
    now, before = (asked.questions.environment(ENV, at)["objects"] for at in ("latest", "@as-designed"))
    assert (now["project"], before["project"]) == (2, 1)
    assert sum(now.values()) == len(list(asked.questions.past(ENV).objects()))
    assert list(now) == sorted(now)


def test_a_name_that_several_objects_have_names_none_of_them(asked: Demo) -> None:
    for name in ("p-1", "p-2"):
        asked.see(("project", name, "environment", ENV, {"name": "twin"}))
    past = asked.questions.past(ENV)
    with pytest.raises(NotFound, match="has 2 of that name: p-1, p-2"):
        asked.questions.find(past, "project", "twin")
    assert asked.questions.find(past, "project", "p-2").id == "p-2"


def test_the_families_of_a_moment_are_its_children_by_parent(asked: Demo) -> None:
    past: Past = asked.questions.past(ENV)
    family = past.families()
    for obj in past.objects():
        assert [o.ref for o in family(obj.ref)] == [o.ref for o in past.children(obj.ref)]
        assert obj.ref in [o.ref for o in family(obj.parent)]
