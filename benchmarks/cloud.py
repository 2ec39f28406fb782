"""A made-up Open vSwitch cloud as the events of its scans: the same words give the same events, byte by byte.

Shapes and attributes are those of a real scan (docs/model.md): hybrid plugging (tap, qbr, qvb, qvo), VXLAN by a bridge
on eth1, VLANs by eth2, DHCP and routers on network hosts. Tenants differ in size: the largest networks have hundreds
of members.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import NamedTuple

from schemas.canonical import Document, encode
from schemas.events import Event, ObjectsSeen, Payload, ScanFinished, ScanStarted, Scope
from schemas.vocabulary import ENVIRONMENT

NAME = "bench"
REGION = "RegionOne"
NETWORKS_A_PROJECT = 3
CHANGED = 100
"""Of so many instances one is changed from day to day."""
RESTARTED = 40
"""Of so many instances one is stopped and started again between two scans."""

_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many there are of what decides about everything else."""

    hosts: int
    network_hosts: int
    instances: int
    ports_an_instance: int
    projects: int


SIZES = {
    "small": Size(hosts=10, network_hosts=1, instances=200, ports_an_instance=3, projects=4),
    "customer": Size(hosts=100, network_hosts=3, instances=2000, ports_an_instance=3, projects=20),
}


class Seen(NamedTuple):
    """Objects of one type under one parent, found by one entry of the scan plan."""

    scope: Scope
    type: str
    parent_type: str
    parent_id: str
    documents: dict[str, Document]


@dataclass(frozen=True)
class Instance:
    """A machine as one scan finds it."""

    number: int
    host: str
    project: int
    running: bool
    ports: int

    @property
    def id(self) -> str:
        return name_of("instance", self.number)

    @property
    def networks(self) -> list[str]:
        return [network_of(self.project, slot) for slot in range(self.ports)]

    def port(self, slot: int) -> str:
        return name_of("port", self.number, slot)

    def mac(self, slot: int) -> str:
        return _mac("fa:16", self.number, slot)


class Cloud:
    """One cloud at its `day`: 0 is how it was first; each day stamps move, and another 1 % of the instances changes."""

    zone = "nova"

    def __init__(self, size: Size, day: int, *, calm: int = 0) -> None:
        """Describe a cloud of a size on a day, when on `calm` of the days before nothing but stamps moved."""
        self.size = size
        self.day = day
        self._changed = range(42, 42 + day - calm)
        self._stamp = f"2026-01-{day + 1:02}T06:00:00Z"

    @cached_property
    def hosts(self) -> list[str]:
        """Answer the names of the compute hosts."""
        return [f"compute-{number:03}" for number in range(self.size.hosts)]

    @cached_property
    def network_hosts(self) -> list[str]:
        """Answer the names of the hosts of DHCP servers and routers."""
        return [f"network-{number}" for number in range(self.size.network_hosts)]

    @cached_property
    def instances(self) -> dict[str, list[Instance]]:
        """Answer the instances by host. Of those changed each fourth moves, stops, goes, or is replaced by another."""
        draw, size = Random(7), self.size  # noqa: S311 - a fixed seed: the same cloud each time
        found: dict[str, list[Instance]] = {host: [] for host in self.hosts}
        for number in range(size.instances):
            project = int(size.projects * draw.random() ** 2)
            host, running = self.hosts[number % size.hosts], draw.random() < 0.95
            deed = (number // CHANGED + number) % 4 if number % CHANGED in self._changed else None
            if deed == 0:
                host = self.hosts[(number + 1) % size.hosts]
            if deed == 1:
                running = not running
            if deed != 2:
                named = number + size.instances if deed == 3 else number
                found[host].append(Instance(named, host, project, running, size.ports_an_instance))
        return found

    # -- what the API tells --------------------------------------------------------------------------

    def tenancy(self) -> Iterator[Seen]:
        """Yield projects, networks with subnets and ports, routers, floating IPs."""
        root, region = Scope("project", ENVIRONMENT, NAME), Scope("region", ENVIRONMENT, NAME)
        projects = {project_of(n): self._named(f"tenant-{n}", enabled=True) for n in range(self.size.projects)}
        yield Seen(root, "project", ENVIRONMENT, NAME, projects)
        yield Seen(region, "region", ENVIRONMENT, NAME, {REGION: {"name": REGION, "endpoints": {}}})
        for number in range(self.size.projects):
            slots = range(NETWORKS_A_PROJECT)
            networks = {network_of(number, slot): self._network(number, slot) for slot in slots}
            yield Seen(_region("network"), "network", "project", project_of(number), networks)
        for number in range(self.size.projects):
            for slot in range(NETWORKS_A_PROJECT):
                subnet = {name_of("subnet", number, slot): self._subnet(number, slot)}
                yield Seen(_region("subnet"), "subnet", "network", network_of(number, slot), subnet)
        for number in range(self.size.projects):
            for slot in range(NETWORKS_A_PROJECT):
                ports = self._ports(number, slot)
                yield Seen(_region("port"), "port", "network", network_of(number, slot), ports)
        for number in range(self.size.projects):
            router = {
                router_of(number): self._named(f"router-{number}", project_id=project_of(number), status="ACTIVE")
            }
            yield Seen(_region("router"), "router", "project", project_of(number), router)
        for number, floating_ips in sorted(self._floating_ips().items()):
            yield Seen(_region("floating-ip"), "floating_ip", "project", project_of(number), floating_ips)

    def estate(self) -> Iterator[Seen]:
        """Yield the zone and the hosts."""
        hosts = [*self.hosts, *self.network_hosts]
        zone = {self.zone: {"name": self.zone, "available": True, "hosts": hosts}}
        yield Seen(_region("availability-zone"), "availability_zone", "region", REGION, zone)
        yield Seen(_region("host"), "host", "availability_zone", self.zone, {host: self._host(host) for host in hosts})

    def _named(self, name: str, **attributes: object) -> Document:
        return {"name": name, "description": "", "tags": [], "updated_at": self._stamp, **attributes}

    def _network(self, project: int, slot: int) -> Document:
        vlan = slot == NETWORKS_A_PROJECT - 1
        return self._named(
            f"net-{project}-{slot}",
            **{
                "admin_state_up": True,
                "cidrs": [_cidr(project, slot)],
                "mtu": 1450,
                "project_id": project_of(project),
                "provider:network_type": "vlan" if vlan else "vxlan",
                "provider:physical_network": "physnet1" if vlan else None,
                "provider:segmentation_id": 1000 + NETWORKS_A_PROJECT * project + slot,
                "revision_number": self.day,
                "router:external": False,
                "shared": False,
                "status": "ACTIVE",
                "subnet_ids": [name_of("subnet", project, slot)],
            },
        )

    def _subnet(self, project: int, slot: int) -> Document:
        return self._named(
            f"subnet-{project}-{slot}",
            cidr=_cidr(project, slot),
            enable_dhcp=True,
            gateway_ip=_cidr(project, slot).replace("0/22", "1"),
            ip_version=4,
            network_id=network_of(project, slot),
            project_id=project_of(project),
        )

    def _ports(self, project: int, slot: int) -> dict[str, Document]:
        found = {
            each.port(slot): self._port(project, slot, each.mac(slot), each.id, each.host, "compute:nova")
            for on_host in self.instances.values()
            for each in on_host
            if each.project == project and slot < each.ports
        }
        host, network = self._serving(project), network_of(project, slot)
        dhcp, leg = name_of("dhcp", project, slot), name_of("leg", project, slot)
        found[dhcp] = self._port(project, slot, _mac("fa:17", project, slot), f"dhcp-{network}", host, "network:dhcp")
        router = router_of(project)
        found[leg] = self._port(project, slot, _mac("fa:18", project, slot), router, host, "network:router_interface")
        return found

    def _port(self, project: int, slot: int, mac: str, device: str, host: str, owner: str) -> Document:
        return self._named(
            "",
            **{
                "admin_state_up": True,
                "binding:host_id": host,
                "binding:vif_details": {"bridge_name": "br-int", "connectivity": "l2", "ovs_hybrid_plug": True},
                "binding:vif_type": "ovs",
                "binding:vnic_type": "normal",
                "device_id": device,
                "device_owner": owner,
                "fixed_ips": [
                    {"ip_address": _address(project, slot, mac), "subnet_id": name_of("subnet", project, slot)}
                ],
                "mac_address": mac,
                "network_id": network_of(project, slot),
                "port_security_enabled": True,
                "project_id": project_of(project),
                "revision_number": 4 + self.day,
                "security_groups": [name_of("group", project)],
                "status": "ACTIVE",
            },
        )

    def _floating_ips(self) -> dict[int, dict[str, Document]]:
        found: dict[int, dict[str, Document]] = {}
        for each in (each for on_host in self.instances.values() for each in on_host if each.number % 10 == 0):
            address = f"172.24.{each.number // 250}.{each.number % 250}"
            found.setdefault(each.project, {})[name_of("floating", each.number)] = self._named(
                address,
                floating_ip_address=address,
                port_id=each.port(0),
                project_id=project_of(each.project),
                router_id=router_of(each.project),
            )
        return found

    def _serving(self, project: int) -> str:
        return self.network_hosts[project % len(self.network_hosts)]

    def _host(self, host: str) -> Document:
        compute = host in self.instances
        binary = "nova-compute" if compute else "neutron-dhcp-agent"
        return {
            "name": host,
            "host": host,
            "host_type": ["Compute"] if compute else ["Network"],
            "os": {
                "id": "debian",
                "name": "Debian GNU/Linux 12",
                "version": "12",
                "kernel": "6.1",
                "architecture": "x",
            },
            "services": {binary: {"state": "up", "status": "enabled", "updated_at": self._stamp}},
            "uptime": f"up {self.day} days",
            "zone": self.zone,
        }

    # -- what the hosts tell -------------------------------------------------------------------------

    def machine(self, host: str) -> Iterator[Seen]:
        """Yield what is on a host: instances or services with their vNICs, NICs, bridges, the vedge."""
        here = self.instances.get(host, [])
        instances = {each.id: self._instance(each) for each in here}
        yield Seen(_on("instance", host), "instance", "host", host, instances)
        for each in here:
            vnics = dict(_vnic(each, slot) for slot in range(each.ports))
            yield Seen(_on("instance-vnic", host), "vnic", "instance", each.id, vnics)
        yield from self._services(host)
        yield Seen(_on("pnic", host), "host_pnic", "host", host, dict(_pnic(host, n) for n in range(3)))
        bridges = dict(_qbr(each, slot) for each in here for slot in range(each.ports))
        yield Seen(_on("linux-bridge", host), "vconnector", "host", host, bridges)
        yield Seen(_on("ovs-bridge", host), "vconnector", "host", host, dict([_tunnel_bridge(host)]))
        vedge = name_of("vedge", host)
        yield Seen(_on("vedge", host), "vedge", "host", host, {vedge: self._vedge(host)})
        yield Seen(Scope("otep", "vedge", vedge), "otep", "vedge", vedge, {f"{host}-otep": self._otep(host)})
        agent = {f"neutron-openvswitch-agent-{vedge}": self._agent(host, "neutron-openvswitch-agent")}
        yield Seen(_on("network-agent", host), "network_agent", "host", host, agent)

    def _instance(self, each: Instance) -> Document:
        return {
            "name": f"vm-{each.number}",
            "addresses": {f"net-{each.project}-{slot}": [{"addr": each.mac(slot)}] for slot in range(each.ports)},
            "created": "2026-01-01T00:00:00Z",
            "flavor": {"name": "m1.small", "ram": 2048, "vcpus": 1, "disk": 20, "extra_specs": {}},
            "host": each.host,
            "hostname": f"vm-{each.number}",
            "image_id": name_of("image", each.project),
            "local_name": f"instance-{each.number:08x}",
            "metadata": {"role": "web"},
            "network": sorted(each.networks),
            "power_state": 1 if each.running else 4,
            "project_id": project_of(each.project),
            "security_groups": ["default"],
            "status": "ACTIVE" if each.running else "SHUTOFF",
            "updated": self._stamp,
            "user_id": name_of("user", each.project),
            "vm_state": "active" if each.running else "stopped",
            "zone": self.zone,
        }

    def _served(self, host: str) -> list[int]:
        return [project for project in range(self.size.projects) if self._serving(project) == host]

    def _services(self, host: str) -> Iterator[Seen]:
        if host not in self.network_hosts:
            return
        services: dict[str, Document] = {}
        vnics: dict[str, dict[str, Document]] = {}
        for project in self._served(host):
            router = f"{host}-qrouter-{router_of(project)}"
            networks = [network_of(project, slot) for slot in range(NETWORKS_A_PROJECT)]
            services[router] = _service(
                host, "router", f"qrouter-{router_of(project)}", networks, router_id=router_of(project)
            )
            vnics[router] = dict(_leg(host, router, project, slot) for slot in range(NETWORKS_A_PROJECT))
            for slot, network in enumerate(networks):
                dhcp = f"{host}-qdhcp-{network}"
                services[dhcp] = _service(host, "dhcp", f"qdhcp-{network}", [network], network_id=network)
                vnics[dhcp] = dict(
                    [_service_vnic(host, dhcp, _tap(name_of("dhcp", project, slot)), "fa:17", project, slot)]
                )
        yield Seen(_on("vservice", host), "vservice", "host", host, services)
        for service, found in vnics.items():
            yield Seen(_on("vservice-vnic", host), "vnic", "vservice", service, found)

    def _vedge(self, host: str) -> Document:
        plugged = [each.port(slot) for each in self.instances.get(host, ()) for slot in range(each.ports)]
        ports = {f"qvo{port[:11]}": {**_ovs_port("br-int"), "iface_id": port} for port in plugged}
        for project in self._served(host):
            for slot in range(NETWORKS_A_PROJECT):
                ports[_tap(name_of("dhcp", project, slot))] = _ovs_port("br-int", "internal")
                ports[f"qr-{name_of('leg', project, slot)[:11]}"] = _ovs_port("br-int", "internal")
        ports["eth2"] = _ovs_port("br-prv")
        ports["patch-tun"] = {**_ovs_port("br-int", "patch"), "peer": "patch-int"}
        ports["patch-int"] = {**_ovs_port("br-tun", "patch"), "peer": "patch-tun"}
        ports |= {name: _ovs_port("br-tun", "vxlan") for name in self._otep(host)["ports"]}
        bridge = {"datapath_type": "system", "fail_mode": "secure", "stp_enabled": False}
        bridges = dict.fromkeys(("br-int", "br-prv", "br-tun"), bridge)
        switch = {"name": f"{host}-OVS", "vedge_type": "OVS", "bridges": bridges, "ports": ports}
        return {**self._agent(host, "neutron-openvswitch-agent"), **switch, "bridge_mappings": {"physnet1": "br-prv"}}

    def _agent(self, host: str, binary: str) -> Document:
        configurations = {
            "devices": 20 + self.day,
            "tunnel_types": ["vxlan"],
            "bridge_mappings": {"physnet1": "br-prv"},
        }
        return {
            "name": binary,
            "host": host,
            "admin_state_up": True,
            "agent_type": "Open vSwitch agent",
            "alive": True,
            "binary": binary,
            "configurations": configurations,
            "heartbeat_timestamp": self._stamp,
        }

    def _otep(self, host: str) -> Document:
        hosts = [*self.hosts, *self.network_hosts]
        own = _tunnel_address(hosts.index(host))
        others = [_tunnel_address(number) for number, other in enumerate(hosts) if other != host]
        ports = {f"vxlan-{each}": {"local_ip": own, "remote_ip": each, "type": "vxlan"} for each in others}
        where = {"host": host, "interface": "br-vtep", "lower": [], "ip_address": own}
        return {"name": f"{host}-otep", **where, "overlay_type": "vxlan", "udp_port": 4789, "ports": ports}

    # -- the scan --------------------------------------------------------------------------------------

    def sights(self) -> Iterator[Seen]:
        """Yield everything there is, in the order of the scan plan."""
        yield from self.tenancy()
        yield from self.estate()
        for host in (*self.hosts, *self.network_hosts):
            yield from self.machine(host)

    def scan(self) -> Iterator[Event]:
        """Yield the events of a scan that sees everything."""
        scan_id, covered = f"scan-{self.day}", dict[Scope, None]()
        settings = encode({"mechanism_drivers": ["OVS"], "type_drivers": ["vlan", "vxlan"]})
        yield self._event(0, ScanStarted(scan_id, "bundle:bench", settings))
        number = 0
        for number, seen in enumerate((seen for seen in self.sights() if seen.documents), 1):
            covered[seen.scope] = None
            yield self._event(number, objects_seen(scan_id, seen))
        yield self._event(number + 1, ScanFinished(scan_id, "completed", list(covered)))

    def restarts(self) -> Iterator[Event]:
        """Yield, as sightings outside of a scan, how some instances are stopped and started: each time two events."""
        number = 0
        for each in (each for here in self.instances.values() for each in here if each.number % RESTARTED == self.day):
            for running in (not each.running, each.running):
                for seen in self._sights_of(replace(each, running=running)):
                    number += 1
                    yield self._event(number, objects_seen("restarts", seen), "openstack")

    def _sights_of(self, each: Instance) -> Iterator[Seen]:
        yield Seen(_on("instance", each.host), "instance", "host", each.host, {each.id: self._instance(each)})
        vnics = dict(_vnic(each, slot) for slot in range(each.ports))
        yield Seen(_on("instance-vnic", each.host), "vnic", "instance", each.id, vnics)

    def _event(self, number: int, payload: Payload, source: str = "scan") -> Event:
        name = name_of("event", source, self.day, number)
        return Event(name, NAME, source, self.day * 24 * _HOUR + number, None, payload)


def objects_seen(scan_id: str, seen: Seen) -> ObjectsSeen:
    documents = [encode(document) for document in seen.documents.values()]
    return ObjectsSeen(
        scan_id, seen.scope, seen.type, seen.parent_type, seen.parent_id, list(seen.documents), documents
    )


def name_of(*words: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "-".join(map(str, words))))


def project_of(number: int) -> str:
    return name_of("project", number).replace("-", "")


def network_of(project: int, slot: int) -> str:
    return name_of("network", project, slot)


def router_of(project: int) -> str:
    return name_of("router", project)


def _cidr(project: int, slot: int) -> str:
    return f"10.{project}.{4 * slot}.0/22"


def _address(project: int, slot: int, mac: str) -> str:
    """Answer the address of the port with a MAC on a network."""
    *_, high, low, _slot = mac.split(":")
    return f"10.{project}.{4 * slot + int(high, 16) % 4}.{int(low, 16)}"


def _mac(prefix: str, number: int, slot: int) -> str:
    return f"{prefix}:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}:{slot:02x}"


def _tap(port: str) -> str:
    return f"tap{port[:11]}"


def _tunnel_address(number: int) -> str:
    return f"10.200.{number // 250}.{number % 250}"


def _region(entry: str) -> Scope:
    return Scope(entry, "region", REGION)


def _on(entry: str, host: str) -> Scope:
    return Scope(entry, "host", host)


def _vnic(each: Instance, slot: int) -> tuple[str, Document]:
    tap, bridge = _tap(each.port(slot)), f"qbr{each.port(slot)[:11]}"
    return f"{each.host}-{tap}", {
        "name": tap,
        "device": tap,
        "host": each.host,
        "instance_id": each.id,
        "interface_type": "bridge",
        "mac_address": each.mac(slot),
        "model": "virtio",
        "source_bridge": bridge,
        "state": "up" if each.running else "down",
        "vnic_type": "instance_vnic",
    }


def _service(host: str, kind: str, namespace: str, networks: list[str], **owner: str) -> Document:
    where = {"name": namespace, "host": host, "local_service_id": namespace}
    return {**where, "network": sorted(networks), "service_type": kind, **owner}


def _leg(host: str, router: str, project: int, slot: int) -> tuple[str, Document]:
    device = f"qr-{name_of('leg', project, slot)[:11]}"
    return _service_vnic(host, router, device, "fa:18", project, slot)


def _service_vnic(host: str, service: str, device: str, prefix: str, project: int, slot: int) -> tuple[str, Document]:
    where = {"name": device, "device": device, "host": host, "vservice_id": service, "state": "up"}
    mac = _mac(prefix, project, slot)
    return f"{host}-{device}", {**where, "mac_address": mac, "addresses": [], "vnic_type": "vservice_vnic"}


def _pnic(host: str, number: int) -> tuple[str, Document]:
    device = f"eth{number}"
    speed = {"auto_negotiation": False, "duplex": "Full", "mtu": 9000, "speed": "10000Mb/s", "link_detected": True}
    where = {"name": device, "device": device, "host": host, "state": "up", "addresses": []}
    return f"{host}-{device}", {
        **where,
        **speed,
        "mac_address": f"02:00:00:{uuid.uuid5(uuid.NAMESPACE_OID, host).hex[:2]}",
    }


def _qbr(each: Instance, slot: int) -> tuple[str, Document]:
    port = each.port(slot)[:11]
    interfaces = {f"{kind}{port}": {"mac_address": each.mac(slot), "state": "up"} for kind in ("tap", "qvb")}
    return _bridge(each.host, f"qbr{port}", "bridge", interfaces)


def _tunnel_bridge(host: str) -> tuple[str, Document]:
    interfaces: Document = {"br-vtep": _ovs_interface("internal"), "eth1": _ovs_interface("")}
    return _bridge(host, "br-vtep", "ovs_bridge", interfaces)


def _bridge(host: str, bridge: str, kind: str, interfaces: Document) -> tuple[str, Document]:
    where = {"name": f"{host}-{bridge}", "bridge_name": bridge, "host": host, "state": "up"}
    return f"{host}-{bridge}", {**where, "addresses": [], "connector_type": kind, "interfaces": interfaces}


def _ovs_port(bridge: str, kind: str = "") -> Document:
    return {"bridge": bridge, **_ovs_interface(kind)}


def _ovs_interface(kind: str) -> Document:
    return {"iface_id": None, "mac_address": None, "peer": None, "state": "up", "tag": None, "trunks": [], "type": kind}
