"""How a vNIC stands for a port of Neutron, and so which networks it carries."""

from collections.abc import Iterable

from projections.inventory import InventoryView, Obj, Question

SUB_READS = {"trunk": ("port_id", "sub_ports"), "port": ("network_id",)}
"""What `sub_networks` reads, of each type."""

READS = {
    "vnic": ("mac_address", "device", "iface_id", "vservice_id", "instance_id"),
    "port": ("mac_address", "device_id", "network_id"),
    "vservice": ("local_service_id", "router_id", "network_id"),
    "trunk": SUB_READS["trunk"],
}
"""What is read here, of each type."""


def ports_of(vnic: Obj, view: InventoryView) -> list[Obj]:
    """Answer the ports with the vNIC's MAC that belong to what the vNIC belongs to, sorted by id.

    Neutron keeps a MAC unique only inside a network, so the device must agree too. Where several ports still
    agree (one instance, two networks, one MAC) the port that libvirt names tells them apart, or the device's
    name, which ends in the port's first 11 characters.
    """
    mac = vnic.get("mac_address")
    if not mac:
        return []
    owners = _owners(vnic, view)
    ports = [port for port in view.where("port", "mac_address", mac.lower()) if _belongs(port, owners)]
    device, named = str(vnic.get("device") or ""), vnic.get("iface_id")
    return [port for port in ports if port.id == named or device.endswith(port.id[:11])] or ports


def networks_of(vnic: Obj, view: InventoryView) -> set[str]:
    """Answer the ids of the networks that the vNIC carries, those of its trunk's sub-ports included.

    Empty means unknown. A DHCP namespace names its network itself, so that its vNIC is never of unknown network.
    """
    return view.ask(NETWORKS_OF, vnic.id)


def _networks_of(vnic_id: str, view: InventoryView) -> set[str]:
    vnic = view.get("vnic", vnic_id)
    if vnic is None:
        return set()
    ports = ports_of(vnic, view)
    networks = {port.get("network_id") for port in ports} | sub_networks(ports, view)
    if not ports:
        vservice = _vservice(vnic, view)
        networks.add(None if vservice is None else vservice.get("network_id"))
    return {network for network in networks if network}


NETWORKS_OF = Question("networks of a vnic", _networks_of, READS)


def networks_of_all(vnics: Iterable[Obj], view: InventoryView) -> set[str]:
    """Answer the ids of the networks that the vNICs carry together."""
    return {network for vnic in vnics for network in networks_of(vnic, view)}


def sub_networks(parents: Iterable[Obj], view: InventoryView) -> set[str]:
    """Answer the networks of the sub-ports whose trunk's parent port is one of these."""
    trunks = [trunk for port in parents for trunk in view.where("trunk", "port_id", port.id)]
    ids = [sub["port_id"] for trunk in trunks for sub in trunk.get("sub_ports") or ()]
    subs = [view.get("port", port_id) for port_id in ids]
    return {sub.get("network_id") for sub in subs if sub is not None}


def _belongs(port: Obj, owners: frozenset[str]) -> bool:
    return port.get("device_id") in owners or port.get("network_id") in owners


def _owners(vnic: Obj, view: InventoryView) -> frozenset[str]:
    vservice = _vservice(vnic, view)
    if vservice is None:
        return frozenset(filter(None, [vnic.get("instance_id")]))
    # qdhcp-<network>, qrouter-<router>, snat-<router>, fip-<network>: the kinds differ, the uuid is the owner.
    _, _, uuid = str(vservice.get("local_service_id") or "").partition("-")
    return frozenset(filter(None, [vservice.get("router_id"), vservice.get("network_id"), uuid]))


def _vservice(vnic: Obj, view: InventoryView) -> Obj | None:
    vservice_id = vnic.get("vservice_id")
    return None if not vservice_id else view.get("vservice", vservice_id)
