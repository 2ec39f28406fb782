"""vnic-vedge: the vNICs plugged straight into a bridge of the vedge: services, and instances with native firewall.

With OVN all of them are: an instance's own device, the host's end of a metadata namespace's. A port of a router or
of DHCP is no device at all; it is in the flows of the chassis that runs it. With SR-IOV a vNIC is a virtual function of
a NIC, known by its PCI address, else by the MAC that Nova gave it, else by what Nova told Neutron.

The original gave these links no network, so that a network's clique collected the DHCP and router interfaces of
every network on the vedge; here they carry the network of the vNIC's port. The local VLAN tag, in the original's
link names, is left out: the agent gives it anew at each start.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.plugs import networks_of, ports_of
from projections.rules.names import name_of
from projections.rules.rule import Rule, own_id
from projections.uplinks import all_on_host

SRIOV = "SRIOV"
_PASSED_THROUGH = ("hostdev", "direct")
"""How libvirt calls an interface that is a function of a NIC, or a device on one."""


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vnic = view.get("vnic", key)
    if vnic is None or not vnic.get("device"):
        return
    for vedge in all_on_host(view, "vedge", vnic.get("host")):
        if _is_on(vnic, vedge) or _is_function_of(vnic, vedge, view):
            yield link(vnic, vedge, f"{name_of(vnic)}-{name_of(vedge)}", networks_of(vnic, view))


def _is_on(vnic: Obj, vedge: Obj) -> bool:
    ports = vedge.get("ports") or {}
    if vnic.get("device") in ports or vnic.get("peer") in ports:
        return True
    # A domain that is off has no port, but its configuration names the bridge that it will be on.
    if vnic.get("source_bridge") in (vedge.get("bridges") or {}):
        return True
    return vnic.get("chassis") is not None and vnic.get("chassis") == vedge.get("chassis")


def _is_function_of(vnic: Obj, vedge: Obj, view: InventoryView) -> bool:
    if vedge.get("vedge_type") != SRIOV or vnic.get("interface_type") not in _PASSED_THROUGH:
        return False
    vfs = [vf for port in (vedge.get("ports") or {}).values() for vf in port.get("vfs") or ()]
    for key in ("pci_address", "mac_address"):
        if vnic.get(key) and any(vf.get(key) == vnic.get(key) for vf in vfs):
            return True
    profiles = [port.get("binding:profile") or {} for port in ports_of(vnic, view)]
    return any(profile.get("physical_network") in vedge.get("device_mappings", {}) for profile in profiles)


RULE = Rule("vnic-vedge", {"vnic": own_id}, _join)
