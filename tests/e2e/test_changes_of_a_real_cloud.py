"""What was done to a real cloud between monday and tuesday is what a comparison says, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import Program
from tests.recordings import RECORDINGS, needs_recordings

pytestmark = needs_recordings

Item = dict[str, Any]


@pytest.fixture(scope="module")
def truth() -> dict[str, list[Item]]:
    """Give what was done, by the kind of deed."""
    deeds: dict[str, list[Item]] = {}
    for deed in json.loads((RECORDINGS / "zed-ovs" / "monday-to-tuesday.truth.json").read_text()):
        deeds.setdefault(deed["did"], []).append(deed)
    return deeds


@pytest.fixture(scope="module")
def diff(two_days: Program) -> Item:
    answer: Item = two_days.run("diff", "zed", "@monday", "@tuesday", "--json", code=1).answer
    return answer


def ids(diff: Item, how: str, object_type: str) -> set[str]:
    return {item["id"] for item in diff["objects"][how] if item["type"] == object_type}


def changed(diff: Item, object_type: str) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Answer the changed fields of the objects of a type: id -> field -> (before, after)."""
    return {
        item["id"]: {f["field"]: (f["before"], f["after"]) for f in item["fields"]}
        for item in diff["objects"]["changed"]
        if item["type"] == object_type
    }


def test_the_new_network_is_there_with_its_subnet_and_its_ports(diff: Item, truth: dict[str, list[Item]]) -> None:
    (network,) = truth["add_network"]
    (interface,) = truth["add_router_interface"]
    assert ids(diff, "added", "network") == {network["network"]}
    assert ids(diff, "added", "subnet") == {network["subnet"]}
    booted = {deed["port"] for deed in truth["boot"]}
    dhcp = ids(diff, "added", "port") - booted - {interface["port"]}
    assert len(dhcp) == 1
    (found,) = (item["document"] for item in diff["objects"]["added"] if item["id"] in dhcp)
    assert (found["device_owner"], found["network_id"]) == ("network:dhcp", network["network"])
    assert {i.split("-", 1)[1] for i in ids(diff, "added", "vservice")} == {f"qdhcp-{network['network']}"}


def test_instances_booted_and_deleted_are_those_and_no_others(diff: Item, truth: dict[str, list[Item]]) -> None:
    assert ids(diff, "added", "instance") == {deed["instance"] for deed in truth["boot"]}
    assert ids(diff, "removed", "instance") == {deed["instance"] for deed in truth["delete"]}
    moved_or_stopped = {deed["instance"] for deed in truth["live_migrate"] + truth["stop"]}
    assert set(changed(diff, "instance")) == moved_or_stopped


def test_a_migrated_instance_changed_its_host_and_its_place(diff: Item, truth: dict[str, list[Item]]) -> None:
    (deed,) = truth["live_migrate"]
    fields = changed(diff, "instance")[deed["instance"]]
    assert fields["host"] == (deed["source"], deed["host"])
    assert fields["parent"] == (f"host {deed['source']}", f"host {deed['host']}")


def test_a_stopped_instance_changed_its_state_and_not_its_host(diff: Item, truth: dict[str, list[Item]]) -> None:
    (deed,) = truth["stop"]
    fields = changed(diff, "instance")[deed["instance"]]
    assert fields["status"] == ("ACTIVE", "SHUTOFF")
    assert "host" not in fields


def test_a_stopped_instance_still_hangs_on_its_networks_by_links_that_are_down(
    two_days: Program, truth: dict[str, list[Item]]
) -> None:
    (deed,) = truth["stop"]
    before, after = (
        two_days.run("clique", "zed", "instance", deed["instance"], "--at", day, "--json").answer
        for day in ("@monday", "@tuesday")
    )
    assert {(n["type"], n["id"]) for n in before["nodes"]} == {(n["type"], n["id"]) for n in after["nodes"]}
    assert {link["state"] for link in before["links"]} == {"up"}
    assert "down" in {link["state"] for link in after["links"]}


def test_a_floating_ip_let_go_has_no_port(diff: Item, truth: dict[str, list[Item]]) -> None:
    (deed,) = truth["disassociate_floating_ip"]
    assert set(changed(diff, "floating_ip")) == {deed["floating_ip"]}
    assert changed(diff, "floating_ip")[deed["floating_ip"]]["port_id"] == (deed["port"], None)


def test_every_difference_is_a_trace_of_something_that_was_done(
    diff: Item, truth: dict[str, list[Item]], two_days: Program
) -> None:
    deeds = [deed for group in truth.values() for deed in group]
    named = {
        deed[what] for deed in deeds for what in ("instance", "port", "subnet", "router", "floating_ip") if what in deed
    }
    named |= {deed["network"] for deed in truth["add_network"]}
    for day in ("@monday", "@tuesday"):
        ports = two_days.run("at", "zed", day, "--type", "port", "--json").answer["objects"]
        named |= {p["id"] for p in ports if p["attributes"]["device_id"] in named or p["parent"]["id"] in named}
    devices = {name[:10] for name in named}  # tap, qvb, qvo, qr- and qg- devices carry the beginning of a port's id
    assert _objects_of(diff)
    for item in _objects_of(diff):
        text = json.dumps(item)
        assert any(device in text for device in devices), f"not explained: {text[:600]}"


def test_what_a_vedge_changed_is_the_ports_of_what_came_and_went(diff: Item) -> None:
    for fields in changed(diff, "vedge").values():
        assert all(field.startswith("ports.") for field in fields), fields


def test_no_heartbeat_stamp_or_counter_is_a_difference(diff: Item) -> None:
    words = ("heartbeat", "updated", "revision", "uptime", "load", "counter", "bytes", "packets")
    for item in diff["objects"]["changed"]:
        for field in item["fields"]:
            assert not any(word in field["field"] for word in words), (item["id"], field)
    assert not [item for item in diff["objects"]["changed"] if item["type"] in ("network_agent", "host", "host_pnic")]


def test_every_difference_names_the_event_that_showed_it(diff: Item) -> None:
    for kind in ("objects", "links", "cliques"):
        causes = [item["cause"] for how in ("added", "removed") for item in diff[kind][how]]
        causes += [field["cause"] for item in diff[kind]["changed"] for field in item["fields"]]
        for cause in causes:
            assert diff["from"]["offset"] < cause["offset"] <= diff["to"]["offset"]
            assert cause["source"] in ("scan", "openstack")  # a scan saw it, or a notification told it
            assert cause["time"]


def test_the_same_bundle_scanned_again_is_no_difference(tmp_path: Path) -> None:
    again = Program(tmp_path / "data")
    monday = RECORDINGS / "zed-ovs" / "monday"
    again.scan("zed", monday)
    again.run("snapshot", "zed", "first")
    again.scan("zed", monday)
    answer = again.run("diff", "zed", "@first", "latest", "--json", code=0).answer
    assert all(not answer[kind][how] for kind in ("objects", "links", "cliques") for how in ("added", "removed"))


def _objects_of(diff: Item) -> list[Item]:
    return [item for how in ("added", "removed", "changed") for item in diff["objects"][how]]
