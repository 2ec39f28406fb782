"""What an operator does to a cloud: each deed is asked of the real services, and waited for until they say so."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import openstack
from openstack.exceptions import NotFoundException

Expected = tuple[str, str, dict[str, Any] | None]
"""An object by type and id, with attributes that it has by then; None: it is gone."""
Deed = tuple[str, Callable[[], list[Expected]]]

PATIENCE = 240.0
"""Seconds that a service may take for one deed."""


class Deeds:
    """The deeds, in two halves: what the first makes and changes, the second takes away again.

    It needs a cloud that may be thrown away: an outer network, an image, and two flavors, all others' things untouched.
    """

    def __init__(self, cloud: str) -> None:
        """Connect as an administrator."""
        self._cloud = openstack.connect(cloud=cloud)
        self._cloud.compute.default_microversion = "2.79"
        self._net, self._nova = self._cloud.network, self._cloud.compute
        self._outer = next(iter(self._net.networks(is_router_external=True)))
        flavors = sorted(self._nova.flavors(), key=lambda flavor: (flavor.ram, flavor.name))
        self._small, self._large = flavors[0].id, flavors[1].id
        self._image = next(iter(self._cloud.image.images(name="tiny-linux")), None) or next(
            iter(self._cloud.image.images())
        )
        self.tag = f"deed-{int(time.time())}"
        self._made: dict[str, Any] = {}

    # -- networks ------------------------------------------------------------------------------------

    def networks(self) -> Iterator[Deed]:
        """Yield what makes and changes networks."""
        yield "network", self._network
        yield "subnet", self._subnet
        yield "rename network and subnet", self._rename
        yield "networks, subnets and ports in bulk", self._bulk
        yield "port", self._port
        yield "change port", self._change_port
        yield "router", self._router
        yield "interface", self._interface
        yield "gateway", self._gateway
        yield "floating IP", self._floating
        yield "security group", self._group
        yield "change and delete security group", self._group_gone
        yield "trunk", self._trunk

    def _network(self) -> list[Expected]:
        self._made["network"] = made = self._net.create_network(name=self.tag)
        return [("network", made.id, {"name": self.tag})]

    def _subnet(self) -> list[Expected]:
        network = self._made["network"]
        made = self._net.create_subnet(name=self.tag, network_id=network.id, ip_version=4, cidr="10.91.0.0/24")
        self._made["subnet"] = made
        return [("subnet", made.id, {"cidr": "10.91.0.0/24"}), ("network", network.id, {"cidrs": ["10.91.0.0/24"]})]

    def _rename(self) -> list[Expected]:
        network, subnet = self._made["network"], self._made["subnet"]
        self._net.update_network(network, name=f"{self.tag}-renamed")
        self._net.update_subnet(subnet, name=f"{self.tag}-renamed", dns_nameservers=["10.91.0.53"])
        renamed = {"name": f"{self.tag}-renamed"}
        return [("network", network.id, renamed), ("subnet", subnet.id, {**renamed, "dns_nameservers": ["10.91.0.53"]})]

    def _bulk(self) -> list[Expected]:
        networks = self._many("networks", [{"name": f"{self.tag}-b{n}"} for n in (1, 2)])
        ids = [network["id"] for network in networks]
        subnets = self._many(
            "subnets", [{"network_id": id_, "ip_version": 4, "cidr": f"10.9{n}.0.0/24"} for n, id_ in enumerate(ids, 2)]
        )
        ports = self._many("ports", [{"network_id": id_, "name": f"{self.tag}-bp"} for id_ in ids])
        self._made["bulk"] = networks
        return [
            *(("network", one["id"], {"name": one["name"]}) for one in networks),
            *(("subnet", one["id"], {"cidr": one["cidr"]}) for one in subnets),
            *(("port", one["id"], {"mac_address": one["mac_address"]}) for one in ports),
        ]

    def _many(self, kind: str, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answer = self._net.post(f"/{kind}", json={kind: bodies})
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()[kind]
        return found

    def _port(self) -> list[Expected]:
        self._made["port"] = made = self._net.create_port(name=f"{self.tag}-p", network_id=self._made["network"].id)
        return [("port", made.id, {"mac_address": made.mac_address})]

    def _change_port(self) -> list[Expected]:
        port = self._made["port"]
        pairs = [{"ip_address": "10.91.0.250"}]
        self._net.update_port(port, name=f"{self.tag}-p2", admin_state_up=False, allowed_address_pairs=pairs)
        self._net.update_port(port, admin_state_up=True)
        return [("port", port.id, {"name": f"{self.tag}-p2", "admin_state_up": True})]

    def _router(self) -> list[Expected]:
        self._made["router"] = made = self._net.create_router(name=self.tag)
        self._net.update_router(made, name=f"{self.tag}-r")
        return [("router", made.id, {"name": f"{self.tag}-r"})]

    def _interface(self) -> list[Expected]:
        router, subnet = self._made["router"], self._made["subnet"]
        port = self._net.add_interface_to_router(router, subnet=subnet.id)["port_id"]
        return [("port", port, {"device_id": router.id, "network_id": self._made["network"].id})]

    def _gateway(self) -> list[Expected]:
        router = self._made["router"]
        told = self._net.update_router(router, external_gateway_info={"network_id": self._outer.id})
        return [("router", router.id, {"external_gateway_info": told.external_gateway_info})]

    def _floating(self) -> list[Expected]:
        self._made["floating"] = made = self._net.create_ip(floating_network_id=self._outer.id)
        self._net.update_ip(made, port_id=self._made["port"].id)
        expected = {"port_id": self._made["port"].id, "router_id": self._made["router"].id}
        return [("floating_ip", made.id, expected)]

    def _group(self) -> list[Expected]:
        self._made["group"] = group = self._net.create_security_group(name=self.tag)
        self._made["rule"] = self._net.create_security_group_rule(
            security_group_id=group.id, direction="ingress", ether_type="IPv4", protocol="tcp"
        )
        self._net.update_port(self._made["port"], security_group_ids=[group.id])
        return [("port", self._made["port"].id, {"security_groups": [group.id]})]

    def _group_gone(self) -> list[Expected]:
        self._net.update_security_group(self._made["group"], description="changed")
        self._net.update_port(self._made["port"], security_group_ids=[])
        self._net.delete_security_group_rule(self._made["rule"])
        self._net.delete_security_group(self._made["group"])
        return [("port", self._made["port"].id, {"security_groups": []})]

    def _trunk(self) -> list[Expected]:
        parent = self._net.create_port(name=f"{self.tag}-tp", network_id=self._made["network"].id)
        sub = self._net.create_port(name=f"{self.tag}-ts", network_id=self._made["bulk"][0]["id"])
        sub_ports = [{"port_id": sub.id, "segmentation_type": "vlan", "segmentation_id": 7}]
        self._made["trunk"] = made = self._net.create_trunk(name=self.tag, port_id=parent.id, sub_ports=sub_ports)
        self._net.update_trunk(made, name=f"{self.tag}-t")
        self._made["trunk ports"] = [parent, sub]
        return [("trunk", made.id, {"name": f"{self.tag}-t", "port_id": parent.id})]

    # -- instances -----------------------------------------------------------------------------------

    def instances(self) -> Iterator[Deed]:
        """Yield what makes, changes and moves instances."""
        yield "boot", self._boot
        yield "rename instance", self._rename_instance
        yield "attach interface", self._attach
        yield "detach interface", self._detach
        yield "floating IP to instance", self._floating_to_instance
        for name, act, status in (
            ("hard reboot", lambda s: self._nova.reboot_server(s, "HARD"), "ACTIVE"),
            ("pause", self._nova.pause_server, "PAUSED"),
            ("unpause", self._nova.unpause_server, "ACTIVE"),
            ("suspend", self._nova.suspend_server, "SUSPENDED"),
            ("resume", self._nova.resume_server, "ACTIVE"),
            ("stop", self._nova.stop_server, "SHUTOFF"),
            ("start", self._nova.start_server, "ACTIVE"),
            ("lock", self._nova.lock_server, "ACTIVE"),
            ("unlock", self._nova.unlock_server, "ACTIVE"),
            ("resize", lambda s: self._nova.resize_server(s, self._large), "VERIFY_RESIZE"),
            ("revert resize", self._nova.revert_server_resize, "ACTIVE"),
            ("resize again", lambda s: self._nova.resize_server(s, self._large), "VERIFY_RESIZE"),
            ("confirm resize", self._nova.confirm_server_resize, "ACTIVE"),
            ("cold migration", self._nova.migrate_server, "VERIFY_RESIZE"),
            ("confirm migration", self._nova.confirm_server_resize, "ACTIVE"),
        ):
            yield name, self._to(act, status)
        yield "live migration", self._live_migrate
        yield (
            "rebuild",
            self._to(lambda s: self._nova.rebuild_server(s, image=self._image.id, name=f"{self.tag}-again"), "ACTIVE"),
        )

    def _boot(self) -> list[Expected]:
        networks = [{"port": self._made["port"].id}]
        made = self._nova.create_server(
            name=f"{self.tag}-vm", flavor_id=self._small, image_id=self._image.id, networks=networks
        )
        self._made["server"] = made
        return self._settled("ACTIVE")

    def _rename_instance(self) -> list[Expected]:
        server = self._made["server"]
        self._nova.update_server(server, name=f"{self.tag}-renamed")
        self._nova.set_server_metadata(server, tier="gold")
        return [("instance", server.id, {"name": f"{self.tag}-renamed"})]

    def _attach(self) -> list[Expected]:
        network = self._made["bulk"][0]["id"]
        port = self._nova.create_server_interface(self._made["server"], net_id=network)
        self._made["attached"] = port
        both = sorted([network, self._made["network"].id])
        self._until(lambda: self._net.get_port(port.port_id).status == "ACTIVE", "the attached port is active")
        return [("instance", self._made["server"].id, {"network": both}), ("port", port.port_id, {})]

    def _detach(self) -> list[Expected]:
        port = self._made["attached"].port_id
        self._nova.delete_server_interface(port, server=self._made["server"])
        self._until(lambda: not list(self._net.ports(id=port)), "the port is gone")
        return [("port", port, None), ("instance", self._made["server"].id, {"network": [self._made["network"].id]})]

    def _floating_to_instance(self) -> list[Expected]:
        floating, port = self._made["floating"], self._made["port"]
        self._net.update_ip(floating, port_id=None)
        self._net.update_ip(floating, port_id=port.id)
        return [("floating_ip", floating.id, {"port_id": port.id})]

    def _to(self, act: Callable[[Any], object], status: str) -> Callable[[], list[Expected]]:
        def deed() -> list[Expected]:
            act(self._made["server"])
            time.sleep(1)  # the task is not there at once
            return self._settled(status)

        return deed

    def _live_migrate(self) -> list[Expected]:
        server = self._made["server"]
        source = self._host(server)
        self._nova.live_migrate_server(server, host=None, block_migration="auto")
        self._until(lambda: self._host(server) != source, "the instance has moved")
        return self._settled("ACTIVE")

    def _host(self, server: Any) -> str:
        return str(self._nova.get_server(server.id).compute_host)

    def _settled(self, status: str) -> list[Expected]:
        server = self._made["server"]
        self._until(lambda: self._is(server, status), f"the instance is {status}")
        found = self._nova.get_server(server.id)
        host = found.compute_host
        bound = [("port", port.id, {"binding:host_id": host}) for port in self._net.ports(device_id=server.id)]
        return [("instance", server.id, {"status": status, "host": host, "task_state": None}), *bound]

    def _is(self, server: Any, status: str) -> bool:
        found = self._nova.get_server(server.id)
        assert found.status != "ERROR", found.fault
        return found.status == status and not found.task_state

    def _until(self, done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, f"in {PATIENCE:.0f} s it did not happen that {what}"
            time.sleep(0.5)

    # -- what is left of it --------------------------------------------------------------------------

    def rest(self) -> Iterator[Deed]:
        """Yield what takes all of it away."""
        yield "delete instance", self._delete_instance
        yield "delete trunk", self._delete_trunk
        yield "release floating IP", self._delete_floating
        yield "clear gateway", self._clear_gateway
        yield "remove interface", self._remove_interface
        yield "delete router", self._delete_router
        yield "delete ports", self._delete_ports
        yield "delete subnet", self._delete_subnet
        yield "delete networks", self._delete_networks

    def _delete_instance(self) -> list[Expected]:
        server = self._made["server"]
        self._nova.delete_server(server)
        self._nova.wait_for_delete(server, wait=PATIENCE)
        return [("instance", server.id, None), ("port", self._made["port"].id, {"device_id": ""})]

    def _delete_trunk(self) -> list[Expected]:
        self._net.delete_trunk(self._made["trunk"].id)
        for port in self._made["trunk ports"]:
            self._net.delete_port(port)
        return [
            ("trunk", self._made["trunk"].id, None),
            *(("port", port.id, None) for port in self._made["trunk ports"]),
        ]

    def _delete_floating(self) -> list[Expected]:
        floating = self._made["floating"]
        self._net.update_ip(floating, port_id=None)
        self._net.delete_ip(floating)
        return [("floating_ip", floating.id, None)]

    def _clear_gateway(self) -> list[Expected]:
        router = self._made["router"]
        self._net.update_router(router, external_gateway_info=None)
        return [("router", router.id, {"external_gateway_info": None})]

    def _remove_interface(self) -> list[Expected]:
        router = self._made["router"]
        port = self._net.remove_interface_from_router(router, subnet=self._made["subnet"].id)["port_id"]
        return [("port", port, None)]

    def _delete_router(self) -> list[Expected]:
        self._net.delete_router(self._made["router"])
        return [("router", self._made["router"].id, None)]

    def _delete_ports(self) -> list[Expected]:
        ports = [port for port in self._net.ports() if port.name.startswith(self.tag)]
        for port in ports:
            self._net.delete_port(port)
        return [("port", port.id, None) for port in ports]

    def _delete_subnet(self) -> list[Expected]:
        self._net.delete_subnet(self._made["subnet"])
        return [("subnet", self._made["subnet"].id, None), ("network", self._made["network"].id, {"cidrs": []})]

    def _delete_networks(self) -> list[Expected]:
        ids = [self._made["network"].id, *(network["id"] for network in self._made["bulk"])]
        for id_ in ids:
            self._net.delete_network(id_)
        return [("network", id_, None) for id_ in ids]

    def touch(self) -> None:
        """Change something small, of which the bus tells at once."""
        self._net.update_network(self._made["network"], description=f"touched at {time.time()}")

    def clean(self) -> None:
        """Take away what a deed that failed has left, as far as that goes."""
        for _name, deed in self.rest():
            try:
                deed()
            except (KeyError, NotFoundException):
                continue
