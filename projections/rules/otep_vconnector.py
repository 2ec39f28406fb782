"""otep-vconnector: the bridge (Linux or Open vSwitch) that holds the tunnel address, itself or on a port of it."""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import Rule, own_id
from projections.uplinks import overlays, tunnel_bridge


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    otep = view.get("otep", key)
    bridge = None if otep is None else tunnel_bridge(view, otep)
    if otep is not None and bridge is not None:
        yield link(otep, bridge, f"{name_of(otep)}-{name_of(bridge)}", segments=overlays(otep))


RULE = Rule("otep-vconnector", {"otep": own_id}, _join)
