"""What depends on what, in the small cloud."""

import pytest

from projections.impact import Dependent, impact, rolled_up
from projections.inventory import Ref
from schemas.canonical import encode
from tests.unit.small_clouds import SmallCloud, bridge, instance, network, obj, pnic, port, vedge, vnic, zed_cloud


def of(cloud: SmallCloud, object_type: str, object_id: str) -> list[Dependent]:
    """Answer what depends on an object."""
    return impact(Ref(object_type, object_id), cloud, cloud.children)


def ids(found: list[Dependent], object_type: str) -> list[str]:
    """Answer the ids of the dependents of one type, sorted."""
    return sorted(dependent.ref.id for dependent in found if dependent.ref.type == object_type)


ALL = ["vm-a", "vm-b", "vm-c", "vm-d"]
TUNNELLED = ["vm-a", "vm-c", "vm-d"]


@pytest.mark.parametrize(
    ("object_type", "object_id", "instances", "networks"),
    [
        ("host_pnic", "h1-eth2", ["vm-b"], ["ops"]),
        ("host_pnic", "h1-eth1", ["vm-a"], ["web"]),
        ("host_pnic", "h1-eth0", [], []),
        ("host_pnic", "n1-eth1", TUNNELLED, ["db", "web"]),
        ("vconnector", "h1-br-vtep", ["vm-a"], ["web"]),
        ("vconnector", "h1-qbra", ["vm-a"], ["web"]),
        ("otep", "h1-otep", ["vm-a"], ["web"]),
        ("vedge", "h1-OVS", ["vm-a", "vm-b"], ["ops", "web"]),
        ("host", "h1", ["vm-a", "vm-b"], ["ops", "web"]),
        ("host", "n1", TUNNELLED, ["db", "web"]),
        ("network", "web", ["vm-a", "vm-d"], []),
        ("network", "ops", ["vm-b"], []),
        ("network", "public", TUNNELLED, ["db", "web"]),
        ("router", "rt", TUNNELLED, ["db", "web"]),
        ("vservice", "n1-qdhcp-web", ["vm-a", "vm-d"], ["web"]),
        ("vnic", "n1-qr-d", ["vm-c"], ["db"]),
        ("port", "a-port", ["vm-a"], ["web"]),
        ("port", "tapdd-port", ["vm-c"], ["db"]),
        ("vnic", "h1-tapa", ["vm-a"], ["web"]),
        ("project", "p1", ALL, ["db", "ops", "public", "web"]),
        ("availability_zone", "az1", ALL, ["db", "ops", "web"]),
        ("region", "r1", ALL, ["db", "ops", "web"]),
        ("floating_ip", "fip-a", [], []),
    ],
)
def test_the_instances_and_networks_that_an_object_takes_along(
    object_type: str, object_id: str, instances: list[str], networks: list[str]
) -> None:
    found = of(zed_cloud(), object_type, object_id)
    assert (ids(found, "instance"), ids(found, "network")) == (instances, networks)


def test_hosts_and_projects_of_what_is_hit_are_told() -> None:
    found = rolled_up(of(zed_cloud(), "network", "web"))
    assert (found.hosts, found.projects, found.instances) == (["h1", "h2", "n1"], ["p1"], ["vm-a", "vm-d"])


def test_the_object_itself_is_not_among_its_dependents_nor_is_what_it_stands_on() -> None:
    found = of(zed_cloud(), "vnic", "h1-tapa")
    assert ids(found, "vnic") == []
    assert ids(found, "vconnector") == ids(found, "vedge") == ids(found, "host_pnic") == []


def test_the_other_vnic_of_an_instance_is_not_hit() -> None:
    cloud = zed_cloud()
    more = [port("x-port", "ops", "vm-a", "m:x"), vnic("tapx", Ref("instance", "vm-a"), "m:x")]
    cloud.put(instance("vm-a", "h1", ["ops", "web"]), *more, bridge("qbrx", ["tapx", "qvbx"]))
    ports: dict[str, object] = {f"qvo{x}": {"bridge": "br-int"} for x in "abx"}
    cloud.put(vedge({**ports, "eth2": {"bridge": "br-prv"}}, {"physnet1": "br-prv"}))
    found = of(cloud, "host_pnic", "h1-eth2")
    assert ids(found, "vnic") == ["h1-tapb", "h1-tapx"]
    (hit,) = [dependent for dependent in found if dependent.ref.id == "vm-a"]
    assert (hit.whole, hit.networks) == (False, ("ops",))


def test_a_floating_ip_depends_on_its_port_and_on_its_router() -> None:
    for object_type, object_id in (("port", "a-port"), ("router", "rt"), ("vnic", "h1-tapa"), ("instance", "vm-a")):
        assert ids(of(zed_cloud(), object_type, object_id), "floating_ip") == ["fip-a"]


def test_the_way_to_the_outside_takes_along_what_is_routed_out_and_not_the_outer_network() -> None:
    found = of(zed_cloud(), "vnic", "n1-qg-p")
    assert ids(found, "network") == ["db", "web"]
    assert ids(found, "floating_ip") == ["fip-a"]


def test_a_router_that_is_known_by_its_ports_alone_takes_along_its_networks() -> None:
    cloud = zed_cloud()
    cloud.remove(Ref("vservice", "n1-qrouter-rt"))
    assert ids(of(cloud, "router", "rt"), "instance") == TUNNELLED


def test_a_dependent_tells_the_shortest_way_and_its_last_step() -> None:
    (hit,) = [found for found in of(zed_cloud(), "host_pnic", "h1-eth2") if found.ref == Ref("instance", "vm-b")]
    ways = [f"{ref.type} {ref.id}" for ref in hit.path]
    assert ways == ["host_pnic h1-eth2", "vedge h1-OVS", "vconnector h1-qbrb", "vnic h1-tapb", "instance vm-b"]
    assert (hit.distance, hit.reason) == (4, "by link instance-vnic with vnic h1-tapb")
    assert encode(hit.document())


def test_dependents_come_nearest_first() -> None:
    found = of(zed_cloud(), "host", "n1")
    assert [(d.distance, d.ref) for d in found] == sorted((d.distance, d.ref) for d in found)
    assert len({d.ref for d in found}) == len(found)


def test_everything_inside_what_is_lost_whole_is_lost_whole() -> None:
    found = {dependent.ref: dependent for dependent in of(zed_cloud(), "host", "h1")}
    inside = ["vnic h1-tapa", "vedge h1-OVS", "otep h1-otep", "host_pnic h1-eth1", "instance vm-a", "port a-port"]
    assert all(found[Ref(*name.split())].whole for name in inside)


def test_a_bond_loses_with_its_member() -> None:
    cloud = zed_cloud()
    cloud.put(pnic("eth2", "h1"), pnic("eth8", "h1", bond="h1-eth2"))
    assert ids(of(cloud, "host_pnic", "h1-eth8"), "instance") == ["vm-b"]


def test_a_bridge_between_the_vedge_and_its_nic_takes_along_what_leaves_by_it() -> None:
    cloud = zed_cloud()
    beyond = bridge("br-bond", {"bond-phy": {"peer": "phy-bond"}, "eth2": {}}, connector_type="ovs_bridge")
    ports = {"qvoa": {"bridge": "br-int"}, "qvob": {"bridge": "br-int"}}
    cloud.put(beyond, vedge({**ports, "phy-bond": {"bridge": "br-prv", "peer": "bond-phy"}}, {"physnet1": "br-prv"}))
    assert ids(of(cloud, "vconnector", "h1-br-bond"), "instance") == ["vm-b"]
    assert ids(of(cloud, "host_pnic", "h1-eth2"), "instance") == ["vm-b"]


def test_a_linux_bridge_takes_along_its_instances() -> None:
    vm = [instance("vm"), vnic("tapp", Ref("instance", "vm"), "m"), port("p", "ops", "vm", "m")]
    cloud = SmallCloud([network("ops", "vlan"), *vm, bridge("brq", ["tapp", "eth0.5"]), pnic("eth0")])
    found = {dependent.ref.type: dependent for dependent in of(cloud, "host_pnic", "h1-eth0")}
    assert found["instance"].ref.id == "vm"
    assert not found["vconnector"].whole
    assert ids(of(cloud, "vconnector", "h1-brq"), "instance") == ["vm"]


def trunk_cloud() -> SmallCloud:
    """Answer an instance with a trunk: its parent port on web (tunnels), a sub-port on ops (VLAN)."""
    sub = [{"port_id": "sub", "segmentation_type": "vlan", "segmentation_id": 5}]
    cloud = zed_cloud()
    cloud.put(
        instance("vm-t", "h1", ["ops", "web"]),
        port("parent", "web", "vm-t", "m:t"),
        port("sub", "ops", "", "m:s", device_owner="trunk:subport"),
        obj("trunk", "t", Ref("project", "p1"), port_id="parent", sub_ports=sub),
        vnic("tapt", Ref("instance", "vm-t"), "m:t"),
        bridge("tbrt", {"tapt": {}, "tpt": {"peer": "tpi"}}, connector_type="ovs_bridge"),
        vedge(
            {"qvob": {"bridge": "br-int"}, "tpi": {"bridge": "br-int", "peer": "tpt"}, "eth2": {"bridge": "br-prv"}},
            {"physnet1": "br-prv"},
        ),
    )
    return cloud


def test_a_sub_port_goes_with_the_nic_of_its_own_segment() -> None:
    found = of(trunk_cloud(), "host_pnic", "h1-eth2")
    assert ids(found, "port") == ["b-port", "sub"]
    assert ids(found, "instance") == ["vm-b", "vm-t"]
    tunnels = of(trunk_cloud(), "host_pnic", "h1-eth1")
    assert "sub" not in ids(tunnels, "port")


def test_a_parent_port_takes_along_its_trunk_and_sub_ports_and_a_sub_port_its_instance() -> None:
    found = of(trunk_cloud(), "port", "parent")
    assert (ids(found, "trunk"), ids(found, "port"), ids(found, "instance")) == (["t"], ["sub"], ["vm-t"])
    sub = of(trunk_cloud(), "port", "sub")
    assert (ids(sub, "instance"), ids(sub, "port")) == (["vm-t"], [])
    assert ids(of(trunk_cloud(), "trunk", "t"), "port") == ["sub"]


def test_a_subnet_takes_along_the_ports_that_have_an_address_of_it() -> None:
    cloud = zed_cloud()
    cloud.put(
        obj("subnet", "s1", Ref("network", "web"), network_id="web"),
        port("a-port", "web", "vm-a", "m:a", "h1", fixed_ips=[{"subnet_id": "s1"}]),
        port("d-port", "web", "vm-d", "m:d", "h2", fixed_ips=[{"subnet_id": "s2"}]),
    )
    assert ids(of(cloud, "subnet", "s1"), "instance") == ["vm-a"]


def test_an_instance_on_another_projects_network_goes_with_its_own_project() -> None:
    cloud = zed_cloud()
    cloud.put(obj("project", "p2"), obj("instance", "vm-x", Ref("host", "h1"), host="h1", project_id="p2"))
    assert ids(of(cloud, "project", "p2"), "instance") == ["vm-x"]


def test_an_object_that_is_not_there_has_no_dependents() -> None:
    assert of(zed_cloud(), "router", "nowhere") == []
