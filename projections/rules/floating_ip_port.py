"""floating_ip-port: the port that a floating IP leads to."""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import ENDS, Rule, own_id


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    floating_ip = view.get("floating_ip", key)
    if floating_ip is None or not floating_ip.get("port_id"):
        return
    port = view.get("port", floating_ip.get("port_id"))
    if port is not None:
        yield link(floating_ip, port, name_of(floating_ip))


_READS = {"floating_ip": (*ENDS, "name", "port_id"), "port": ENDS}

RULE = Rule("floating_ip-port", {"floating_ip": own_id}, _join, _READS)
