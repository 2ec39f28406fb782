"""host_pnic-network: the networks that leave a host, each by the NICs that carry its segment there.

The original linked every NIC of the host (or, with VLANs, every NIC of a vedge) to every network, and stopped at
the first network that it did not know; here an unknown network is one link less. A network that does not tell
its segment may leave by any NIC that carries tenants' traffic; a local network leaves by none.

A network is on a host by a port bound there, by a sub-port of such a port (OVN binds the parent only), or by a service
that the host runs on it (OVN binds a router's ports inside to no host).
"""

from collections.abc import Iterator

from projections import plugs, segments
from projections.inventory import InventoryView, Question
from projections.link import Link, link
from projections.plugs import sub_networks
from projections.rules.rule import ENDS, Rule, own_host, together
from projections.segments import Segment, segments_of
from projections.uplinks import CARRIED, all_on_host


def _join(key: str, view: InventoryView) -> Iterator[Link]:
    pnics = view.where("host_pnic", "host", key)
    carries = view.ask(CARRIED, key) if pnics else {}
    if not carries:
        return
    for network_id in view.ask(_NETWORKS_ON, key):
        network = view.get("network", network_id)
        told = [] if network is None else network.derived(segments_of)
        for pnic in pnics:
            fitting = _fitting(told, carries.get(pnic.id, set()))
            if fitting and network is not None:
                names = [segment.name for segment in fitting if segment.name is not None]
                yield link(pnic, network, f"Segment-{fitting[0].id}", [network.id], names)


def _networks_on(host: str, view: InventoryView) -> list[str]:
    """Answer the ids of the networks that are on the host, sorted."""
    bound = view.where("port", "binding:host_id", host)
    ids = {port.get("network_id") for port in bound} | sub_networks(bound, view)
    ids.update(network for vservice in all_on_host(view, "vservice", host) for network in vservice.get("network") or ())
    return sorted(filter(None, ids))


def _fitting(segments: list[Segment], carried_here: set[str]) -> list[Segment]:
    return [s for s in segments if carried_here and (s.name is None or s.name in carried_here)]


_NETWORKS_ON = Question(
    "networks on a host",
    _networks_on,
    together(plugs.SUB_READS, {"port": ("binding:host_id",), "vservice": ("host", "network")}),
)
_READS = together(segments.READS, {"host_pnic": ENDS, "network": ENDS})

RULE = Rule("host_pnic-network", {"host_pnic": own_host}, _join, _READS)
