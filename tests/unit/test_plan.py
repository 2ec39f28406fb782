"""The scan plan is data, and checked whole before anything is asked."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.plan import DEFAULT, load_plan, parse_plan
from producers.settings import EnvironmentSettings
from schemas.errors import BadPlan
from schemas.vocabulary import ENVIRONMENT, OBJECT_TYPES

REGION = {"name": "region", "type": "region", "under": ENVIRONMENT, "fetcher": "regions"}
HOST = {"name": "host", "type": "host", "under": "region", "fetcher": "hosts"}


def plan(*entries: Any) -> dict[str, Any]:
    """Answer a plan of these entries."""
    return {"entries": list(entries)}


def problems(*entries: Any) -> str:
    """Answer what is said against a plan of these entries."""
    with pytest.raises(BadPlan) as refused:
        parse_plan(plan(*entries))
    return str(refused.value)


def test_the_plan_that_ships_finds_every_type_of_object() -> None:
    found = load_plan()
    assert {entry.type for entry in found.entries} == set(OBJECT_TYPES)


def test_every_entry_of_the_plan_that_ships_names_its_folders() -> None:
    assert all(entry.folders is not None for entry in load_plan().entries)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"type": "switch"}, "entry 'host': there is no object type 'switch'"),
        ({"under": "rack"}, "entry 'host': there is no object type 'rack' to look under"),
        ({"fetcher": "magic"}, "entry 'host': there is no fetcher 'magic'"),
        ({"fetcher": "ports"}, "entry 'host': the fetcher 'ports' finds a port, not a host"),
        ({"completer": "magic"}, "entry 'host': there is no completer 'magic'"),
        ({"completer": 7}, "entry 'host': 'completer' must be a text"),
        ({"folder": "Hosts"}, "entry 'host': unknown key 'folder'"),
        ({"folders": ["Hosts"]}, "entry 'host': the folders around a host are []"),
        ({"details": ["magic"]}, "entry 'host': there is no detail 'magic'"),
        ({"details": "magic"}, "entry 'host': 'details' must be a list of texts"),
        ({"folders": "Hosts"}, "entry 'host': 'folders' must be a list of texts"),
        ({"condition": {"moon": ["full"]}}, "entry 'host': there is no condition 'moon'"),
        ({"condition": {"mechanism_drivers": "OVS"}}, "entry 'host': 'condition' must be an object of lists of texts"),
        ({"condition": {"mechanism_drivers": []}}, "entry 'host': 'condition' must be an object of lists of texts"),
        ({"condition": {"host_type": ["Compute"]}}, "the condition 'host_type' is only for what is looked for under a"),
        ({"below": "region"}, "entry 'host': 'below' must be a list of texts"),
        ({"below": ["rack"]}, "entry 'host': there is no entry 'rack' to stand below"),
        ({"below": ["host"]}, "entry 'host': a host never stands below a host"),
        ({"wanders": 1}, "entry 'host': 'wanders' must be true or false"),
        ({"name": ""}, "'name' must be a text"),
        ({"under": "vedge"}, "entry 'host': no entry reached from the environment finds a vedge"),
    ],
)
def test_a_bad_entry_is_named_with_what_is_wrong(changed: dict[str, Any], said: str) -> None:
    assert said in problems(REGION, {**HOST, **changed})


def test_all_problems_are_listed_at_once() -> None:
    said = problems({**REGION, "fetcher": "magic"}, {**HOST, "type": "switch"}, {**HOST, "under": "rack"})
    assert said.count(";") >= 3
    assert "entry 'host' stands 2 times" in said


def test_a_missing_key_is_named() -> None:
    assert (
        problems({"name": "region", "type": "region", "under": ENVIRONMENT})
        == "entry 'region': 'fetcher' must be a text"
    )


def test_a_walk_that_would_never_end_is_refused() -> None:
    vnics = {"name": "v", "type": "vnic", "under": "vservice", "fetcher": "vservice_vnics"}
    back = {"name": "back", "type": "vservice", "under": "vnic", "fetcher": "vservices"}
    assert "a circle" in problems(REGION, vnics, back)


def test_what_may_stand_below_an_entry_follows_the_plan_and_the_tree() -> None:
    found = load_plan()
    assert found.with_all_below({"network"}) == {"network", "subnet", "port"}
    assert found.with_all_below({"instance"}) == {"instance", "instance-vnic"}
    assert found.with_all_below({"homeless-instance"}) == {"homeless-instance"}
    assert "instance-vnic" not in found.with_all_below(found.finders("project"))
    assert found.with_all_below({"region"}) == {e.name for e in found.entries if e.under != ENVIRONMENT} | {"region"}


@pytest.mark.parametrize("document", [{}, {"entries": []}, {"entries": {}}, {"entries": [REGION], "more": 1}])
def test_what_is_no_plan_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(BadPlan):
        parse_plan(document)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"entries": [7]}', "\x00"])
def test_a_file_that_holds_no_plan_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(BadPlan, match=r"mine\.json"):
        load_plan(path)


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadPlan, match=r"no\.json: cannot be read: No such file"):
        load_plan(tmp_path / "no.json")


def test_an_entry_applies_where_every_key_of_its_condition_has_a_value_in_common() -> None:
    condition = {"mechanism_drivers": ["OVS", "LXB"], "host_type": ["Compute"]}
    entry = {"name": "i", "type": "instance", "under": "host", "fetcher": "instances", "condition": condition}
    found = parse_plan(plan(REGION, HOST, entry)).under("host")[0]
    ovs, ovn, unknown = (EnvironmentSettings(mechanism_drivers=d) for d in (("SRIOV", "OVS"), ("OVN",), ()))
    assert found.applies(ovs, {"host_type": ["Compute", "Network"]})
    assert not found.applies(ovs, {"host_type": ["Network"]})
    assert not found.applies(ovs, {})
    assert not found.applies(ovn, {"host_type": ["Compute"]})
    assert not found.applies(unknown, {"host_type": ["Compute"]})


def test_a_condition_compares_single_values_too() -> None:
    entry = {**REGION, "condition": {"distribution": ["Debian", "Ubuntu"]}}
    found = parse_plan(plan(entry)).entries[0]
    assert found.applies(EnvironmentSettings(distribution="Debian"), {})
    assert not found.applies(EnvironmentSettings(), {})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    max_leaves=4,
)


@given(
    st.sampled_from(json.loads(DEFAULT.read_text())["entries"]),
    st.sampled_from(
        ["name", "type", "under", "fetcher", "completer", "details", "folders", "condition", "below", "wanders"]
    ),
    _JSON,
)
def test_any_value_in_any_key_is_read_or_refused(entry: dict[str, Any], key: str, value: object) -> None:
    try:
        parse_plan(plan({**entry, key: value}))
    except BadPlan:
        return
