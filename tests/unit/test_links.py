"""Each link rule, on the shapes of cloud that it must join."""

import pytest

from projections.inventory import Obj, Ref
from projections.link import Link, ends
from projections.links import recompute
from schemas.canonical import decode_document, encode
from schemas.vocabulary import LINK_TYPES
from tests.unit.small_clouds import (
    SmallCloud,
    bridge,
    hybrid_vm,
    instance,
    network,
    obj,
    otep,
    pnic,
    port,
    vedge,
    vnic,
    zed_cloud,
    zed_host,
)

VM = Ref("instance", "vm")


def test_the_small_cloud_has_a_link_of_every_type_but_trunk_and_otep_host_pnic() -> None:
    found = {link.type for link in zed_cloud().joined}
    assert found == set(LINK_TYPES) - {"trunk-port", "otep-host_pnic"}


def test_hybrid_plugging_leads_from_the_instance_to_the_vedge() -> None:
    cloud = SmallCloud([network("web"), *zed_host("h1", "a"), *hybrid_vm("vm", "a", "web", "m:a")])
    assert cloud.pairs("instance-vnic") == ["vm|h1-tapa"]
    assert cloud.pairs("vnic-vconnector") == ["h1-tapa|h1-qbra"]
    assert cloud.pairs("vconnector-vedge") == ["h1-qbra|h1-OVS"]
    assert cloud.pairs("vnic-vedge") == []
    assert all(
        cloud.one(name).attributes == {"network": ["web"]}
        for name in ("instance-vnic", "vnic-vconnector", "vconnector-vedge", "vnic-port")
    )


def test_a_leftover_qbr_bridge_takes_its_network_from_the_port_that_ovs_names() -> None:
    plugged = {"qvoa": {"bridge": "br-int", "iface_id": "a-port"}}
    cloud = SmallCloud([network("web"), port("a-port", "web", "vm", "m:a"), bridge("qbra", ["qvba"]), vedge(plugged)])
    assert cloud.one("vconnector-vedge").attributes == {"network": ["web"]}


def test_with_the_native_firewall_the_vnic_is_on_the_vedge() -> None:
    cloud = SmallCloud(
        [
            instance("vm"),
            port("a-port", "web", "vm", "m:a"),
            vnic("tapa", VM, "m:a"),
            vedge({"tapa": {"bridge": "br-int"}}),
            vedge({"tapa": {"bridge": "br-int"}}, on="h2"),
        ]
    )
    assert cloud.pairs("vnic-vedge") == ["h1-tapa|h1-OVS"]
    assert cloud.one("vnic-vedge").attributes == {"network": ["web"]}


def switched_off(source_bridge: str) -> Obj:
    """Answer the vNIC of a domain that is off: its device is nowhere, its configuration names its bridge."""
    on = vnic("tapa", VM, "m:a")
    return Obj(on.ref, on.parent, {**on.document, "state": "down", "source_bridge": source_bridge})


def test_a_domain_that_is_off_hangs_on_the_bridge_of_its_configuration_by_a_link_that_is_down() -> None:
    there, elsewhere = bridge("qbra", ["qvba"]), bridge("qbra", [], on="h2")
    cloud = SmallCloud([instance("vm"), switched_off("qbra"), there, elsewhere])
    assert cloud.pairs("vnic-vconnector") == ["h1-tapa|h1-qbra"]
    assert cloud.one("vnic-vconnector").state == "down"


def test_a_domain_that_is_off_hangs_on_the_vedge_of_its_configuration_with_the_native_firewall() -> None:
    switch = vedge({})
    managed = Obj(switch.ref, switch.parent, {**switch.document, "bridges": {"br-int": {}}})
    cloud = SmallCloud([instance("vm"), switched_off("br-int"), managed])
    assert cloud.pairs("vnic-vedge") == ["h1-tapa|h1-OVS"]
    assert cloud.one("vnic-vedge").state == "down"


def test_a_trunk_bridge_hangs_on_the_vedge_by_its_patch_and_carries_the_sub_ports_networks() -> None:
    interfaces = {"tapa": {}, "tpt-a": {"type": "patch", "peer": "tpi-a"}, "spt-b": {"peer": "spi-b"}}
    cloud = SmallCloud(
        [
            instance("vm"),
            port("parent", "web", "vm", "m:a"),
            port("sub", "db", "", "m:b"),
            obj(
                "trunk",
                "t",
                port_id="parent",
                sub_ports=[{"port_id": "sub", "segmentation_type": "vlan", "segmentation_id": 201}],
            ),
            vnic("tapa", VM, "m:a"),
            bridge("tbr-a", interfaces, connector_type="ovs_bridge"),
            vedge({"tpi-a": {"bridge": "br-int", "peer": "tpt-a"}, "spi-b": {"bridge": "br-int"}}),
        ]
    )
    assert cloud.pairs("vconnector-vedge") == ["h1-tbr-a|h1-OVS"]
    assert cloud.one("vconnector-vedge").attributes == {"network": ["db", "web"]}
    assert [(link.key.id, link.name) for link in cloud.joined if link.type == "trunk-port"] == [
        ("t|parent", "parent"),
        ("t|sub", "vlan 201"),
    ]


def test_a_qbr_bridge_whose_qvo_port_is_on_a_trunk_bridge_hangs_on_the_vedge_all_the_same() -> None:
    cloud = SmallCloud(
        [
            vnic("tapa", VM, "m:a"),
            bridge("qbra", ["tapa", "qvba"]),
            bridge("tbr-a", {"qvoa": {}, "tpt-a": {"peer": "tpi-a"}}, connector_type="ovs_bridge"),
            vedge({"tpi-a": {"bridge": "br-int", "peer": "tpt-a"}}),
        ]
    )
    assert cloud.pairs("vconnector-vedge") == ["h1-qbra|h1-OVS", "h1-tbr-a|h1-OVS"]


@pytest.mark.parametrize(
    ("interface", "more", "by_bridge", "by_pnic"),
    [
        ("br-vtep", [bridge("br-vtep", ["br-vtep", "eth1"], connector_type="ovs_bridge")], True, False),
        ("br-mesh", [bridge("br-mesh", ["eth1.7"])], True, False),
        ("vlan50", [bridge("br-bond", ["vlan50", "eth1"], connector_type="ovs_bridge")], True, False),
        ("br-ex.5", [bridge("br-ex", ["eth1"])], True, False),
        ("eth1", [], False, True),
        ("eth1.101", [], False, True),
        ("br-prv", [], False, True),
    ],
    ids=["OVS bridge", "Linux bridge", "internal port", "VLAN on a bridge", "NIC", "VLAN on a NIC", "vedge's bridge"],
)
def test_the_tunnels_reach_the_nic_wherever_their_address_stands(
    interface: str, more: list[Obj], by_bridge: bool, by_pnic: bool
) -> None:
    ports = {"br-prv": {"bridge": "br-prv"}, "eth1": {"bridge": "br-prv"}} if interface == "br-prv" else {}
    cloud = SmallCloud(
        [
            vedge(ports),
            otep(interface),
            pnic("eth0"),
            pnic("eth1"),
            network("web", number=9),
            port("p", "web", "vm", "m"),
            *more,
        ]
    )
    assert bool(cloud.pairs("otep-vconnector")) == by_bridge
    assert cloud.pairs("otep-host_pnic") == (["h1-otep|h1-eth1"] if by_pnic else [])
    assert bool(cloud.pairs("vconnector-host_pnic")) == by_bridge
    leaving = cloud.one("host_pnic-network")
    assert (leaving.key.id, leaving.name) == ("h1-eth1|web", "Segment-9")
    assert leaving.attributes == {"network": ["web"], "segment": "vxlan"}


def test_a_tunnel_over_a_bond_leaves_by_the_bond() -> None:
    bond = pnic("bond0", members=["eth0", "eth1"])
    members = [pnic("eth0", bond="h1-bond0"), pnic("eth1", bond="h1-bond0")]
    cloud = SmallCloud([vedge({}), otep("bond0.20"), bond, *members])
    assert cloud.pairs("otep-host_pnic") == ["h1-otep|h1-bond0"]


def test_a_provider_bridge_leads_to_its_nic_and_says_which_physical_network() -> None:
    ports = {"eth2": {"bridge": "br-prv"}, "eth3.5": {"bridge": "br-x"}, "eth1": {"bridge": "br-tun"}}
    mappings = {"physnet1": "br-prv", "physnet2": "br-x"}
    cloud = SmallCloud([vedge(ports, mappings), pnic("eth1"), pnic("eth2"), pnic("eth3")])
    links = [link for link in cloud.joined if link.type == "vedge-host_pnic"]
    assert [(link.target.id, link.name, link.attributes) for link in links] == [
        ("h1-eth2", "Port-eth2", {"segment": "physnet1"}),
        ("h1-eth3", "Port-eth3.5", {"segment": "physnet2"}),
    ]


def test_a_provider_bridge_patched_to_the_bridge_with_the_nic_leads_to_that_nic() -> None:
    ports = {"phy-bond": {"bridge": "br-prv", "peer": "bond-phy"}}
    beyond = bridge("br-bond", {"bond-phy": {"peer": "phy-bond"}, "bond0": {}}, connector_type="ovs_bridge")
    cloud = SmallCloud([vedge(ports, {"physnet1": "br-prv"}), beyond, pnic("bond0")])
    assert cloud.pairs("vedge-host_pnic") == ["h1-OVS|h1-bond0"]
    assert cloud.one("vconnector-vedge").attributes == {"segment": "physnet1"}


def test_two_physical_networks_on_one_nic_are_both_named() -> None:
    ports = {"eth2.1": {"bridge": "br-a"}, "eth2.2": {"bridge": "br-b"}}
    cloud = SmallCloud([vedge(ports, {"a": "br-a", "b": "br-b"}), pnic("eth2")])
    assert cloud.one("vedge-host_pnic").attributes == {"segment": ["a", "b"]}


def test_networks_leave_a_host_only_by_the_nics_that_carry_their_segment() -> None:
    cloud = zed_cloud()
    assert cloud.pairs("host_pnic-network") == [
        "h1-eth1|web",
        "h1-eth2|ops",
        "h2-eth1|db",
        "h2-eth1|web",
        "n1-eth1|db",
        "n1-eth1|web",
    ]


def test_a_network_of_unknown_segment_leaves_by_every_nic_that_carries_tenants() -> None:
    cloud = SmallCloud([*zed_host("h1"), network("dark", None, None, None), port("p", "dark", "vm", "m")])
    assert cloud.pairs("host_pnic-network") == ["h1-eth1|dark", "h1-eth2|dark"]
    assert {link.name for link in cloud.joined if link.type == "host_pnic-network"} == {"Segment-None"}


def test_a_local_network_leaves_by_no_nic() -> None:
    cloud = SmallCloud([*zed_host("h1"), network("in", "local", None, None), port("p", "in", "vm", "m")])
    assert cloud.pairs("host_pnic-network") == []


def test_a_multi_provider_network_leaves_by_the_nics_of_all_its_segments() -> None:
    segments = [
        {"provider:network_type": "vlan", "provider:physical_network": "physnet1", "provider:segmentation_id": 5},
        {"provider:network_type": "vxlan", "provider:physical_network": None, "provider:segmentation_id": 6},
    ]
    both = network("both", None, None, None, segments=segments)
    cloud = SmallCloud([*zed_host("h1"), both, port("p", "both", "vm", "m")])
    found = [(link.key.id, link.name) for link in cloud.joined if link.type == "host_pnic-network"]
    assert found == [("h1-eth1|both", "Segment-6"), ("h1-eth2|both", "Segment-5")]


def test_a_linux_bridge_agent_needs_no_vedge() -> None:
    agent = obj(
        "network_agent",
        "lb-1",
        Ref("host", "h1"),
        host="h1",
        agent_type="Linux bridge agent",
        configurations={
            "interface_mappings": {"physnet1": "eth0"},
            "tunneling_ip": "10.0.0.5",
            "tunnel_types": ["vxlan"],
        },
    )
    cloud = SmallCloud(
        [
            agent,
            network("ops", "vlan", "physnet1", 100),
            network("web", number=3),
            instance("vm"),
            port("p", "ops", "vm", "m"),
            port("q", "web", "vm", "m2"),
            vnic("tapp", VM, "m"),
            bridge("brq1", ["tapp", "eth0.100"]),
            pnic("eth0"),
            pnic("eth1", addresses=["10.0.0.5/24"]),
            pnic("eth9"),
        ]
    )
    assert cloud.pairs("vnic-vconnector") == ["h1-tapp|h1-brq1"]
    assert cloud.pairs("vconnector-host_pnic") == ["h1-brq1|h1-eth0"]
    assert cloud.pairs("host_pnic-network") == ["h1-eth0|ops", "h1-eth1|web"]


def test_an_sr_iov_agents_devices_carry_their_physical_network() -> None:
    agent = obj(
        "network_agent", "s", host="h1", agent_type="NIC Switch agent",
        configurations={"device_mappings": {"physnet3": ["ens5f0", "ens5f1"]}},
    )  # fmt: skip
    cloud = SmallCloud(
        [agent, network("fast", "vlan", "physnet3"), port("p", "fast", "vm", "m"), pnic("ens5f0"), pnic("eth0")]
    )
    assert cloud.pairs("host_pnic-network") == ["h1-ens5f0|fast"]


def test_an_instance_with_two_vnics_has_each_on_its_own_network() -> None:
    objects = hybrid_vm("vm", "a", "web", "m:a") + hybrid_vm("vm", "b", "ops", "m:b")
    cloud = SmallCloud([network("web"), network("ops", "vlan", "physnet1"), *objects])
    links = [link for link in cloud.joined if link.type == "instance-vnic"]
    assert [(link.key.id, link.name, sorted(link.values("network"))) for link in links] == [
        ("vm|h1-tapa", "web", ["web"]),
        ("vm|h1-tapb", "ops", ["ops"]),
    ]


def test_two_networks_that_use_one_mac_are_told_apart_by_device_and_by_the_devices_name() -> None:
    mac = "fa:16:3e:00:00:01"
    other = port("99999999-99", "db", "other-vm", mac)
    mine, twin = port("11111111-11", "web", "vm", mac), port("22222222-22", "ops", "vm", mac)
    vnics = [vnic("tap11111111-11", VM, mac), vnic("tap22222222-22", VM, mac.upper())]
    cloud = SmallCloud([instance("vm"), other, mine, twin, *vnics])
    assert cloud.pairs("vnic-port") == ["h1-tap11111111-11|11111111-11", "h1-tap22222222-22|22222222-22"]


def test_a_namespaces_interface_stands_for_the_port_of_its_router_or_network() -> None:
    cloud = zed_cloud()
    assert {pair for pair in cloud.pairs("vnic-port") if pair.startswith("n1")} == {
        "n1-qg-p|qg-p-port",
        "n1-qr-d|qr-d-port",
        "n1-qr-w|qr-w-port",
        "n1-tapdd|tapdd-port",
        "n1-tapdw|tapdw-port",
    }
    assert cloud.pairs("router-vservice") == ["rt|n1-qrouter-rt"]
    assert cloud.pairs("floating_ip-port") == ["fip-a|a-port"]


def test_a_link_is_down_when_an_end_says_so() -> None:
    cloud = SmallCloud([*zed_host("h1"), pnic("eth2", state="down")])
    states = {link.target.id: link.state for link in cloud.joined}
    assert states["h1-eth2"] == "down"
    assert states["h1-eth1"] == "up"


def test_a_device_of_another_host_whose_name_reads_the_same_is_not_joined() -> None:
    cloud = SmallCloud([bridge("b-br", ["eth0"], on="a"), pnic("eth0", "a")])
    cloud.put(obj("host_pnic", "a-b-eth1", host="a-b", device="eth1"), bridge("x", ["b-eth1"], on="a"))
    assert cloud.pairs("vconnector-host_pnic") == ["a-b-br|a-eth0"]


@pytest.mark.parametrize(("a", "b"), [("x", "y"), ("x|", "y"), ("x", "|y"), ("x\\", "|y"), ("", "\\|\\"), ("a|b", "")])
def test_a_links_id_tells_its_ends(a: str, b: str) -> None:
    joined = Link(Ref("instance", a), Ref("vnic", b), "", "up", None, False, {})
    assert ends(joined.type, joined.key.id) == (joined.source, joined.target)


def test_a_link_reads_back_from_its_document() -> None:
    for joined in zed_cloud().joined:
        assert Link.from_document(decode_document(encode(joined.document()))) == joined


def test_only_the_joins_that_read_a_changed_object_run_again() -> None:
    cloud = zed_cloud()
    _, changes = cloud.put(network("web", number=99))
    assert {key.type for key, _, _ in changes} == {"host_pnic-network"}
    assert {after.name for _, _, after in changes if after is not None} == {"Segment-99"}


def test_a_rebuild_finds_nothing_to_change_and_an_emptied_inventory_leaves_nothing_behind() -> None:
    cloud = zed_cloud()
    assert cloud.joined.rebuild(cloud.inventory) == []
    for object_type in cloud.inventory.types():
        cloud.remove(*[each.ref for each in cloud.inventory.of_type(object_type)])
    assert not len(cloud.joined)
    assert recompute(cloud.inventory) == {}
    joined = cloud.joined
    left = (joined._joined, *joined._askers.kept, joined._given, joined._at, joined._sorted_at)
    assert left == ({}, {}, {}, {}, {}, {})
