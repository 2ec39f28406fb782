"""Segments: what carries a network between hosts, an overlay or a physical network."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from projections.inventory import Obj

_TYPE, _PHYSICAL, _NUMBER = "provider:network_type", "provider:physical_network", "provider:segmentation_id"

READS = {"network": ("segments", _TYPE, _PHYSICAL, _NUMBER)}
"""What is read here, of each type."""

_OVERLAYS = frozenset({"vxlan", "gre", "geneve", "stt"})


class Segment(NamedTuple):
    """`name` is the overlay type or the physical network; None where Neutron did not tell."""

    name: str | None
    id: int | None


def segments_of(network: Obj) -> list[Segment]:
    """Answer the segments of a network, in Neutron's order: several for a multi-provider network.

    A caller without admin rights sees no provider attributes: the one segment is then unknown.
    """
    parts = network.get("segments")
    return [_segment(part.get) for part in parts] if parts else [_segment(network.get)]


def segment_names(networks: Iterable[Obj | None]) -> frozenset[str] | None:
    """Answer what carries these networks, None if that is not known of every one of them."""
    names = [segment.name for network in networks for segment in _known(network)]
    return frozenset(name for name in names if name is not None) if None not in names else None


def _known(network: Obj | None) -> list[Segment]:
    return [Segment(None, None)] if network is None else segments_of(network)


def _segment(told: Callable[[str], object]) -> Segment:
    kind, physical, number = told(_TYPE), told(_PHYSICAL), told(_NUMBER)
    # A local network has no segment that leaves its host; `local` is what no uplink carries.
    name = kind if kind in _OVERLAYS or kind == "local" else physical
    return Segment(name if isinstance(name, str) else None, number if isinstance(number, int) else None)
