"""Changes drawn for the small cloud: what works is taken apart, crossed and put together again."""

from typing import Any

from hypothesis import strategies as st

from projections.inventory import Obj, Ref
from tests.unit.small_clouds import zed_cloud

_CLOUD = zed_cloud()
TYPES = (
    "network", "port", "instance", "vservice", "vnic", "vconnector", "vedge", "otep", "host_pnic", "trunk",
    "floating_ip", "router",
)  # fmt: skip
OBJECTS = {name: list(_CLOUD.of_type(name)) for name in TYPES}
NETWORKS = ("web", "db", "ops", "public")
SEGMENTS = (("vxlan", None), ("vlan", "physnet1"), ("flat", "external"), ("gre", None), ("local", None), (None, None))

networks = st.sampled_from(NETWORKS)
some_networks = st.sets(networks, max_size=2).map(sorted)


def _ids(object_type: str) -> st.SearchStrategy[str]:
    return st.sampled_from([each.id for each in OBJECTS[object_type]])


def _values(object_type: str, attribute: str) -> st.SearchStrategy[Any]:
    return st.sampled_from([each.get(attribute) for each in OBJECTS[object_type]])


@st.composite
def _changed(draw: st.DrawFn, base: Obj) -> dict[str, Any]:
    """Draw the attributes that an object gets anew."""
    match base.type:
        case "network":
            kind, physical = draw(st.sampled_from(SEGMENTS))
            return {"provider:network_type": kind, "provider:physical_network": physical}
        case "port":
            attribute, source = draw(
                st.sampled_from([("network_id", networks), ("mac_address", _values("port", "mac_address"))])
                | st.sampled_from([("device_id", _ids("instance")), ("binding:host_id", _values("vedge", "host"))])
            )
            return {attribute: draw(source)}
        case "instance" | "vservice":
            return {"network": draw(some_networks)}
        case "vnic":
            owner = "instance_id" if base.get("instance_id") else "vservice_id"
            attribute = draw(st.sampled_from(("mac_address", owner)))
            return {attribute: draw(_values("vnic", attribute).filter(bool))}
        case "vconnector":
            names = sorted(base.get("interfaces"))
            return {"interfaces": {name: {} for name in draw(st.sets(st.sampled_from(names)))}}
        case "vedge":
            return draw(_vedge_changed(base))
        case "otep":
            interface = draw(st.sampled_from(("br-vtep", "eth0", "eth1", "eth2", "")))
            return {"interface": interface, "overlay_type": draw(st.sampled_from(("vxlan", "gre")))}
        case "floating_ip":
            return {"port_id": draw(_ids("port"))}
        case _:
            return {"state": draw(st.sampled_from(("up", "down")))}


@st.composite
def _vedge_changed(draw: st.DrawFn, base: Obj) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"bridge_mappings": draw(st.sampled_from(({}, {"physnet1": "br-prv"}, {"external": "br-prv"})))}
    names = draw(st.sets(st.sampled_from([*sorted(base.get("ports")), "tapa", "eth1"])))
    bridges = {name: "br-prv" if name.startswith("eth") else "br-int" for name in sorted(names)}
    return {"ports": {name: {"bridge": bridge} for name, bridge in bridges.items()}}


@st.composite
def changed_objects(draw: st.DrawFn) -> Obj:
    """Draw an object of the small cloud, as it was or with some attributes anew."""
    base = draw(st.sampled_from(OBJECTS[draw(st.sampled_from([name for name in TYPES if OBJECTS[name]]))]))
    attributes = draw(_changed(base)) if draw(st.integers(0, 3)) else {}
    parent = base.parent
    if "network_id" in attributes:
        parent = Ref("network", attributes["network_id"])
    return Obj(base.ref, parent, {**base.document, **attributes})


steps: st.SearchStrategy[list[tuple[str, list[Obj]]]] = st.lists(
    st.tuples(st.sampled_from(("put", "put", "remove")), st.lists(changed_objects(), min_size=1, max_size=3)),
    min_size=1,
    max_size=6,
)
"""Batches of objects of the small cloud that change, go or come back."""
