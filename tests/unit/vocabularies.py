"""Objects drawn from a small vocabulary, so that hosts, devices, MACs and networks collide as real ones do."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from projections.inventory import Obj, Ref
from tests.unit.small_clouds import bridge, obj, otep, pnic, vnic

HOSTS = ("h1", "h1-a", "h2")
NETWORKS = ("n1", "n2", "n3")
INSTANCES = ("i1", "i2")
SUFFIXES = ("a", "b")
MACS = ("m1", "m2")
PHYSICALS = ("phys1", "phys2")
BRIDGES = ("br-vtep", "br-bond", "qbra", "qbrb", "tbra")
DEVICES = ("tapa", "tapb", "a-tapa", "qvba", "qvbb", "eth0", "eth1.7", "vlan50", "tpta", "qvoa")
PORTS = ("qvoa", "qvob", "tapa", "tapb", "eth0", "eth1", "tpia", "br-prv", "phy")
TUNNELS = ("br-vtep", "br-bond.3", "eth0", "eth1.7", "vlan50", "br-prv", None)
PEERS = st.sampled_from((None, "tpia", "tpta", "phy", "qvoa"))
FUNCTIONS = st.fixed_dictionaries(
    {}, optional={"pci_address": st.sampled_from(("0000:01", "0000:02")), "mac_address": st.sampled_from(MACS)}
)
BRIDGE_OF_PORT = st.sampled_from(("br-int", "br-prv", "br-x"))

hosts = st.sampled_from(HOSTS)
networks = st.sampled_from(NETWORKS)
macs = st.sampled_from(MACS)
port_ids = st.sampled_from(("p1", "p2", "p3", "a"))


@st.composite
def network_objects(draw: st.DrawFn) -> Obj:
    """Draw a network: its segment, its name and its project vary."""
    kind = draw(st.sampled_from(("vxlan", "gre", "vlan", "local", None)))
    return obj(
        "network",
        draw(networks),
        Ref("project", draw(st.sampled_from(("p1", "p2")))),
        label=draw(st.booleans()),
        provider__network_type=kind,
        provider__physical_network=draw(st.sampled_from(PHYSICALS)) if kind == "vlan" else None,
        provider__segmentation_id=draw(st.sampled_from((1, 2))),
    )


@st.composite
def port_objects(draw: st.DrawFn) -> Obj:
    """Draw a port of an instance, a router, a network's DHCP or of nothing."""
    network = draw(networks)
    return obj(
        "port",
        draw(port_ids),
        Ref("network", network),
        network_id=network,
        mac_address=draw(macs),
        device_id=draw(st.sampled_from((*INSTANCES, "rt", "dhcp-n1", ""))),
        device_owner=draw(st.sampled_from(("compute:x", "network:dhcp", "network:router_interface"))),
        binding__host_id=draw(st.sampled_from((*HOSTS, ""))),
        binding__profile=draw(st.sampled_from((None, {}, {"physical_network": "phys1"}))),
        status=draw(st.sampled_from(("ACTIVE", "DOWN"))),
    )


@st.composite
def trunk_objects(draw: st.DrawFn) -> Obj:
    """Draw a trunk with at most two sub-ports."""
    ids = draw(st.lists(port_ids, max_size=2, unique=True))
    subs = [{"port_id": i, "segmentation_type": "vlan", "segmentation_id": 5} for i in ids]
    return obj("trunk", draw(st.sampled_from(("t1", "t2"))), port_id=draw(port_ids), sub_ports=subs)


@st.composite
def floating_ip_objects(draw: st.DrawFn) -> Obj:
    """Draw a floating IP with or without a port."""
    return obj("floating_ip", "f1", port_id=draw(st.none() | port_ids), router_id="rt")


@st.composite
def instance_objects(draw: st.DrawFn) -> Obj:
    """Draw an instance on some host and networks."""
    on = draw(hosts)
    nets = sorted(draw(st.sets(networks, max_size=2)))
    return obj("instance", draw(st.sampled_from(INSTANCES)), Ref("host", on), host=on, network=nets)


@st.composite
def vservice_objects(draw: st.DrawFn) -> Obj:
    """Draw a namespace of a network's DHCP or of the router, with few ids."""
    on = draw(st.sampled_from(HOSTS[:2]))
    network = draw(networks)
    namespace = draw(st.sampled_from(("qdhcp-n1", "qdhcp-n2", "qrouter-rt")))
    known: dict[str, Any] = {"network": sorted(draw(st.sets(networks, max_size=2)))}
    if namespace.startswith("qdhcp"):
        known["network_id"] = draw(st.sampled_from((network, namespace[6:])))
    elif draw(st.booleans()):
        known["router_id"] = "rt"
    return obj("vservice", f"{on}-{namespace}", Ref("host", on), host=on, local_service_id=namespace, **known)


@st.composite
def vnic_objects(draw: st.DrawFn) -> Obj:
    """Draw a vNIC of an instance or of a namespace."""
    owner = draw(
        st.sampled_from([Ref("instance", i) for i in INSTANCES])
        | st.sampled_from([Ref("vservice", f"{h}-{n}") for h in HOSTS[:2] for n in ("qdhcp-n1", "qrouter-rt")])
    )
    made = vnic(draw(st.sampled_from(("tapa", "tapb", "a-tapa"))), owner, draw(macs), draw(hosts))
    more = draw(
        st.fixed_dictionaries(
            {"state": st.sampled_from(("up", "down"))},
            optional={
                "peer": PEERS,
                "iface_id": port_ids,
                "source_bridge": st.sampled_from((*BRIDGES, "br-int")),
                "chassis": st.sampled_from(("c1", "c2")),
                "interface_type": st.sampled_from(("hostdev", "ethernet")),
                "pci_address": st.sampled_from(("0000:01", "0000:02")),
            },
        )
    )
    return Obj(made.ref, made.parent, {**made.document, **more})


@st.composite
def vconnector_objects(draw: st.DrawFn) -> Obj:
    """Draw a bridge with interfaces, some of which are patched."""
    names = draw(st.sets(st.sampled_from(DEVICES), max_size=4))
    described = st.fixed_dictionaries({"peer": PEERS}, optional={"mac_address": macs, "neighbours": st.lists(macs)})
    interfaces = {name: draw(described) for name in sorted(names)}
    more = draw(
        st.fixed_dictionaries(
            {"state": st.sampled_from(("up", "down"))},
            optional={
                "connector_type": st.sampled_from(("bridge", "bridge_domain")),
                "network": st.lists(networks, max_size=1),
            },
        )
    )
    return bridge(draw(st.sampled_from(BRIDGES)), interfaces, draw(hosts), **more)


@st.composite
def vedge_objects(draw: st.DrawFn) -> Obj:
    """Draw an Open vSwitch with ports on three bridges."""
    names = sorted(draw(st.sets(st.sampled_from(PORTS), max_size=5)))
    ports = {
        name: {
            "bridge": draw(BRIDGE_OF_PORT),
            "peer": draw(PEERS),
            "iface_id": draw(st.none() | port_ids),
            "tag": draw(st.sampled_from((None, 1))),
            "vfs": draw(st.lists(FUNCTIONS, max_size=1)),
        }
        for name in names
    }
    mappings = draw(st.sampled_from(({}, {"phys1": "br-prv"}, {"phys1": "br-prv", "phys2": "br-x"}, None)))
    on, kind = draw(hosts), draw(st.sampled_from(("OVS", "OVS2")))
    more = draw(
        st.fixed_dictionaries(
            {"vedge_type": st.sampled_from(("OVS", "SRIOV", "VPP"))},
            optional={
                "bridges": st.sampled_from(({"br-int": {}}, {"tbra": {}})),
                "chassis": st.sampled_from(("c1", "c2")),
                "device_mappings": st.sampled_from(({}, {"phys1": ["eth0"]}, {"phys2": ["eth0", "eth1"]})),
                "state": st.sampled_from(("up", "down")),
            },
        )
    )
    return obj("vedge", f"{on}-{kind}", Ref("host", on), host=on, ports=ports, bridge_mappings=mappings, **more)


@st.composite
def otep_objects(draw: st.DrawFn) -> Obj:
    """Draw a tunnel end point, its address on a bridge, a NIC, a VLAN device or nowhere."""
    made = otep(draw(st.sampled_from(TUNNELS)) or "", draw(hosts), draw(st.sampled_from(("vxlan", "gre"))))
    more = draw(
        st.fixed_dictionaries(
            {"ports": st.sampled_from(({}, {"vx": {"type": "vxlan"}}, {"gr": {"type": "gre"}}))},
            optional={
                "vni": st.sampled_from((1, 2)),
                "lower": st.lists(st.sampled_from(("eth0", "eth1")), max_size=1),
                "vconnector": st.sampled_from([f"{host}-{name}" for host in HOSTS for name in BRIDGES]),
                "state": st.sampled_from(("up", "down")),
            },
        )
    )
    return obj("otep", made.id, made.parent, **without({**made.document, **more}, "name"))


@st.composite
def pnic_objects(draw: st.DrawFn) -> Obj:
    """Draw a NIC."""
    addresses = draw(st.sampled_from(([], ["10.0.0.1/24"])))
    state = draw(st.sampled_from(("up", "down")))
    return pnic(draw(st.sampled_from(("eth0", "eth1"))), draw(hosts), addresses=addresses, state=state)


@st.composite
def agent_objects(draw: st.DrawFn) -> Obj:
    """Draw the agent of a Linux bridge or an SR-IOV host."""
    on = draw(hosts)
    settings = draw(
        st.sampled_from(
            (
                {"interface_mappings": {"phys1": "eth0"}},
                {"device_mappings": {"phys2": ["eth0", "eth1"]}},
                {"bridge_mappings": {"phys1": "br-bond"}},
                {"tunneling_ip": "10.0.0.1", "tunnel_types": ["vxlan"]},
            )
        )
    )
    kind = "Linux bridge agent"
    return obj("network_agent", f"{on}-agent", Ref("host", on), host=on, agent_type=kind, configurations=settings)


router_objects = st.just(obj("router", "rt"))

families: tuple[st.SearchStrategy[Obj], ...] = (
    network_objects(),
    port_objects(),
    trunk_objects(),
    floating_ip_objects(),
    router_objects,
    instance_objects(),
    vservice_objects(),
    vnic_objects(),
    vconnector_objects(),
    vedge_objects(),
    otep_objects(),
    pnic_objects(),
    agent_objects(),
)
objects: st.SearchStrategy[Obj] = st.one_of(*families)
"""Any object of the vocabulary."""

steps: st.SearchStrategy[list[tuple[str, list[Obj]]]] = st.lists(
    st.tuples(st.sampled_from(("put", "put", "put", "remove")), st.lists(objects, min_size=1, max_size=8)),
    min_size=1,
    max_size=8,
)
"""Batches of objects that come, change (the same id again) or go."""

clouds: st.SearchStrategy[list[Obj]] = st.tuples(
    *(st.lists(family, min_size=1, max_size=4) for family in families)
).map(lambda drawn: [obj for some in drawn for obj in some])
"""Objects of every type; of one name the last counts."""


class Alteration(NamedTuple):
    """One attribute of an object becomes that of another of its type; of a JSON object perhaps only one entry."""

    donor: Obj
    attribute: int
    place: int
    entry: int | None

    def of(self, found: list[Obj]) -> Obj | None:
        """Answer one of these objects, altered; None if there is none."""
        if not found:
            return None
        base = found[self.place % len(found)]
        names = sorted({*self.donor.document, *base.document})
        name = names[self.attribute % len(names)]
        before, after = base.get(name), self.donor.get(name)
        if self.entry is not None and isinstance(before, dict) and isinstance(after, dict) and before | after:
            keys = sorted(before | after)
            key = keys[self.entry % len(keys)]
            after = {**before, key: after[key]} if key in after else {k: v for k, v in before.items() if k != key}
        document = {**base.document, name: after}
        return Obj(base.ref, base.parent, document if after is not None else without(document, name))


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Answer a document without an attribute."""
    return {key: value for key, value in document.items() if key != name}


numbers = st.integers(0, 40)
alterations = st.lists(st.builds(Alteration, objects, numbers, numbers, st.none() | numbers), min_size=1, max_size=12)
"""Changes of single attributes, of every type and every attribute."""
