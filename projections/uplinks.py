"""Which physical NICs of a host carry which segments: the ways of provider bridges, tunnels and agents."""

from collections.abc import Iterator
from typing import NamedTuple

from projections.inventory import InventoryView, Obj


class Uplink(NamedTuple):
    """A NIC that a bridge of the vedge sends a physical network to, and the port by which it does."""

    pnic: Obj
    port: str
    segment: str


def lower_devices(device: str) -> Iterator[str]:
    """Yield the device, and what it is stacked on by the custom of VLAN names: eth0.100.5, eth0.100, eth0."""
    yield device
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


def pnic_under(view: InventoryView, host: str, device: str) -> Obj | None:
    """Answer the NIC that the device is, or that it is a VLAN device on."""
    found = (on_host(view, "host_pnic", host, name) for name in lower_devices(device))
    return next((pnic for pnic in found if pnic is not None), None)


def pnics_of(view: InventoryView, vconnector: Obj) -> list[tuple[str, Obj]]:
    """Answer each NIC under an interface of the bridge, with the interface's name, sorted by it."""
    host = vconnector.get("host")
    found = [(name, pnic_under(view, host, name)) for name in sorted(vconnector.get("interfaces") or ())]
    return [(name, pnic) for name, pnic in found if pnic is not None]


def bridge_with(view: InventoryView, host: str, device: str) -> Obj | None:
    """Answer the vconnector that the device is, is a VLAN device on, or is an internal port of."""
    found = (on_host(view, "vconnector", host, name) for name in lower_devices(device))
    named = next((bridge for bridge in found if bridge is not None), None)
    if named is not None or not device:
        return named
    bridges = all_on_host(view, "vconnector", host)
    return next((bridge for bridge in bridges if device in (bridge.get("interfaces") or {})), None)


def bridge_ports(vedge: Obj, bridge: str) -> list[str]:
    """Answer the names of the ports on one bridge of the vedge, sorted."""
    ports = vedge.get("ports") or {}
    return sorted(name for name, port in ports.items() if port.get("bridge") == bridge)


def mapped_bridges(vedge: Obj) -> dict[str, list[str]]:
    """Answer, for each bridge of bridge_mappings, its physical networks, sorted."""
    mapped: dict[str, list[str]] = {}
    for physical, bridge in sorted((vedge.get("bridge_mappings") or {}).items()):
        mapped.setdefault(bridge, []).append(physical)
    return mapped


def provider_uplinks(view: InventoryView, vedge: Obj) -> list[Uplink]:
    """Answer the NICs on the bridges of bridge_mappings, or on a bridge that such a bridge is patched to."""
    return [
        Uplink(pnic, port, physical)
        for bridge, physicals in mapped_bridges(vedge).items()
        for port, pnic in _bridge_pnics(view, vedge, bridge)
        for physical in physicals
    ]


def tunnel_pnics(view: InventoryView, otep: Obj) -> list[Obj]:
    """Answer the NICs that the tunnels of an end point leave by, sorted by id.

    The tunnel address is on the NIC, on a VLAN device on it, on a bridge (Linux or Open vSwitch, or an internal
    port of one) that holds the NIC, or on a bridge of the vedge itself.
    """
    host, interface = otep.get("host"), otep.get("interface")
    if not interface:
        return []
    pnic = pnic_under(view, host, interface)
    if pnic is not None:
        return [pnic]
    found = {pnic.id: pnic for pnic in vedge_pnics(view, otep)}
    bridge = None if found else bridge_with(view, host, interface)
    found.update((pnic.id, pnic) for _, pnic in (pnics_of(view, bridge) if bridge else ()))
    return [found[pnic_id] for pnic_id in sorted(found)]


def vedge_pnics(view: InventoryView, otep: Obj) -> list[Obj]:
    """Answer the NICs on the vedge's bridge on which the tunnel address stands, if it stands on one."""
    host, interface = otep.get("host"), otep.get("interface")
    vedge = view.get(*otep.parent)
    if vedge is None or not interface:
        return []
    ports = vedge.get("ports") or {}
    names = [name for name in lower_devices(interface) if name in ports]
    bridges = {ports[name].get("bridge") for name in names}
    found = [pnic_under(view, host, port) for bridge in sorted(bridges) for port in bridge_ports(vedge, bridge)]
    return [pnic for pnic in found if pnic is not None]


def overlays(otep: Obj) -> set[str]:
    """Answer the overlay types of a tunnel end point: its own, and those of its tunnel ports."""
    ports = (otep.get("ports") or {}).values()
    return {kind for kind in (otep.get("overlay_type"), *(port.get("type") for port in ports)) if kind}


def carried(view: InventoryView, host: str) -> dict[str, set[str]]:
    """Answer, for each NIC of a host that carries tenants' traffic (by id), the segments that it carries."""
    found: dict[str, set[str]] = {}
    for vedge in all_on_host(view, "vedge", host):
        for uplink in provider_uplinks(view, vedge):
            found.setdefault(uplink.pnic.id, set()).add(uplink.segment)
    for otep in all_on_host(view, "otep", host):
        for pnic in tunnel_pnics(view, otep):
            found.setdefault(pnic.id, set()).update(overlays(otep))
    for agent in all_on_host(view, "network_agent", host):
        for device, segment in _agent_devices(agent):
            for pnic in _device_pnics(view, host, device):
                found.setdefault(pnic.id, set()).add(segment)
    return found


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
    host, ports = vedge.get("host"), vedge.get("ports") or {}
    for name in bridge_ports(vedge, bridge):
        pnic = pnic_under(view, host, name)
        if pnic is not None:
            yield name, pnic
        peer = ports[name].get("peer")
        if peer and peer not in ports:  # a patch out of the vedge, to a bridge that may hold the NIC
            beyond = bridge_with(view, host, peer)
            for _, far in pnics_of(view, beyond) if beyond else ():
                yield name, far
