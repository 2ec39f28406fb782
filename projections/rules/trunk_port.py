"""trunk-port: the parent port of a trunk and its sub-ports."""

from collections.abc import Iterator

from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.rules.rule import ENDS, Rule, own_id

PARENT = "parent"
"""The name of the link to the parent port; a sub-port's link is called after its segmentation."""


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    trunk = view.get("trunk", key)
    if trunk is None:
        return
    for port_id, name in _named_ports(trunk):
        port = view.get("port", port_id)
        if port is not None:
            yield link(trunk, port, name)


def _named_ports(trunk: Obj) -> Iterator[tuple[str, str]]:
    if trunk.get("port_id"):
        yield trunk.get("port_id"), PARENT
    for sub in trunk.get("sub_ports") or ():
        yield sub["port_id"], f"{sub.get('segmentation_type')} {sub.get('segmentation_id')}"


_READS = {"trunk": (*ENDS, "port_id", "sub_ports"), "port": ENDS}

RULE = Rule("trunk-port", {"trunk": own_id}, _join, _READS)
