"""otep-vconnector: the bridge (Linux or Open vSwitch) that holds the tunnel address, itself or on a port of it.

Of Linux bridge, whose tunnels are a device each, also the bridge of the one network that the device is plugged into.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import ENDS, Rule, own_id, together
from projections.uplinks import TUNNEL_READS, overlays, tunnel_bridge, tunnelled


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    otep = view.get("otep", key)
    if otep is None:
        return
    plugged = view.get("vconnector", otep.get("vconnector")) if otep.get("vconnector") else None
    found = {bridge.id: bridge for bridge in (tunnel_bridge(view, otep), plugged) if bridge is not None}
    for bridge in found.values():
        yield link(otep, bridge, f"{name_of(otep)}-{name_of(bridge)}", tunnelled(view, otep), overlays(view, otep))


_READS = together(TUNNEL_READS, {"otep": (*ENDS, "name", "vconnector"), "vconnector": (*ENDS, "name")})

RULE = Rule("otep-vconnector", {"otep": own_id}, _join, _READS)
