"""otep-vconnector: the bridge (Linux or Open vSwitch) that holds the tunnel address, itself or on a port of it."""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import Rule, own_id
from projections.uplinks import bridge_with, overlays, pnic_under


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    otep = view.get("otep", key)
    if otep is None or not otep.get("interface"):
        return
    host, interface = otep.get("host"), otep.get("interface")
    if pnic_under(view, host, interface) is None:
        bridge = bridge_with(view, host, interface)
        if bridge is not None:
            name = f"{name_of(otep)}-{name_of(bridge)}"
            yield link(otep, bridge, name, segments=overlays(otep))


RULE = Rule("otep-vconnector", {"otep": own_id}, _join)
