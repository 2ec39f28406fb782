"""What databases add to a scan, and what a scan says when they do not answer."""

import json
from typing import Any

import pytest

from producers.parse import tables
from producers.settings import EnvironmentSettings
from schemas.errors import BadInput
from schemas.events import Scope
from tests.unit.answers import Cloud
from tests.unit.test_scan import said

PLUG = {
    "id": "o1",
    "address": "fa:16:3e:00:00:01",
    "devname": "tapo1",
    "type": "ovs",
    "vnic_type": "normal",
    "active": True,
    "network": {"id": "n1", "bridge": "br-int", "subnets": []},
}


def rows() -> dict[str, list[dict[str, Any]]]:
    """Answer the tables of the small cloud."""
    binding = {"port_id": "o1", "host": "h1", "status": "ACTIVE", "vif_type": "ovs", "vnic_type": "normal"}
    return {
        "ml2_port_bindings": [binding, binding | {"host": "h2", "status": "INACTIVE"}, binding | {"host": ""}],
        "ml2_distributed_port_bindings": [],
        "ml2_port_binding_levels": [
            {"port_id": "o1", "host": "h1", "level": 1, "driver": "openvswitch", "segment_id": "gone"},
            {"port_id": "o1", "host": "h1", "level": 0, "driver": "tor", "segment_id": "g1"},
        ],
        "networksegments": [
            {"id": "g1", "network_type": "vxlan", "physical_network": None, "segmentation_id": 70},
        ],
        "ports": [{"id": "o1", "standard_attr_id": 11}],
        "provisioningblocks": [
            {"standard_attr_id": 11, "entity": "L2"},
            {"standard_attr_id": 11, "entity": "DHCP"},
            {"standard_attr_id": 12, "entity": "L2"},
        ],
        "agents": [{"id": "l3", "host": "h1"}, {"id": "d", "host": "h1"}],
        "routerl3agentbindings": [{"router_id": "r1", "l3_agent_id": "l3"}, {"router_id": "r1", "l3_agent_id": "lost"}],
        "ha_router_agent_port_bindings": [{"router_id": "r1", "l3_agent_id": "l3", "state": "active"}],
        "networkdhcpagentbindings": [{"network_id": "n1", "dhcp_agent_id": "d"}],
        "ml2_vxlan_endpoints": [{"ip_address": "10.30.0.1", "udp_port": 4790, "host": "h1"}],
        "instance_info_caches": [
            {"instance_uuid": "i1", "network_info": json.dumps([PLUG]), "deleted": 0},
            {"instance_uuid": "i2", "network_info": "[]", "deleted": 3},
        ],
    }


def cloud() -> Cloud:
    """Answer the small cloud with a router and its databases."""
    made = Cloud(tables=rows())
    made.resources["/v2.0/routers"] = [{"id": "r1", "name": "edge", "project_id": "p1"}]
    return made


def test_the_databases_add_what_the_apis_do_not_tell() -> None:
    result = said(cloud())
    assert (result.report.status, result.failed) == ("completed", [])
    port = result.objects("port")["o1"]
    tor = {"driver": "tor", "network_type": "vxlan", "physical_network": None, "segmentation_id": 70}
    lost = {"driver": "openvswitch", "network_type": None, "physical_network": None, "segmentation_id": None}
    bound = {"vif_type": "ovs", "vnic_type": "normal"}
    assert port["bindings"] == [
        bound | {"host": "h1", "status": "ACTIVE", "levels": [tor, lost]},
        bound | {"host": "h2", "status": "INACTIVE", "levels": []},
    ]
    assert port["provisioning_blocks"] == ["DHCP", "L2"]
    assert result.objects("router")["r1"]["l3_agents"] == [
        {"agent_id": "lost", "host": None, "ha_state": None},
        {"agent_id": "l3", "host": "h1", "ha_state": "active"},
    ]
    assert result.objects("network")["n1"]["dhcp_agents"] == [{"agent_id": "d", "host": "h1"}]
    assert result.objects("instance")["i1"]["network_info"] == [
        {
            "port_id": "o1",
            "mac_address": "fa:16:3e:00:00:01",
            "device": "tapo1",
            "bridge": "br-int",
            "vif_type": "ovs",
            "vnic_type": "normal",
            "active": True,
        }
    ]
    assert result.objects("otep")["h1-otep"]["registered"] == {"ip_address": "10.30.0.1", "udp_port": 4790}


def test_an_end_that_neutron_does_not_know_is_told_to_nobody() -> None:
    asked = cloud()
    assert asked.tables is not None
    asked.tables["ml2_vxlan_endpoints"] = []
    assert said(asked).objects("otep")["h1-otep"]["registered"] is None


def test_without_a_way_to_the_databases_nothing_of_them_is_looked_for() -> None:
    result = said(Cloud())
    assert result.report.status == "completed"
    assert "bindings" not in result.objects("port")["o1"]


def test_each_table_is_asked_for_once() -> None:
    asked = cloud()
    said(asked, workers=16)
    assert {count for (place, _), count in asked.asked.items() if place in ("neutron", "nova")} == {1}


def test_a_table_that_is_not_there_costs_its_attributes_only_and_is_told_once() -> None:
    asked = cloud()
    asked.resources["/v2.0/ports"] = [
        {"id": f"o{n}", "network_id": "n1", "device_id": "i1", "mac_address": f"fa:16:3e:00:00:0{n}"} for n in range(9)
    ]
    assert asked.tables is not None
    del asked.tables["ml2_port_binding_levels"]
    result = said(asked)
    assert result.report.status == "completed_with_errors"
    [failure] = result.report.failures
    assert failure.scope == Scope("port:port_bindings", "region", "r1")
    assert (failure.host, failure.request.split(" (")[0]) == (None, "database neutron.ml2_port_binding_levels")
    assert "no such table" in failure.reason
    assert Scope("port", "region", "r1") in result.finished.covered
    for port in result.objects("port").values():
        assert "bindings" not in port
        assert port["unseen"] == ["bindings"]
        assert "provisioning_blocks" in port


@pytest.mark.parametrize("note", ["{not json", json.dumps([{"no": "id"}]), json.dumps(["text"]), json.dumps(7)])
def test_a_note_of_nova_that_is_garbage_fails_the_detail_alone(note: str) -> None:
    asked = cloud()
    assert asked.tables is not None
    asked.tables["instance_info_caches"][0]["network_info"] = note
    result = said(asked)
    assert [failure.scope.entry for failure in result.report.failures] == ["instance:network_info"]
    assert "is not understood" in result.report.failures[0].reason
    assert result.objects("instance")["i1"]["unseen"] == ["network_info"]


def test_where_ovn_runs_routers_and_dhcp_no_agents_are_asked_for() -> None:
    result = said(cloud(), EnvironmentSettings(mechanism_drivers=("OVN",)))
    assert "l3_agents" not in result.objects("router")["r1"]
    assert "dhcp_agents" not in result.objects("network")["n1"]
    assert result.objects("port")["o1"]["provisioning_blocks"] == ["DHCP", "L2"]


def test_a_row_that_lacks_a_column_is_not_read_as_nothing() -> None:
    with pytest.raises(KeyError):
        tables.port_bindings([{"port_id": "o1", "host": "h1"}], [], [])
    with pytest.raises(BadInput, match="instance i1 is not JSON"):
        tables.network_info([{"instance_uuid": "i1", "network_info": "?", "deleted": 0}])


def test_gre_has_no_port_and_the_first_of_two_ends_counts() -> None:
    ends = [{"ip_address": "10.0.0.2", "host": "h1"}, {"ip_address": "10.0.0.1", "host": "h1"}]
    assert tables.endpoints(ends) == {"h1": {"ip_address": "10.0.0.1", "udp_port": None}}
