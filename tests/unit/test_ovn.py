"""OVN: its tables, who steers a switch, and where its services and ports are linked."""

import json
from typing import Any

import pytest

from producers.parse import ovsdb
from producers.parse.ip import parse_json, parse_text, peer
from producers.parse.ovn import NORTHBOUND, SOUTHBOUND, Chassis, LogicalPort, Services, parse_services
from producers.settings import EnvironmentSettings
from projections.inventory import Obj, Ref
from schemas.errors import BadInput
from tests.unit.answers import Cloud, device
from tests.unit.small_clouds import SmallCloud, network, obj, pnic, port, vedge, vnic
from tests.unit.test_parse_ovsdb import mapping, table
from tests.unit.test_scan import answering, said

NAMES = {"c1": Chassis("ch1", "h1"), "c2": Chassis("ch2", "h2")}


def ref(*uuids: str) -> list[Any]:
    """Answer a cell that names rows; one stands alone."""
    cells = [["uuid", uuid] for uuid in uuids]
    return cells[0] if len(cells) == 1 else ["set", cells]


def tables(**rows: list[dict[str, Any]]) -> dict[str, str]:
    """Answer every table, empty where no rows are given."""
    return {name: table(*rows.get(name, [])) for name in (*NORTHBOUND, *SOUTHBOUND)}


def chassis_rows() -> list[dict[str, Any]]:
    """Answer the chassis ch1 on h1 and ch2 on h2."""
    return [{"_uuid": ["uuid", key], "name": it.name, "hostname": it.hostname} for key, it in NAMES.items()]


def gateway_tables(bound: str, priorities: dict[str, int]) -> dict[str, str]:
    """Answer a router with a gateway port that may be on several chassis and is on one of them."""
    members = [
        {"_uuid": ["uuid", f"m-{key}"], "chassis": ["uuid", key], "priority": priority}
        for key, priority in priorities.items()
    ]
    return tables(
        Chassis=chassis_rows(),
        Logical_Router=[{"name": "neutron-r1", "ports": ref("p1", "p2", "gone"), "enabled": True}],
        Logical_Router_Port=[
            {
                "_uuid": ["uuid", "p1"],
                "name": "lrp-o1",
                "mac": "FA:16:3E:00:00:01",
                "networks": ["set", ["fd00::1/64", "10.0.0.1/24"]],
            },
            {"_uuid": ["uuid", "p2"], "name": "lrp-o2", "mac": "fa:16:3e:00:00:02", "networks": "192.0.2.1/24"},
        ],
        Port_Binding=[
            {"logical_port": "lrp-o2", "type": "patch"},
            {
                "logical_port": "cr-lrp-o2",
                "type": "chassisredirect",
                "chassis": ref(bound),
                "ha_chassis_group": ref("g1"),
            },
        ],
        HA_Chassis_Group=[{"_uuid": ["uuid", "g1"], "ha_chassis": ref(*(f"m-{key}" for key in priorities))}],
        HA_Chassis=members,
    )


def test_a_router_is_on_every_chassis_of_its_gateway_and_active_on_the_one_that_is_bound() -> None:
    (router,) = parse_services(gateway_tables("c2", {"c1": 2, "c2": 1})).routers
    assert router.id == "r1"
    assert router.ports == (
        LogicalPort("lrp-o1", "fa:16:3e:00:00:01", ("10.0.0.1/24", "fd00::1/64")),
        LogicalPort("lrp-o2", "fa:16:3e:00:00:02", ("192.0.2.1/24",)),
    )
    found = [(gateway.chassis.hostname, gateway.priority, gateway.is_active) for gateway in router.gateways]
    assert found == [("h1", 2, False), ("h2", 1, True)]


def test_a_gateway_that_is_bound_outside_of_its_group_is_seen_all_the_same() -> None:
    (router,) = parse_services(gateway_tables("c2", {"c1": 1})).routers
    assert [(g.chassis.name, g.priority, g.is_active) for g in router.gateways] == [
        ("ch1", 1, False),
        ("ch2", None, True),
    ]


def test_a_router_without_gateway_is_on_no_host() -> None:
    found = parse_services(tables(Logical_Router=[{"name": "neutron-r1", "ports": ref(), "enabled": False}]))
    (router,) = found.routers
    assert (router.gateways, router.ports, router.is_enabled) == ((), (), False)


def test_what_is_not_neutrons_is_left_out() -> None:
    assert parse_services(tables(Logical_Router=[{"name": "transit"}])) == Services((), ())


def dhcp_tables(**options: Any) -> dict[str, str]:
    """Answer a network with a port on each of two chassis, one of them without DHCP, and one that is not bound."""
    ports = [("a", "c1", "d1"), ("b", "c2", None), ("c", None, "d1")]
    row = {"_uuid": ["uuid", "d1"], "cidr": "10.0.0.0/26", "external_ids": mapping(subnet_id="s1")}
    return tables(
        Chassis=chassis_rows(),
        Logical_Switch=[{"name": "neutron-n1", "ports": ref("a", "b", "c", "gone")}],
        Logical_Switch_Port=[
            {
                "_uuid": ["uuid", name],
                "name": name,
                "dhcpv4_options": ref(given) if given else ref(),
                "dhcpv6_options": ref(),
            }
            for name, _, given in ports
        ],
        DHCP_Options=[{**row, "options": mapping(**options)}],
        Port_Binding=[{"logical_port": name, "type": "", "chassis": ref(at) if at else ref()} for name, at, _ in ports],
    )


def test_dhcp_is_answered_where_a_port_with_options_is_bound() -> None:
    (dhcp,) = parse_services(dhcp_tables(server_id="10.0.0.1", server_mac="FA:16:3E:00:00:09")).dhcp
    assert (dhcp.network_id, dhcp.chassis) == ("n1", (NAMES["c1"],))
    assert dhcp.servers == (LogicalPort("dhcp-s1", "fa:16:3e:00:00:09", ("10.0.0.1/26",)),)


def test_dhcp_of_ipv6_names_its_server_by_a_mac_address() -> None:
    (dhcp,) = parse_services(dhcp_tables(server_id="FA:16:3E:00:00:09")).dhcp
    assert dhcp.servers == (LogicalPort("dhcp-s1", "fa:16:3e:00:00:09", ()),)


def test_what_refers_is_read_before_what_it_refers_to() -> None:
    order = list(SOUTHBOUND)
    refers = [("Port_Binding", "Chassis"), ("Port_Binding", "HA_Chassis_Group"), ("HA_Chassis_Group", "HA_Chassis")]
    for referrer, referred in [*refers, ("HA_Chassis", "Chassis")]:
        assert order.index(referrer) < order.index(referred)
    cloud = ovn_cloud()
    said(cloud)
    asked = list(dict.fromkeys(word for _, word in cloud.asked if word.startswith("ovn-sbctl")))
    assert [command.rsplit(" ", 1)[1] for command in asked] == order


@pytest.mark.parametrize("table_", ["Chassis", "HA_Chassis_Group", "HA_Chassis"])
def test_what_is_named_and_was_not_read_is_an_error_and_no_absence(table_: str) -> None:
    with pytest.raises(BadInput, match=f"^{table_} .* is named and not there"):
        parse_services(gateway_tables("c2", {"c1": 2, "c2": 1}) | {table_: table()})


def test_dhcp_on_a_chassis_that_was_not_read_is_an_error_and_no_absence() -> None:
    with pytest.raises(BadInput, match="Chassis c1 is named"):
        parse_services(dhcp_tables(server_id="10.0.0.1", server_mac="x") | {"Chassis": table()})


def test_a_chassis_that_registers_while_ovn_is_read_leaves_the_services_unlooked_at() -> None:
    cloud = ovn_cloud()
    (command,) = [name for name in cloud.commands if name.endswith("list Chassis")]
    cloud.commands[command] = (0, table(chassis_rows()[1]))
    result = said(cloud)
    assert {entry for entry, _, _ in result.failed} == {"ovn-vservice", "ovn-vservice-vnic"}
    assert not {"ovn-vservice", "ovn-vservice-vnic"} & result.covered


def test_what_is_no_table_is_not_understood() -> None:
    with pytest.raises(BadInput):
        parse_services(tables() | {"Chassis": "ovn-sbctl: no"})


def told(**external_ids: str) -> str:
    """Answer the table Open_vSwitch with external_ids; `_` stands for a dash."""
    return table({"external_ids": mapping(**{key.replace("_", "-"): value for key, value in external_ids.items()})})


def test_a_chassis_says_its_bridges_mappings_and_ends() -> None:
    found = ovsdb.parse_chassis(
        told(
            system_id="ch1",
            ovn_remote="tcp:192.0.2.1:6642",
            ovn_bridge_mappings="physnet1:br-prv, external:br-ex",
            ovn_encap_type="geneve,vxlan",
            ovn_encap_ip="10.30.0.1,10.31.0.1",
            ovn_cms_options="enable-chassis-as-gw,availability-zones=a",
        )
    )
    assert found is not None
    assert (found.name, found.bridge, found.is_gateway) == ("ch1", "br-int", True)
    assert found.bridge_mappings == {"physnet1": "br-prv", "external": "br-ex"}
    assert (found.overlays, found.addresses) == (("geneve", "vxlan"), ("10.30.0.1", "10.31.0.1"))


def test_a_switch_that_ovn_was_told_nothing_of_is_no_chassis() -> None:
    assert ovsdb.parse_chassis(told(system_id="h1", hostname="h1")) is None


INSIDE = [device("tapx1", ifindex=2, link_index=9)]
OUTSIDE = [
    device("tapy0", ifindex=8, link_index=2),
    device("tapx0", ifindex=9, link_index=2),
    device("eno1", ifindex=2),
]


def test_the_other_end_of_a_device_of_a_namespace_is_found_by_both_numbers() -> None:
    inside, outside = parse_json(json.dumps(INSIDE)), parse_json(json.dumps(OUTSIDE))
    assert peer(outside, inside["tapx1"]) == "tapx0"
    assert peer(outside, outside["eno1"]) is None
    assert peer({}, inside["tapx1"]) is None


def test_the_text_of_ip_tells_the_other_end_too() -> None:
    flags = "<BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP"
    inside, outside = parse_text(f"2: tapx1@if9: {flags}\n"), parse_text(f"9: tapx0@if2: {flags}\n")
    assert peer(outside, inside["tapx1"]) == "tapx0"


AGENT = {"id": "ch1", "host": "h1", "binary": "ovn-controller", "agent_type": "OVN Controller Gateway agent"}
BRIDGES = table({"_uuid": ["uuid", "1"], "name": "br-int"}, {"_uuid": ["uuid", "2"], "name": "br-ex"})


def ovn_cloud() -> Cloud:
    """Answer the small cloud, with a gateway of OVN on its host and databases that hold a router."""
    answers = gateway_tables("c1", {"c1": 1, "c2": 2})
    clients = {"ovn-nbctl": NORTHBOUND, "ovn-sbctl": SOUTHBOUND}
    cloud = answering(
        **{
            f"{client} --no-leader-only --timeout=20 -f json --columns={','.join(columns)} list {name}": (
                0,
                answers[name],
            )
            for client, read in clients.items()
            for name, columns in read.items()
        },
        **{
            "ovs-vsctl -f json list Bridge": (0, BRIDGES),
            "ovs-vsctl -f json list Open_vSwitch": (
                0,
                told(
                    system_id="ch1",
                    ovn_remote="unix:x",
                    ovn_encap_type="geneve",
                    ovn_encap_ip="10.30.0.1",
                    ovn_bridge_mappings="public:br-ex",
                ),
            ),
        },
    )
    cloud.resources["/v2.0/agents"] = [AGENT]
    cloud.resources["/v2.0/routers"] = [{"id": "r1", "name": "edge", "project_id": "p1"}]
    return cloud


def test_a_chassis_is_a_vedge_with_the_id_of_its_agent_and_a_geneve_end() -> None:
    result = said(ovn_cloud())
    assert (result.report.status, result.failed) == ("completed", [])
    vedge_ = result.objects("vedge")["ch1"]
    assert (vedge_["vedge_type"], vedge_["name"], vedge_["chassis"]) == ("OVN", "h1-OVN", "ch1")
    assert (set(vedge_["bridges"]), vedge_["bridge_mappings"]) == ({"br-int", "br-ex"}, {"public": "br-ex"})
    otep = result.objects("otep")["h1-otep"]
    assert (otep["ip_address"], otep["overlay_type"], otep["udp_port"]) == ("10.30.0.1", "geneve", 6081)
    assert result.objects("host")["h1"]["host_type"] == ["Compute", "Network"]


def test_where_neutron_keeps_no_agents_the_setting_says_that_a_chassis_is_to_be_looked_for() -> None:
    cloud = ovn_cloud()
    cloud.resources["/v2.0/agents"] = []
    result = said(cloud, EnvironmentSettings(mechanism_drivers=("OVN",)))
    assert set(result.objects("vedge")) == {"ch1"}


def test_a_service_on_a_chassis_that_is_no_host_of_the_cloud_is_left_out_with_a_warning() -> None:
    result = said(ovn_cloud())
    assert set(result.objects("vservice")) == {"h1-router-r1"}
    assert result.objects("vservice")["h1-router-r1"]["name"] == "router-edge"
    assert set(result.objects("vnic")) >= {"h1-lrp-o1", "h1-lrp-o2"}
    assert result.report.warnings == ("OVN runs services on h2, which is no host of the cloud",)


def test_databases_that_nobody_answers_for_are_a_failure_that_covers_nothing_of_them() -> None:
    cloud = ovn_cloud()
    for command in [name for name in cloud.commands if name.startswith("ovn-nbctl")]:
        cloud.commands[command] = (1, "ovn-nbctl: unix:/run/ovn/ovnnb_db.sock: database connection failed ()\n")
    result = said(cloud)
    assert {entry for entry, _, _ in result.failed} == {"ovn-vservice", "ovn-vservice-vnic"}
    assert not {"ovn-vservice", "ovn-vservice-vnic"} & result.covered
    assert {"vedge", "otep"} <= result.covered


def ovn_vedge(on: str = "h1") -> Obj:
    """Answer the vedge of the chassis of a host."""
    found = vedge({"tapx0": {"bridge": "br-int"}, "eth2": {"bridge": "br-prv"}}, {"physnet1": "br-prv"}, on)
    return Obj(found.ref, found.parent, {**found.document, "chassis": f"ch-{on}"})


def test_a_port_that_is_flows_only_is_on_the_vedge_of_its_chassis() -> None:
    router = obj("vservice", "h1-router-r1", Ref("host", "h1"), host="h1", router_id="r1", network=["web"])
    leg = obj("vnic", "h1-lrp-o1", router.ref, host="h1", device="lrp-o1", chassis="ch-h1", vservice_id=router.id)
    cloud = SmallCloud([router, leg, ovn_vedge(), ovn_vedge("h2")])
    assert cloud.pairs("vnic-vedge") == ["h1-lrp-o1|h1-OVS"]


def test_the_device_of_a_namespace_is_on_the_vedge_by_its_other_end() -> None:
    inside = obj("vnic", "h1-tapx1", Ref("vservice", "m"), host="h1", device="tapx1", peer="tapx0")
    assert SmallCloud([inside, ovn_vedge()]).pairs("vnic-vedge") == ["h1-tapx1|h1-OVS"]


def test_two_that_name_no_chassis_are_not_linked_by_it() -> None:
    cloud = SmallCloud([vnic("tapz", Ref("instance", "vm"), "m:z"), vedge({"eth2": {"bridge": "br-prv"}})])
    assert cloud.pairs("vnic-vedge") == []


def test_a_network_is_on_a_host_by_a_service_that_runs_there() -> None:
    router = obj("vservice", "h1-router-r1", Ref("host", "h1"), host="h1", router_id="r1", network=["ops"])
    cloud = SmallCloud([network("ops", "vlan", "physnet1"), router, ovn_vedge(), pnic("eth2")])
    assert cloud.pairs("host_pnic-network") == ["h1-eth2|ops"]
    cloud.remove(router.ref)
    assert cloud.pairs("host_pnic-network") == []


def test_a_network_is_on_a_host_by_a_sub_port_whose_parent_is_bound_there() -> None:
    parent, sub = port("parent", "web", "vm", "m:p"), port("sub", "ops", "", "m:s", host="")
    trunk = obj("trunk", "t", Ref("project", "p1"), port_id="parent", sub_ports=[{"port_id": "sub"}])
    cloud = SmallCloud([network("ops", "vlan", "physnet1"), parent, sub, trunk, ovn_vedge(), pnic("eth2")])
    assert cloud.pairs("host_pnic-network") == ["h1-eth2|ops"]
