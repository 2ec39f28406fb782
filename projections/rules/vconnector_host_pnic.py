"""vconnector-host_pnic: a NIC, or a VLAN device on one, is an interface of the bridge."""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import Rule, own_id
from projections.uplinks import pnics_of


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vconnector = view.get("vconnector", key)
    if vconnector is not None:
        pnics = {pnic.id: pnic for _, pnic in pnics_of(view, vconnector)}
        for pnic in pnics.values():
            yield link(vconnector, pnic, name_of(pnic))


RULE = Rule("vconnector-host_pnic", {"vconnector": own_id}, _join)
