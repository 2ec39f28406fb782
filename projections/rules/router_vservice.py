"""router-vservice: the namespaces that a router lives in, on each host that runs it."""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import ENDS, Rule, own_id


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vservice = view.get("vservice", key)
    if vservice is None or not vservice.get("router_id"):
        return
    router = view.get("router", vservice.get("router_id"))
    if router is not None:
        yield link(router, vservice, name_of(router))


_READS = {"vservice": (*ENDS, "router_id"), "router": (*ENDS, "name")}

RULE = Rule("router-vservice", {"vservice": own_id}, _join, _READS)
