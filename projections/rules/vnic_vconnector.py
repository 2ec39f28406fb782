"""vnic-vconnector: the vNICs plugged into a bridge (qbr of hybrid plugging, tbr of a trunk, brq of Linux bridge).

The original joined by name only if the first mechanism driver was OVS, else by MAC over the whole environment.
The device's name on its host is exact with every driver, so no driver is asked.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.plugs import networks_of
from projections.rules.names import name_of
from projections.rules.rule import Rule, own_id
from projections.uplinks import on_host


def vnics_on(vconnector: Obj, view: InventoryView) -> list[Obj]:
    """Answer the vNICs plugged into a bridge, sorted by device."""
    host = vconnector.get("host")
    found = (on_host(view, "vnic", host, device) for device in sorted(vconnector.get("interfaces") or ()))
    return [vnic for vnic in found if vnic is not None]


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vconnector = view.get("vconnector", key)
    if vconnector is not None:
        for vnic in vnics_on(vconnector, view):
            name = vnic.get("mac_address") or name_of(vnic)
            yield link(vnic, vconnector, name, networks_of(vnic, view))


RULE = Rule("vnic-vconnector", {"vconnector": own_id}, _join)
