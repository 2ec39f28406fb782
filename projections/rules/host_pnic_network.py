"""host_pnic-network: the networks that leave a host, each by the NICs that carry its segment there.

The original linked every NIC of the host (or, with VLANs, every NIC of a vedge) to every network, and stopped at
the first network that it did not know; here an unknown network is one link less. A network that does not tell
its segment may leave by any NIC that carries tenants' traffic; a local network leaves by none.

A network is on a host by a port bound there, by a sub-port of such a port (OVN binds the parent only), or by a service
that the host runs on it (OVN binds a router's ports inside to no host).
"""

from collections.abc import Iterator

from projections import plugs, segments, uplinks
from projections.inventory import InventoryView, Obj
from projections.link import Link, link
from projections.plugs import sub_networks
from projections.rules.rule import ENDS, Rule, own_host, together
from projections.segments import Segment, segments_of
from projections.uplinks import all_on_host, carried


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    pnics = view.where("host_pnic", "host", key)
    carries = carried(view, key) if pnics else {}
    if not carries:
        return
    for network in _networks(key, view):
        told = network.derived(segments_of)
        for pnic in pnics:
            fitting = _fitting(told, carries.get(pnic.id, set()))
            if fitting:
                names = [segment.name for segment in fitting if segment.name is not None]
                yield link(pnic, network, f"Segment-{fitting[0].id}", [network.id], names)


def _networks(host: str, view: InventoryView) -> list[Obj]:
    """Answer the known networks that are on the host, sorted by id."""
    bound = view.where("port", "binding:host_id", host)
    ids = {port.get("network_id") for port in bound} | sub_networks(bound, view)
    ids.update(network for vservice in all_on_host(view, "vservice", host) for network in vservice.get("network") or ())
    found = (view.get("network", network) for network in sorted(filter(None, ids)))
    return [network for network in found if network is not None]


def _fitting(segments: list[Segment], carried_here: set[str]) -> list[Segment]:
    return [s for s in segments if carried_here and (s.name is None or s.name in carried_here)]


_READS = together(
    plugs.SUB_READS,
    segments.READS,
    uplinks.READS,
    {"port": ("binding:host_id",), "vservice": ("host", "network"), "host_pnic": ENDS, "network": ENDS},
)

RULE = Rule("host_pnic-network", {"host_pnic": own_host}, _join, _READS)
