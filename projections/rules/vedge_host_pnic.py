"""vedge-host_pnic: the NICs that a provider bridge of the vedge sends its physical network to.

The segment keeps a tunnelled network from leaving by a provider's NIC. A NIC behind one more bridge (provider
bridge, patch, bridge with the NIC) counts too: the way of a clique does not go through that bridge, which would
lead it to every other bridge on the vedge. The original asked for the NIC only where no vNIC was found.
"""

from collections.abc import Iterator

from projections.inventory import InventoryView
from projections.link import Link, link
from projections.rules.rule import ENDS, Rule, own_id, together
from projections.uplinks import READS, Uplink, provider_uplinks


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    vedge = view.get("vedge", key)
    if vedge is None:
        return
    by_pnic: dict[str, list[Uplink]] = {}
    for uplink in provider_uplinks(view, vedge):
        by_pnic.setdefault(uplink.pnic.id, []).append(uplink)
    for uplinks in by_pnic.values():
        port = min(uplink.port for uplink in uplinks)
        yield link(vedge, uplinks[0].pnic, f"Port-{port}", segments=[uplink.segment for uplink in uplinks])


_READS = together(READS, {"vedge": ENDS, "host_pnic": ENDS})

RULE = Rule("vedge-host_pnic", {"vedge": own_id}, _join, _READS)
