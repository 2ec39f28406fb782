"""vnic-vedge: the vNICs plugged straight into a bridge of the vedge: services, and instances with native firewall.

With OVN all of them are: an instance's own device, the host's end of a metadata namespace's. A port of a router or
of DHCP is no device at all; it is in the flows of the chassis that runs it.

The original gave these links no network, so that a network's clique collected the DHCP and router interfaces of
every network on the vedge; here they carry the network of the vNIC's port. The local VLAN tag, in the original's
link names, is left out: the agent gives it anew at each start.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.plugs import networks_of
from projections.rules.names import name_of
from projections.rules.rule import Rule, own_id
from projections.uplinks import all_on_host


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vnic = view.get("vnic", key)
    if vnic is None or not vnic.get("device"):
        return
    for vedge in all_on_host(view, "vedge", vnic.get("host")):
        if _is_on(vnic, vedge):
            yield link(vnic, vedge, f"{name_of(vnic)}-{name_of(vedge)}", networks_of(vnic, view))


def _is_on(vnic: Obj, vedge: Obj) -> bool:
    ports = vedge.get("ports") or {}
    if vnic.get("device") in ports or vnic.get("peer") in ports:
        return True
    # A domain that is off has no port, but its configuration names the bridge that it will be on.
    if vnic.get("source_bridge") in (vedge.get("bridges") or {}):
        return True
    return vnic.get("chassis") is not None and vnic.get("chassis") == vedge.get("chassis")


RULE = Rule("vnic-vedge", {"vnic": own_id}, _join)
