"""A scan of the recordings of a real cloud holds what the raw answers hold, counted without the parsers."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from producers.bundle import read_bundle
from producers.scan import ScanReport, scan
from producers.settings import EnvironmentSettings
from schemas.events import Event, FetchFailed, ObjectsSeen, ScanFinished, ScanStarted, Scope
from tests.recordings import RECORDINGS, needs_recordings

pytestmark = needs_recordings

BUNDLES = [RECORDINGS / "zed-ovs" / name for name in ("monday", "tuesday")]
SETTINGS = EnvironmentSettings(uplinks=("eth*", "phy-*"))
HOSTS = ["compute-1", "compute-2", "compute-3", "compute-4", "controller"]


@dataclass(frozen=True)
class Scanned:
    """What one scan appended."""

    report: ScanReport
    events: list[Event]

    def objects(self, object_type: str) -> dict[str, dict[str, Any]]:
        """Answer the documents of a type by id."""
        return {
            object_id: json.loads(document)
            for payload in self.seen()
            if payload.object_type == object_type
            for object_id, document in zip(payload.ids, payload.documents, strict=True)
        }

    def seen(self) -> Iterator[ObjectsSeen]:
        """Yield the payloads that hold objects."""
        return (e.payload for e in self.events if isinstance(e.payload, ObjectsSeen))

    @property
    def covered(self) -> set[Scope]:
        """Answer the scopes that the scan says it looked at."""
        finished = self.events[-1].payload
        assert isinstance(finished, ScanFinished)
        return set(finished.covered)

    def without_identity(self) -> list[object]:
        """Answer the payloads with the ids taken away that every scan gives anew."""
        return [_anonymous(event) for event in self.events]


def _anonymous(event: Event) -> object:
    payload = event.payload
    assert isinstance(payload, ScanStarted | ObjectsSeen | FetchFailed | ScanFinished)
    return replace(payload, scan_id="")


def scanned(bundle: Path, workers: int = 8) -> Scanned:
    """Scan a bundle from a fresh reading of its files."""
    events: list[Event] = []
    access = read_bundle(bundle).access
    report = scan("zed", access, SETTINGS, events.extend, origin=f"bundle:{bundle.name}", workers=workers)
    return Scanned(report, events)


@pytest.fixture(scope="module", params=BUNDLES, ids=lambda path: path.name)
def bundle(request: pytest.FixtureRequest) -> Path:
    """Answer the folder of one recording."""
    folder: Path = request.param
    return folder


@pytest.fixture(scope="module")
def result(bundle: Path) -> Scanned:
    """Answer one scan of it."""
    return scanned(bundle)


def body(bundle: Path, request: str, key: str) -> list[dict[str, Any]]:
    """Answer a list of an API, found by what the file says that it was asked."""
    for path in sorted((bundle / "api").glob("*.json")):
        answer = json.loads(path.read_text())
        if answer["request"] == request and answer["microversion"] in (None, "2.93"):
            rows: list[dict[str, Any]] = answer["body"][key]
            return rows
    raise AssertionError(f"{bundle} does not hold {request}")


def printed(bundle: Path, host: str, command: str) -> str:
    """Answer what a command printed on a host, found by the first line of its file."""
    for path in sorted((bundle / "cli" / host).glob("*.txt")):
        first, _, rest = path.read_text().partition("\n")
        if first == f"$ {command}":
            return rest.rsplit("# exit ", 1)[0]
    raise AssertionError(f"{bundle} does not hold '{command}' of {host}")


def ovs_show(bundle: Path, host: str) -> dict[str, dict[str, list[str]]]:
    """Answer {bridge: {port: [lines]}} from the text of `ovs-vsctl show`, which the scan never reads."""
    bridges: dict[str, dict[str, list[str]]] = {}
    port: list[str] = []
    for line in printed(bundle, host, "ovs-vsctl show").splitlines():
        if match := re.match(r"^    Bridge \"?([^\"\s]+)", line):
            bridge = bridges.setdefault(match[1], {})
        elif match := re.match(r"^        Port \"?([^\"\s]+)", line):
            port = bridge.setdefault(match[1], [])
        elif line.startswith("            "):
            port.append(line.strip())
    return bridges


def agents(bundle: Path, agent_type: str) -> dict[str, dict[str, Any]]:
    """Answer the agents of a type by host."""
    rows = body(bundle, "/v2.0/agents", "agents")
    return {row["host"]: row for row in rows if row["agent_type"] == agent_type}


def managed(agent: dict[str, Any]) -> set[str]:
    """Answer the bridges of a vedge, from the agent's own words."""
    settings = agent["configurations"]
    return {settings["integration_bridge"], "br-tun", *settings["bridge_mappings"].values()}


@pytest.mark.parametrize(
    ("object_type", "request_", "key", "name"),
    [
        ("project", "/v3/projects", "projects", "id"),
        ("network", "/v2.0/networks", "networks", "id"),
        ("subnet", "/v2.0/subnets", "subnets", "id"),
        ("port", "/v2.0/ports", "ports", "id"),
        ("router", "/v2.0/routers", "routers", "id"),
        ("floating_ip", "/v2.0/floatingips", "floatingips", "id"),
        ("trunk", "/v2.0/trunks", "trunks", "id"),
        ("instance", "/servers/detail?all_tenants=1", "servers", "id"),
        ("availability_zone", "/os-availability-zone/detail", "availabilityZoneInfo", "zoneName"),
        ("aggregate", "/os-aggregates", "aggregates", "id"),
    ],
)
def test_every_resource_of_an_api_is_an_object(
    bundle: Path, result: Scanned, object_type: str, request_: str, key: str, name: str
) -> None:
    expected = {str(row[name]) for row in body(bundle, request_, key)}
    assert expected
    assert set(result.objects(object_type)) == expected


def test_the_region_is_the_one_of_the_catalogue(bundle: Path, result: Scanned) -> None:
    text = (bundle / "api" / "identity-catalog.json").read_text()
    assert set(result.objects("region")) == set(re.findall(r'"region_id": "(\w+)"', text))


def test_hosts_stand_in_the_zone_of_their_compute_service(bundle: Path, result: Scanned) -> None:
    zones = {
        host: zone["zoneName"]
        for zone in body(bundle, "/os-availability-zone/detail", "availabilityZoneInfo")
        for host in zone["hosts"]
    }
    parents = {i: p.parent_id for p in result.seen() if p.object_type == "host" for i in p.ids}
    assert parents == zones
    assert sorted(parents) == HOSTS


def test_every_agent_is_an_object_on_its_host(bundle: Path, result: Scanned) -> None:
    rows = body(bundle, "/v2.0/agents", "agents")
    expected = {f"{row['binary']}-{row['id']}": row["host"] for row in rows}
    assert {i: document["host"] for i, document in result.objects("network_agent").items()} == expected


def test_every_namespace_is_a_vservice(bundle: Path, result: Scanned) -> None:
    expected = {
        f"{host}-{line.split()[0]}"
        for host in HOSTS
        for line in printed(bundle, host, "ip netns").splitlines()
        if line.strip()
    }
    assert len(expected) >= 5
    assert set(result.objects("vservice")) == expected


def test_every_device_in_a_namespace_is_a_vnic_with_its_addresses(bundle: Path, result: Scanned) -> None:
    expected = {}
    for vservice in result.objects("vservice").values():
        text = printed(bundle, vservice["host"], f"ip netns exec {vservice['local_service_id']} ip a")
        for part in re.split(r"^\d+: ", text, flags=re.MULTILINE)[1:]:
            addresses = re.findall(r"inet6? (\S+) .*scope (?:global|host)", part)
            expected[re.split(r"[:@]", part)[0]] = sorted(addresses)
    expected.pop("lo")
    vnics = [v for v in result.objects("vnic").values() if v["vnic_type"] == "vservice_vnic"]
    assert {vnic["device"]: vnic["addresses"] for vnic in vnics} == expected


def test_every_tap_of_a_domain_is_a_vnic_of_its_instance(bundle: Path, result: Scanned) -> None:
    expected = set()
    for host in HOSTS[:-1]:
        for name in re.findall(r"instance-\w+", printed(bundle, host, "virsh list --all")):
            xml = printed(bundle, host, f"virsh dumpxml {name}")
            uuid = re.findall(r"<uuid>(.*)</uuid>", xml)[0]
            expected |= {(f"{host}-{tap}", uuid) for tap in re.findall(r"<target dev='(tap[^']+)'", xml)}
    vnics = {i: v for i, v in result.objects("vnic").items() if v["vnic_type"] == "instance_vnic"}
    assert len(expected) >= 15
    assert {(i, vnic["instance_id"]) for i, vnic in vnics.items()} == expected


def test_every_linux_bridge_is_a_vconnector_with_its_interfaces(bundle: Path, result: Scanned) -> None:
    expected: dict[str, set[str]] = {}
    for host in HOSTS:
        for line in printed(bundle, host, "bridge -d link").splitlines():
            if match := re.match(r"\d+: ([^:@]+)[:@].* master (\S+)", line):
                expected.setdefault(f"{host}-{match[2]}", set()).add(match[1])
    found = {i: v for i, v in result.objects("vconnector").items() if v["connector_type"] == "bridge"}
    assert {i: set(vconnector["interfaces"]) for i, vconnector in found.items()} == expected


def test_every_other_ovs_bridge_is_a_vconnector_with_its_ports(bundle: Path, result: Scanned) -> None:
    expected = {
        f"{host}-{bridge}": set(ports)
        for host, agent in agents(bundle, "Open vSwitch agent").items()
        for bridge, ports in ovs_show(bundle, host).items()
        if bridge not in managed(agent)
    }
    found = {i: v for i, v in result.objects("vconnector").items() if v["connector_type"] == "ovs_bridge"}
    assert sorted(expected) == [f"{host}-br-vtep" for host in HOSTS]
    assert {i: set(vconnector["interfaces"]) for i, vconnector in found.items()} == expected


def test_every_port_of_a_managed_bridge_is_a_port_of_the_vedge_with_its_tag_and_peer(
    bundle: Path, result: Scanned
) -> None:
    vedges = result.objects("vedge")
    for host, agent in agents(bundle, "Open vSwitch agent").items():
        expected = {
            port: (bridge, _word(lines, "tag: "), _word(lines, "type: ") or "", _option(lines, "peer"))
            for bridge, ports in ovs_show(bundle, host).items()
            if bridge in managed(agent)
            for port, lines in ports.items()
        }
        found = vedges.pop(agent["id"])
        ports = {n: (p["bridge"], p["tag"], p["type"], p["peer"]) for n, p in found["ports"].items()}
        assert ports == {n: (b, int(tag) if tag else None, t, peer) for n, (b, tag, t, peer) in expected.items()}
        assert set(found["bridges"]) == managed(agent)
    assert not vedges


def test_every_tunnel_is_a_port_of_the_otep_that_stands_on_the_bridge_with_the_address(
    bundle: Path, result: Scanned
) -> None:
    oteps = result.objects("otep")
    for host, agent in agents(bundle, "Open vSwitch agent").items():
        expected = {
            port: _option(lines, "remote_ip")
            for port, lines in ovs_show(bundle, host)["br-tun"].items()
            if "type: vxlan" in lines
        }
        otep = oteps.pop(f"{host}-otep")
        assert {name: port["remote_ip"] for name, port in otep["ports"].items()} == expected
        assert len(expected) == 4
        assert otep["ip_address"] == agent["configurations"]["tunneling_ip"]
        assert (otep["interface"], otep["overlay_type"], otep["udp_port"]) == ("br-vtep", "vxlan", 4789)
    assert not oteps


def test_the_uplinks_that_the_setting_names_are_pnics(result: Scanned) -> None:
    names = dict.fromkeys(HOSTS[:-1], ("eth0", "eth1", "eth2")) | {"controller": ("eth0", "phy-tun", "phy-vlan")}
    expected = {f"{host}-{name}" for host, found in names.items() for name in found}
    assert set(result.objects("host_pnic")) == expected
    assert {pnic["state"] for pnic in result.objects("host_pnic").values()} == {"up"}


def test_an_instance_names_the_networks_of_its_ports(bundle: Path, result: Scanned) -> None:
    ports = body(bundle, "/v2.0/ports", "ports")
    for instance_id, instance in result.objects("instance").items():
        expected = {port["network_id"] for port in ports if port["device_id"] == instance_id}
        assert instance["network"] == sorted(expected)
        assert expected


def test_the_scan_is_complete_and_names_the_drivers_that_it_found_out(result: Scanned) -> None:
    started = result.events[0].payload
    assert isinstance(started, ScanStarted)
    settings = json.loads(started.settings)
    assert settings["mechanism_drivers"] == ["OVS"]
    assert settings["type_drivers"] == ["flat", "vlan", "vxlan"]
    assert result.report.status == "completed"
    assert not result.report.failures
    assert not result.report.warnings


def test_every_object_has_a_name_and_a_parent_that_was_seen_before_it(result: Scanned) -> None:
    known = {("environment", "zed")}
    for payload in result.seen():
        assert (payload.parent_type, payload.parent_id) in known, payload
        known |= {(payload.object_type, object_id) for object_id in payload.ids}
        assert payload.ids == sorted(payload.ids)
        assert all(json.loads(document)["name"] for document in payload.documents)
    assert sum(result.report.counts.values()) == len(known) - 1


def test_no_document_repeats_its_id_or_holds_what_never_leaves_nova(result: Scanned) -> None:
    for payload in result.seen():
        for document in map(json.loads, payload.documents):
            assert not {"id", "user_data", "OS-EXT-SRV-ATTR:user_data", "adminPass"} & document.keys()


def test_the_events_are_the_same_each_time_and_with_any_number_of_workers(bundle: Path, result: Scanned) -> None:
    for workers in (1, 2, 16):
        assert scanned(bundle, workers).without_identity() == result.without_identity()


def test_ids_and_times_come_from_outside(bundle: Path) -> None:
    events: list[Event] = []
    numbers = count()
    access = read_bundle(bundle).access
    scan("z", access, SETTINGS, events.extend, origin="x", now=lambda: 7, new_id=lambda: f"id-{next(numbers)}")
    assert {event.occurred_at for event in events} == {7}
    assert len({event.id for event in events}) == len(events)
    assert all(event.id.startswith("id-") for event in events)
    assert {event.cause for event in events[1:]} == {events[0].id}


def test_a_host_that_answers_nothing_is_named_and_not_covered(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut" / "cli" / "compute-2")
    whole, cut = scanned(bundle), scanned(tmp_path / "cut")
    assert cut.report.status == "completed_with_errors"
    failures = [event.payload for event in cut.events if isinstance(event.payload, FetchFailed)]
    assert {failure.host for failure in failures} == {"compute-2"}
    assert all("compute-2" in failure.reason and failure.request in failure.reason for failure in failures)
    asked = {"instance-vnic", "vservice", "vservice-vnic", "pnic", "linux-bridge", "ovs-bridge", "vedge"}
    lost = {Scope(entry, "host", "compute-2") for entry in asked}
    vedge = agents(bundle, "Open vSwitch agent")["compute-2"]["id"]
    assert whole.covered - cut.covered == lost | {Scope("otep", "vedge", vedge)}
    assert {failure.scope for failure in failures} == lost | {Scope("host:host_os", "host", "compute-2")}
    assert set(cut.objects("instance")) == set(whole.objects("instance"))
    others = {i for i, v in whole.objects("vnic").items() if v["host"] != "compute-2"}
    assert set(cut.objects("vnic")) == others


def _word(lines: list[str], start: str) -> str | None:
    return next((line.removeprefix(start) for line in lines if line.startswith(start)), None)


def _option(lines: list[str], name: str) -> str | None:
    match = re.search(rf'\b{name}="?([^",}}]+)', " ".join(lines))
    return match[1] if match else None
