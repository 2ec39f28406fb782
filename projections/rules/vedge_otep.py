"""vedge-otep: a vedge and its tunnel end point.

The original let a vconnector stand in the vedge's place for Linux bridge agents; here the source is a vedge always.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.names import name_of
from projections.rules.rule import ENDS, Rule, own_id, together
from projections.uplinks import TUNNEL_READS, overlays, tunnelled


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    otep = view.get("otep", key)
    vedge = None if otep is None else view.get(*otep.parent)
    if otep is not None and vedge is not None and vedge.type == "vedge":
        yield link(vedge, otep, f"{name_of(vedge)}-otep", tunnelled(view, otep), overlays(view, otep))


_READS = together(TUNNEL_READS, {"otep": ENDS, "vedge": (*ENDS, "name")})

RULE = Rule("vedge-otep", {"otep": own_id}, _join, _READS)
