"""A recorded cloud on OVN: what its raw answers hold is there, linked, and reaches its network by its host's NIC."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from producers.bundle import read_bundle
from producers.scan import ScanReport, scan
from producers.settings import EnvironmentSettings
from projections import cliques
from projections.change import Change
from projections.fold import Fold, Now
from projections.inventory import Obj, Ref
from projections.links import recompute
from schemas.canonical import Document, encode
from schemas.events import Entry, Event

BUNDLE = Path(__file__).parents[1] / "data" / "ovn"
COMPUTES = ["compute-1", "compute-2", "compute-3", "compute-4"]
HOSTS = [*COMPUTES, "controller"]
SETTINGS = EnvironmentSettings(uplinks=("eth*", "phy-*"))


@dataclass(frozen=True)
class Scanned:
    """The state after one scan of the bundle."""

    report: ScanReport
    fold: Fold

    def of_type(self, object_type: str) -> dict[str, Obj]:
        """Answer the objects of a type by id."""
        return {obj.id: obj for obj in self.fold.inventory.of_type(object_type)}

    def ends(self, obj: Obj, link_type: str) -> list[str]:
        """Answer the ids at the other end of an object's links of a type, sorted."""
        return sorted(link.other(obj.ref).id for link in self.fold.links.at(obj.ref) if link.type == link_type)

    def clique(self, obj: Obj) -> Document:
        """Answer the clique of an object, which must be there."""
        document = self.fold.cliques.get(obj.ref)
        assert document is not None, obj.ref
        return document

    def reached(self, obj: Obj, object_type: str) -> list[str]:
        """Answer the ids of a type in the clique of an object, sorted."""
        return sorted(node[1] for node in self.clique(obj)["nodes"] if node[0] == object_type)


def take(fold: Fold) -> tuple[ScanReport, list[Change]]:
    """Scan the bundle, from a fresh reading of it, and fold what it says."""
    events: list[Event] = []
    report = scan("ovn", read_bundle(BUNDLE).access, SETTINGS, events.extend, origin="bundle:ovn")
    at = fold.offset + 1
    changes = [change for place, event in enumerate(events) for change in fold.apply(Entry(at + place, 0, event))]
    return report, changes


@pytest.fixture(scope="module")
def ovn() -> Scanned:
    """Answer one scan."""
    fold = Fold("ovn")
    report, _ = take(fold)
    return Scanned(report, fold)


def body(request: str, key: str) -> list[dict[str, Any]]:
    """Answer a list of an API, found by what the file says that it was asked."""
    for path in sorted((BUNDLE / "api").glob("*.json")):
        answer = json.loads(path.read_text())
        if answer["request"] == request:
            rows: list[dict[str, Any]] = answer["body"][key]
            return rows
    raise AssertionError(f"the bundle does not hold {request}")


def printed(host: str, pattern: str) -> list[str]:
    """Answer what the commands of a host printed whose first line matches."""
    found = [path.read_text().partition("\n") for path in sorted((BUNDLE / "cli" / host).glob("*.txt"))]
    return [rest.rpartition("# exit")[0] for first, _, rest in found if re.fullmatch(pattern, first.removeprefix("$ "))]


def test_the_scan_is_complete_and_finds_out_that_the_cloud_is_on_ovn(ovn: Scanned) -> None:
    assert (ovn.report.status, ovn.report.failures, ovn.report.warnings) == ("completed", (), ())


def test_every_chassis_is_a_vedge_with_a_tunnel_to_every_other(ovn: Scanned) -> None:
    agents = {row["host"]: row["id"] for row in body("/v2.0/agents", "agents") if row["binary"] == "ovn-controller"}
    assert {obj.get("host"): obj.id for obj in ovn.of_type("vedge").values()} == agents
    assert sorted(agents) == HOSTS
    addresses = {host: f"10.30.0.1{host[-1]}" if host in COMPUTES else "10.30.0.1" for host in HOSTS}
    oteps = {obj.get("host"): obj for obj in ovn.of_type("otep").values()}
    assert {host: obj.get("ip_address") for host, obj in oteps.items()} == addresses
    for host, otep in oteps.items():
        remotes = sorted(port["remote_ip"] for port in otep.get("ports").values())
        assert remotes == sorted(set(addresses.values()) - {addresses[host]})
        assert (otep.get("overlay_type"), otep.get("udp_port"), otep.parent.id) == ("geneve", 6081, agents[host])


def test_every_tap_of_a_domain_is_a_vnic_with_a_link_to_the_vedge_of_its_host(ovn: Scanned) -> None:
    expected: dict[str, str] = {}
    for host in COMPUTES:
        for xml in printed(host, r"virsh dumpxml .*"):
            uuid = re.findall(r"<uuid>(.*)</uuid>", xml)[0]
            expected |= {f"{host}-{tap}": uuid for tap in re.findall(r"<target dev='(tap[^']+)'", xml)}
    vnics = {i: vnic for i, vnic in ovn.of_type("vnic").items() if vnic.get("vnic_type") == "instance_vnic"}
    assert {i: vnic.get("instance_id") for i, vnic in vnics.items()} == expected
    assert len({row["id"] for row in body("/servers/detail?all_tenants=1", "servers")}) == len(set(expected.values()))
    vedge = {obj.get("host"): obj.id for obj in ovn.of_type("vedge").values()}
    for vnic in vnics.values():
        assert ovn.ends(vnic, "vnic-vedge") == [vedge[vnic.get("host")]]
        assert ovn.ends(vnic, "vnic-vconnector") == []


def test_every_vnic_of_an_instance_or_a_router_or_metadata_stands_for_its_one_port(ovn: Scanned) -> None:
    macs = {row["id"]: row["mac_address"] for row in body("/v2.0/ports", "ports")}
    vnics = [vnic for vnic in ovn.of_type("vnic").values() if not vnic.get("device").startswith("dhcp-")]
    assert len(vnics) > 20
    for vnic in vnics:
        (port,) = ovn.ends(vnic, "vnic-port")
        assert macs[port] == vnic.get("mac_address")


def test_every_instance_reaches_its_networks_by_the_nic_of_its_host_that_carries_them(ovn: Scanned) -> None:
    ports = body("/v2.0/ports", "ports")
    kinds = {row["id"]: row["provider:network_type"] for row in body("/v2.0/networks", "networks")}
    nics = {"geneve": "eth1", "vlan": "eth2"}
    servers = body("/servers/detail?all_tenants=1", "servers")
    assert len(servers) == 12
    for server in servers:
        instance, host = ovn.of_type("instance")[server["id"]], server["OS-EXT-SRV-ATTR:host"]
        networks = {port["network_id"] for port in ports if port["device_id"] == server["id"]}
        assert ovn.reached(instance, "network") == sorted(networks)
        assert ovn.reached(instance, "host_pnic") == sorted({f"{host}-{nics[kinds[net]]}" for net in networks})
        tunnelled = any(kinds[net] == "geneve" for net in networks)
        assert ovn.reached(instance, "otep") == ([f"{host}-otep"] if tunnelled else [])


def test_routers_are_on_the_gateway_with_the_ports_that_neutron_gave_them(ovn: Scanned) -> None:
    owners = ("network:router_interface", "network:router_gateway")
    legs = [row for row in body("/v2.0/ports", "ports") if row["device_owner"] in owners]
    routers = [obj for obj in ovn.of_type("vservice").values() if obj.get("service_type") == "router"]
    assert {obj.id for obj in routers} == {f"controller-router-{row['device_id']}" for row in legs}
    for router in routers:
        own = [row for row in legs if row["device_id"] == router.get("router_id")]
        assert ovn.ends(router, "vservice-vnic") == sorted(f"controller-lrp-{row['id']}" for row in own)
        assert router.get("network") == sorted({row["network_id"] for row in own})
        assert ovn.ends(router, "router-vservice") == [router.get("router_id")]
        assert router.get("is_active") is True


def test_a_router_reaches_its_tunnelled_and_its_vlan_networks_by_the_nics_of_the_gateway(ovn: Scanned) -> None:
    named = {obj.get("name"): obj for obj in ovn.of_type("vservice").values()}
    networks = {obj.get("name"): obj.id for obj in ovn.of_type("network").values()}
    demo, ops = named["router-demo-router"], named["router-ops-router"]
    assert ovn.reached(demo, "network") == sorted([networks["db"], networks["web"]])
    assert ovn.reached(demo, "host_pnic") == ["controller-phy-tun"]
    assert ovn.reached(ops, "network") == [networks["ops-vlan"]]
    assert ovn.reached(ops, "host_pnic") == ["controller-phy-vlan"]


def test_dhcp_is_on_every_host_with_an_instance_on_the_network_and_so_is_metadata(ovn: Scanned) -> None:
    bound = {
        (row["binding:host_id"], row["network_id"])
        for row in body("/v2.0/ports", "ports")
        if row["device_owner"].startswith("compute:")
    }
    expected = {f"{host}-{kind}-{net}" for host, net in bound for kind in ("dhcp", "ovnmeta")}
    services = {i: obj for i, obj in ovn.of_type("vservice").items() if obj.get("service_type") != "router"}
    assert set(services) == expected
    vedge = {obj.get("host"): obj.id for obj in ovn.of_type("vedge").values()}
    for service in services.values():
        assert ovn.reached(service, "vedge") == [vedge[service.get("host")]]
        assert ovn.reached(service, "network") == service.get("network")


def test_a_network_reaches_exactly_its_own_instances_and_services(ovn: Scanned) -> None:
    instances, services = ovn.of_type("instance").values(), ovn.of_type("vservice").values()
    reached = 0
    for network in ovn.of_type("network").values():
        if network.get("name") == "public":  # its bridge has no NIC: it leaves by none
            assert ovn.fold.cliques.get(network.ref) is None
            continue
        assert ovn.reached(network, "instance") == sorted(i.id for i in instances if network.id in i.get("network"))
        assert ovn.reached(network, "vservice") == sorted(s.id for s in services if network.id in s.get("network"))
        reached += len(ovn.reached(network, "instance"))
    assert reached >= 12


def test_what_was_folded_scan_by_scan_is_what_everything_gives_at_once(ovn: Scanned) -> None:
    fold = ovn.fold
    assert {link.key: link for link in fold.links} == recompute(fold.inventory)
    made = cliques.recompute(Now(fold.inventory, fold.links), fold.cliques.chosen)
    assert fold.cliques.stored() == {key: encode(document) for key, document in made.items()}


def test_three_scans_in_a_row_differ_in_nothing() -> None:
    fold = Fold("ovn")
    _, first = take(fold)
    assert first
    inventory, links, made = _state(fold)
    for _ in range(2):
        take(fold)
        assert _state(fold) == (inventory, links, made)


def _state(fold: Fold) -> tuple[dict[Ref, Document], list[Document], Any]:
    objects = {obj.ref: obj.document for kind in fold.inventory.types() for obj in fold.inventory.of_type(kind)}
    return objects, [link.document() for link in fold.links], fold.cliques.stored()


def test_the_bundle_names_no_path_of_the_machine_that_it_was_recorded_on() -> None:
    texts = [path.read_text() for path in BUNDLE.rglob("*") if path.is_file()]
    assert len(texts) > 100
    assert not any("/tmp/" in text or "/root/" in text for text in texts)  # noqa: S108 - looked for, not written to
