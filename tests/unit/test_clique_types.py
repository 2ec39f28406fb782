"""Recipes: how they are read, and which of them an environment gets."""

from typing import Any

import pytest

from projections.clique_types import SHIPPED, choose, load, score
from schemas.canonical import encode
from schemas.errors import BadInput

GOOD: dict[str, Any] = {
    "name": "mine",
    "environment": "ANY",
    "focal_point_type": "instance",
    "link_types": ["instance-vnic", "vnic-vedge"],
}


def recipe(**changes: Any) -> Any:
    """Answer the good recipe with changes; None takes a field away."""
    row = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return load(encode([row]))[0]


def named(environment: str, **settings: Any) -> dict[str, str]:
    """Answer the names of the shipped recipes that an environment gets, by focal type."""
    return {focal: found.name for focal, found in choose(SHIPPED, environment, settings).items()}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"link_types": None}, "it needs a focal_point_type and link_types"),
        ({"link_types": []}, "it needs a focal_point_type and link_types"),
        ({"link_types": "instance-vnic"}, "'link_types' must be a list of texts"),
        ({"link_types": ["instance-vnics"]}, "'instance-vnics' is not two types of objects"),
        ({"link_types": ["instance-network"]}, "no explicit link joins instance and network"),
        ({"link_types": ["vnic-vedge"]}, "'vnic-vedge' begins at a type that no step before leads to"),
        ({"environment": None}, "either an environment or a configuration"),
        ({"distribution": "Kolla"}, "either an environment or a configuration"),
        ({"environment": None, "type_drivers": ["vlan"], "distribution_version": "1"}, "without a distribution"),
        ({"use_implicit_links": "yes"}, "'use_implicit_links' must be true or false"),
        ({"mechanism_driver": []}, "'mechanism_driver' is no field of a recipe"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=f"clique type 'mine': .*{why}"):
        recipe(**changes)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{}", "a list of recipes"),
        (b"[[]]", "clique type 1 of the list"),
        (b'[{"name": 3}]', "clique type 1 of the list"),
        (b"[", "not JSON"),
        (encode([GOOD, GOOD]), "'mine': the name is given twice"),
    ],
)
def test_what_is_no_list_of_recipes_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        load(data)


@pytest.mark.parametrize(
    ("fields", "settings", "points"),
    [
        ({"environment": "east"}, {}, 64),
        ({"environment": "ANY"}, {}, 1),
        ({"environment": "west"}, {}, 0),
        ({"distribution": "Kolla"}, {"distribution": "Kolla"}, 32),
        ({"distribution": "Kolla"}, {"distribution": "Apex"}, 0),
        ({"distribution": "Kolla"}, {}, 0),
        ({"distribution": "K", "distribution_version": "b"}, {"distribution": "K", "distribution_version": "b"}, 48),
        ({"distribution": "K", "distribution_version": "b"}, {"distribution": "K", "distribution_version": "c"}, 0),
        ({"distribution": "K", "distribution_version": "9"}, {"distribution": "K", "distribution_version": "10"}, 48),
        ({"distribution": "K", "distribution_version": "10"}, {"distribution": "K", "distribution_version": "9"}, 0),
        ({"mechanism_drivers": ["OVS"]}, {"mechanism_drivers": ["LXB", "OVS"]}, 8),
        ({"mechanism_drivers": ["OVS"]}, {"mechanism_drivers": ["LXB"]}, 0),
        ({"type_drivers": ["vlan"]}, {"type_drivers": "vlan"}, 4),
        ({"type_drivers": ["vlan"]}, {"type_drivers": ["vlan", "vxlan"]}, 0),
        (
            {"distribution": "K", "mechanism_drivers": ["OVS"], "type_drivers": ["vlan"]},
            {"distribution": "K", "mechanism_drivers": ["OVS"], "type_drivers": ["vlan"]},
            44,
        ),
        ({"distribution": "", "type_drivers": []}, {"distribution": ""}, 32),
        ({"type_drivers": []}, {}, 2),
    ],
)
def test_the_score_of_a_recipe(fields: dict[str, Any], settings: dict[str, Any], points: int) -> None:
    assert score(recipe(**{"environment": None, **fields}), "east", settings) == points


def test_an_environment_nobody_knows_gets_the_recipes_for_any() -> None:
    everywhere = {name: name for name in ("host_pnic", "instance", "network", "vservice")}
    assert named("east", distribution="Debian") == everywhere


def test_a_distribution_gets_its_own_recipes_and_those_for_any_where_it_has_none() -> None:
    assert named("east", distribution="Mercury", distribution_version="11190") == {
        "host_pnic": "host_pnic",
        "instance": "Mercury instance",
        "network": "Mercury network",
        "vservice": "Mercury vservice",
    }
    assert named("e", distribution="Mercury", distribution_version="30000")["instance"] == "Mercury 27747 instance"
    assert named("e", distribution="Kolla", mechanism_drivers=["OVS"])["network"] == "Kolla network"
    assert named("e", distribution="Kolla", mechanism_drivers=["LXB"])["network"] == "network"


def test_the_name_of_an_environment_beats_its_configuration() -> None:
    assert named("implicit-links-ex", distribution="Mercury")["instance"] == "implicit instance"


def test_of_equals_the_first_in_the_list_wins() -> None:
    first, second = recipe(name="first"), recipe(name="second")
    assert choose([first, second], "east", {})["instance"].name == "first"
    assert choose([second, first], "east", {})["instance"].name == "second"
