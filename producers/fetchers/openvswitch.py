"""The Open vSwitch of a host: its vEdge, the end of its tunnels, and the bridges that Neutron does not manage."""

from collections.abc import Iterator

from producers.fetchers import host as on
from producers.fetchers.bridge import interface, vconnector
from producers.fetchers.steering import steering
from producers.found import Found
from producers.look import Look
from producers.parse.ip import Devices, below, holder
from producers.parse.ovsdb import TUNNELS, Bridge
from schemas import neutron
from schemas.canonical import Document

_STEERED = ("OVS", "OVN")
"""The types of vEdges that an Open vSwitch makes."""

_UDP_PORTS = {"vxlan": 4789, "geneve": 6081}
"""The ports that IANA gave; what has none of its own (gre) runs without UDP."""


def fetch_vedges(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the vEdge of a host: the integration, tunnel and provider bridges as one switch.

    A host without agent has one if it has an integration bridge all the same.
    """
    by = steering(look, parent.id)
    bridges = _switch(look, parent.id, expected=by.expected)
    managed = {name: bridge for name, bridge in bridges.items() if name in by.managed(bridges)}
    if by.agent is None and not managed:
        return
    devices = on.devices(look, parent.id) if managed else {}
    document = {} if by.agent is None else neutron.agent(by.agent)
    document |= {
        **by.attributes,
        "name": f"{parent.id}-{by.vedge_type}",
        "host": parent.id,
        "vedge_type": by.vedge_type,
        "bridges": {name: bridge.document for name, bridge in managed.items()},
        "ports": _ports(managed, devices),
        "bridge_mappings": by.bridge_mappings,
    }
    yield parent.child("vedge", by.vedge_id, document)


def fetch_ovs_bridges(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the bridges of a host's Open vSwitch that are not its vEdge's."""
    by = steering(look, parent.id)
    bridges = _switch(look, parent.id, expected=by.expected)
    managed = by.managed(bridges)
    others = [bridge for name, bridge in bridges.items() if name not in managed]
    devices = on.devices(look, parent.id) if others else {}
    for bridge in others:
        document = vconnector(parent.id, bridge.name, "ovs_bridge", devices)
        document |= {key: bridge.document[key] for key in ("datapath_type", "fail_mode", "stp_enabled")}
        document["interfaces"] = {name: _interface(devices, name, port) for name, port in bridge.ports.items()}
        yield parent.child("vconnector", f"{parent.id}-{bridge.name}", document)


def fetch_oteps(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the tunnel end point of a vEdge, if it was given a tunnelling address."""
    host = parent.document["host"]
    if parent.document["vedge_type"] not in _STEERED:
        return
    by = steering(look, host)
    if not by.address:
        return
    tunnels = {name: port for name, port in parent.document["ports"].items() if port["type"] in TUNNELS}
    overlay = _overlay_type(by.overlays, tunnels)
    devices = on.devices(look, host)
    at = holder(devices, by.address)
    document = {
        "name": f"{host}-otep",
        "host": host,
        "ip_address": by.address,
        "overlay_type": overlay,
        "udp_port": _udp_port(overlay, tunnels),
        "interface": at,
        "lower": below(devices, at) if at else [],
        "ports": {name: _tunnel(port) for name, port in tunnels.items()},
    }
    yield parent.child("otep", f"{host}-otep", document)


def _switch(look: Look, host: str, *, expected: bool) -> dict[str, Bridge]:
    """Answer the bridges; none where Open vSwitch is not installed and nobody expects it to be."""
    if not expected and not on.has_switch(look, host):
        return {}
    return on.switch(look, host)


def _ports(bridges: dict[str, Bridge], devices: Devices) -> dict[str, Document]:
    return {name: _port(devices, b.name, name, port) for b in bridges.values() for name, port in b.ports.items()}


def _port(devices: Devices, bridge: str, name: str, port: Document) -> Document:
    lower = below(devices, name)
    return {"bridge": bridge, **port, **({"lower": lower} if lower else {})}


def _interface(devices: Devices, name: str, port: Document) -> Document:
    """Answer a port as an interface: what Open vSwitch does not know of it, the host may."""
    known = {key: value for key, value in interface(devices, name).items() if port.get(key) is None}
    return {**port, **known}


def _overlay_type(configured: tuple[str, ...], tunnels: dict[str, Document]) -> str | None:
    """Answer the first of the configured types that has a tunnel, else the first."""
    built = {port["type"] for port in tunnels.values()}
    return next((kind for kind in configured if kind in built), configured[0] if configured else None)


def _udp_port(overlay: str | None, tunnels: dict[str, Document]) -> int | None:
    given = sorted(port["dst_port"] for port in tunnels.values() if port["type"] == overlay and "dst_port" in port)
    return int(given[0]) if given else _UDP_PORTS.get(overlay or "")


def _tunnel(port: Document) -> Document:
    return {key: port.get(key) for key in ("type", "local_ip", "remote_ip")}
