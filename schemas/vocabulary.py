"""The names of things: object types with their place in the tree, and link types."""

from schemas import plugins
from schemas.errors import BadPlugin
from schemas.object_type import Folder as Folder
from schemas.object_type import ObjectType as ObjectType

ENVIRONMENT = "environment"
"""Type of the root of the tree; its id is the environment's name. It is not an object of the inventory."""

UNSEEN = "unseen"
"""Attribute of a scanned document: the attributes that could not be looked at this time. What was known of them
stays known; without it, an attribute that is left out is an attribute that is no longer there."""


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


def _checked(name: str, value: object) -> ObjectType:
    found = plugins.of_type(ObjectType)(name, value)
    if found.name != name:
        raise ValueError(f"calls itself {found.name!r}")
    if not name.isidentifier() or not found.parents:
        raise ValueError("needs a name without dashes and spaces, and a type to stand below")
    return found


OBJECT_TYPES |= plugins.loaded(plugins.OBJECT_TYPES, _checked, {ENVIRONMENT, *OBJECT_TYPES})
LINK_TYPES += tuple(plugin.name for plugin in plugins.installed(plugins.RULES))

for _found in OBJECT_TYPES.values():
    for _parent in _found.parents:
        if _parent not in OBJECT_TYPES and _parent != ENVIRONMENT:
            raise BadPlugin(f"object type {_found.name}: there is no type {_parent} to stand below")


def reversed_link_type(link_type: str) -> str:
    """Answer the same pair of types, the other way round."""
    source, target = link_type.split("-")
    return f"{target}-{source}"
