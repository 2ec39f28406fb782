"""Which physical NICs of a host carry which segments: the ways of provider bridges, tunnels and agents."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from projections.inventory import InventoryView, Obj, Question
from projections.vedge_ports import ALL, bridged, by_bridge, by_name
from schemas.canonical import Document

TUNNEL_READS = {
    "vconnector": ("host", "interfaces"),
    "host_pnic": ("host",),
    "otep": ("host", "interface", "lower", "vni", "overlay_type"),
    "network": ("provider:network_type", "provider:segmentation_id"),
}
"""What the ways of tunnels are read from, of each type."""

READS = {
    **TUNNEL_READS,
    "vedge": ("host", "vedge_type", "bridge_mappings", "device_mappings"),
    "host_pnic": ("host", "addresses"),
    "network_agent": ("host", "agent_type", "configurations"),
    "network": ("provider:network_type", "provider:segmentation_id", "provider:physical_network"),
}
"""What is read here, of each type."""


class Uplink(NamedTuple):
    """A NIC that a bridge of the vedge sends a physical network to, and the port by which it does."""

    pnic: Obj
    port: str
    segment: str


def stack(device: str, lower: Iterable[str] = ()) -> Iterator[str]:
    """Yield the device and what it stands on: as told in `lower`, and by the custom of VLAN names (eth0.5, eth0)."""
    yield device
    yield from lower
    while "." in device:
        device = device.rpartition(".")[0]
        yield device


def on_host(view: InventoryView, object_type: str, host: str, device: str) -> Obj | None:
    """Answer the object `<host>-<device>`, but not one of another host whose name happens to read the same."""
    obj = view.get(object_type, f"{host}-{device}")
    return obj if obj is not None and obj.get("host") == host else None


def all_on_host(view: InventoryView, object_type: str, host: str | None) -> list[Obj]:
    """Answer the objects of a type on a host, sorted by id; none where no host is named."""
    return view.where(object_type, "host", host) if host else []


def pnic_under(view: InventoryView, host: str, device: str, lower: Iterable[str] = ()) -> Obj | None:
    """Answer the NIC that the device is, or that it is a VLAN device on."""
    found = (on_host(view, "host_pnic", host, name) for name in stack(device, lower))
    return next((pnic for pnic in found if pnic is not None), None)


def pnics_of(view: InventoryView, vconnector: Obj) -> list[tuple[str, Obj]]:
    """Answer each NIC under an interface of the bridge, with the interface's name, sorted by it."""
    interfaces = vconnector.get("interfaces") or {}
    return _pnics(view, vconnector.get("host"), interfaces, sorted(interfaces))


def bridge_with(view: InventoryView, host: str, device: str, lower: Iterable[str] = ()) -> Obj | None:
    """Answer the vconnector that the device is, is a VLAN device on, or is an internal port of."""
    found = (on_host(view, "vconnector", host, name) for name in stack(device, lower))
    named = next((bridge for bridge in found if bridge is not None), None)
    if named is not None or not device:
        return named
    bridges = all_on_host(view, "vconnector", host)
    return next((bridge for bridge in bridges if device in (bridge.get("interfaces") or {})), None)


def mapped_bridges(vedge: Obj) -> dict[str, list[str]]:
    """Answer, for each bridge of bridge_mappings, its physical networks, sorted."""
    mapped: dict[str, list[str]] = {}
    for physical, bridge in sorted((vedge.get("bridge_mappings") or {}).items()):
        mapped.setdefault(bridge, []).append(physical)
    return mapped


def provider_uplinks(view: InventoryView, vedge: Obj) -> list[Uplink]:
    """Answer the NICs on the bridges of bridge_mappings, or on a bridge that such a bridge is patched to.

    Also the NICs of device_mappings (Linux bridge, SR-IOV), and of VPP those that its bridge domains leave by.
    """
    mapped = [
        Uplink(pnic, port, physical)
        for bridge, physicals in mapped_bridges(vedge).items()
        for port, pnic in _bridge_pnics(view, vedge, bridge)
        for physical in physicals
    ]
    return [*mapped, *_device_uplinks(view, vedge), *_tagged_uplinks(view, vedge)]


def _device_uplinks(view: InventoryView, vedge: Obj) -> Iterator[Uplink]:
    for physical, devices in sorted((vedge.get("device_mappings") or {}).items()):
        for device in devices:
            pnic = pnic_under(view, vedge.get("host"), device)
            if pnic is not None:
                yield Uplink(pnic, device, physical)


def _tagged_uplinks(view: InventoryView, vedge: Obj) -> Iterator[Uplink]:
    """Yield the NICs of a VPP that nobody maps: what a bridge domain sends by them says which physical network it is.

    By a sub-interface goes the network with its VLAN, by the NIC itself what has none.
    """
    if vedge.get("vedge_type") != "VPP" or vedge.get("device_mappings"):
        return
    for name, tag in view.part(vedge, bridged, ALL) or ():
        pnic = pnic_under(view, vedge.get("host"), name)
        if pnic is not None:
            yield from (Uplink(pnic, name, physical) for physical in _physicals(view, tag))


def _physicals(view: InventoryView, tag: int | None) -> list[str]:
    """Answer the physical networks that have a network of this VLAN, or without one, sorted."""
    kind = "flat" if tag is None else "vlan"
    if tag is None:
        networks = view.where("network", "provider:network_type", kind)
    else:
        networks = view.where("network", "provider:segmentation_id", tag)
    alike = (network for network in networks if network.get("provider:network_type") == kind)
    return sorted({str(network.get("provider:physical_network")) for network in alike})


def tunnel_pnic(view: InventoryView, otep: Obj) -> Obj | None:
    """Answer the NIC that holds the tunnel address, itself or by a VLAN device on it."""
    interface = otep.get("interface")
    return pnic_under(view, otep.get("host"), interface, otep.get("lower") or ()) if interface else None


def tunnel_bridge(view: InventoryView, otep: Obj) -> Obj | None:
    """Answer the vconnector that holds the tunnel address, itself, by a VLAN device on it or by a port of it."""
    interface = otep.get("interface")
    if not interface or tunnel_pnic(view, otep) is not None:
        return None
    return bridge_with(view, otep.get("host"), interface, otep.get("lower") or ())


def tunnel_pnics(view: InventoryView, otep: Obj) -> list[Obj]:
    """Answer the NICs that the tunnels of an end point leave by, sorted by id."""
    found = {pnic.id: pnic for pnic in direct_tunnel_pnics(view, otep)}
    bridge = None if found else tunnel_bridge(view, otep)
    found.update((pnic.id, pnic) for _, pnic in (pnics_of(view, bridge) if bridge else ()))
    return [found[pnic_id] for pnic_id in sorted(found)]


def direct_tunnel_pnics(view: InventoryView, otep: Obj) -> list[Obj]:
    """Answer the NICs between which and the tunnel end point no vconnector stands.

    That is the NIC with the tunnel address, or the NICs on the vedge's own bridge that has it.
    """
    pnic = tunnel_pnic(view, otep)
    if pnic is not None:
        return [pnic]
    vedge = view.get(*otep.parent)
    if vedge is None:
        return []
    names = stack(otep.get("interface") or "", otep.get("lower") or ())
    holders = [port for name in names if (port := view.part(vedge, by_name, name)) is not None]
    bridges = sorted({port.get("bridge") or "" for port in holders})
    beside = [view.part(vedge, by_bridge, bridge) or {} for bridge in bridges]
    return [pnic for ports in beside for _, pnic in _pnics(view, otep.get("host"), ports, ports)]


def tunnelled(view: InventoryView, otep: Obj) -> list[str]:
    """Answer the network that a tunnel end of its own serves (Linux bridge), sorted; none for one that serves all."""
    if otep.get("vni") is None:
        return []
    found = view.where("network", "provider:segmentation_id", otep.get("vni"))
    return sorted(network.id for network in found if network.get("provider:network_type") == otep.get("overlay_type"))


def overlays(view: InventoryView, otep: Obj) -> set[str]:
    """Answer the overlay types of a tunnel end point: its own, and those of its tunnel ports."""
    return view.part(otep, _overlays, ALL) or set()


def _overlays(otep: Obj) -> dict[str, set[str]]:
    ports = (otep.get("ports") or {}).values()
    return {ALL: {kind for kind in (otep.get("overlay_type"), *(port.get("type") for port in ports)) if kind}}


def _carried(host: str, view: InventoryView) -> dict[str, set[str]]:
    """Answer, for each NIC of a host that carries tenants' traffic (by id), the segments that it carries."""
    found: dict[str, set[str]] = {}
    for vedge in all_on_host(view, "vedge", host):
        for uplink in provider_uplinks(view, vedge):
            found.setdefault(uplink.pnic.id, set()).add(uplink.segment)
    for otep in all_on_host(view, "otep", host):
        for pnic in tunnel_pnics(view, otep):
            found.setdefault(pnic.id, set()).update(overlays(view, otep))
    for agent in all_on_host(view, "network_agent", host):
        for device, segment in _agent_devices(agent):
            for pnic in _device_pnics(view, host, device):
                found.setdefault(pnic.id, set()).add(segment)
    return found


CARRIED = Question("segments that the NICs of a host carry", _carried, READS)


def _agent_devices(agent: Obj) -> Iterator[tuple[str, str]]:
    """Yield what the agents without a vedge (Linux bridge, SR-IOV) say of themselves: device and segment."""
    settings = agent.get("configurations") or {}
    for physical, device in sorted((settings.get("interface_mappings") or {}).items()):
        yield device, physical
    for physical, devices in sorted((settings.get("device_mappings") or {}).items()):
        for device in devices if isinstance(devices, list) else [devices]:
            yield device, physical
    if agent.get("agent_type") == "Linux bridge agent":
        for physical, bridge in sorted((settings.get("bridge_mappings") or {}).items()):
            yield bridge, physical
        for overlay in settings.get("tunnel_types") or ():
            yield f"@{settings.get('tunneling_ip')}", overlay


def _device_pnics(view: InventoryView, host: str, device: str) -> list[Obj]:
    if device.startswith("@"):
        return _addressed(view, host, device[1:])
    pnic = pnic_under(view, host, device)
    if pnic is not None:
        return [pnic]
    bridge = on_host(view, "vconnector", host, device)
    return [] if bridge is None else [pnic for _, pnic in pnics_of(view, bridge)]


def _addressed(view: InventoryView, host: str, address: str) -> list[Obj]:
    pnics = all_on_host(view, "host_pnic", host)
    return [p for p in pnics if any(cidr.split("/")[0] == address for cidr in p.get("addresses") or ())]


def _bridge_pnics(view: InventoryView, vedge: Obj, bridge: str) -> Iterator[tuple[str, Obj]]:
    host, ports = vedge.get("host"), view.part(vedge, by_bridge, bridge) or {}
    yield from _pnics(view, host, ports, ports)
    for name, port in ports.items():
        peer = port.get("peer")
        if (
            peer and view.part(vedge, by_name, peer) is None
        ):  # a patch out of the vedge, to a bridge that may hold the NIC
            beyond = bridge_with(view, host, peer)
            for _, pnic in pnics_of(view, beyond) if beyond else ():
                yield name, pnic


def _pnics(view: InventoryView, host: str, devices: dict[str, Document], names: Iterable[str]) -> list[tuple[str, Obj]]:
    """Answer each NIC under one of the named devices, with the device's name, in the order of the names."""
    found = [(name, pnic_under(view, host, name, devices[name].get("lower") or ())) for name in names]
    return [(name, pnic) for name, pnic in found if pnic is not None]
