"""vservice-vnic: the interfaces inside a namespace."""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.plugs import networks_of
from projections.rules.names import name_of, network_names
from projections.rules.rule import ENDS, Rule, own_id


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vnic = view.get("vnic", key)
    if vnic is None or not vnic.get("vservice_id"):
        return
    vservice = view.get("vservice", vnic.get("vservice_id"))
    if vservice is not None:
        networks = networks_of(vnic, view)
        name = network_names(networks, view) or f"{name_of(vservice)}-{name_of(vnic)}"
        yield link(vservice, vnic, name, networks)


_READS = {"vnic": (*ENDS, "name", "vservice_id"), "vservice": (*ENDS, "name"), "network": ("name",)}

RULE = Rule("vservice-vnic", {"vnic": own_id}, _join, _READS)
