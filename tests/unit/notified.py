"""A small cloud that a scan has seen, and notifications about it.

All of them are made by hand, in the shape in which Nova's and Neutron's documentation describes them: they stand for
the types that no recording of a real cloud holds. Recorded ones are in tests/e2e/test_notifications_of_a_real_cloud.py.
"""

from collections.abc import Iterable
from typing import Any

from projections.change import Change
from projections.fold import Fold
from projections.inventory import Obj
from schemas.canonical import Document, encode
from schemas.events import (
    Entry,
    Event,
    FetchFailed,
    NotificationReceived,
    ObjectsSeen,
    Payload,
    ScanFinished,
    ScanStarted,
    Scope,
)

SECOND = 1_000_000
NOON = 1_795_000_000 * SECOND
"""When the first notification is sent, microseconds since 1970."""

NOVA, NEUTRON = "nova-compute:h1", "network.n1"
REGION = ("region", "R")
LISTS = ("network", "subnet", "port", "router", "floating-ip", "trunk", "homeless-instance")

Row = tuple[str, str, str, str, str, str, str, Document]
"""Entry, scope's parent type and id, type, parent type and id, id, document."""


def port(network: str, device: str, mac: str, host: str, owner: str = "compute:az") -> Document:
    """Answer a port as Neutron answers it to an administrator, without id."""
    return {
        "name": "",
        "network_id": network,
        "device_id": device,
        "device_owner": owner,
        "mac_address": mac,
        "project_id": "p",
        "admin_state_up": True,
        "status": "ACTIVE",
        "binding:host_id": host,
        "binding:vif_type": "ovs",
        "binding:profile": {},
        "fixed_ips": [{"subnet_id": "sub", "ip_address": f"10.0.0.{mac[-1]}"}],
        "security_groups": ["sg"],
    }


def server(name: str, host: str | None, **more: Any) -> Document:
    """Answer an instance as a scan writes it."""
    return {
        "name": name,
        "host": host,
        "hypervisor_hostname": host,
        "project_id": "p",
        "vm_state": "active",
        "status": "ACTIVE",
        "power_state": 1,
        "task_state": None,
        "zone": "az",
        "flavor": {"name": "small", "vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 0, "swap": 0, "extra_specs": {}},
        "addresses": {},
        "network": ["net"],
        "security_groups": ["default"],
        "local_name": f"instance-{name}",
        **more,
    }


ADDRESSES = {
    "net": [
        {"OS-EXT-IPS-MAC:mac_addr": "m1", "OS-EXT-IPS:type": "fixed", "addr": "10.0.0.1", "version": 4},
        {"OS-EXT-IPS-MAC:mac_addr": "m1", "OS-EXT-IPS:type": "floating", "addr": "172.0.0.9", "version": 4},
    ]
}


def rows() -> list[Row]:
    """Answer all that the scan sees.

    Instance i hangs on h1 by port pa, router r on n1 leads from net to out, floating IP f to pa; trunk t has parent pa
    and sub-port pb, which is on net2.
    """
    region, project = REGION, ("project", "p")
    environment = ("environment", "lab")
    found: list[Row] = [
        ("region", *environment, "region", *environment, "R", {"name": "R"}),
        ("project", *environment, "project", *environment, "p", {"name": "p"}),
        ("network", *region, "network", *project, "net", network("net", ["10.0.0.0/24"], ["sub"])),
        ("network", *region, "network", *project, "net2", network("net2")),
        ("network", *region, "network", *project, "out", network("out")),
        ("subnet", *region, "subnet", "network", "net", "sub", {"name": "sub", "cidr": "10.0.0.0/24"}),
        ("router", *region, "router", *project, "r", router("out")),
        ("trunk", *region, "trunk", *project, "t", trunk("pa", "pb")),
        ("floating-ip", *region, "floating_ip", *project, "f", floating("pa", "r")),
    ]
    ports = {
        "pa": port("net", "i", "m1", "h1"),
        "pb": port("net2", "t", "m2", "h1", "trunk:subport"),
        "pr": port("net", "r", "m3", "n1", "network:router_interface"),
        "pg": port("out", "r", "m4", "n1", "network:router_gateway"),
        "pf": port("out", "f", "m5", "", "network:floatingip"),
        "pd": port("net", "dhcp-net", "m6", "n1", "network:dhcp"),
    }
    found += [("port", *region, "port", "network", doc["network_id"], name, doc) for name, doc in ports.items()]
    for name, kind in (("h1", "Compute"), ("h2", "Compute"), ("n1", "Network")):
        services = {"nova-compute": {"status": "enabled", "state": "up"}}
        document = {"name": name, "host": name, "host_type": [kind], "services": services}
        found.append(("host", *region, "host", "availability_zone", "az", name, document))
    h1, n1 = ("host", "h1"), ("host", "n1")
    i, agent = (
        server("i", "h1", addresses=ADDRESSES, network=["net", "net2"]),
        {"agent_type": "L3 agent", "alive": True},
    )
    found += [
        ("instance", *h1, "instance", *h1, "i", i),
        ("instance-vnic", *h1, "vnic", "instance", "i", "h1-tapa", vnic("i", "tapa", "m1")),
        ("linux-bridge", *h1, "vconnector", *h1, "h1-qbra", bridge("h1", "qbra", "tapa", "qvba")),
        (
            "network-agent",
            *n1,
            "network_agent",
            *n1,
            "neutron-l3-agent-a1",
            {"name": "l3", "admin_state_up": True, **agent},
        ),
        (
            "vservice",
            *n1,
            "vservice",
            *n1,
            "n1-qrouter-r",
            vservice("n1", "router", router_id="r", network=["net", "out"]),
        ),
        ("vservice", *n1, "vservice", *n1, "n1-qdhcp-net", vservice("n1", "dhcp", network_id="net", network=["net"])),
        ("aggregate", *region, "aggregate", *region, "7", {"name": "fast", "hosts": ["h1"], "metadata": {}}),
        ("host-ref", "aggregate", "7", "host_ref", "aggregate", "7", "aggregate-fast-h1", {"name": "h1", "host": "h1"}),
    ]
    return found


def network(name: str, cidrs: Iterable[str] = (), subnets: Iterable[str] = ()) -> Document:
    """Answer a network as a scan writes it."""
    made = {"provider:network_type": "vxlan", "provider:physical_network": None, "provider:segmentation_id": 7}
    return {"name": name, "project_id": "p", "cidrs": list(cidrs), "subnet_ids": list(subnets), **made}


def router(outer: str | None) -> Document:
    """Answer a router as a scan writes it."""
    gateway = {"network_id": outer, "external_fixed_ips": []} if outer else None
    return {"name": "r", "project_id": "p", "external_gateway_info": gateway, "admin_state_up": True, "routes": []}


def trunk(parent: str, *subs: str) -> Document:
    """Answer a trunk as a scan writes it."""
    ports = [{"port_id": sub, "segmentation_type": "vlan", "segmentation_id": 5} for sub in subs]
    return {"name": "t", "project_id": "p", "port_id": parent, "sub_ports": ports}


def floating(port_id: str | None, router_id: str | None) -> Document:
    """Answer a floating IP as a scan writes it."""
    return {
        "name": "172.0.0.9",
        "project_id": "p",
        "floating_ip_address": "172.0.0.9",
        "fixed_ip_address": "10.0.0.1" if port_id else None,
        "port_id": port_id,
        "router_id": router_id,
        "status": "ACTIVE",
    }


def vnic(instance: str, device: str, mac: str) -> Document:
    """Answer an instance's vNIC on h1 as a scan writes it."""
    plug = {"device": device, "mac_address": mac, "source_bridge": f"qbr{device[3:]}"}
    return {"name": device, "host": "h1", "vnic_type": "instance_vnic", "instance_id": instance, "state": "up", **plug}


def bridge(host: str, name: str, *interfaces: str) -> Document:
    """Answer a bridge as a scan writes it."""
    plugged: Document = {interface: {} for interface in interfaces}
    return {
        "name": f"{host}-{name}",
        "host": host,
        "bridge_name": name,
        "connector_type": "bridge",
        "interfaces": plugged,
    }


def vservice(host: str, kind: str, **more: Any) -> Document:
    """Answer a namespace as a scan writes it."""
    return {"name": kind, "host": host, "service_type": kind, **more}


# -- what is told ------------------------------------------------------------------------------------------


def nova_object(name: str, data: Document) -> Document:
    """Answer the envelope of a versioned object of Nova."""
    return {
        "nova_object.name": name,
        "nova_object.namespace": "nova",
        "nova_object.version": "1.0",
        "nova_object.data": data,
    }


def versioned(uuid: str = "i", host: str | None = "h1", state: str = "active", **more: Any) -> Document:
    """Answer the payload of a versioned notification about an instance."""
    sizes = {"vcpus": 1, "memory_mb": 512, "root_gb": 1, "ephemeral_gb": 0, "swap": 0, "extra_specs": {}}
    power = {"active": "running", "stopped": "shutdown", "paused": "paused", "suspended": "shutdown"}
    data = {
        "uuid": uuid,
        "display_name": more.pop("name", uuid),
        "display_description": None,
        "host_name": uuid,
        "host": host,
        "node": host,
        "tenant_id": "p",
        "user_id": "u",
        "availability_zone": "az",
        "flavor": nova_object("FlavorPayload", {"name": "small", **sizes}),
        "image_uuid": "image",
        "key_name": None,
        "locked": False,
        "metadata": {},
        "state": state,
        "power_state": power.get(state, "pending"),
        "task_state": None,
        "created_at": "2026-11-22T12:00:00Z",
        "launched_at": "2026-11-22T12:00:09Z",
        "terminated_at": None,
        "updated_at": None,
        "ip_addresses": [],
        **more,
    }
    return nova_object("InstanceActionPayload", data)


def ip(mac: str, address: str, label: str = "net") -> Document:
    """Answer an address in a versioned notification."""
    return nova_object("IpPayload", {"label": label, "mac": mac, "address": address, "version": 4, "meta": {}})


def unversioned(instance_id: str = "i", host: str | None = "h1", state: str = "active", **more: Any) -> Document:
    """Answer the payload of a notification about an instance, as older clouds send it."""
    return {
        "instance_id": instance_id,
        "display_name": instance_id,
        "hostname": instance_id,
        "host": host or "",
        "node": host or "",
        "tenant_id": "p",
        "user_id": "u",
        "availability_zone": "az",
        "instance_type": "small",
        "vcpus": 1,
        "memory_mb": 512,
        "root_gb": 1,
        "ephemeral_gb": 0,
        "image_ref_url": "http://glance:9292/images/image",
        "state": state,
        "state_description": "",
        "metadata": [],
        "created_at": "2026-11-22 12:00:00+00:00",
        "launched_at": "2026-11-22T12:00:09.123456",
        "terminated_at": "",
        "deleted_at": "",
        **more,
    }


def resource(kind: str, resource_id: str, revision: int = 1, /, **more: Any) -> Document:
    """Answer a resource of Neutron as notifications hold it, under its key."""
    return {kind: {"id": resource_id, "tenant_id": "p", "project_id": "p", "revision_number": revision, **more}}


class Lab:
    """The small cloud as folded, event by event."""

    def __init__(self, *, scanned: bool = True) -> None:
        """Begin with a scan of the small cloud."""
        self.fold = Fold("lab")
        self.entries: list[Entry] = []
        self.now = NOON
        if scanned:
            self.scan(rows())

    def take(self, payload: Payload, at: int | None = None) -> list[Change]:
        """Fold one event."""
        number = len(self.entries)
        event = Event(f"00000000-0000-0000-0000-{number:012}", "lab", "test", at or self.now, None, payload)
        self.entries.append(Entry(number, self.now, event))
        return self.fold.apply(self.entries[-1])

    def scan(
        self, seen: Iterable[Row], covered: Iterable[Scope] | None = None, origin: str = "bundle:b", begun: bool = False
    ) -> None:
        """Fold a scan that sees these rows and covers their scopes and the lists of the region."""
        found = list(seen)
        if not begun:
            self.begin(origin)
        for row in found:
            self.see(row)
        scopes = {Scope(*row[:3]) for row in found} | {Scope(entry, *REGION) for entry in LISTS}
        self.finish(scopes if covered is None else covered)

    def begin(self, origin: str = "bundle:b") -> None:
        """Begin a scan."""
        self.take(ScanStarted("s", origin, b"{}"))

    def see(self, row: Row) -> list[Change]:
        """Let the open scan see an object."""
        entry, scope_type, scope_id, object_type, parent_type, parent_id, object_id, document = row
        place = Scope(entry, scope_type, scope_id)
        return self.take(ObjectsSeen("s", place, object_type, parent_type, parent_id, [object_id], [encode(document)]))

    def fail(self, scope: Scope) -> None:
        """Let the open scan not be able to look."""
        self.take(FetchFailed("s", scope, "vnic", None, "virsh list", "timed out"))

    def finish(self, covered: Iterable[Scope]) -> None:
        """Finish the open scan."""
        order = sorted(covered, key=lambda scope: (scope.entry, scope.parent_type, scope.parent_id))
        self.take(ScanFinished("s", "completed", order))

    def tell(self, event_type: str, payload: Any, after: float = 1, publisher: str | None = None) -> list[Change]:
        """Fold a notification that is sent so many seconds after the one before."""
        self.now += round(after * SECOND)
        message = {"event_type": event_type, "payload": payload, "message_id": str(len(self.entries))}
        sender = publisher or (NOVA if "instance" in event_type else NEUTRON)
        return self.take(NotificationReceived("m", event_type, sender, "x", "notifications.info", encode(message)))

    def find(self, object_type: str, object_id: str) -> Obj | None:
        """Answer an object, or None."""
        return self.fold.inventory.get(object_type, object_id)

    def there(self, object_type: str, object_id: str) -> Obj:
        """Answer an object that must be there."""
        obj = self.find(object_type, object_id)
        assert obj is not None, f"no {object_type} {object_id}"
        return obj

    @property
    def asked(self) -> set[str]:
        """Answer the targets, as `type id`."""
        return {f"{ref.type} {ref.id}" for ref in self.fold.ledger.targets}

    def links(self, link_type: str) -> set[tuple[str, str]]:
        """Answer the links of a type by the ids of their ends."""
        return {(link.source.id, link.target.id) for link in self.fold.links if link.type == link_type}
