"""Nova's resources as documents."""

from collections.abc import Iterable

from schemas.canonical import Document
from schemas.neutron import in_order

_SERVER = {
    "OS-EXT-SRV-ATTR:instance_name": "local_name",
    "OS-EXT-SRV-ATTR:host": "host",
    "OS-EXT-SRV-ATTR:hypervisor_hostname": "hypervisor_hostname",
    "OS-EXT-SRV-ATTR:hostname": "hostname",
    "OS-EXT-AZ:availability_zone": "zone",
    "OS-EXT-STS:vm_state": "vm_state",
    "OS-EXT-STS:power_state": "power_state",
    "OS-EXT-STS:task_state": "task_state",
    "OS-SRV-USG:launched_at": "launched_at",
    "OS-SRV-USG:terminated_at": "terminated_at",
    "status": "status",
    "user_id": "user_id",
    "created": "created",
    "updated": "updated",
    "description": "description",
    "metadata": "metadata",
    "key_name": "key_name",
    "config_drive": "config_drive",
    "locked": "locked",
    "host_status": "host_status",
    "fault": "fault",
}
"""What is kept of a server, by a chosen list: user data, passwords and injected files never leave Nova's answer."""

_SERVICE_LEFT_OUT = {"binary", "host", "id", "zone"}
_HYPERVISOR_LEFT_OUT = {"id", "service", "servers", "links", "host_ip", "cpu_info"}
_LOCATING = {"nova-conductor": "Controller", "nova-scheduler": "Controller", "nova-compute": "Compute"}
_NETWORKING = {"DHCP agent", "L3 agent", "Metadata agent", "OVN Controller Gateway agent"}


def instance(body: Document, networks: Iterable[str]) -> Document:
    """Answer a server; `networks` are the ids of the networks that it stands on."""
    document = {ours: body[theirs] for theirs, ours in _SERVER.items() if theirs in body}
    document |= {"name": body.get("name") or body["id"], "project_id": body.get("tenant_id")}
    document["host"] = document.get("host") or None
    document["zone"] = document.get("zone") or None
    document["image_id"] = (body.get("image") or {}).get("id")
    document["flavor"] = _flavor(body.get("flavor") or {})
    document["addresses"] = {name: in_order(found) for name, found in (body.get("addresses") or {}).items()}
    document["security_groups"] = sorted({group["name"] for group in body.get("security_groups", [])})
    document["tags"] = sorted(body.get("tags", []))
    document["volumes"] = sorted(volume["id"] for volume in body.get("os-extended-volumes:volumes_attached", []))
    document["network"] = sorted(set(networks))
    return document


def availability_zone(body: Document) -> Document:
    """Answer a zone with the names of its hosts, sorted."""
    available = (body.get("zoneState") or {}).get("available")
    return {"name": body["zoneName"], "available": available, "hosts": sorted(body.get("hosts") or {})}


def aggregate(body: Document) -> Document:
    """Answer an aggregate."""
    kept = ("name", "availability_zone", "metadata", "uuid", "created_at", "updated_at")
    document = {key: body[key] for key in kept if key in body}
    document["hosts"] = sorted(body.get("hosts") or [])
    return document


def hosts(
    services: Iterable[Document],
    hypervisors: Iterable[Document],
    agents: Iterable[Document],
    zones: Iterable[str],
) -> dict[str, Document]:
    """Answer every host that Nova's services or Neutron's agents name, by name.

    Its zone is the one of nova-compute, else the first that one of its services names, among the `zones` that exist.
    Compute: runs nova-compute. Controller: runs a conductor or scheduler. Network: has a DHCP, L3 or metadata agent,
    or is a gateway of OVN.
    A type is not lost by being down: whether a service is up stands in `services`.
    """
    existing = set(zones)
    found: dict[str, Document] = {}
    for service in sorted(services, key=lambda row: (row["host"], row["binary"] != "nova-compute", row["binary"])):
        host = found.setdefault(service["host"], _host(service["host"]))
        host["services"][service["binary"]] = {k: v for k, v in service.items() if k not in _SERVICE_LEFT_OUT}
        _add_type(host, _LOCATING.get(service["binary"]))
        if host["zone"] is None and service.get("zone") in existing:
            host["zone"] = service["zone"]
    for agent in agents:
        host = found.setdefault(agent["host"], _host(agent["host"]))
        _add_type(host, "Network" if agent["agent_type"] in _NETWORKING else None)
    for name, hypervisor in _by_host(hypervisors).items():
        if name in found:
            found[name] |= _hypervisor(hypervisor)
    return found


def _flavor(body: Document) -> Document:
    kept = {key: value for key, value in body.items() if key not in ("links", "original_name")}
    return kept | ({"name": body["original_name"]} if "original_name" in body else {})


def _host(name: str) -> Document:
    return {"name": name, "host": name, "zone": None, "host_type": [], "services": {}, "ip_address": None}


def _add_type(host: Document, host_type: str | None) -> None:
    if host_type is not None and host_type not in host["host_type"]:
        host["host_type"] = sorted([*host["host_type"], host_type])


def _by_host(hypervisors: Iterable[Document]) -> dict[str, Document]:
    """Answer one hypervisor per host: the first by name where one service drives many (bare metal)."""
    found: dict[str, Document] = {}
    for hypervisor in sorted(hypervisors, key=lambda row: str(row["hypervisor_hostname"])):
        found.setdefault(hypervisor["service"]["host"], hypervisor)
    return found


def _hypervisor(body: Document) -> Document:
    kept = {key: value for key, value in body.items() if key not in _HYPERVISOR_LEFT_OUT}
    return kept | {"ip_address": body.get("host_ip")}
