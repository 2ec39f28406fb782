"""Dependencies: what stops working, or works less, when one object does.

An object may be lost whole, or only its share in what failed elsewhere: a vedge that lost the NIC of physnet1
still carries tunnels, an instance that lost one vNIC still has its others. Only what is lost whole takes along what
it contains. A loss also carries what it is bounded to: the networks, or the segments, that no longer get through.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from projections.graph import Landscape
from projections.inventory import Obj, Ref
from projections.link import NETWORK, SEGMENT, Link
from projections.rules.registry import RULES
from projections.rules.trunk_port import PARENT
from projections.segments import segment_names

Children = Callable[[Ref], list[Obj]]

# Which end of a link depends on the other. Decided for each type:
#   instance-vnic          the instance; the vNIC goes with its instance because it is inside it
#   vservice-vnic          the service, likewise
#   vnic-vconnector        the vNIC: it is plugged there
#   vnic-vedge             the vNIC, likewise
#   vconnector-vedge       the bridge, which hangs on the vedge; but the vedge (for the segment) where the link
#                          has a segment, because the bridge is then what lies between it and its NIC
#   vconnector-host_pnic   the bridge: its way out
#   vedge-host_pnic        the vedge, for the physical network of the link
#   vedge-otep             the vedge, for the overlay; the end point goes with its vedge, it is inside it
#   otep-vconnector        the end point: its address stands there
#   otep-host_pnic         the end point: its way out
#   host_pnic-network      the network, but only for its share on that host: nothing follows from it
#   vnic-port              both: the port is served by the vNIC, and the vNIC is unplugged with the port
#   floating_ip-port       the floating IP
#   router-vservice        both: the namespace goes with the router, the router works in the namespace
#   trunk-port             the trunk on its parent port, a sub-port on the trunk
# A network agent is the control plane: without it nothing new is wired, what works goes on. Nothing depends on it.
_SOURCE_DEPENDS = frozenset(
    [
        "instance-vnic",
        "vservice-vnic",
        "vnic-vconnector",
        "vnic-vedge",
        "vconnector-host_pnic",
        "vedge-host_pnic",
        "vedge-otep",
        "otep-vconnector",
        "otep-host_pnic",
        "vnic-port",
        "floating_ip-port",
        "router-vservice",
    ]
)
_TARGET_DEPENDS = frozenset(["host_pnic-network", "vnic-port", "router-vservice"])

_ADDED = {rule.link_type: rule.depends for rule in RULES if rule.depends}
"""What the rules of plug-ins say of theirs."""

# An object of these types, lost by a link, is lost for a share only: it has other vNICs, bridges, NICs or hosts.
_SHARERS = frozenset(["instance", "vservice", "router", "network", "vedge", "trunk"])

# A share that these lost does not follow their links: it is not lost on other hosts, or for other ports.
_NO_SHARE = frozenset(["router", "network", "trunk"])


@dataclass(frozen=True, slots=True)
class Loss:
    """What an object lost. None of `networks` or `segments` means: all that it has."""

    ref: Ref
    whole: bool
    networks: frozenset[str] | None = None
    segments: frozenset[str] | None = None

    def covers(self, other: "Loss") -> bool:
        """Answer whether nothing new follows from the other loss of the same object."""
        return (
            self.whole >= other.whole
            and _covers(self.networks, other.networks)
            and _covers(self.segments, other.segments)
        )


@dataclass(frozen=True, slots=True)
class Dependency:
    """One object that depends on another, what it loses, and why."""

    loss: Loss
    reason: str


class Dependencies:
    """What depends on an object, at one moment. Reads the objects that name others once, when first needed."""

    def __init__(self, graph: Landscape, children: Children) -> None:
        """Look at the objects and links of a moment; `children` answers the objects directly under one."""
        self._graph = graph
        self._children = children
        self._naming: dict[tuple[str, str], dict[str, list[Obj]]] = {}
        self._by_type: dict[str, Callable[[Obj, Loss], Iterator[Dependency]]] = {
            "port": self._users,
            "vnic": self._sub_ports,
            "trunk": self._behind_trunk,
            "subnet": self._addressed,
            "vservice": self._serves,
            "router": self._routed,
            "host_pnic": self._bonds,
        }

    def of(self, loss: Loss) -> list[Dependency]:
        """Answer what depends directly on an object that lost something, sorted by type and id."""
        obj = self._graph.get(loss.ref)
        if obj is None:
            return []
        found = [*self._linked(loss), *self._named(obj, loss)]
        if loss.whole:
            found += self._inside(obj)
        return sorted(found, key=lambda dependency: (dependency.loss.ref, dependency.reason))

    # -- by links --------------------------------------------------------------------------------------

    def _linked(self, loss: Loss) -> Iterator[Dependency]:
        for link in self._graph.links(loss.ref):
            if loss.ref.type in _NO_SHARE and not loss.whole:
                continue
            end = link.other(loss.ref)
            if not _depends(link, end):
                continue
            bounded = self._bounded(link, loss)
            if bounded is not None:
                whole = self._stays_whole(link, end, loss)
                yield Dependency(replace(bounded, ref=end, whole=whole), f"by link {link.type} with {_text(loss.ref)}")

    def _stays_whole(self, link: Link, end: Ref, loss: Loss) -> bool:
        if not loss.whole:
            return False
        if end.type not in _SHARERS:
            # A bridge that lost its NIC still joins what is on it.
            return loss.ref.type != "host_pnic"
        if link.type == "trunk-port":
            return link.name == PARENT
        return link.type == "router-vservice" and end.type == "vservice"

    def _bounded(self, link: Link, loss: Loss) -> Loss | None:
        """Answer what of the loss passes over a link, None if nothing does."""
        segments = _meet(loss.segments, link.values(SEGMENT))
        networks = _meet(loss.networks, link.values(NETWORK))
        if link.values(NETWORK) and networks is not None and segments is not None:
            networks = frozenset(network for network in networks if self._is_on(network, segments))
        if networks == frozenset() or segments == frozenset():
            return None
        return replace(loss, networks=networks, segments=segments)

    def _is_on(self, network: str, segments: frozenset[str]) -> bool:
        """Answer whether a network may be on one of the segments; one that does not tell may be on any."""
        names = segment_names([self._graph.get(Ref("network", network))])
        return names is None or not names.isdisjoint(segments)

    # -- by containment --------------------------------------------------------------------------------

    def _inside(self, obj: Obj) -> Iterator[Dependency]:
        for child in self._children(obj.ref):
            yield Dependency(Loss(child.ref, whole=True), f"inside {_text(obj.ref)}")

    # -- by attributes ---------------------------------------------------------------------------------

    def _named(self, obj: Obj, loss: Loss) -> Iterator[Dependency]:
        if loss.whole:
            for object_type, attribute in _NAMES.get(obj.type, ()):
                for naming in self._who_names(object_type, attribute, obj.id):
                    yield self._by_attribute(naming, attribute, obj, loss)
        follow = self._by_type.get(obj.type)
        if follow is not None:
            yield from follow(obj, loss)

    def _by_attribute(self, naming: Obj, attribute: str, obj: Obj, loss: Loss) -> Dependency:
        networks = frozenset([obj.id]) if obj.type == "network" else loss.networks
        whole = naming.type != "instance" or obj.type != "network"
        return Dependency(Loss(naming.ref, whole, networks), f"its {attribute} names {_text(obj.ref)}")

    def _users(self, port: Obj, loss: Loss) -> Iterator[Dependency]:
        """An instance or a router loses the network of its port, also where no vNIC is known; a trunk likewise."""
        networks = frozenset(filter(None, [port.get("network_id")])) or None
        for object_type in ("instance", "router"):
            device = self._graph.get(Ref(object_type, port.get("device_id") or ""))
            if device is not None:
                yield Dependency(Loss(device.ref, whole=False, networks=networks), f"uses {_text(loss.ref)}")
        for link in self._graph.links(port.ref):
            if link.type == "trunk-port" and link.name != PARENT:
                yield Dependency(Loss(link.source, whole=False, networks=networks), f"carries {_text(loss.ref)}")

    def _sub_ports(self, vnic: Obj, loss: Loss) -> Iterator[Dependency]:
        """The sub-ports of a trunk have no vNIC of their own: they come through their parent's."""
        for parent in self._ends(vnic.ref, "vnic-port"):
            for trunk in self._ends(parent, "trunk-port", PARENT):
                for sub in self._ends(trunk, "trunk-port"):
                    port = self._graph.get(sub)
                    network = None if port is None else port.get("network_id")
                    if sub != parent and self._loses(network, loss):
                        yield Dependency(Loss(sub, loss.whole), f"through trunk {trunk.id} on {_text(vnic.ref)}")

    def _loses(self, network: str | None, loss: Loss) -> bool:
        if network is None:
            return True
        if loss.networks is not None and network not in loss.networks:
            return False
        return loss.segments is None or self._is_on(network, loss.segments)

    def _behind_trunk(self, trunk: Obj, loss: Loss) -> Iterator[Dependency]:
        """A trunk that lost a sub-port's network lost it for the vNIC of its parent port."""
        if loss.whole:
            return
        for parent in self._ends(trunk.ref, "trunk-port", PARENT):
            for vnic in self._ends(parent, "vnic-port"):
                yield Dependency(replace(loss, ref=vnic, whole=False), f"carries {_text(trunk.ref)}")

    def _bonds(self, pnic: Obj, loss: Loss) -> Iterator[Dependency]:
        """A bond loses one of its members. That others may do is for the operator to know."""
        if pnic.get("bond"):
            bond = Ref("host_pnic", pnic.get("bond"))
            yield Dependency(replace(loss, ref=bond, whole=False), f"bonds {_text(pnic.ref)}")

    def _addressed(self, subnet: Obj, loss: Loss) -> Iterator[Dependency]:
        for port in self._children(subnet.parent) if loss.whole else ():
            if any(fixed.get("subnet_id") == subnet.id for fixed in port.get("fixed_ips") or ()):
                yield Dependency(Loss(port.ref, whole=True), f"has an address of {_text(subnet.ref)}")

    def _serves(self, service: Obj, loss: Loss) -> Iterator[Dependency]:
        return self._served(service, set(service.get("network") or ()), loss)

    def _served(self, service: Obj, networks: set[str], loss: Loss) -> Iterator[Dependency]:
        """A network without its DHCP or its gateway: the network for a share, and the instances on it.

        Where the way to the outside is lost, every network behind the router lost its way out. The outer network
        itself needs no router.
        """
        outer = self._outer(service)
        if service.get("network_id"):
            networks = networks | {service.get("network_id")}
        inner = {network for network in networks if network and network != outer}
        reaches_out = outer is not None and self._loses(outer, loss)
        for network in sorted(inner):
            if reaches_out or self._loses(network, loss):
                bound = frozenset([network])
                reason = f"served by {_text(service.ref)}"
                yield Dependency(Loss(Ref("network", network), whole=False, networks=bound), reason)
                for instance in self._on_network(network):
                    loses = Loss(instance, whole=False, networks=bound)
                    yield Dependency(loses, f"on network {network}, {reason}")

    def _outer(self, service: Obj) -> str | None:
        router_id = service.id if service.type == "router" else service.get("router_id")
        router = self._graph.get(Ref("router", router_id)) if router_id else None
        gateway = None if router is None else router.get("external_gateway_info")
        return gateway.get("network_id") if gateway else None

    def _routed(self, router: Obj, loss: Loss) -> Iterator[Dependency]:
        ports = self._who_names("port", "device_id", router.id)
        networks = {port.get("network_id") for port in ports}
        for namespace in self._ends(router.ref, "router-vservice"):
            found = self._graph.get(namespace)
            networks |= set(found.get("network") or ()) if found is not None else set()
        yield from self._served(router, networks, loss)
        outer = self._outer(router)
        for floating_ip in self._who_names("floating_ip", "router_id", router.id):
            port = self._graph.get(Ref("port", floating_ip.get("port_id") or ""))
            inner = None if port is None else port.get("network_id")
            if self._loses(outer, loss) or self._loses(inner, loss):
                yield Dependency(Loss(floating_ip.ref, whole=True), f"routed by {_text(router.ref)}")

    def _on_network(self, network: str) -> list[Ref]:
        """Answer the instances on a network, by their own attribute or by the network's ports."""
        own = [instance.ref for instance in self._who_names("instance", "network", network)]
        devices = (Ref("instance", p.get("device_id") or "") for p in self._who_names("port", "network_id", network))
        return sorted({*own, *(ref for ref in devices if self._graph.get(ref) is not None)})

    def _ends(self, ref: Ref, link_type: str, name: str | None = None) -> list[Ref]:
        links = (link for link in self._graph.links(ref) if link.type == link_type)
        return [link.other(ref) for link in links if name is None or link.name == name]

    def _who_names(self, object_type: str, attribute: str, object_id: str) -> list[Obj]:
        """Answer the objects of a type whose attribute is, or holds, an id."""
        index = self._naming.get((object_type, attribute))
        if index is None:
            index = self._naming[object_type, attribute] = {}
            for obj in self._graph.of_type(object_type):
                value = obj.get(attribute)
                for name in value if isinstance(value, list) else [value]:
                    if isinstance(name, str):
                        index.setdefault(name, []).append(obj)
        return index.get(object_id, [])


# What is lost whole takes along the objects that name it. What is inside it need not be listed.
_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "project": (
        ("instance", "project_id"),
        ("port", "project_id"),
        ("network", "project_id"),
        ("router", "project_id"),
        ("floating_ip", "project_id"),
        ("trunk", "project_id"),
    ),
    "availability_zone": (("host", "zone"), ("instance", "zone")),
    "host": (
        ("instance", "host"),
        ("port", "binding:host_id"),
        ("host_ref", "host"),
        ("vservice", "host"),
        ("vnic", "host"),
        ("vconnector", "host"),
        ("vedge", "host"),
        ("otep", "host"),
        ("host_pnic", "host"),
        ("network_agent", "host"),
    ),
    "instance": (("port", "device_id"),),
    "network": (
        ("instance", "network"),
        ("port", "network_id"),
        ("subnet", "network_id"),
        ("vservice", "network_id"),
        ("floating_ip", "floating_network_id"),
    ),
    "router": (("port", "device_id"), ("floating_ip", "router_id")),
    "port": (("floating_ip", "port_id"),),
}


def _depends(link: Link, end: Ref) -> bool:
    """Answer whether this end of the link depends on the other."""
    if link.type == "vconnector-vedge":
        return end == (link.target if link.values(SEGMENT) else link.source)
    if link.type == "trunk-port":
        return end == (link.source if link.name == PARENT else link.target)
    is_source = end == link.source
    if link.type in _ADDED:
        return ("source" if is_source else "target") in _ADDED[link.type]
    return link.type in (_SOURCE_DEPENDS if is_source else _TARGET_DEPENDS)


def _meet(lost: frozenset[str] | None, carried: frozenset[str]) -> frozenset[str] | None:
    """Answer what is lost of what is carried; None on the one side is everything, nothing on the other is unknown."""
    if not carried:
        return lost
    return carried if lost is None else lost & carried


def _covers(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    return one is None or (other is not None and other <= one)


def _text(ref: Ref) -> str:
    return f"{ref.type} {ref.id}"
