"""vconnector-vedge: a bridge that hangs on the vedge, by a qvb/qvo pair, by patch ports, or by a port of both.

The last is how Linux bridges and the bridge domains of VPP hang on theirs: the port is their way out of the host.

The original looked for the qvb interface only where no vNIC was found for the port; the two have nothing to do
with each other, so each is looked for.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.plugs import networks_of_all
from projections.rules.rule import ENDS, Rule, own_id
from projections.rules.vnic_vconnector import vnics_on
from projections.uplinks import all_on_host, bridge_with, mapped_bridges
from projections.vedge_ports import by_name, by_peer
from schemas.canonical import Document


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vconnector = view.get("vconnector", key)
    if vconnector is None:
        return
    for vedge in all_on_host(view, "vedge", vconnector.get("host")):
        ports = _ports(vconnector, vedge, view)
        if ports:
            name = f"port-{ports[0]}"
            yield link(
                vconnector, vedge, name, _networks(vconnector, vedge, ports, view), _segments(vedge, ports, view)
            )


def _ports(vconnector: Obj, vedge: Obj, view: InventoryView) -> list[str]:
    """Answer the names of the vedge's ports behind which the bridge is, sorted."""
    interfaces = vconnector.get("interfaces") or {}
    found = {name for interface in interfaces for name in view.part(vedge, by_peer, interface) or ()}
    found |= _peers(interfaces, vedge, view)
    bridge = vconnector.get("bridge_name")
    shared = ((name, view.part(vedge, by_name, name)) for name in interfaces)
    found |= {name for name, port in shared if port is not None and port.get("bridge") == bridge}
    for name in interfaces:
        if name.startswith("qvb"):
            found |= _behind(f"qvo{name[3:]}", vconnector, vedge, view)
    return sorted(found)


def _peers(interfaces: dict[str, Document], vedge: Obj, view: InventoryView) -> set[str]:
    """Answer the vedge's ports that interfaces are patched to."""
    peers = {interface.get("peer") for interface in interfaces.values()}
    return {peer for peer in peers if peer is not None and view.part(vedge, by_name, peer) is not None}


def _behind(qvo: str, vconnector: Obj, vedge: Obj, view: InventoryView) -> set[str]:
    """Answer the vedge's ports that a qvo port leads to: itself, or the patches of the trunk bridge it is on."""
    if view.part(vedge, by_name, qvo) is not None:
        return {qvo}
    trunk_bridge = bridge_with(view, vconnector.get("host"), qvo)
    beyond = {} if trunk_bridge is None else trunk_bridge.get("interfaces") or {}
    return _peers(beyond, vedge, view)


def _networks(vconnector: Obj, vedge: Obj, ports: list[str], view: InventoryView) -> set[str]:
    """Answer the networks of the vNICs on the bridge; of the ports' own Neutron ports where there is no vNIC."""
    networks = networks_of_all(vnics_on(vconnector, view), view) or set(vconnector.get("network") or ())
    if networks:
        return networks
    ids = [port.get("iface_id") for port in _named(ports, vedge, view)]
    plugged = [view.get("port", port_id) for port_id in ids if port_id]
    return {port.get("network_id") for port in plugged if port is not None}


def _segments(vedge: Obj, ports: list[str], view: InventoryView) -> list[str]:
    """Answer the physical networks where the bridge is what lies between a provider bridge and its NIC."""
    mapped = mapped_bridges(vedge)
    bridges = [port.get("bridge") for port in _named(ports, vedge, view)]
    return [physical for bridge in bridges for physical in mapped.get(bridge or "", ())]


def _named(names: list[str], vedge: Obj, view: InventoryView) -> list[Document]:
    """Answer the vedge's ports of these names."""
    found = (view.part(vedge, by_name, name) for name in names)
    return [port for port in found if port is not None]


_READS = {
    "vconnector": (*ENDS, "interfaces", "bridge_name", "network"),
    "vedge": (*ENDS, "bridge_mappings"),
    "port": ("network_id",),
    "vnic": (),
}

RULE = Rule("vconnector-vedge", {"vconnector": own_id}, _join, _READS)
