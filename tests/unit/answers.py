"""A small cloud made of answers: the doors of it, to be changed answer by answer."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from producers.access import Access, Answer, Table
from schemas.errors import CommandFailed, DatabaseFailed, HostUnreachable, RequestFailed

AGENT = {
    "id": "agent-1",
    "host": "h1",
    "agent_type": "Open vSwitch agent",
    "binary": "neutron-openvswitch-agent",
    "configurations": {
        "integration_bridge": "br-int",
        "bridge_mappings": {"physnet1": "br-ex"},
        "tunneling_ip": "10.30.0.1",
        "tunnel_types": ["vxlan"],
    },
}

EMPTY_TABLE = json.dumps({"headings": ["_uuid", "name", "ports"], "data": []})

XML = (
    "<domain id='1'><name>instance-1</name><uuid>i1</uuid><devices><interface type='bridge'>"
    "<mac address='fa:16:3e:00:00:01'/><target dev='tap1'/></interface></devices></domain>"
)


def device(name: str, *cidrs: str, **more: Any) -> dict[str, Any]:
    """Answer a device as `ip -j` prints it."""
    rows = [{"local": c.split("/")[0], "prefixlen": int(c.split("/")[1]), "scope": "global"} for c in cidrs]
    return {"ifname": name, "flags": ["UP"], "operstate": "UP", "link_type": "ether", "addr_info": rows, **more}


def default_resources() -> dict[str, list[dict[str, Any]]]:
    """Answer the lists of the APIs, by path."""
    return {
        "/v3/projects": [{"id": "p1", "name": "demo", "enabled": True}],
        "/v2.0/extensions": [{"alias": alias} for alias in ("agent", "router", "trunk")],
        "/v2.0/agents": [AGENT],
        "/v2.0/networks": [{"id": "n1", "name": "web", "project_id": "p1", "provider:network_type": "vxlan"}],
        "/v2.0/subnets": [{"id": "s1", "network_id": "n1", "cidr": "10.0.0.0/24", "project_id": "p1"}],
        "/v2.0/ports": [{"id": "o1", "network_id": "n1", "device_id": "i1", "mac_address": "fa:16:3e:00:00:01"}],
        "/v2.0/routers": [],
        "/v2.0/floatingips": [],
        "/v2.0/trunks": [],
        "/servers/detail?all_tenants=1": [
            {"id": "i1", "name": "web-1", "tenant_id": "p1", "OS-EXT-SRV-ATTR:host": "h1"}
        ],
        "/os-services": [{"binary": "nova-compute", "host": "h1", "zone": "nova", "state": "up"}],
        "/os-hypervisors/detail": [],
        "/os-availability-zone/detail": [{"zoneName": "nova", "zoneState": {"available": True}, "hosts": {"h1": {}}}],
        "/os-aggregates": [],
    }


def default_commands() -> dict[str, tuple[int, str]]:
    """Answer exit code and text of the commands of any host."""
    return {
        "cat /etc/os-release; arch": (0, "ID=debian\nVERSION_ID=12\nx86_64\n"),
        "hostname; uname -sr": (0, "h1\nLinux 6.1\n"),
        "ip netns": (0, ""),
        "ip -j addr": (0, json.dumps([device("lo"), device("eno1", "10.30.0.1/24")])),
        "ip -j -d link": (0, json.dumps([device("lo"), device("eno1")])),
        "brctl show": (0, "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"),
        "ls -l /sys/class/net": (0, "lrwxrwxrwx 1 root root 0 Nov 1 eno1 -> ../../devices/pci0000:00/net/eno1\n"),
        "ls -1 /proc/net/bonding/": (2, "ls: cannot access '/proc/net/bonding/': No such file or directory\n"),
        "ethtool eno1": (0, "Settings for eno1:\n\tSpeed: 10000Mb/s\n\tLink detected: yes\n"),
        "virsh list --all": (0, " Id   Name         State\n----\n 1    instance-1   running\n"),
        "virsh dumpxml instance-1": (0, XML),
        **{f"ovs-vsctl -f json list {table}": (0, EMPTY_TABLE) for table in ("Bridge", "Port", "Interface")},
    }


@dataclass
class Cloud:
    """The doors. What `resources` or `commands` lacks, or what is an error there, is raised."""

    resources: dict[str, Any] = field(default_factory=default_resources)
    commands: dict[str, tuple[int, str]] = field(default_factory=default_commands)
    regions: tuple[str, ...] = ("r1",)
    unreachable: set[str] = field(default_factory=set)
    tables: dict[str, list[dict[str, Any]]] | None = None
    """The rows of the databases' tables by name; None where nobody gave a way to them."""
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def access(self) -> Access:
        """Answer the doors."""
        return Access(self, self, None if self.tables is None else self)

    def get(self, service: str, path: str, microversion: str | None = None) -> Any:
        """Answer no single resource: a scan asks for lists."""
        raise RequestFailed(f"{service} {path} ({microversion}): not here")

    def get_all(self, service: str, path: str, key: str, microversion: str | None = None) -> list[Any]:
        """Answer a list."""
        self._count(service, path)
        rows = self.resources.get(path)
        if not isinstance(rows, list):
            raise RequestFailed(f"{service} {path} answered {rows}: no {key} ({microversion})")
        return rows

    def catalog(self) -> list[dict[str, Any]]:
        """Answer a catalogue with an endpoint in each region."""
        self._count("identity", "catalogue")
        if not self.regions:
            raise RequestFailed("identity answered 401: the password is wrong")
        endpoints = [{"region": name, "interface": "public", "url": f"http://{name}"} for name in self.regions]
        return [{"type": "compute", "name": "nova", "endpoints": endpoints}]

    def run(self, host: str, command: str) -> Answer:
        """Answer a command."""
        self._count(host, command)
        if host in self.unreachable:
            raise HostUnreachable(f"{host}: no route")
        if command not in self.commands:
            raise CommandFailed(f"{host}: '{command}' timed out after 30 seconds")
        code, text = self.commands[command]
        return Answer(host, command, text, code)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Answer the rows of a table."""
        self._count(table.database, table.name)
        if self.tables is None or table.name not in self.tables:
            raise DatabaseFailed(f"database {table.database}, table {table.name}: there is no such table")
        return [{column: row[column] for column in table.columns} for row in self.tables[table.name]]

    def _count(self, place: str, question: str) -> None:
        with self._lock:
            self.asked[place, question] += 1
