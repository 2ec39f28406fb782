"""vconnector-vedge: a bridge that hangs on the vedge, by a qvb/qvo pair, by patch ports, or by a port of both.

The last is how Linux bridges and the bridge domains of VPP hang on theirs: the port is their way out of the host.

The original looked for the qvb interface only where no vNIC was found for the port; the two have nothing to do
with each other, so each is looked for.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.plugs import networks_of_all
from projections.rules.rule import Rule, own_id
from projections.rules.vnic_vconnector import vnics_on
from projections.uplinks import all_on_host, bridge_with, mapped_bridges


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vconnector = view.get("vconnector", key)
    if vconnector is None:
        return
    for vedge in all_on_host(view, "vedge", vconnector.get("host")):
        ports = _ports(vconnector, vedge, view)
        if ports:
            name = f"port-{ports[0]}"
            yield link(vconnector, vedge, name, _networks(vconnector, vedge, ports, view), _segments(vedge, ports))


def ports_by_peer(vedge: Obj) -> dict[str, list[str]]:
    """Answer the names of a vedge's ports by that of the port that each is patched to."""
    peers: dict[str, list[str]] = {}
    for name, port in (vedge.get("ports") or {}).items():
        if port.get("peer"):
            peers.setdefault(port["peer"], []).append(name)
    return peers


def _ports(vconnector: Obj, vedge: Obj, view: InventoryView) -> list[str]:
    """Answer the names of the vedge's ports behind which the bridge is, sorted."""
    ports = vedge.get("ports") or {}
    interfaces = vconnector.get("interfaces") or {}
    peers = vedge.derived(ports_by_peer)
    found = {name for interface in interfaces for name in peers.get(interface, ())}
    found |= {interface.get("peer") for interface in interfaces.values()} & ports.keys()
    bridge = vconnector.get("bridge_name")
    found |= {name for name in interfaces if name in ports and ports[name].get("bridge") == bridge}
    for name in interfaces:
        if name.startswith("qvb"):
            found |= _behind(f"qvo{name[3:]}", vconnector, ports, view)
    return sorted(found)


def _behind(qvo: str, vconnector: Obj, ports: dict[str, Obj], view: InventoryView) -> set[str]:
    """Answer the vedge's ports that a qvo port leads to: itself, or the patches of the trunk bridge it is on."""
    if qvo in ports:
        return {qvo}
    trunk_bridge = bridge_with(view, vconnector.get("host"), qvo)
    beyond = {} if trunk_bridge is None else trunk_bridge.get("interfaces") or {}
    return {interface.get("peer") for interface in beyond.values()} & ports.keys()


def _networks(vconnector: Obj, vedge: Obj, ports: list[str], view: InventoryView) -> set[str]:
    """Answer the networks of the vNICs on the bridge; of the ports' own Neutron ports where there is no vNIC."""
    networks = networks_of_all(vnics_on(vconnector, view), view) or set(vconnector.get("network") or ())
    if networks:
        return networks
    ids = [vedge.get("ports")[port].get("iface_id") for port in ports]
    plugged = [view.get("port", port_id) for port_id in ids if port_id]
    return {port.get("network_id") for port in plugged if port is not None}


def _segments(vedge: Obj, ports: list[str]) -> list[str]:
    """Answer the physical networks where the bridge is what lies between a provider bridge and its NIC."""
    mapped = mapped_bridges(vedge)
    bridges = [vedge.get("ports")[port].get("bridge") for port in ports]
    return [physical for bridge in bridges for physical in mapped.get(bridge, ())]


RULE = Rule("vconnector-vedge", {"vconnector": own_id}, _join)
