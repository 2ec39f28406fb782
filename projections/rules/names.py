"""What links are called after."""

from collections.abc import Iterable

from projections.inventory import InventoryView, Obj


def name_of(obj: Obj) -> str:
    """Answer an object's name, or its id where it has none."""
    return str(obj.get("name") or obj.id)


def network_names(networks: Iterable[str], view: InventoryView) -> str:
    """Answer the names of the networks that the inventory holds, sorted, with commas between."""
    found = (view.get("network", network) for network in networks)
    return ", ".join(sorted(name_of(network) for network in found if network is not None))
