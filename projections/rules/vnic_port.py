"""vnic-port: the port of Neutron that a vNIC stands for."""

from collections.abc import Iterator

from projections import plugs
from projections.inventory import InventoryView
from projections.link import Link, link
from projections.plugs import ports_of
from projections.rules.rule import ENDS, Rule, own_id, together


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vnic = view.get("vnic", key)
    if vnic is not None:
        for port in ports_of(vnic, view):
            yield link(vnic, port, port.get("mac_address"), filter(None, [port.get("network_id")]))


_READS = together(plugs.READS, {"vnic": ENDS, "port": ENDS})

RULE = Rule("vnic-port", {"vnic": own_id}, _join, _READS)
