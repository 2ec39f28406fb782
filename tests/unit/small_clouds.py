"""Small clouds for tests of links, cliques and impact: objects as a scan would tell them, in a few words."""

from collections.abc import Iterable, Sequence
from typing import Any

from projections.change import Key
from projections.inventory import Inventory, Obj, Ref, Touched
from projections.link import Link
from projections.links import LinkChange, Links
from schemas.events import Scope

SCOPE = Scope("test", "environment", "test")
ROOT = Ref("environment", "test")


def obj(object_type: str, object_id: str, parent: Ref = ROOT, **attributes: Any) -> Obj:
    """Answer an object; `__` in an attribute's name stands for a colon."""
    document = {name.replace("__", ":"): value for name, value in attributes.items()}
    return Obj(Ref(object_type, object_id), parent, {"name": object_id, **document})


class SmallCloud:
    """An inventory with its links, and the graph over both."""

    def __init__(self, objects: Iterable[Obj] = ()) -> None:
        """Start with these objects, taken in at once."""
        self.inventory = Inventory()
        self.joined = Links()
        self.put(*objects)

    def put(self, *objects: Obj) -> tuple[list[Touched], list[LinkChange]]:
        """Take objects in, and answer what was touched and which links changed."""
        touched = [(self.inventory.put(each, SCOPE), each) for each in objects]
        return self._joined(touched)

    def remove(self, *refs: Ref) -> tuple[list[Touched], list[LinkChange]]:
        """Take objects out, and answer what was touched and which links changed."""
        gone = [self.inventory.remove(ref) for ref in refs]
        return self._joined([(each, None) for each in gone if each is not None])

    def _joined(self, touched: Sequence[Touched]) -> tuple[list[Touched], list[LinkChange]]:
        return list(touched), self.joined.update(self.inventory, touched)

    def get(self, ref: Ref) -> Obj | None:
        """Answer the object, or None."""
        return self.inventory.get(*ref)

    def links(self, ref: Ref) -> list[Link]:
        """Answer the links at an object, sorted."""
        return self.joined.at(ref)

    def of_type(self, object_type: str) -> Iterable[Obj]:
        """Yield the objects of a type."""
        return self.inventory.of_type(object_type)

    def children(self, ref: Ref) -> list[Obj]:
        """Answer the objects directly under a parent."""
        return self.inventory.children(ref)

    def all_links(self) -> dict[Key, Link]:
        """Answer all links by key."""
        return {link.key: link for link in self.joined}

    def pairs(self, link_type: str) -> list[str]:
        """Answer the ids of the links of a type, sorted."""
        return [link.key.id for link in self.joined if link.type == link_type]

    def one(self, link_type: str) -> Link:
        """Answer the only link of a type."""
        (found,) = [link for link in self.joined if link.type == link_type]
        return found


def network(
    name: str, kind: str | None = "vxlan", physical: str | None = None, number: int | None = 7, **more: Any
) -> Obj:
    """Answer a network of project p1."""
    return obj(
        "network",
        name,
        Ref("project", "p1"),
        project_id="p1",
        provider__network_type=kind,
        provider__physical_network=physical,
        provider__segmentation_id=number,
        **more,
    )


def port(name: str, net: str, device: str, mac: str, host: str = "h1", **more: Any) -> Obj:
    """Answer a port of a network, bound on a host."""
    owner = {"device_owner": "compute:nova", **more}
    return obj(
        "port",
        name,
        Ref("network", net),
        network_id=net,
        device_id=device,
        mac_address=mac,
        binding__host_id=host,
        **owner,
    )


def host(name: str) -> list[Obj]:
    """Answer a host in zone az1 of region r1."""
    return [obj("host", name, Ref("availability_zone", "az1"), host=name, zone="az1")]


def instance(name: str, on: str = "h1", networks: Sequence[str] = ()) -> Obj:
    """Answer an instance of project p1 on a host."""
    return obj("instance", name, Ref("host", on), host=on, project_id="p1", network=sorted(networks))


def vnic(device: str, of: Ref, mac: str, on: str = "h1") -> Obj:
    """Answer the vNIC of an instance or of a vservice."""
    return obj(
        "vnic",
        f"{on}-{device}",
        of,
        host=on,
        device=device,
        mac_address=mac,
        state="up",
        vnic_type=f"{of.type}_vnic",
        **{f"{of.type}_id": of.id},
    )


def bridge(name: str, interfaces: Iterable[str] | dict[str, Any], on: str = "h1", **more: Any) -> Obj:
    """Answer a vconnector with interfaces."""
    described = interfaces if isinstance(interfaces, dict) else {each: {} for each in interfaces}
    return obj(
        "vconnector",
        f"{on}-{name}",
        Ref("host", on),
        host=on,
        **{"bridge_name": name, "connector_type": "bridge", "state": "up", "interfaces": described, **more},
    )


def vedge(ports: dict[str, Any], mappings: dict[str, str] | None = None, on: str = "h1") -> Obj:
    """Answer the Open vSwitch of a host."""
    return obj("vedge", f"{on}-OVS", Ref("host", on), host=on, vedge_type="OVS", ports=ports, bridge_mappings=mappings)


def otep(interface: str, on: str = "h1", overlay: str = "vxlan") -> Obj:
    """Answer the tunnel end point of a host's vedge."""
    return obj(
        "otep", f"{on}-otep", Ref("vedge", f"{on}-OVS"), host=on, overlay_type=overlay, interface=interface, ports={}
    )


def pnic(device: str, on: str = "h1", **more: Any) -> Obj:
    """Answer a NIC of a host."""
    return obj("host_pnic", f"{on}-{device}", Ref("host", on), host=on, device=device, **{"state": "up", **more})


def zed_host(on: str, *plugged: str) -> list[Obj]:
    """Answer the network gear of a compute host: hybrid plugging, tunnels by br-vtep on eth1, VLANs by eth2.

    `plugged` are the suffixes of the qvo ports on the integration bridge.
    """
    ports: dict[str, Any] = {f"qvo{suffix}": {"bridge": "br-int"} for suffix in plugged}
    ports["eth2"] = {"bridge": "br-prv"}
    return [
        *host(on),
        pnic("eth0", on),
        pnic("eth1", on),
        pnic("eth2", on),
        vedge(ports, {"physnet1": "br-prv"}, on),
        otep("br-vtep", on),
        bridge("br-vtep", ["br-vtep", "eth1"], on, connector_type="ovs_bridge"),
    ]


def hybrid_vm(name: str, suffix: str, net: str, mac: str, on: str = "h1") -> list[Obj]:
    """Answer an instance with its port, its vNIC and the qbr bridge of that vNIC."""
    return [
        instance(name, on, [net]),
        port(f"{suffix}-port", net, name, mac, on),
        vnic(f"tap{suffix}", Ref("instance", name), mac, on),
        bridge(f"qbr{suffix}", [f"tap{suffix}", f"qvb{suffix}"], on),
    ]


def zed_cloud() -> SmallCloud:
    """Answer two compute hosts and a network node: networks web and db (VXLAN), ops (VLAN), public (flat)."""
    return SmallCloud(
        [
            obj("region", "r1"),
            obj("availability_zone", "az1", Ref("region", "r1")),
            obj("project", "p1"),
            network("web", number=11),
            network("db", number=12),
            network("ops", "vlan", "physnet1", 110),
            network("public", "flat", "external", None),
            *zed_host("h1", "a", "b"),
            *zed_host("h2", "c", "d"),
            *hybrid_vm("vm-a", "a", "web", "m:a", "h1"),
            *hybrid_vm("vm-b", "b", "ops", "m:b", "h1"),
            *hybrid_vm("vm-c", "c", "db", "m:c", "h2"),
            *hybrid_vm("vm-d", "d", "web", "m:d", "h2"),
            *network_node("n1"),
        ]
    )


def network_node(on: str) -> list[Obj]:
    """Answer a network node: DHCP of web and db, a router between web, db and public."""
    devices = ("tapdw", "tapdd", "qr-w", "qr-d", "qg-p")
    ports: dict[str, Any] = {device: {"bridge": "br-int"} for device in devices}
    router_attributes = {"external_gateway_info": {"network_id": "public"}, "project_id": "p1"}
    return [
        *host(on),
        pnic("eth1", on),
        vedge(ports, {"external": "br-ex"}, on),
        otep("br-vtep", on),
        bridge("br-vtep", ["br-vtep", "eth1"], on, connector_type="ovs_bridge"),
        obj("router", "rt", Ref("project", "p1"), **router_attributes),
        *dhcp("web", "tapdw", "m:dw", on),
        *dhcp("db", "tapdd", "m:dd", on),
        obj(
            "vservice",
            f"{on}-qrouter-rt",
            Ref("host", on),
            host=on,
            service_type="router",
            local_service_id="qrouter-rt",
            router_id="rt",
            network=["db", "public", "web"],
        ),
        *router_leg("qr-w", "web", "m:rw", "network:router_interface", on),
        *router_leg("qr-d", "db", "m:rd", "network:router_interface", on),
        *router_leg("qg-p", "public", "m:rp", "network:router_gateway", on),
        port("fip-port", "public", "", "m:f", "", device_owner="network:floatingip"),
        obj("floating_ip", "fip-a", Ref("project", "p1"), port_id="a-port", router_id="rt", project_id="p1"),
    ]


def dhcp(net: str, device: str, mac: str, on: str) -> list[Obj]:
    """Answer a DHCP namespace with its interface and its port."""
    vservice = obj(
        "vservice",
        f"{on}-qdhcp-{net}",
        Ref("host", on),
        host=on,
        service_type="dhcp",
        local_service_id=f"qdhcp-{net}",
        network_id=net,
        network=[net],
    )
    bound = port(f"{device}-port", net, f"dhcp-{net}", mac, on, device_owner="network:dhcp")
    return [vservice, bound, vnic(device, vservice.ref, mac, on)]


def router_leg(device: str, net: str, mac: str, owner: str, on: str) -> list[Obj]:
    """Answer an interface of router rt with its port."""
    namespace = Ref("vservice", f"{on}-qrouter-rt")
    return [port(f"{device}-port", net, "rt", mac, on, device_owner=owner), vnic(device, namespace, mac, on)]
