"""Neutron's resources as documents: its own names, less what it says twice, and sets in a fixed order."""

import ipaddress
from collections.abc import Iterable

from schemas import canonical
from schemas.canonical import Document

NO_PROJECT = "no-project"
"""The project of what Neutron keeps for itself, such as the network between the routers of an HA pair."""

_LEFT_OUT = {"id", "tenant_id", "links"}
_SETS = (
    "tags",
    "security_groups",
    "fixed_ips",
    "allowed_address_pairs",
    "extra_dhcp_opts",
    "dns_assignment",
    "availability_zones",
    "availability_zone_hints",
    "allocation_pools",
    "host_routes",
    "service_types",
    "routes",
    "sub_ports",
    "port_forwardings",
)


def owner(resource: Document) -> str:
    """Answer the id of the project that owns a resource; NO_PROJECT if none does."""
    return resource.get("project_id") or resource.get("tenant_id") or NO_PROJECT


def resource(body: Document, name: str | None = None) -> Document:
    """Answer a resource's attributes with `name` (else its own, else its id) and `project_id`."""
    document = {key: value for key, value in body.items() if key not in _LEFT_OUT}
    for key in _SETS:
        if isinstance(document.get(key), list):
            document[key] = in_order(document[key])
    document["name"] = name or body.get("name") or body["id"]
    document["project_id"] = body.get("project_id") or body.get("tenant_id") or None
    return document


def network(body: Document, subnets: Iterable[Document]) -> Document:
    """Answer a network with the cidrs of its subnets and their ids, both sorted."""
    own = list(subnets)
    document = resource(body)
    document.pop("subnets", None)
    document["subnet_ids"] = sorted(subnet["id"] for subnet in own)
    document["cidrs"] = sorted({subnet["cidr"] for subnet in own}, key=_cidr_order)
    return document


def port(body: Document) -> Document:
    """Answer a port; one without a name is called by its MAC address."""
    return resource(body, body.get("name") or body.get("mac_address"))


def router(body: Document) -> Document:
    """Answer a router."""
    document = resource(body)
    gateway = document.get("external_gateway_info")
    if gateway:
        addresses = in_order(gateway.get("external_fixed_ips", []))
        document["external_gateway_info"] = {**gateway, "external_fixed_ips": addresses}
    return document


def floating_ip(body: Document) -> Document:
    """Answer a floating IP, called by its address; what it repeats of its port is left to the port."""
    document = resource(body, body["floating_ip_address"])
    document.pop("port_details", None)
    return document


def agent(body: Document) -> Document:
    """Answer an agent, called by its binary."""
    document = {key: value for key, value in body.items() if key != "id"}
    document["name"] = body["binary"]
    document["configurations"] = body.get("configurations") or {}
    return document


def in_order(items: list[object]) -> list[object]:
    """Answer a set that came as a list in an order of its own, in one that never changes."""
    return sorted(items, key=canonical.encode)


def _cidr_order(cidr: str) -> tuple[int, int, int]:
    net = ipaddress.ip_network(cidr, strict=False)
    return net.version, int(net.network_address), net.prefixlen
