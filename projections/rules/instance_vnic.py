"""instance-vnic: the vNICs that libvirt gave an instance."""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.plugs import networks_of
from projections.rules.names import network_names
from projections.rules.rule import ENDS, Rule, own_id


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vnic = view.get("vnic", key)
    if vnic is None or not vnic.get("instance_id"):
        return
    instance = view.get("instance", vnic.get("instance_id"))
    if instance is not None:
        networks = networks_of(vnic, view)
        yield link(instance, vnic, network_names(networks, view), networks)


_READS = {"vnic": (*ENDS, "instance_id"), "instance": ENDS, "network": ("name",)}

RULE = Rule("instance-vnic", {"vnic": own_id}, _join, _READS)
