"""vconnector-host_pnic: a NIC, or a VLAN device on one, is an interface of the bridge.

A bridge that was made for one network carries no other, and a bridge domain of VPP those of the vNICs on it.
"""

from collections.abc import Iterable, Iterator

from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.plugs import networks_of_all
from projections.rules.names import name_of
from projections.rules.rule import ENDS, Rule, own_id
from projections.rules.vnic_vconnector import BRIDGE_DOMAIN, vnics_on
from projections.uplinks import pnics_of


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vconnector = view.get("vconnector", key)
    if vconnector is not None:
        pnics = {pnic.id: pnic for _, pnic in pnics_of(view, vconnector)}
        for pnic in pnics.values():
            yield link(vconnector, pnic, name_of(pnic), _networks(vconnector, view))


def _networks(vconnector: Obj, view: InventoryView) -> Iterable[str]:
    if vconnector.get("connector_type") == BRIDGE_DOMAIN:
        return networks_of_all(vnics_on(vconnector, view), view)
    return vconnector.get("network") or ()


_READS = {
    "vconnector": (*ENDS, "interfaces", "connector_type", "network"),
    "host_pnic": (*ENDS, "name"),
    "vnic": (),
}

RULE = Rule("vconnector-host_pnic", {"vconnector": own_id}, _join, _READS)
