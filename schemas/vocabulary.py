"""The names of things: object types with their place in the tree, and link types."""

from dataclasses import dataclass

ENVIRONMENT = "environment"
"""Type of the root of the tree; its id is the environment's name. It is not an object of the inventory."""

UNSEEN = "unseen"
"""Attribute of a scanned document: the attributes that could not be looked at this time. What was known of them
stays known; without it, an attribute that is left out is an attribute that is no longer there."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A node that groups children in the tree. Folders are derived for display, never stored."""

    type: str
    suffix: str
    """The folder's id is its parent's id, a dash, and this."""
    text: str


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One type of object and the folders between it and its parent (outermost first)."""

    name: str
    parents: tuple[str, ...]
    folders: tuple[Folder, ...] = ()


def _type(name: str, parents: str, *folders: Folder) -> ObjectType:
    return ObjectType(name, tuple(parents.split()), folders)


_VSERVICES = Folder("vservices_folder", "vservices", "vServices")

OBJECT_TYPES: dict[str, ObjectType] = {
    t.name: t
    for t in (
        _type("region", ENVIRONMENT, Folder("regions_folder", "regions", "Regions")),
        _type("project", ENVIRONMENT, Folder("projects_folder", "projects", "Projects")),
        _type(
            "availability_zone",
            "region",
            Folder("availability_zones_folder", "availability_zones", "Availability Zones"),
        ),
        _type("aggregate", "region", Folder("aggregates_folder", "aggregates", "Aggregates")),
        _type("host_ref", "aggregate"),
        _type("host", "availability_zone region"),
        _type("network", "project", Folder("networks_folder", "networks", "Networks")),
        _type("subnet", "network", Folder("subnets_folder", "subnets", "Subnets")),
        _type("port", "network", Folder("ports_folder", "ports", "Ports")),
        _type("router", "project", Folder("routers_folder", "routers", "Routers")),
        _type("floating_ip", "project", Folder("floating_ips_folder", "floating_ips", "Floating IPs")),
        _type("trunk", "project", Folder("trunks_folder", "trunks", "Trunks")),
        _type("instance", "host project", Folder("instances_folder", "instances", "Instances")),
        _type("vservice", "host", _VSERVICES),
        _type("vnic", "instance vservice", Folder("vnics_folder", "vnics", "vNICs")),
        _type("host_pnic", "host", Folder("pnics_folder", "pnics", "pNICs")),
        _type("vconnector", "host", Folder("vconnectors_folder", "vconnectors", "vConnectors")),
        _type("vedge", "host", Folder("vedges_folder", "vedges", "vEdges")),
        _type("otep", "vedge"),
        _type("network_agent", "host", Folder("network_agents_folder", "network_agents", "Network agents")),
    )
}

VSERVICE_FOLDERS: dict[str, Folder] = {
    "dhcp": Folder("vservice_dhcps_folder", "dhcps", "DHCP servers"),
    "router": Folder("vservice_routers_folder", "routers", "Gateways"),
    "misc": Folder("vservice_miscellaneous_folder", "miscellaneous", "Misc. services"),
}
"""The folder inside vServices, by the vservice's service_type."""

LINK_TYPES: tuple[str, ...] = (
    "instance-vnic",
    "vservice-vnic",
    "vnic-vconnector",
    "vnic-vedge",
    "vconnector-vedge",
    "vconnector-host_pnic",
    "vedge-host_pnic",
    "vedge-otep",
    "otep-vconnector",
    "otep-host_pnic",
    "host_pnic-network",
    "vnic-port",
    "floating_ip-port",
    "router-vservice",
    "trunk-port",
)
"""The explicit links: one direction of each pair is ever stored, `<source type>-<target type>`."""


def reversed_link_type(link_type: str) -> str:
    """Answer the same pair of types, the other way round."""
    source, target = link_type.split("-")
    return f"{target}-{source}"
