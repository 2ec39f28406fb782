"""Small clouds on Linux bridge, VPP and SR-IOV: what their hosts print is there, linked, and leads to the wire."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from producers.access import Access, Answer
from producers.bundle import read_bundle
from producers.scan import ScanReport, scan
from producers.settings import EnvironmentSettings
from projections import cliques
from projections.fold import Fold, Now
from projections.inventory import Obj
from projections.links import recompute
from schemas.canonical import encode
from schemas.events import Entry, Event, Scope
from tests.unit.test_rule_reads import not_declared

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Scanned:
    """The state after one scan."""

    report: ScanReport
    fold: Fold

    def named(self, object_type: str, name: str) -> Obj:
        """Answer the object of a type and name."""
        [found] = [obj for obj in self.fold.inventory.of_type(object_type) if obj.get("name") == name]
        return found

    def way(self, obj: Obj) -> dict[str, list[str]]:
        """Answer the clique of an object: the ids by type."""
        document = self.fold.cliques.get(obj.ref)
        assert document is not None, obj.ref
        found: dict[str, list[str]] = {}
        for object_type, object_id in sorted(document["nodes"]):
            found.setdefault(object_type, []).append(object_id)
        return found

    def links(self, link_type: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Answer the attributes of the links of a type by their ends."""
        found = (link for link in self.fold.links if link.type == link_type)
        return {(link.source.id, link.target.id): link.attributes for link in found}


def take(name: str, change: dict[tuple[str, str], tuple[int, str]] | None = None) -> Scanned:
    """Scan a bundle, some of whose commands answer otherwise."""
    bundle = read_bundle(DATA / name)
    access = Access(bundle.access.cloud, _Changed(bundle.access.hosts, change or {}))
    events: list[Event] = []
    settings = EnvironmentSettings.from_document(bundle.settings or {})
    report = scan(name, access, settings, events.extend, origin=f"bundle:{name}")
    fold = Fold(name)
    for place, event in enumerate(events):
        fold.apply(Entry(place, 0, event))
    return Scanned(report, fold)


@dataclass
class _Changed:
    """Hosts some of whose commands answer otherwise."""

    hosts: Any
    change: dict[tuple[str, str], tuple[int, str]]

    def run(self, host: str, command: str) -> Answer:
        """Answer as changed, else as recorded."""
        if (host, command) in self.change:
            code, text = self.change[host, command]
            return Answer(host, command, text, code)
        answer: Answer = self.hosts.run(host, command)
        return answer


@pytest.mark.parametrize("name", ["linux-bridge", "vpp", "sriov"])
def test_each_cloud_is_scanned_whole_and_its_state_is_what_a_recomputation_gives(name: str) -> None:
    cloud = take(name)
    assert (cloud.report.status, cloud.report.failures, cloud.report.warnings) == ("completed", (), ())
    assert {link.key: link for link in cloud.fold.links} == recompute(cloud.fold.inventory)
    made = cliques.recompute(Now(cloud.fold.inventory, cloud.fold.links), cloud.fold.cliques.chosen)
    assert made
    assert cloud.fold.cliques.stored() == {key: encode(document) for key, document in made.items()}


@pytest.mark.parametrize("name", ["linux-bridge", "vpp", "sriov"])
def test_no_rule_reads_more_of_these_clouds_than_it_says(name: str) -> None:
    assert not_declared(take(name).fold.inventory) == {}


def test_an_instance_on_linux_bridge_leaves_by_its_bridge_and_its_network_s_own_tunnel() -> None:
    cloud = take("linux-bridge")
    assert cloud.way(cloud.named("instance", "web-1")) == {
        "instance": ["2e6f0b9d-4a13-47c8-b5d7-80c1f3e69a21"],
        "vnic": ["lxb-1-tap71c0e4a2-9b"],
        "vconnector": ["lxb-1-brq5b1e8f20-6c"],
        "vedge": ["lxb-agent-1"],
        "otep": ["lxb-1-otep-vxlan-70"],
        "host_pnic": ["lxb-1-eth0"],
        "network": ["5b1e8f20-6c3d-4e7a-9d54-2f0a7c81b601"],
    }


def test_a_flat_network_on_linux_bridge_leaves_by_the_nic_in_its_bridge_and_by_no_tunnel() -> None:
    cloud = take("linux-bridge")
    way = cloud.way(cloud.named("network", "office"))
    assert way["host_pnic"] == ["lxb-2-eth1"]
    assert way["vconnector"] == ["lxb-2-brqc7d2a946-03"]
    assert way["vnic"] == ["lxb-2-tap0e94c7b8-5f"]
    assert "otep" not in way


def test_services_on_linux_bridge_are_on_the_bridge_by_their_end_on_the_host() -> None:
    cloud = take("linux-bridge")
    way = cloud.way(cloud.named("network", "tenant"))
    assert {"lxb-ctl-ns-b6a1d92f-c8", "lxb-ctl-qr-38f5c0d7-1a"} <= set(way["vnic"])
    assert len(way["vservice"]) == 2


def test_the_end_of_a_tunnel_of_linux_bridge_says_what_its_device_says() -> None:
    otep = take("linux-bridge").named("otep", "lxb-2-otep-vxlan-70")
    told = {key: otep.get(key) for key in ("ip_address", "overlay_type", "vni", "udp_port", "interface", "vconnector")}
    assert told == {
        "ip_address": "10.30.0.12",
        "overlay_type": "vxlan",
        "vni": 70,
        "udp_port": 8472,
        "interface": "eth0",
        "vconnector": "lxb-2-brq5b1e8f20-6c",
    }
    assert otep.get("remote_ips") == ["10.30.0.10", "10.30.0.11"]
    assert otep.parent.id == "lxb-agent-2"


def test_a_host_that_does_not_tell_where_its_tunnels_lead_has_them_all_the_same() -> None:
    cloud = take("linux-bridge", {("lxb-1", "bridge fdb show"): (127, "sh: 1: bridge: not found\n")})
    assert cloud.named("otep", "lxb-1-otep-vxlan-70").get("remote_ips") is None
    assert cloud.named("otep", "lxb-1-otep-vxlan-70").get("vni") == 70


def test_a_vlan_device_in_a_network_s_bridge_is_a_way_out_with_its_tag() -> None:
    """The kernel on which the bundle was made has no VLAN devices: this one is written as iproute2 writes it."""
    hosts = read_bundle(DATA / "linux-bridge").access.hosts
    vlan: dict[str, Any] = {
        "ifname": "eth1.101",
        "link": "eth1",
        "flags": ["BROADCAST", "UP", "LOWER_UP"],
        "operstate": "UP",
    }
    vlan |= {"link_type": "ether", "address": "52:54:00:8c:01:01", "mtu": 1500, "addr_info": []}
    detail = {"linkinfo": {"info_kind": "vlan", "info_data": {"protocol": "802.1Q", "id": 101}}}
    bridges = hosts.run("lxb-1", "brctl show").text.replace("vxlan-70", "eth1.101")
    change = {("lxb-1", "brctl show"): (0, bridges)}
    for command, more in (("ip -j addr", {}), ("ip -j -d link", detail)):
        devices = json.loads(hosts.run("lxb-1", command).text)
        change["lxb-1", command] = (0, json.dumps([*devices, vlan | more]))
    cloud = take("linux-bridge", change)
    port = cloud.named("vedge", "lxb-1-LXB").get("ports")["eth1.101"]
    assert (port["type"], port["tag"], port["lower"], port["bridge"]) == ("vlan", 101, ["eth1"], "brq5b1e8f20-6c")
    assert ("lxb-1-brq5b1e8f20-6c", "lxb-1-eth1") in cloud.links("vconnector-host_pnic")


def test_an_instance_on_vpp_leaves_by_its_bridge_domain_and_the_nic_of_its_vlan() -> None:
    cloud = take("vpp")
    assert cloud.way(cloud.named("instance", "vm-1")) == {
        "instance": ["4a92d7e6-0c3f-4b81-9d57-f1e8a6b2c321"],
        "vnic": ["vpp-1-c20f8b6d-914e-4753-a6d8-e7b1f5309c31"],
        "vconnector": ["vpp-1-bridge-domain-1"],
        "vedge": ["vpp-agent-vpp-1"],
        "host_pnic": ["vpp-1-TenGigabitEthernet3b/0/0"],
        "network": ["1f6e3b82-d05c-4a97-8e41-c7b2f90d5a01"],
    }


def test_two_vlans_on_one_nic_of_vpp_are_kept_apart() -> None:
    cloud = take("vpp")
    green = cloud.way(cloud.named("network", "green"))
    assert green["vconnector"] == ["vpp-2-bridge-domain-2"]
    assert green["vnic"] == ["vpp-2-e1a46c97-0d5b-4f28-83ca-b9f7d2e05633"]
    assert cloud.links("vedge-host_pnic")["vpp-2-VPP", "vpp-2-TenGigabitEthernet3b/0/0"] == {"segment": "physnet1"}


def test_vpp_tells_of_itself_its_nics_and_whom_it_hears() -> None:
    cloud = take("vpp")
    vedge = cloud.named("vedge", "vpp-2-VPP")
    assert (vedge.get("vedge_type"), vedge.get("version")) == ("VPP", "19.01.2-release")
    assert vedge.get("ports")["TenGigabitEthernet3b/0/0.202"] == {
        "bridge": "bridge-domain-2",
        "type": "",
        "tag": 202,
        "mac_address": None,
        "state": "up",
    }
    [nic] = [o for o in cloud.fold.inventory.of_type("host_pnic") if o.id == "vpp-2-TenGigabitEthernet3b/0/0"]
    told = {key: nic.get(key) for key in ("mac_address", "state", "speed", "duplex", "link_detected")}
    assert told == {
        "mac_address": "3c:fd:fe:80:02:20",
        "state": "up",
        "speed": "10000Mb/s",
        "duplex": "Full",
        "link_detected": True,
    }
    heard = cloud.named("vconnector", "vpp-2-bridge-domain-1").get("interfaces")["VirtualEthernet0/0/0"]
    assert heard["neighbours"] == ["fa:16:3e:72:02:0b"]  # not those of a MAC that is nobody's of the cloud


def test_a_vpp_that_does_not_answer_is_a_failure_and_not_a_host_without_switch() -> None:
    refused = (1, "clib_socket_init: connect (fd 3, '/run/vpp/cli.sock'): Connection refused\n")
    commands = ("show ver", "show int", "show mode", "show hardware-int", "show ip arp")
    cloud = take("vpp", {("vpp-1", f"vppctl {command}"): refused for command in commands})
    assert {(failure.scope.entry, failure.host) for failure in cloud.report.failures} == {
        ("vpp-vedge", "vpp-1"),
        ("vpp-bridge-domain", "vpp-1"),
        ("vpp-pnic", "vpp-1"),
    }
    assert all("Connection refused" in failure.reason for failure in cloud.report.failures)


def test_a_host_without_vpp_whose_agent_is_not_there_either_has_none() -> None:
    missing = (127, "sh: 1: vppctl: not found\n")
    cloud = take("vpp", {("vpp-2", "vppctl show ver"): missing})
    assert cloud.report.status == "completed"
    assert [vedge.id for vedge in cloud.fold.inventory.of_type("vedge")] == ["vpp-agent-vpp-1"]


@pytest.mark.parametrize(
    ("instance", "vnic", "nic", "network"),
    [
        ("fast-1", "sr-1-hostdev-fa:16:3e:61:01:0a", "sr-1-ens2f0", "a4c1f7e2-5d80-4b39-9e16-7c03d2b85f01"),
        ("fast-2", "sr-1-macvtap0", "sr-1-ens2f1", "e93b6d05-82fc-4a17-b5c4-10d7a9f36e02"),
        ("fast-3", "sr-2-hostdev-fa:16:3e:61:03:0c", "sr-2-ens2f0", "a4c1f7e2-5d80-4b39-9e16-7c03d2b85f01"),
    ],
)
def test_an_instance_with_a_virtual_function_leaves_by_the_nic_of_its_physical_network(
    instance: str, vnic: str, nic: str, network: str
) -> None:
    """By the function's address, by the MAC of a macvtap, and by the address again when it is switched off."""
    cloud = take("sriov")
    way = cloud.way(cloud.named("instance", instance))
    assert (way["vnic"], way["host_pnic"], way["network"]) == ([vnic], [nic], [network])
    assert way["vedge"] == [f"sriov-agent-{nic[:4]}"]


def test_a_virtual_function_is_known_by_number_address_and_vlan() -> None:
    cloud = take("sriov")
    vedge = cloud.named("vedge", "sr-1-SRIOV")
    assert vedge.get("device_mappings") == {"physnet2": ["ens2f0"], "physnet3": ["ens2f1"]}
    assert vedge.get("ports")["ens2f0"]["vfs"][1] == {
        "vf": 1,
        "pci_address": "0000:3b:02.1",
        "mac_address": "fa:16:3e:61:01:0a",
        "vlan": 101,
        "spoof_checking": True,
        "link_state": "auto",
        "trust": False,
    }
    vnic = cloud.named("vnic", "hostdev-fa:16:3e:61:01:0a")
    assert (vnic.get("pci_address"), vnic.get("vlan")) == ("0000:3b:02.1", 101)


def test_a_virtual_function_that_its_host_sees_is_no_nic() -> None:
    assert {nic.get("device") for nic in take("sriov").fold.inventory.of_type("host_pnic")} == {
        "eno1",
        "ens2f0",
        "ens2f1",
    }


def test_where_no_function_says_so_what_nova_told_neutron_does() -> None:
    """An old kernel names no functions and a domain that is off has no MAC on any."""
    listing = (0, "total 0\n")
    cloud = take("sriov", {("sr-2", f"ls -l /sys/class/net/{nic}/device/"): listing for nic in ("ens2f0", "ens2f1")})
    assert cloud.way(cloud.named("instance", "fast-3"))["vedge"] == ["sriov-agent-sr-2"]


@pytest.mark.parametrize(
    ("name", "host", "command", "entry"),
    [
        ("linux-bridge", "lxb-1", "brctl show", "linux-bridge-vedge"),
        ("vpp", "vpp-1", "vppctl show int", "vpp-vedge"),
        ("vpp", "vpp-1", "vppctl show mode", "vpp-bridge-domain"),
        ("vpp", "vpp-1", "vppctl show hardware-int", "vpp-pnic"),
        ("vpp", "vpp-1", "vppctl show ver", "vpp-vedge"),
    ],
)
def test_garbage_is_told_and_covers_nothing(name: str, host: str, command: str, entry: str) -> None:
    cloud = take(name, {(host, command): (0, "\x07 segmentation fault at 0xdead\n% what?\n")})
    failed = {failure.scope for failure in cloud.report.failures}
    assert Scope(entry, "host", host) in failed
    assert all("is not understood" in failure.reason for failure in cloud.report.failures)
