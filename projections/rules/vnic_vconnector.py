"""vnic-vconnector: the vNICs plugged into a bridge (qbr of hybrid plugging, tbr of a trunk, brq of Linux bridge).

The original joined by name only if the first mechanism driver was OVS, else by MAC over the whole environment.
The device's name on its host is exact with every driver that plugs a device; a bridge domain of VPP has interfaces of
VPP's own, which have the vNIC's MAC, or hear it.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView, Obj, Question
from projections.link import Link, link
from projections.plugs import networks_of
from projections.rules.names import name_of
from projections.rules.rule import ENDS, Rule, own_id
from projections.uplinks import on_host

BRIDGE_DOMAIN = "bridge_domain"
"""The connector_type of VPP's bridges."""


def vnics_on(vconnector: Obj, view: InventoryView) -> list[Obj]:
    """Answer the vNICs that hang on a bridge, sorted by id: those plugged in, and those that are when switched on.

    The device of a domain that is off is in no bridge, but its configuration still names one: its instance
    hangs on that bridge all the same, and a link that is down says how it is.
    """
    found = (view.get("vnic", vnic_id) for vnic_id in view.ask(_VNICS_ON, vconnector.id))
    return [vnic for vnic in found if vnic is not None]


def _vnics_on(key: str, view: InventoryView) -> list[str]:
    vconnector = view.get("vconnector", key)
    if vconnector is None:
        return []
    host = vconnector.get("host")
    plugged = [vnic for device in vconnector.get("interfaces") or () for vnic in _plugged(view, host, device)]
    bridge = vconnector.get("bridge_name")
    meant = view.where("vnic", "source_bridge", bridge) if bridge else []
    heard = _by_address(vconnector, view) if vconnector.get("connector_type") == BRIDGE_DOMAIN else ()
    vnics = [*plugged, *(vnic for vnic in (*meant, *heard) if vnic.get("host") == host)]
    return sorted({vnic.id for vnic in vnics})


_VNICS_ON = Question(
    "vnics on a vconnector",
    _vnics_on,
    {
        "vconnector": ("host", "interfaces", "bridge_name", "connector_type"),
        "vnic": ("host", "peer", "source_bridge", "mac_address"),
    },
)


def _plugged(view: InventoryView, host: str, device: str) -> list[Obj]:
    """Answer the vNIC that the device is, or those in a namespace whose end on the host it is."""
    vnic = on_host(view, "vnic", host, device)
    if vnic is not None:
        return [vnic]
    return [vnic for vnic in view.where("vnic", "peer", device) if vnic.get("host") == host]


def _by_address(vconnector: Obj, view: InventoryView) -> Iterator[Obj]:
    """Yield the vNICs, of any host, whose MAC address an interface of the bridge has or hears."""
    for interface in (vconnector.get("interfaces") or {}).values():
        for mac in (interface.get("mac_address"), *(interface.get("neighbours") or ())):
            yield from view.where("vnic", "mac_address", mac) if mac else ()


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vconnector = view.get("vconnector", key)
    if vconnector is not None:
        for vnic in vnics_on(vconnector, view):
            name = vnic.get("mac_address") or name_of(vnic)
            yield link(vnic, vconnector, name, networks_of(vnic, view))


_READS = {"vnic": (*ENDS, "name", "mac_address"), "vconnector": ENDS}

RULE = Rule("vnic-vconnector", {"vconnector": own_id}, _join, _READS)
