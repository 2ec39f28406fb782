"""The Open vSwitch of a host: its vEdge, the end of its tunnels, and the bridges that Neutron does not manage."""

from collections.abc import Iterator

from producers.fetchers import cloud
from producers.fetchers import host as on
from producers.fetchers.bridge import interface, vconnector
from producers.found import Found
from producers.look import Look
from producers.parse.ip import Devices, below
from producers.parse.ovsdb import TUNNELS, Bridge
from schemas import neutron
from schemas.canonical import Document

_AGENT = "Open vSwitch agent"
_UDP_PORTS = {"vxlan": 4789, "geneve": 6081}
"""The ports that IANA gave; what has none of its own (gre) runs without UDP."""


def fetch_vedges(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the vEdge of a host: the integration, tunnel and provider bridges as one switch.

    A host without agent has one if it has an integration bridge all the same.
    """
    agent = _agent(look, parent.id)
    bridges = _switch(look, parent.id, expected=agent is not None)
    managed = {name: bridge for name, bridge in bridges.items() if name in _managed(agent, bridges)}
    if agent is None and not managed:
        return
    devices = on.devices(look, parent.id) if managed else {}
    document = {} if agent is None else neutron.agent(agent)
    document |= {
        "name": f"{parent.id}-OVS",
        "host": parent.id,
        "vedge_type": "OVS",
        "bridges": {name: bridge.document for name, bridge in managed.items()},
        "ports": _ports(managed, devices),
        "bridge_mappings": _mappings(agent),
    }
    yield parent.child("vedge", agent["id"] if agent else f"{parent.id}-OVS", document)


def fetch_ovs_bridges(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the bridges of a host's Open vSwitch that are not its vEdge's."""
    agent = _agent(look, parent.id)
    bridges = _switch(look, parent.id, expected=agent is not None)
    managed = _managed(agent, bridges)
    others = [bridge for name, bridge in bridges.items() if name not in managed]
    devices = on.devices(look, parent.id) if others else {}
    for bridge in others:
        document = vconnector(parent.id, bridge.name, "ovs_bridge", devices)
        document |= {key: bridge.document[key] for key in ("datapath_type", "fail_mode", "stp_enabled")}
        document["interfaces"] = {name: _interface(devices, name, port) for name, port in bridge.ports.items()}
        yield parent.child("vconnector", f"{parent.id}-{bridge.name}", document)


def fetch_oteps(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the tunnel end point of a vEdge, if its agent has a tunnelling address."""
    host, configurations = parent.document["host"], parent.document.get("configurations", {})
    address = configurations.get("tunneling_ip")
    if not address:
        return
    tunnels = {name: port for name, port in parent.document["ports"].items() if port["type"] in TUNNELS}
    overlay = _overlay_type(configurations.get("tunnel_types") or [], tunnels)
    devices = on.devices(look, host)
    holder = _holder(devices, address)
    document = {
        "name": f"{host}-otep",
        "host": host,
        "ip_address": address,
        "overlay_type": overlay,
        "udp_port": _udp_port(overlay, tunnels),
        "interface": holder,
        "lower": below(devices, holder) if holder else [],
        "ports": {name: _tunnel(port) for name, port in tunnels.items()},
    }
    yield parent.child("otep", f"{host}-otep", document)


def _agent(look: Look, host: str) -> Document | None:
    found = (body for body in cloud.agents_by_host(look).get(host, []) if body["agent_type"] == _AGENT)
    return min(found, key=lambda body: str(body["id"]), default=None)


def _switch(look: Look, host: str, *, expected: bool) -> dict[str, Bridge]:
    """Answer the bridges; none where Open vSwitch is not installed and nobody expects it to be."""
    if not expected and not on.has_switch(look, host):
        return {}
    return on.switch(look, host)


def _configurations(agent: Document | None) -> Document:
    return (agent or {}).get("configurations") or {}


def _mappings(agent: Document | None) -> dict[str, str]:
    return _configurations(agent).get("bridge_mappings") or {}


def _managed(agent: Document | None, bridges: dict[str, Bridge]) -> set[str]:
    """Answer the names of the bridges that Neutron manages; none without an agent and an integration bridge."""
    integration = _configurations(agent).get("integration_bridge") or "br-int"
    if agent is None and integration not in bridges:
        return set()
    tunnel = _configurations(agent).get("tunnel_bridge") or "br-tun"
    return {integration, tunnel, *_mappings(agent).values()}


def _ports(bridges: dict[str, Bridge], devices: Devices) -> dict[str, Document]:
    return {name: _port(devices, b.name, name, port) for b in bridges.values() for name, port in b.ports.items()}


def _port(devices: Devices, bridge: str, name: str, port: Document) -> Document:
    lower = below(devices, name)
    return {"bridge": bridge, **port, **({"lower": lower} if lower else {})}


def _interface(devices: Devices, name: str, port: Document) -> Document:
    """Answer a port as an interface: what Open vSwitch does not know of it, the host may."""
    known = {key: value for key, value in interface(devices, name).items() if port.get(key) is None}
    return {**port, **known}


def _overlay_type(configured: list[str], tunnels: dict[str, Document]) -> str | None:
    """Answer the first of the agent's tunnel types that has a tunnel, else its first."""
    built = {port["type"] for port in tunnels.values()}
    return next((kind for kind in configured if kind in built), configured[0] if configured else None)


def _udp_port(overlay: str | None, tunnels: dict[str, Document]) -> int | None:
    given = sorted(port["dst_port"] for port in tunnels.values() if port["type"] == overlay and "dst_port" in port)
    return int(given[0]) if given else _UDP_PORTS.get(overlay or "")


def _holder(devices: Devices, address: str) -> str | None:
    """Answer the device that holds an address: a bridge, a NIC or a VLAN device."""
    return next((name for name in sorted(devices) if _holds(devices[name], address)), None)


def _holds(device: Document, address: str) -> bool:
    return any(cidr.rsplit("/", 1)[0] == address for cidr in device.get("addresses", []))


def _tunnel(port: Document) -> Document:
    return {key: port.get(key) for key in ("type", "local_ip", "remote_ip")}
