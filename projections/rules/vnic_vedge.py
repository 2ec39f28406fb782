"""vnic-vedge: the vNICs plugged straight into a bridge of the vedge: services, and instances with native firewall.

With OVN all of them are: an instance's own device, the host's end of a metadata namespace's. A port of a router or
of DHCP is no device at all; it is in the flows of the chassis that runs it. With SR-IOV a vNIC is a virtual function of
a NIC, known by its PCI address, else by the MAC that Nova gave it, else by what Nova told Neutron.

The original gave these links no network, so that a network's clique collected the DHCP and router interfaces of
every network on the vedge; here they carry the network of the vNIC's port. The local VLAN tag, in the original's
link names, is left out: the agent gives it anew at each start.
"""

from collections.abc import Iterator

from projections import plugs
from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.plugs import networks_of, ports_of
from projections.rules.names import name_of
from projections.rules.rule import ENDS, Rule, own_id, together
from projections.uplinks import all_on_host
from projections.vedge_ports import by_name, functions

SRIOV = "SRIOV"
_PASSED_THROUGH = ("hostdev", "direct")
"""How libvirt calls an interface that is a function of a NIC, or a device on one."""


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vnic = view.get("vnic", key)
    if vnic is None or not vnic.get("device"):
        return
    for vedge in all_on_host(view, "vedge", vnic.get("host")):
        if _is_on(vnic, vedge, view) or _is_function_of(vnic, vedge, view):
            yield link(vnic, vedge, f"{name_of(vnic)}-{name_of(vedge)}", networks_of(vnic, view))


def _is_on(vnic: Obj, vedge: Obj, view: InventoryView) -> bool:
    ends = (vnic.get("device"), vnic.get("peer"))
    if any(end is not None and view.part(vedge, by_name, end) is not None for end in ends):
        return True
    # A domain that is off has no port, but its configuration names the bridge that it will be on.
    if vnic.get("source_bridge") in (vedge.get("bridges") or {}):
        return True
    return vnic.get("chassis") is not None and vnic.get("chassis") == vedge.get("chassis")


def _is_function_of(vnic: Obj, vedge: Obj, view: InventoryView) -> bool:
    if vedge.get("vedge_type") != SRIOV or vnic.get("interface_type") not in _PASSED_THROUGH:
        return False
    addresses = [(name, vnic.get(name)) for name in ("pci_address", "mac_address") if vnic.get(name)]
    if any(view.part(vedge, functions, address) for address in addresses):
        return True
    profiles = [port.get("binding:profile") or {} for port in ports_of(vnic, view)]
    return any(profile.get("physical_network") in vedge.get("device_mappings", {}) for profile in profiles)


_READS = together(
    plugs.READS,
    {
        "vnic": (*ENDS, "name", "peer", "source_bridge", "chassis", "interface_type", "pci_address"),
        "vedge": (*ENDS, "name", "bridges", "chassis", "vedge_type", "device_mappings"),
        "port": ("binding:profile",),
    },
)

RULE = Rule("vnic-vedge", {"vnic": own_id}, _join, _READS)
