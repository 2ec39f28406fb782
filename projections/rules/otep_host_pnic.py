"""otep-host_pnic: the NIC that holds the tunnel address, itself or by a VLAN device on it.

Where the address stands on a bridge of the vedge itself (the provider bridge carries the tunnels too), no
vconnector is in between, and the NICs on that bridge are what the tunnels leave by.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import Rule, own_id
from projections.uplinks import overlays, pnic_under, vedge_pnics


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    otep = view.get("otep", key)
    if otep is None or not otep.get("interface"):
        return
    pnic = pnic_under(view, otep.get("host"), otep.get("interface"))
    pnics = {p.id: p for p in ([pnic] if pnic is not None else vedge_pnics(view, otep))}
    for each in pnics.values():
        yield link(otep, each, f"{name_of(otep)}-{name_of(each)}", segments=overlays(otep))


RULE = Rule("otep-host_pnic", {"otep": own_id}, _join)
