"""What only the databases of Neutron and Nova tell of objects that their APIs name.

Each is asked for once for all objects, and only where the environment has a way to its databases.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from producers.access import Table
from producers.found import Found
from producers.look import Look
from producers.parse import tables
from schemas.canonical import Document

_AGENTS: Final = Table("neutron", "agents", ("id", "host"))
_BINDING: Final = ("port_id", "host", "status", "vif_type", "vnic_type")
_OVERLAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "vxlan": ("ip_address", "udp_port", "host"),
    "geneve": ("ip_address", "host"),
    "gre": ("ip_address", "host"),
}
"""The columns of `ml2_<overlay>_endpoints`."""


def port_bindings(look: Look, port: Found) -> Document:
    """Answer `bindings`: every host that the port is bound on, by which driver, on which segment."""
    return {"bindings": _known(look, "port bindings", _port_bindings).get(port.id, [])}


def provisioning_blocks(look: Look, port: Found) -> Document:
    """Answer `provisioning_blocks`: what the port waits for before it may be up."""
    return {"provisioning_blocks": _known(look, "provisioning blocks", _blocks).get(port.id, [])}


def router_agents(look: Look, router: Found) -> Document:
    """Answer `l3_agents`: who runs the router, and which of them is active. OVN runs routers without agents."""
    if "OVN" in look.settings.mechanism_drivers:
        return {}
    return {"l3_agents": _known(look, "agents of routers", _router_agents).get(router.id, [])}


def dhcp_agents(look: Look, network: Found) -> Document:
    """Answer `dhcp_agents`: who serves the network. OVN serves it without agents."""
    if "OVN" in look.settings.mechanism_drivers:
        return {}
    return {"dhcp_agents": _known(look, "agents of networks", _dhcp_agents).get(network.id, [])}


def network_info(look: Look, instance: Found) -> Document:
    """Answer `network_info`: how Nova plugged the instance, also one whose hypervisor is not libvirt."""
    return {"network_info": _known(look, "network info", _network_info).get(instance.id, [])}


def registration(look: Look, otep: Found) -> Document:
    """Answer `registered`: what Neutron tells all other hosts of this tunnel end; None where it does not know it.

    OVN keeps its tunnel ends in a database of its own.
    """
    overlay = str(otep.document.get("overlay_type"))
    if overlay not in _OVERLAYS or "OVN" in look.settings.mechanism_drivers:
        return {}
    table = Table("neutron", f"ml2_{overlay}_endpoints", _OVERLAYS[overlay])
    ends = look.shared(("tunnel ends", overlay), lambda: tables.endpoints(look.rows(table)))
    return {"registered": ends.get(otep.document["host"])}


def _known(look: Look, name: str, build: Callable[[Look], dict[str, Any]]) -> dict[str, Any]:
    return look.shared(("records", name), lambda: build(look))


def _port_bindings(look: Look) -> dict[str, Any]:
    bound = [look.rows(Table("neutron", f"ml2_{kind}port_bindings", _BINDING)) for kind in ("", "distributed_")]
    levels = look.rows(
        Table("neutron", "ml2_port_binding_levels", ("port_id", "host", "level", "driver", "segment_id"))
    )
    columns = ("id", "network_type", "physical_network", "segmentation_id")
    segments = look.rows(Table("neutron", "networksegments", columns))
    return tables.port_bindings([row for rows in bound for row in rows], levels, segments)


def _blocks(look: Look) -> dict[str, Any]:
    ports = look.rows(Table("neutron", "ports", ("id", "standard_attr_id")))
    return tables.blocks(ports, look.rows(Table("neutron", "provisioningblocks", ("standard_attr_id", "entity"))))


def _router_agents(look: Look) -> dict[str, Any]:
    bindings = look.rows(Table("neutron", "routerl3agentbindings", ("router_id", "l3_agent_id")))
    columns = ("router_id", "l3_agent_id", "state")
    high_availability = look.rows(Table("neutron", "ha_router_agent_port_bindings", columns))
    return tables.router_agents(bindings, high_availability, look.rows(_AGENTS))


def _dhcp_agents(look: Look) -> dict[str, Any]:
    bindings = look.rows(Table("neutron", "networkdhcpagentbindings", ("network_id", "dhcp_agent_id")))
    return tables.dhcp_agents(bindings, look.rows(_AGENTS))


def _network_info(look: Look) -> dict[str, Any]:
    return tables.network_info(
        look.rows(Table("nova", "instance_info_caches", ("instance_uuid", "network_info", "deleted")))
    )
