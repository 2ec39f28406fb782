"""What Neutron's Linux bridge agent makes of a host: its vEdge, and the ends of its tunnels.

The bridges themselves are vConnectors. The vEdge is what they have in common: the ways out of the host, one port for
each device by which a bridge leaves it.
"""

from collections.abc import Iterator

from producers.fetchers import bridge as bridges_of
from producers.fetchers import cloud
from producers.fetchers import host as on
from producers.found import Found
from producers.look import Look
from producers.parse.brctl import Bridges
from producers.parse.fdb import parse_remote_ends
from producers.parse.ip import Devices, below, holder
from schemas import neutron
from schemas.canonical import Document
from schemas.errors import CommandFailed
from schemas.vocabulary import UNSEEN

AGENT = "Linux bridge agent"
_PLUG = "tap"
"""How the devices are called that Nova, and the agents of DHCP and routers, plug into a bridge."""


def fetch_vedges(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the vEdge of a host; one without agent has one if it has a network's bridge all the same."""
    host = parent.id
    agent = next((body for body in cloud.agents_by_host(look).get(host, []) if body["agent_type"] == AGENT), None)
    told = (agent or {}).get("configurations") or {}
    managed = _managed(bridges_of.bridges(look, host), told)
    if agent is None and not managed:
        return
    document = {} if agent is None else neutron.agent(agent)
    document |= {
        "name": f"{host}-LXB",
        "host": host,
        "vedge_type": "LXB",
        "bridges": {},
        "ports": _ports(managed, on.devices(look, host)),
        "bridge_mappings": {},
        "device_mappings": {physical: [name] for physical, name in (told.get("interface_mappings") or {}).items()},
    }
    yield parent.child("vedge", agent["id"] if agent else f"{host}-LXB", document)


def _managed(bridges: Bridges, told: Document) -> Bridges:
    mapped = set((told.get("bridge_mappings") or {}).values())
    return {name: row for name, row in bridges.items() if name.startswith(bridges_of.OF_NETWORK) or name in mapped}


def _ports(bridges: Bridges, devices: Devices) -> dict[str, Document]:
    return {
        name: _port(bridge, name, devices)
        for bridge in sorted(bridges)
        for name in bridges[bridge]["interfaces"]
        if not name.startswith(_PLUG)
    }


def _port(bridge: str, name: str, devices: Devices) -> Document:
    device = devices.get(name, {})
    kind = device.get("kind")
    document = {
        "bridge": bridge,
        "type": kind if kind in ("vlan", "vxlan") else "",
        "tag": device.get("vlan_id"),
        "mac_address": device.get("mac_address"),
        "state": device.get("state", "down"),
    }
    lower = below(devices, name)
    return document | ({"lower": lower} if lower else {})


def fetch_oteps(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the ends of the tunnels of a vEdge: one for each network that is tunnelled, for each has a device."""
    host = parent.document["host"]
    if parent.document["vedge_type"] != "LXB":
        return
    tunnels = {name: port for name, port in parent.document["ports"].items() if port["type"] == "vxlan"}
    devices = on.devices(look, host) if tunnels else {}
    for name, port in tunnels.items():
        document = _otep(host, name, port, devices, parent.document.get("configurations") or {})
        yield parent.child("otep", f"{host}-otep-{name}", document | _remote_ends(look, host, name))


def _otep(host: str, name: str, port: Document, devices: Devices, told: Document) -> Document:
    device = devices.get(name, {})
    address = device.get("local") or told.get("tunneling_ip")
    interface = device.get("underlay") or (holder(devices, address) if address else None)
    return {
        "name": f"{host}-otep-{name}",
        "host": host,
        "device": name,
        "mac_address": device.get("mac_address"),
        "mtu": device.get("mtu"),
        "state": device.get("state", "down"),
        "ip_address": address,
        "overlay_type": port["type"],
        "vni": device.get("vni"),
        "udp_port": device.get("udp_port"),
        "group": device.get("group"),
        "interface": interface,
        "lower": below(devices, interface) if interface else [],
        "vconnector": f"{host}-{port['bridge']}",
        "ports": {name: {"type": port["type"], "local_ip": address, "remote_ip": None}},
    }


def _remote_ends(look: Look, host: str, name: str) -> Document:
    """Answer the hosts that the tunnel floods to; the tunnel is there all the same where nobody tells."""
    try:
        ends = look.shared(("fdb", host), lambda: parse_remote_ends(look.text(host, "bridge fdb show")))
    except CommandFailed:
        return {UNSEEN: ["remote_ips"]}
    return {"remote_ips": ends.get(name, [])}
