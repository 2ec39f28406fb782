"""Cliques of the small clouds, and the decision on each oddity of the walk."""

from collections import Counter

import pytest

from projections.clique_types import SHIPPED, Recipe, choose
from projections.cliques import Clique, build
from projections.inventory import Obj, Ref
from tests.unit.small_clouds import (
    SmallCloud,
    bridge,
    hybrid_vm,
    instance,
    network,
    obj,
    pnic,
    port,
    vedge,
    vnic,
    zed_cloud,
    zed_host,
)

CHOSEN = choose(SHIPPED, "small", {})


def clique(cloud: SmallCloud, object_type: str, object_id: str, recipe: Recipe | None = None) -> Clique:
    """Answer a clique that must be there."""
    focal = cloud.get(Ref(object_type, object_id))
    assert focal is not None
    found = build(focal, cloud, recipe or CHOSEN[object_type])
    assert found is not None
    return found


def ids(found: Clique, object_type: str) -> list[str]:
    """Answer the ids of a clique's nodes of one type."""
    return [ref.id for ref in found.nodes if ref.type == object_type]


def test_a_vxlan_instance_reaches_its_network_through_bridge_vedge_tunnel_and_nic() -> None:
    found = clique(zed_cloud(), "instance", "vm-a")
    assert [f"{ref.type} {ref.id}" for ref in found.nodes] == [
        "host_pnic h1-eth1",
        "instance vm-a",
        "network web",
        "otep h1-otep",
        "vconnector h1-br-vtep",
        "vconnector h1-qbra",
        "vedge h1-OVS",
        "vnic h1-tapa",
    ]
    assert found.constraints == {"network": ["web"], "segment": ["vxlan"]}


def test_a_vlan_instance_reaches_its_network_through_the_providers_nic_and_no_tunnel() -> None:
    found = clique(zed_cloud(), "instance", "vm-b")
    assert ids(found, "host_pnic") == ["h1-eth2"]
    assert ids(found, "network") == ["ops"]
    assert ids(found, "otep") == []


def test_an_instance_on_two_networks_reaches_both_by_their_own_ways() -> None:
    more = [port("b-port", "ops", "vm-a", "m:b"), vnic("tapb", Ref("instance", "vm-a"), "m:b")]
    cloud = zed_cloud()
    cloud.put(instance("vm-a", networks=["ops", "web"]), *more)
    found = clique(cloud, "instance", "vm-a")
    assert ids(found, "network") == ["ops", "web"]
    assert ids(found, "host_pnic") == ["h1-eth1", "h1-eth2"]


def test_a_network_reaches_exactly_its_own_instances_and_services() -> None:
    cloud = zed_cloud()
    assert ids(clique(cloud, "network", "web"), "instance") == ["vm-a", "vm-d"]
    assert ids(clique(cloud, "network", "web"), "vservice") == ["n1-qdhcp-web", "n1-qrouter-rt"]
    assert ids(clique(cloud, "network", "db"), "instance") == ["vm-c"]
    assert ids(clique(cloud, "network", "ops"), "instance") == ["vm-b"]


def test_a_network_does_not_collect_the_services_vnics_of_other_networks() -> None:
    assert ids(clique(zed_cloud(), "network", "db"), "vnic") == ["h2-tapc", "n1-qr-d", "n1-tapdd"]


def test_a_network_without_services_still_has_its_instances() -> None:
    cloud = zed_cloud()
    services = [*cloud.of_type("vservice"), *(v for v in cloud.of_type("vnic") if v.get("vservice_id"))]
    cloud.remove(*[each.ref for each in services])
    assert ids(clique(cloud, "network", "web"), "instance") == ["vm-a", "vm-d"]


def test_a_dhcp_service_reaches_its_network_from_the_network_node() -> None:
    found = clique(zed_cloud(), "vservice", "n1-qdhcp-web")
    assert (ids(found, "network"), ids(found, "host_pnic")) == (["web"], ["n1-eth1"])
    assert ids(found, "vnic") == ["n1-tapdw"]


def test_a_nic_is_a_focal_point_bounded_by_what_its_links_carry() -> None:
    cloud = zed_cloud()
    tunnels, provider = clique(cloud, "host_pnic", "h1-eth1"), clique(cloud, "host_pnic", "h1-eth2")
    assert (ids(tunnels, "instance"), ids(tunnels, "network")) == (["vm-a"], ["web"])
    assert (ids(provider, "instance"), ids(provider, "network")) == (["vm-b"], ["ops"])
    assert provider.constraints == {"network": ["ops"], "segment": ["physnet1"]}


def test_a_nic_that_no_network_leaves_by_has_none_of_its_vedges_instances() -> None:
    cloud = zed_cloud()
    idle = clique(cloud, "host_pnic", "h2-eth2")
    assert [str(ref.type) for ref in idle.nodes] == ["host_pnic", "vedge"]
    assert idle.constraints == {"network": [], "segment": ["physnet1"]}
    cloud.remove(Ref("port", "a-port"))
    under = clique(cloud, "host_pnic", "h1-eth1")
    assert (ids(under, "vconnector"), under.constraints["segment"]) == (["h1-br-vtep", "h1-qbra"], ["vxlan"])
    assert "vm-b" not in ids(under, "instance")


def test_an_object_without_a_link_has_no_clique() -> None:
    cloud = SmallCloud([instance("vm", networks=["web"])])
    (focal,) = cloud.of_type("instance")
    assert build(focal, cloud, CHOSEN["instance"]) is None


def test_a_null_constraint_bounds_nothing() -> None:
    cloud = zed_cloud()
    cloud.put(instance("vm-a", "h1", []))
    found = clique(cloud, "instance", "vm-a")
    assert found.constraints == {"network": None, "segment": None}
    assert "web" in ids(found, "network")


def test_a_network_that_does_not_tell_its_segment_is_bounded_by_its_name_alone() -> None:
    cloud = zed_cloud()
    cloud.put(network("web", None, None, None))
    found = clique(cloud, "instance", "vm-a")
    assert found.constraints == {"network": ["web"], "segment": None}
    assert ids(found, "network") == ["web"]


def test_links_stored_in_either_direction_are_taken_by_one_step() -> None:
    down = Recipe("down", "vconnector", ("vconnector-vnic", "vnic-instance"))
    assert ids(clique(zed_cloud(), "vconnector", "h1-qbra", down), "instance") == ["vm-a"]


def test_a_link_type_that_is_named_twice_is_walked_again() -> None:
    there, again = ("vedge-vconnector", "vconnector-vnic"), ("vnic-vconnector", "vconnector-vedge")
    back = Recipe("back", "vnic", (*again, *there))
    once = Recipe("once", "vnic", again)
    assert ids(clique(zed_cloud(), "vnic", "h1-tapa", once), "vnic") == ["h1-tapa"]
    assert ids(clique(zed_cloud(), "vnic", "h1-tapa", back), "vnic") == ["h1-tapa", "h1-tapb"]


def test_a_step_that_adds_nothing_does_not_end_the_walk() -> None:
    gap = Recipe("gap", "instance", ("instance-vnic", "vnic-vedge", "vnic-port"))
    assert ids(clique(zed_cloud(), "instance", "vm-a", gap), "port") == ["a-port"]


def test_a_recipe_with_implicit_links_joins_an_instance_to_its_network() -> None:
    (recipe,) = [each for each in SHIPPED if each.use_implicit_links]
    found = clique(zed_cloud(), "instance", "vm-a", recipe)
    assert found.links[0].type == "instance-network"
    assert found.nodes == (Ref("instance", "vm-a"), Ref("network", "web"))


def test_a_linux_bridge_instance_reaches_its_network_without_a_vedge() -> None:
    settings = {"interface_mappings": {"physnet1": "eth0"}}
    agent = obj("network_agent", "lb", host="h1", agent_type="Linux bridge agent", configurations=settings)
    cloud = SmallCloud(
        [
            agent,
            network("ops", "vlan", "physnet1", 100),
            instance("vm", networks=["ops"]),
            port("p", "ops", "vm", "m"),
            vnic("tapp", Ref("instance", "vm"), "m"),
            bridge("brq1", ["tapp", "eth0.100"]),
            pnic("eth0"),
        ]
    )
    expected = Counter(["instance", "vnic", "vconnector", "host_pnic", "network"])
    assert Counter(ref.type for ref in clique(cloud, "instance", "vm").nodes) == expected
    assert Counter(ref.type for ref in clique(cloud, "network", "ops").nodes) == expected


@pytest.mark.parametrize("focal", ["instance", "network"])
def test_native_plugging_goes_straight_from_vnic_to_vedge(focal: str) -> None:
    plugged = {"tapx": {"bridge": "br-int"}, "eth2": {"bridge": "br-prv"}}
    gear: list[Obj] = [*zed_host("h1"), vedge(plugged, {"physnet1": "br-prv"})]
    vm = [instance("vm", networks=["ops"]), vnic("tapx", Ref("instance", "vm"), "m"), port("p", "ops", "vm", "m")]
    cloud = SmallCloud([network("ops", "vlan", "physnet1"), *gear, *vm, *hybrid_vm("other", "z", "web", "mz")])
    found = clique(cloud, focal, "vm" if focal == "instance" else "ops")
    assert Counter(ref.type for ref in found.nodes) == Counter(["instance", "vnic", "vedge", "host_pnic", "network"])
