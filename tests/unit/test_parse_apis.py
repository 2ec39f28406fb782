"""Resources of the APIs as documents."""

import random

from hypothesis import given
from hypothesis import strategies as st

from producers.parse import keystone, nova
from schemas import neutron
from schemas.canonical import Document, encode


def test_a_region_has_the_endpoints_of_each_service() -> None:
    endpoints = [
        {"region_id": "r1", "interface": "public", "url": "u1"},
        {"region": "r1", "interface": "admin", "url": "u2"},
        {"region": None, "interface": "public", "url": "u3"},
    ]
    found = keystone.regions([{"type": "compute", "name": "nova", "endpoints": endpoints}, {"type": "x"}])
    assert found["r1"]["endpoints"] == {"compute": {"public": "u1", "admin": "u2"}}
    assert found[keystone.NO_REGION]["endpoints"] == {"compute": {"public": "u3"}}


def test_a_network_knows_its_subnets_and_its_owner() -> None:
    subnets = [
        {"id": "s2", "cidr": "10.0.0.0/24"},
        {"id": "s1", "cidr": "9.0.0.0/24"},
        {"id": "s0", "cidr": "fd00::/64"},
    ]
    document = neutron.network({"id": "n", "name": "", "tenant_id": "t", "subnets": ["s1"]}, subnets)
    assert document["subnet_ids"] == ["s0", "s1", "s2"]
    assert document["cidrs"] == ["9.0.0.0/24", "10.0.0.0/24", "fd00::/64"]
    assert (document["name"], document["project_id"]) == ("n", "t")
    assert neutron.owner({"project_id": ""}) == neutron.NO_PROJECT


def test_a_port_without_a_name_is_called_by_its_mac_address() -> None:
    assert neutron.port({"id": "p", "name": "", "mac_address": "fa:16"})["name"] == "fa:16"
    assert neutron.port({"id": "p", "name": "web", "mac_address": "fa:16"})["name"] == "web"


def test_a_floating_ip_does_not_repeat_its_port() -> None:
    document = neutron.floating_ip({"id": "f", "floating_ip_address": "1.2.3.4", "port_details": {"name": "x"}})
    assert document["name"] == "1.2.3.4"
    assert "port_details" not in document


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_neutron_lists_a_set_does_not_show(rng: random.Random) -> None:
    body: Document = {
        "id": "p",
        "fixed_ips": [{"ip_address": "10.0.0.2", "subnet_id": "s"}, {"ip_address": "10.0.0.1", "subnet_id": "s"}],
        "security_groups": ["b", "a"],
        "tags": ["y", "x"],
    }
    shuffled = {key: rng.sample(value, len(value)) if isinstance(value, list) else value for key, value in body.items()}
    assert encode(neutron.port(shuffled)) == encode(neutron.port(body))


def test_an_instance_keeps_what_a_reader_needs_and_no_user_data() -> None:
    body: Document = {
        "id": "i",
        "name": "web",
        "OS-EXT-SRV-ATTR:host": "",
        "OS-EXT-SRV-ATTR:user_data": "c2VjcmV0",
        "OS-EXT-SRV-ATTR:instance_name": "instance-1",
        "adminPass": "x",
        "image": "",
        "flavor": {"original_name": "m1", "ram": 1, "links": []},
        "security_groups": [{"name": "b"}, {"name": "a"}, {"name": "a"}],
        "tenant_id": "t",
    }
    document = nova.instance(body, ["n2", "n1", "n2"])
    assert (document["local_name"], document["host"], document["image_id"]) == ("instance-1", None, None)
    assert (document["network"], document["security_groups"]) == (["n1", "n2"], ["a", "b"])
    assert document["flavor"] == {"name": "m1", "ram": 1}
    assert b"c2VjcmV0" not in encode(document)
    assert "adminPass" not in document


def test_a_host_is_of_every_type_that_its_services_and_agents_make_it() -> None:
    services = [
        {"binary": "nova-conductor", "host": "a", "zone": "internal", "state": "up"},
        {"binary": "nova-compute", "host": "a", "zone": "z1", "state": "down"},
        {"binary": "nova-compute", "host": "b", "zone": "gone", "state": "up"},
    ]
    agents = [
        {"agent_type": "L3 agent", "host": "c"},
        {"agent_type": "Open vSwitch agent", "host": "b"},
        {"agent_type": "DHCP agent", "host": "a"},
    ]
    hypervisors = [
        {
            "hypervisor_hostname": "b.example",
            "host_ip": "10.0.0.2",
            "id": 1,
            "service": {"host": "b"},
            "cpu_info": "{}",
        },
        {"hypervisor_hostname": "x", "host_ip": "10.0.0.9", "id": 2, "service": {"host": "unknown"}},
    ]
    found = nova.hosts(services, hypervisors, agents, ["internal", "z1"])
    assert {name: host["host_type"] for name, host in found.items()} == {
        "a": ["Compute", "Controller", "Network"],
        "b": ["Compute"],
        "c": ["Network"],
    }
    assert {name: host["zone"] for name, host in found.items()} == {"a": "z1", "b": None, "c": None}
    assert (found["b"]["ip_address"], found["b"]["hypervisor_hostname"]) == ("10.0.0.2", "b.example")
    assert "cpu_info" not in found["b"]
    assert found["a"]["services"]["nova-compute"] == {"state": "down"}
