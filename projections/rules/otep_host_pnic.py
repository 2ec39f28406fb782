"""otep-host_pnic: the NIC that holds the tunnel address, itself or by a VLAN device on it.

Where the address stands on a bridge of the vedge itself (the provider bridge carries the tunnels too), no
vconnector is in between, and the NICs on that bridge are what the tunnels leave by.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import ENDS, Rule, own_id, together
from projections.uplinks import TUNNEL_READS, direct_tunnel_pnics, overlays, tunnelled


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    otep = view.get("otep", key)
    if otep is not None:
        pnics = {pnic.id: pnic for pnic in direct_tunnel_pnics(view, otep)}
        for pnic in pnics.values():
            yield link(otep, pnic, f"{name_of(otep)}-{name_of(pnic)}", tunnelled(view, otep), overlays(view, otep))


_READS = together(TUNNEL_READS, {"otep": (*ENDS, "name"), "host_pnic": (*ENDS, "name"), "vedge": ()})

RULE = Rule("otep-host_pnic", {"otep": own_id}, _join, _READS)
