"""What each type of notification changes. The notifications are made by hand: see tests/unit/notified.py."""

from typing import Any

import pytest

from projections.fold import NOT_UNDERSTOOD, environment_key
from projections.inventory import Ref
from projections.notifications.registry import HANDLERS
from schemas.canonical import Document, decode_document
from schemas.events import Scope
from tests.unit.notified import REGION, Lab, ip, nova_object, resource, server, unversioned, versioned


@pytest.fixture
def lab() -> Lab:
    """Give a small cloud that was scanned."""
    return Lab()


def scope(lab: Lab, object_type: str, object_id: str) -> Scope | None:
    return lab.fold.inventory.scope_of(Ref(object_type, object_id))


def counted(lab: Lab) -> Document:
    """Answer how many notifications of each type were not understood."""
    record = lab.fold.records.get(environment_key("lab"))
    counts: Document = {} if record is None else decode_document(record).get(NOT_UNDERSTOOD, {})
    return counts


# -- networks and subnets ------------------------------------------------------------------------------------


def test_a_network_stands_where_a_scan_finds_it_and_its_making_is_asked_for(lab: Lab) -> None:
    lab.tell("network.create.end", resource("network", "new", name="web", tags=["b", "a"], subnets=[]))
    network = lab.there("network", "new")
    assert network.parent == Ref("project", "p")
    assert scope(lab, "network", "new") == Scope("network", *REGION)
    assert network.document == {"name": "web", "project_id": "p", "tags": ["a", "b"], "cidrs": [], "subnet_ids": []}
    assert lab.asked == {"region R"}


def test_a_network_that_is_renamed_keeps_what_was_not_told(lab: Lab) -> None:
    before = lab.there("network", "net").document
    lab.tell("network.update.end", resource("network", "net", name="renamed"))
    assert lab.there("network", "net").document == {**before, "name": "renamed"}
    assert lab.asked == set()


def test_one_request_for_many_resources_tells_of_each(lab: Lab) -> None:
    bodies = [resource("network", name, name=name)["network"] for name in ("a", "b")]
    lab.tell("network.create.end", {"networks": bodies})
    assert lab.there("network", "a").get("name") == "a"
    assert lab.there("network", "b").get("name") == "b"
    lab.tell("subnet.create.end", {"subnets": [resource("subnet", "x", network_id="a", cidr="10.8.0.0/24")["subnet"]]})
    lab.tell("port.create.end", {"ports": [resource("port", "y", network_id="a")["port"]]})
    lab.tell("router.create.end", {"routers": [resource("router", "z")["router"]]})
    assert all(lab.find(*ref) for ref in (("subnet", "x"), ("port", "y"), ("router", "z")))


def test_a_network_that_is_deleted_takes_its_subnets_and_ports_along(lab: Lab) -> None:
    lab.tell("network.delete.end", {"network_id": "net"})
    assert not any(lab.find(*ref) for ref in (("network", "net"), ("subnet", "sub"), ("port", "pa"), ("port", "pd")))
    assert lab.there("instance", "i").get("network") == []
    assert {"host n1", "host h1"} <= lab.asked
    assert lab.links("vnic-port") == set()


def test_subnets_come_and_go_in_the_words_of_their_network(lab: Lab) -> None:
    body = resource("subnet", "six", network_id="net", cidr="fd00::/64", name="")
    lab.tell("subnet.create.end", body)
    assert lab.there("subnet", "six").parent == Ref("network", "net")
    assert lab.there("network", "net").get("cidrs") == ["10.0.0.0/24", "fd00::/64"]
    assert lab.there("network", "net").get("subnet_ids") == ["six", "sub"]
    assert lab.asked == {"region R", "host n1"}  # the ports and the namespace of DHCP
    lab.tell("subnet.delete.end", {"subnet_id": "sub"})
    assert lab.there("network", "net").get("cidrs") == ["fd00::/64"]
    assert lab.find("subnet", "sub") is None


@pytest.mark.parametrize("form", ["subnet.update", "subnet.update.end"])
def test_a_subnet_that_is_renamed_is_told_with_and_without_a_phase(lab: Lab, form: str) -> None:
    lab.tell(form, resource("subnet", "sub", network_id="net", cidr="10.0.0.0/24", name="renamed"))
    assert lab.there("subnet", "sub").get("name") == "renamed"


# -- ports ---------------------------------------------------------------------------------------------------


def test_a_port_is_called_by_its_mac_address_and_puts_its_instance_on_its_network(lab: Lab) -> None:
    body = resource("port", "px", name="", network_id="out", mac_address="m9", device_id="i", fixed_ips=[])
    lab.tell("port.create.end", body)
    assert lab.there("port", "px").get("name") == "m9"
    assert lab.there("instance", "i").get("network") == ["net", "net2", "out"]
    assert lab.asked == {"region R"}  # whoever made it may not see where it is bound


def test_a_port_that_changes_its_device_changes_the_networks_of_both(lab: Lab) -> None:
    lab.tell("port.update.end", resource("port", "pa", network_id="net", mac_address="m1", device_id="r"))
    assert lab.there("instance", "i").get("network") == []
    assert lab.there("vservice", "n1-qrouter-r").get("network") == ["net", "net2", "out"]
    assert lab.links("vnic-port") == set()


def test_a_port_that_only_changes_its_name_asks_for_nothing(lab: Lab) -> None:
    known = lab.there("port", "pa").document
    told = {name: known[name] for name in ("network_id", "mac_address", "device_id", "fixed_ips", "admin_state_up")}
    lab.tell("port.update.end", resource("port", "pa", **told, **{"binding:host_id": "h1"}, name="web"))
    assert lab.there("port", "pa").get("name") == "web"
    assert lab.asked == set()


def test_a_binding_of_the_same_kind_keeps_what_was_not_told_of_it(lab: Lab) -> None:
    kind, details = "binding:vif_type", "binding:vif_details"
    told = {"network_id": "net", "device_id": "i", "mac_address": "m1", kind: "ovs"}
    for number, said in enumerate(({"port_filter": True, "bound": 1}, {"port_filter": False})):
        lab.tell("port.update.end", resource("port", "pa", number + 1, **told, **{details: said}))
    assert lab.there("port", "pa").get(details) == {"port_filter": False, "bound": 1}
    lab.tell("port.update.end", resource("port", "pa", 3, **{**told, kind: "unbound", details: {}}))
    assert lab.there("port", "pa").get(details) == {}


def test_a_port_that_is_deleted_frees_what_hung_on_it(lab: Lab) -> None:
    lab.tell("port.delete.end", {"port_id": "pa"})
    assert lab.find("port", "pa") is None
    assert lab.there("floating_ip", "f").get("port_id") is None
    assert lab.there("floating_ip", "f").get("router_id") is None
    assert lab.there("instance", "i").get("network") == []
    assert lab.find("vnic", "h1-tapa") is not None  # the host tells when it is unplugged
    assert lab.links("vnic-port") == set()
    assert lab.links("floating_ip-port") == set()
    assert lab.asked == {"host h1"}


# -- routers, floating IPs, trunks ---------------------------------------------------------------------------


def test_a_router_that_loses_its_gateway_loses_the_port_of_it(lab: Lab) -> None:
    lab.tell("router.update.end", resource("router", "r", name="r", external_gateway_info=None))
    assert lab.there("router", "r").get("external_gateway_info") is None
    assert lab.find("port", "pg") is None
    assert lab.there("vservice", "n1-qrouter-r").get("network") == ["net"]
    assert lab.asked == {"region R", "host n1"}


def test_a_router_that_is_renamed_asks_for_nothing(lab: Lab) -> None:
    known = lab.there("router", "r").document
    lab.tell("router.update.end", {"router": {**known, "id": "r", "name": "edge"}})
    assert lab.there("router", "r").get("name") == "edge"
    assert lab.asked == set()


def test_a_router_that_is_deleted_takes_its_ports_along(lab: Lab) -> None:
    lab.tell("router.delete.end", {"router_id": "r"})
    assert not any(lab.find(*ref) for ref in (("router", "r"), ("port", "pr"), ("port", "pg")))
    assert lab.links("router-vservice") == set()
    assert "host n1" in lab.asked


@pytest.mark.parametrize(
    ("trait", "owner"),
    [
        ({}, "network:router_interface"),
        ({"ha": True}, "network:ha_router_replicated_interface"),
        ({"distributed": True}, "network:router_interface_distributed"),
    ],
)
def test_an_interface_of_a_router_is_a_port_as_far_as_it_is_told(lab: Lab, trait: Document, owner: str) -> None:
    lab.tell("router.update.end", resource("router", "r", external_gateway_info={"network_id": "out"}, **trait))
    told = {"id": "r", "tenant_id": "p", "port_id": "new", "network_id": "net2", "subnet_id": "x"}
    lab.tell("router.interface.create", {"router_interface": told})
    assert lab.there("port", "new").document == {
        "name": "new",
        "project_id": "p",
        "network_id": "net2",
        "device_id": "r",
        "device_owner": owner,
    }
    assert lab.there("vservice", "n1-qrouter-r").get("network") == ["net", "net2", "out"]
    assert lab.asked == {"region R", "host n1"}


def test_an_interface_whose_port_is_known_leaves_it_as_it_is(lab: Lab) -> None:
    before = lab.there("port", "pr").document
    told = {"id": "r", "tenant_id": "p", "port_id": "pr", "network_id": "net"}
    lab.tell("router.interface.create", {"router_interface": told})
    assert lab.there("port", "pr").document == before


def test_an_interface_that_is_deleted_takes_its_port_along(lab: Lab) -> None:
    told = {"id": "r", "tenant_id": "p", "port_id": "pr", "network_id": "net"}
    lab.tell("router.interface.delete", {"router_interface": told})
    assert lab.find("port", "pr") is None
    assert lab.there("vservice", "n1-qrouter-r").get("network") == ["out"]


def test_a_floating_ip_that_is_let_go_leaves_the_addresses_of_its_instance(lab: Lab) -> None:
    told = {"floating_ip_address": "172.0.0.9", "port_id": None, "router_id": None, "fixed_ip_address": None}
    lab.tell("floatingip.update.end", resource("floatingip", "f", **told))
    assert [each["addr"] for each in lab.there("instance", "i").get("addresses")["net"]] == ["10.0.0.1"]
    assert lab.links("floating_ip-port") == set()
    assert lab.asked == {"region R", "host n1"}


def test_a_floating_ip_that_is_made_joins_the_addresses_of_its_instance(lab: Lab) -> None:
    told = {"floating_ip_address": "172.0.0.7", "port_id": "pa", "router_id": "r", "fixed_ip_address": "10.0.0.1"}
    lab.tell("floatingip.create.end", resource("floatingip", "g", **told, port_details={"name": "x"}))
    assert lab.there("floating_ip", "g").get("name") == "172.0.0.7"
    assert "port_details" not in lab.there("floating_ip", "g").document
    addresses = {each["addr"] for each in lab.there("instance", "i").get("addresses")["net"]}
    assert addresses == {"10.0.0.1", "172.0.0.7", "172.0.0.9"}
    assert ("g", "pa") in lab.links("floating_ip-port")


def test_a_floating_ip_that_is_deleted_takes_its_own_port_along(lab: Lab) -> None:
    lab.tell("floatingip.delete.end", {"floatingip_id": "f"})
    assert lab.find("floating_ip", "f") is None
    assert lab.find("port", "pf") is None
    assert [each["addr"] for each in lab.there("instance", "i").get("addresses")["net"]] == ["10.0.0.1"]


def test_a_parent_port_says_which_trunk_it_carries_until_that_is_deleted(lab: Lab) -> None:
    subs = [{"port_id": "pf", "segmentation_type": "vlan", "segmentation_id": 9}]
    lab.tell("trunk.create.end", resource("trunk", "u", port_id="pb", sub_ports=subs))
    assert lab.there("port", "pb").get("trunk_details") == {"trunk_id": "u", "sub_ports": subs}
    lab.tell("trunk.delete.end", {"trunk_id": "u"})
    assert "trunk_details" not in lab.there("port", "pb").document


def test_a_trunk_puts_the_instance_of_its_parent_on_the_networks_of_its_sub_ports(lab: Lab) -> None:
    lab.tell("trunk.delete.end", {"trunk_id": "t"})
    assert lab.there("instance", "i").get("network") == ["net"]
    subs = [{"port_id": "pb", "segmentation_type": "vlan", "segmentation_id": 5}]
    lab.tell("trunk.create.end", resource("trunk", "u", port_id="pa", sub_ports=subs))
    assert lab.there("instance", "i").get("network") == ["net", "net2"]
    assert lab.links("trunk-port") == {("u", "pa"), ("u", "pb")}
    assert lab.asked == {"region R", "host h1"}


def test_a_security_group_with_another_name_is_asked_of_the_hosts_whose_instances_name_it(lab: Lab) -> None:
    lab.tell("security_group.update.end", resource("security_group", "other"))
    assert lab.asked == set()
    lab.tell("security_group.update.end", resource("security_group", "sg"))
    assert lab.asked == {"host h1"}


# -- instances -----------------------------------------------------------------------------------------------


def test_an_instance_is_born_under_its_host_with_its_addresses(lab: Lab) -> None:
    lab.tell("port.create.end", resource("port", "pn", network_id="net", mac_address="m8", device_id="new"))
    payload = versioned(
        "new", "h2", name="web", ip_addresses=[ip("m8", "10.0.0.8")], instance_name="instance-9", tags=[]
    )
    lab.tell("instance.create.end", payload)
    instance = lab.there("instance", "new")
    assert instance.parent == Ref("host", "h2")
    assert scope(lab, "instance", "new") == Scope("instance", "host", "h2")
    assert instance.document == {
        "name": "web",
        "local_name": "instance-9",
        "host": "h2",
        "hypervisor_hostname": "h2",
        "hostname": "new",
        "zone": "az",
        "vm_state": "active",
        "power_state": 1,
        "task_state": None,
        "status": "ACTIVE",
        "launched_at": "2026-11-22T12:00:09.000000",
        "terminated_at": None,
        "created": "2026-11-22T12:00:00Z",
        "user_id": "u",
        "project_id": "p",
        "description": None,
        "metadata": {},
        "key_name": None,
        "locked": False,
        "image_id": "image",
        "flavor": {"name": "small", "vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 0, "swap": 0, "extra_specs": {}},
        "addresses": {
            "net": [{"OS-EXT-IPS-MAC:mac_addr": "m8", "OS-EXT-IPS:type": "fixed", "addr": "10.0.0.8", "version": 4}]
        },
        "tags": [],
        "network": ["net"],
    }
    assert "host h2" in lab.asked


def test_an_older_cloud_tells_the_same_of_an_instance_less_what_it_leaves_out(lab: Lab) -> None:
    other = Lab()
    fixed = [{"address": "10.0.0.8", "vif_mac": "m8", "label": "net", "version": 4, "floating_ips": []}]
    lab.tell("compute.instance.create.end", unversioned("new", "h2", fixed_ips=fixed))
    other.tell("instance.create.end", versioned("new", "h2", ip_addresses=[ip("m8", "10.0.0.8")]))
    old, new = lab.there("instance", "new").document, other.there("instance", "new").document
    assert new.keys() - old.keys() == {"description", "key_name", "locked", "metadata"}
    flavor = {name: value for name, value in new["flavor"].items() if name not in ("swap", "extra_specs")}
    assert {**old, "flavor": old["flavor"]} == {**{name: new[name] for name in old}, "flavor": flavor}


def test_an_instance_that_no_host_runs_yet_stands_under_its_project(lab: Lab) -> None:
    lab.tell("instance.update", versioned("new", None, "building", task_state="scheduling"))
    assert lab.there("instance", "new").parent == Ref("project", "p")
    assert scope(lab, "instance", "new") == Scope("homeless-instance", *REGION)
    assert lab.there("instance", "new").get("status") == "BUILD"
    lab.tell("instance.update", versioned("new", "h1", "building", task_state="spawning"))
    assert lab.there("instance", "new").parent == Ref("host", "h1")


@pytest.mark.parametrize(
    ("event", "state", "link", "status"),
    [
        ("power_off", "stopped", "down", "SHUTOFF"),
        ("shutdown", "stopped", "down", "SHUTOFF"),
        ("suspend", "suspended", "down", "SUSPENDED"),
        ("pause", "paused", "up", "PAUSED"),
        ("shelve", "shelved", "down", "SHELVED"),
        ("rescue", "rescued", "up", "RESCUE"),
    ],
)
@pytest.mark.parametrize("form", [versioned, unversioned])
def test_an_instance_that_is_switched_off_has_vnics_that_are_down(
    lab: Lab, event: str, state: str, link: str, status: str, form: Any
) -> None:
    name = f"instance.{event}.end" if form is versioned else f"compute.instance.{event}.end"
    lab.tell(name.replace(".end", ".start"), form("i", state=state))
    assert lab.there("instance", "i").get("status") == "ACTIVE"  # it has only begun
    lab.tell(name, form("i", state=state))
    assert lab.there("instance", "i").get("status") == status
    assert lab.there("vnic", "h1-tapa").get("state") == link
    assert lab.asked == {"host h1"}


@pytest.mark.parametrize("event", ["power_on", "resume", "unshelve"])
def test_an_instance_that_is_switched_on_has_vnics_that_are_up(lab: Lab, event: str) -> None:
    lab.tell("instance.power_off.end", versioned(state="stopped"))
    lab.tell(f"instance.{event}.end", versioned(state="active"))
    assert lab.there("vnic", "h1-tapa").get("state") == "up"
    assert lab.there("instance", "i").get("power_state") == 1


@pytest.mark.parametrize("state", ["shelved", "soft-delete"])
def test_states_that_end_an_instance_on_its_host_are_told_by_any_event(lab: Lab, state: str) -> None:
    lab.tell("instance.update", versioned(state=state))
    assert (lab.find("instance", "i") is None) == (state == "soft-delete")


def test_a_live_migration_moves_the_instance_with_its_ports_and_leaves_its_vnics_behind(lab: Lab) -> None:
    lab.tell("port.update.end", resource("port", "pa", network_id="net", device_id="i", mac_address="m1",
        **{"binding:host_id": "h1", "binding:profile": {"migrating_to": "h2", "os_vif_delegation": True}}))  # fmt: skip
    lab.tell("instance.live_migration_post_dest.end", versioned(host="h2"), publisher="nova-compute:h2")
    lab.tell("instance.live_migration_post.end", versioned(host="h1", task_state="migrating"))  # of the host it left
    lab.tell("compute.instance.live_migration._post.end", unversioned(host="h1", state_description="migrating"))
    instance = lab.there("instance", "i")
    assert (instance.get("host"), instance.parent, instance.get("status")) == ("h2", Ref("host", "h2"), "ACTIVE")
    assert scope(lab, "instance", "i") == Scope("instance", "host", "h2")
    assert lab.there("port", "pa").get("binding:host_id") == "h2"
    assert lab.there("port", "pa").get("binding:profile") == {"os_vif_delegation": True}
    assert lab.find("vnic", "h1-tapa") is None
    assert lab.find("vconnector", "h1-qbra") is None
    assert lab.asked == {"host h1", "host h2", "region R"}


@pytest.mark.parametrize(
    ("event", "form", "state", "status"),
    [
        ("instance.resize_finish.end", versioned, "resized", "VERIFY_RESIZE"),
        ("compute.instance.finish_resize.end", unversioned, "resized", "VERIFY_RESIZE"),
        ("instance.rebuild.end", versioned, "active", "ACTIVE"),  # on another host: that is an evacuation
        ("compute.instance.rebuild.end", unversioned, "active", "ACTIVE"),
        ("instance.evacuate", versioned, "active", "ACTIVE"),
        ("instance.unshelve.end", versioned, "active", "ACTIVE"),
        ("compute.instance.live_migration.post.dest.end", unversioned, "active", "ACTIVE"),
    ],
)
def test_whatever_moves_an_instance_moves_it(lab: Lab, event: str, form: Any, state: str, status: str) -> None:
    lab.tell(event, form(host="h2", state=state))
    instance = lab.there("instance", "i")
    assert (instance.parent, instance.get("status")) == (Ref("host", "h2"), status)
    assert lab.find("vnic", "h1-tapa") is None
    assert {"host h1", "host h2"} <= lab.asked


@pytest.mark.parametrize(
    ("events", "host"),
    [
        (("instance.resize_finish.end", "instance.resize_confirm.end"), "h2"),
        (("instance.resize_finish.end", "instance.resize_revert.end"), "h1"),
        (("compute.instance.finish_resize.end", "compute.instance.resize.revert.end"), "h1"),
    ],
)
def test_a_resize_is_confirmed_where_it_went_and_reverted_where_it_was(
    lab: Lab, events: tuple[str, str], host: str
) -> None:
    form: Any = unversioned if events[0].startswith("compute") else versioned
    lab.tell(events[0], form(host="h2", state="resized"))
    lab.tell(events[1], form(host=host))
    assert lab.there("instance", "i").parent == Ref("host", host)
    assert lab.there("port", "pa").get("binding:host_id") == host


def test_an_instance_that_is_offloaded_stands_under_its_project_without_vnics(lab: Lab) -> None:
    lab.tell("instance.shelve_offload.end", versioned(host=None, state="shelved_offloaded"))
    assert lab.there("instance", "i").parent == Ref("project", "p")
    assert lab.find("vnic", "h1-tapa") is None
    assert lab.asked == {"host h1"}


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("instance.delete.end", versioned(state="deleted")),
        ("compute.instance.delete.end", unversioned(state="deleted")),
        ("instance.update", versioned(state="deleted")),
        ("compute.instance.update", unversioned(state="deleted")),
        ("instance.soft_delete.end", versioned(state="soft-delete")),
    ],
)
def test_an_instance_that_is_deleted_takes_its_vnics_and_their_bridges_along(
    lab: Lab, event: str, payload: Document
) -> None:
    lab.tell(event, payload)
    assert not any(lab.find(*ref) for ref in (("instance", "i"), ("vnic", "h1-tapa"), ("vconnector", "h1-qbra")))
    assert lab.find("port", "pa") is not None  # Neutron tells of it itself
    assert lab.asked == {"host h1"}


def test_an_instance_that_was_deleted_softly_can_be_restored(lab: Lab) -> None:
    lab.tell("instance.soft_delete.end", versioned(state="soft-delete"))
    lab.tell("instance.restore.end", versioned())
    assert lab.there("instance", "i").get("network") == ["net", "net2"]
    lab.tell("instance.power_off.end", versioned(state="stopped"))
    assert lab.there("instance", "i").get("status") == "SHUTOFF"


def test_the_fault_that_the_api_told_is_known_while_the_instance_is_in_error_and_no_longer(lab: Lab) -> None:
    broken = server("i", "h1", vm_state="error", status="ERROR", fault={"code": 500})
    lab.scan([("instance", "host", "h1", "instance", "host", "h1", "i", broken)], covered=())
    lab.tell("instance.reboot.error", versioned(state="error"))
    assert lab.there("instance", "i").get("fault") == {"code": 500}
    lab.tell("instance.rebuild.end", versioned())
    assert "fault" not in lab.there("instance", "i").document


def test_another_interface_asks_the_host_in_any_case(lab: Lab) -> None:
    lab.tell("instance.interface_attach.end", versioned())
    assert lab.asked == {"host h1"}


# -- hosts, agents, projects, and what is nothing of the topology --------------------------------------------


def service(**more: Any) -> Document:
    data = {"host": "h1", "binary": "nova-compute", "disabled": False, "disabled_reason": None, "forced_down": False}
    return nova_object("ServiceStatusPayload", {**data, **more})


def test_a_service_that_is_disabled_is_so_on_its_host(lab: Lab) -> None:
    lab.tell("service.update", service(disabled=True))
    assert lab.there("host", "h1").get("services")["nova-compute"] == {"status": "disabled", "state": "up"}
    lab.tell("service.update", service(forced_down=True))
    assert lab.there("host", "h1").get("services")["nova-compute"] == {"status": "enabled", "state": "down"}
    assert lab.asked == set()
    lab.tell("service.update", service(host="h9"))
    assert lab.asked == {"region R"}


def test_an_aggregate_refers_to_its_hosts(lab: Lab) -> None:
    data = {"id": 7, "uuid": "u", "name": "fast", "hosts": ["h2", "h1"], "metadata": {"availability_zone": "az2"}}
    lab.tell("aggregate.add_host.end", nova_object("AggregatePayload", data))
    assert lab.there("aggregate", "7").get("hosts") == ["h1", "h2"]
    assert lab.there("aggregate", "7").get("availability_zone") == "az2"
    assert lab.there("host_ref", "aggregate-fast-h2").document == {"name": "h2", "host": "h2"}
    assert scope(lab, "host_ref", "aggregate-fast-h2") == Scope("host-ref", "aggregate", "7")
    lab.tell("aggregate.remove_host.end", nova_object("AggregatePayload", {**data, "hosts": ["h2"]}))
    assert lab.find("host_ref", "aggregate-fast-h1") is None
    assert lab.asked == {"region R"}  # the zones of the hosts
    lab.tell("aggregate.delete.end", {"aggregate_id": 7})
    assert lab.find("aggregate", "7") is None
    assert lab.find("host_ref", "aggregate-fast-h2") is None


def test_an_agent_that_is_switched_off_is_so_and_one_that_is_deleted_is_gone(lab: Lab) -> None:
    body = {"id": "a1", "host": "n1", "binary": "neutron-l3-agent", "admin_state_up": False, "agent_type": "L3 agent"}
    lab.tell("agent.update.end", {"agent": body})
    agent = lab.there("network_agent", "neutron-l3-agent-a1")
    assert (agent.get("admin_state_up"), agent.get("alive")) == (False, True)
    assert scope(lab, "network_agent", agent.id) == Scope("network-agent", "host", "n1")
    lab.tell("l3_agent.router.add", {"agent": {"id": "a1", "router_id": "r"}})
    assert lab.asked == {"region R", "host n1"}
    lab.tell("agent.delete.end", {"agent_id": "a1"})
    assert lab.find("network_agent", "neutron-l3-agent-a1") is None


def test_a_project_that_is_deleted_stays_while_it_owns_something(lab: Lab) -> None:
    lab.tell("identity.project.deleted", {"resource_info": "p"})
    assert lab.there("project", "p").document == {"name": "p", "enabled": None, "description": "not in Keystone"}
    assert scope(lab, "project", "p") == Scope("foreign-project", "environment", "lab")
    for ref in (("network", "net"), ("network", "net2"), ("network", "out"), ("router", "r"), ("trunk", "t")):
        lab.tell(f"{ref[0]}.delete.end", {f"{ref[0]}_id": ref[1]})
    lab.tell("floatingip.delete.end", {"floatingip_id": "f"})
    lab.tell("instance.delete.end", versioned(state="deleted"))
    lab.tell("identity.project.deleted", {"resource_info": "p"})
    assert lab.find("project", "p") is None


@pytest.mark.parametrize("event", ["identity.project.created", "identity.region.updated", "identity.endpoint.created"])
def test_what_keystone_names_only_by_its_id_is_asked_for(lab: Lab, event: str) -> None:
    lab.tell(event, {"resource_info": "x"})
    assert lab.asked == {"environment lab"}


@pytest.mark.parametrize(
    "event",
    [
        *("servergroup.create", "servergroup.update", "servergroup.addmember", "servergroup.delete"),
        *("server_group.create", "security_group_rule.create.end", "binding.create.end", "image.send"),
        *("scheduler.select_destinations.end", "identity.authenticate", "compute.instance.exists", "port.create.start"),
        *("instance.live_migration_pre.end", "compute.instance.power_off.start", "compute.metrics.update"),
    ],
)
def test_what_says_nothing_of_the_topology_is_known_and_changes_nothing(lab: Lab, event: str) -> None:
    assert lab.tell(event, {"anything": 1}) == []
    assert counted(lab) == {}


def test_every_type_that_the_original_knew_or_listed_is_known() -> None:
    neutron = [
        f"{what}.{how}" for what in ("network", "subnet", "port", "router") for how in ("create", "update", "delete")
    ]
    nova = [
        f"compute.instance.{how}" for how in ("create", "rebuild", "update", "delete", "shutdown", "suspend", "resume")
    ]
    more = [
        "compute.instance.power_off",
        "compute.instance.power_on",
        "router.interface.create",
        "router.interface.delete",
    ]
    groups = ["servergroup.create", "servergroup.update", "servergroup.addmember", "servergroup.delete"]
    assert {*neutron, *nova, *more, *groups} <= HANDLERS.keys()


def test_what_nobody_knows_changes_nothing_and_is_counted(lab: Lab) -> None:
    for event in ("loadbalancer.create.end", "vpn.update", "loadbalancer.create.end"):
        assert [change.key for change in lab.tell(event, {})] == [environment_key("lab")]
    assert counted(lab) == {"loadbalancer.create.end": 2, "vpn.update": 1}


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("port.create.end", {}),
        ("port.create.end", {"port": None}),
        ("port.create.end", {"port": {"id": 5, "network_id": "net"}}),
        ("port.create.end", {"port": {"id": "", "network_id": "net"}}),
        ("port.create.end", {"port": {"id": "x"}}),
        ("port.create.end", {"ports": "abc"}),
        ("port.create.end", []),
        ("port.create.end", None),
        ("subnet.create.end", {"subnet": {"id": "x", "network_id": "net", "cidr": "no address"}}),
        ("instance.update", {"nova_object.data": {"uuid": "i"}}),
        ("instance.update", versioned(created_at="yesterday")),
        ("compute.instance.update", {"instance_id": ["i"]}),
        ("network.delete.end", {"network_id": None}),
        ("router.interface.create", {"router_interface": {"id": "r"}}),
        ("service.update", {}),
    ],
)
def test_what_is_not_as_its_type_promises_changes_nothing_and_is_counted(lab: Lab, event: str, payload: Any) -> None:
    before = dict(lab.fold.everything())
    lab.tell(event, payload)
    assert counted(lab) == {event: 1}
    after = {key: value for key, value in lab.fold.everything() if key != environment_key("lab")}
    assert after == {key: value for key, value in before.items() if key != environment_key("lab")}


def test_where_no_scan_has_looked_yet_there_is_no_place_for_anything() -> None:
    lab = Lab(scanned=False)
    lab.tell("network.create.end", resource("network", "new", name="web"))
    assert lab.find("network", "new") is None
    assert lab.asked == {"environment lab"}
