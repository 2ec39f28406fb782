"""What a scan says of a cloud that answers, half answers, or does not."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from producers.access import Answer
from producers.scan import EVENT_BYTES, ScanReport, scan
from producers.settings import EnvironmentSettings
from schemas.errors import LogFull
from schemas.events import Event, FetchFailed, ObjectsSeen, ScanFinished, ScanStarted, Scope
from tests.unit.answers import AGENT, XML, Cloud, device

NOT_FOUND = (127, "bash: line 1: command not found\n")


@dataclass(frozen=True)
class Said:
    """What a scan appended and reported."""

    report: ScanReport
    events: list[Event]

    def objects(self, object_type: str) -> dict[str, Any]:
        """Answer the documents of a type by id."""
        payloads = [e.payload for e in self.events if isinstance(e.payload, ObjectsSeen)]
        return {
            i: json.loads(d)
            for p in payloads
            if p.object_type == object_type
            for i, d in zip(p.ids, p.documents, strict=True)
        }

    def parents(self, object_type: str) -> dict[str, tuple[str, str]]:
        """Answer where the objects of a type stand, by id."""
        payloads = [e.payload for e in self.events if isinstance(e.payload, ObjectsSeen)]
        return {i: (p.parent_type, p.parent_id) for p in payloads if p.object_type == object_type for i in p.ids}

    @property
    def failed(self) -> list[tuple[str, str | None, str]]:
        """Answer entry, host and request of what failed on the log."""
        found = [e.payload for e in self.events if isinstance(e.payload, FetchFailed)]
        return [(failure.scope.entry, failure.host, failure.request) for failure in found]

    @property
    def finished(self) -> ScanFinished:
        """Answer the last word."""
        payload = self.events[-1].payload
        assert isinstance(payload, ScanFinished)
        return payload

    @property
    def covered(self) -> set[str]:
        """Answer the entries that were covered anywhere."""
        return {scope.entry for scope in self.finished.covered}


def said(cloud: Cloud, settings: EnvironmentSettings | None = None, workers: int = 4) -> Said:
    """Scan the cloud."""
    events: list[Event] = []
    environment = settings or EnvironmentSettings()
    report = scan("e", cloud.access(), environment, events.extend, origin="cloud:c", workers=workers)
    assert report.status == events[-1].payload.status  # type: ignore[union-attr]  # a ScanFinished
    return Said(report, events)


def answering(**commands: tuple[int, str]) -> Cloud:
    """Answer the small cloud."""
    cloud = Cloud()
    cloud.commands |= commands
    return cloud


def test_a_cloud_that_answers_is_scanned_whole() -> None:
    result = said(Cloud())
    assert (result.report.status, result.failed, result.report.warnings) == ("completed", [], ())
    assert result.report.counts == {
        "availability_zone": 1,
        "host": 1,
        "host_pnic": 1,
        "instance": 1,
        "network": 1,
        "network_agent": 1,
        "otep": 1,
        "port": 1,
        "project": 1,
        "region": 1,
        "subnet": 1,
        "vedge": 1,
        "vnic": 1,
    }
    assert result.objects("instance")["i1"]["network"] == ["n1"]
    assert result.objects("host_pnic")["h1-eno1"]["speed"] == "10000Mb/s"
    assert result.objects("otep")["h1-otep"]["interface"] == "eno1"


def test_scopes_that_found_nothing_are_covered_too() -> None:
    result = said(Cloud())
    assert {"trunk", "router", "floating-ip", "aggregate", "linux-bridge", "vservice"} <= result.covered
    assert Scope("linux-bridge", "host", "h1") in result.finished.covered


def test_each_question_is_asked_once_however_many_fetches_need_it() -> None:
    cloud = Cloud()
    said(cloud, workers=16)
    assert set(cloud.asked.values()) == {1}
    assert cloud.asked["network", "/v2.0/ports"] == 1
    assert cloud.asked["h1", "ip -j addr"] == 1


def test_a_failed_question_is_not_asked_again_either() -> None:
    cloud = Cloud()
    del cloud.resources["/v2.0/ports"]
    result = said(cloud, workers=16)
    assert cloud.asked["network", "/v2.0/ports"] == 1
    assert ("port", None, "network GET /v2.0/ports") in result.failed
    assert ("instance", None, "network GET /v2.0/ports") in result.failed


def test_the_events_do_not_depend_on_which_fetch_was_faster() -> None:
    def shape(result: Said) -> list[object]:
        return [
            (type(event.payload).__name__, getattr(event.payload, "scope", None), getattr(event.payload, "ids", None))
            for event in result.events
        ]

    cloud = answering(**{"brctl show": (1, "denied"), "ip -j -d link": (1, "denied"), "ip netns": (1, "denied")})
    assert shape(said(cloud, workers=1)) == shape(said(cloud, workers=16))
    assert said(cloud, workers=1).failed == said(cloud, workers=16).failed


def test_a_cloud_that_lets_nobody_in_is_a_failed_scan_that_covers_nothing() -> None:
    result = said(Cloud(resources={}, regions=()))
    assert result.report.status == "failed"
    assert result.finished.covered == []
    assert ("region", None, "identity catalogue") in result.failed
    assert "the password is wrong" in " ".join(failure.reason for failure in result.report.failures)


def test_below_a_list_that_failed_nothing_is_walked_and_nothing_is_covered() -> None:
    cloud = Cloud()
    cloud.resources["/os-services"] = 500
    result = said(cloud)
    assert result.report.status == "completed_with_errors"
    assert ("host", None, "compute GET /os-services") in result.failed
    assert not {scope for scope in result.finished.covered if scope.parent_type == "host"}
    assert "network" in result.covered
    assert not [question for place, question in cloud.asked if place == "h1"]


def test_a_host_that_cannot_be_reached_is_tried_once_and_still_seen() -> None:
    cloud = Cloud(unreachable={"h1"})
    result = said(cloud, workers=1)
    assert sum(count for (place, _), count in cloud.asked.items() if place == "h1") == 1
    assert "os" not in result.objects("host")["h1"]
    assert set(result.objects("instance")) == {"i1"}
    assert {entry for entry, _, _ in result.failed} == {
        "host:host_os",
        "instance-vnic",
        "vservice",
        "vservice-vnic",
        "pnic",
        "linux-bridge",
        "ovs-bridge",
        "vedge",
    }
    assert {scope.entry for scope in result.finished.covered if scope.parent_type == "host"} == {
        "instance",
        "network-agent",
    }


class Unequal(Cloud):
    """Two hosts, the first of which tells its kernel only after the second did."""

    second_has_told = threading.Event()

    def run(self, host: str, command: str) -> Answer:
        """Answer with the host's name in the kernel's."""
        if command != "hostname; uname -sr":
            return super().run(host, command)
        if host == "h2":
            self.second_has_told.set()
        assert self.second_has_told.wait(30)
        return Answer(host, command, f"{host}\nLinux of {host}\n", 0)


def test_each_host_gets_its_own_details_whoever_answers_first() -> None:
    cloud = Unequal()
    cloud.resources["/os-services"] += [{"binary": "nova-compute", "host": "h2", "zone": "nova", "state": "up"}]
    result = said(cloud)
    kernels = {name: host["os"]["kernel"] for name, host in result.objects("host").items()}
    assert list(kernels.items()) == [("h1", "Linux of h1"), ("h2", "Linux of h2")]


def test_an_instance_stands_on_the_networks_of_its_trunks_too() -> None:
    cloud = Cloud()
    cloud.resources["/v2.0/ports"] += [{"id": "sub", "network_id": "n2", "device_id": "", "mac_address": "fa:2"}]
    subs = [{"port_id": "sub", "segmentation_id": 7}, {"port_id": "gone", "segmentation_id": 8}]
    cloud.resources["/v2.0/trunks"] = [{"id": "t1", "port_id": "o1", "project_id": "p1", "sub_ports": subs}]
    assert said(cloud).objects("instance")["i1"]["network"] == ["n1", "n2"]


def test_a_command_that_ends_badly_names_host_command_exit_code_and_first_line() -> None:
    result = said(answering(**{"ip netns": (1, "\nmkdir: no\nmore\n")}))
    reasons = {failure.scope.entry: failure.reason for failure in result.report.failures}
    assert reasons["vservice"] == "h1: 'ip netns' ended with exit code 1: mkdir: no"
    assert ("vservice", "h1", "ip netns") in result.failed


def test_what_a_fetch_saw_before_it_failed_is_seen_but_not_covered() -> None:
    listed = " Id Name State\n---\n 1 instance-1 running\n 2 instance-2 running\n"
    cloud = answering(**{"virsh list --all": (0, listed), "virsh dumpxml instance-2": (1, "error: internal error")})
    result = said(cloud)
    assert set(result.objects("vnic")) == {"h1-tap1"}
    assert result.failed == [("instance-vnic", "h1", "virsh dumpxml instance-2")]
    assert "instance-vnic" not in result.covered


def test_a_domain_that_went_since_it_was_listed_is_no_failure() -> None:
    result = said(answering(**{"virsh dumpxml instance-1": (1, "error: failed to get domain 'instance-1'")}))
    assert (result.report.status, result.objects("vnic")) == ("completed", {})


def test_a_domain_that_is_no_instance_of_the_host_is_left_out() -> None:
    result = said(answering(**{"virsh dumpxml instance-1": (0, XML.replace("i1", "i2"))}))
    assert (result.report.status, result.objects("vnic")) == ("completed", {})


def test_an_answer_that_is_not_understood_is_a_failure_that_names_the_question() -> None:
    cloud = answering(**{"virsh dumpxml instance-1": (0, "<domain")})
    cloud.resources["/os-aggregates"] = [{"name": "without id"}]
    result = said(cloud)
    assert sorted(result.failed, key=str) == [
        ("aggregate", None, "compute GET /os-aggregates"),
        ("instance-vnic", "h1", "virsh dumpxml instance-1"),
    ]
    assert all("is not understood" in failure.reason for failure in result.report.failures)


def test_a_list_of_something_else_than_objects_is_not_understood() -> None:
    cloud = Cloud()
    cloud.resources["/os-aggregates"] = ["a", 7]
    assert "'aggregates' is not a list of objects" in said(cloud).report.failures[0].reason


def test_open_vswitch_may_be_absent_where_no_agent_expects_it() -> None:
    cloud = answering(**{"ovs-vsctl -f json list Bridge": NOT_FOUND})
    cloud.resources["/v2.0/agents"] = []
    result = said(cloud, EnvironmentSettings(mechanism_drivers=("OVS",)))
    assert (result.report.status, result.objects("vedge")) == ("completed", {})
    assert {"vedge", "ovs-bridge"} <= result.covered


def test_open_vswitch_may_not_be_absent_where_its_agent_is() -> None:
    result = said(answering(**{"ovs-vsctl -f json list Bridge": NOT_FOUND}))
    assert {entry for entry, _, _ in result.failed} == {"vedge", "ovs-bridge"}


def test_a_host_without_agent_but_with_an_integration_bridge_has_a_vedge() -> None:
    rows = [[["uuid", "1"], name, ["set", []]] for name in ("br-int", "br-other")]
    table = json.dumps({"headings": ["_uuid", "name", "ports"], "data": rows})
    cloud = answering(**{"ovs-vsctl -f json list Bridge": (0, table)})
    cloud.resources["/v2.0/agents"] = []
    result = said(cloud, EnvironmentSettings(mechanism_drivers=("OVS",)))
    assert result.parents("vedge") == {"h1-OVS": ("host", "h1")}
    assert set(result.objects("vconnector")) == {"h1-br-other"}


def test_what_only_compute_hosts_have_is_not_asked_of_others() -> None:
    cloud = Cloud()
    cloud.resources["/os-services"] = [{"binary": "nova-conductor", "host": "h1", "zone": "nova"}]
    result = said(cloud)
    assert result.report.status == "completed"
    assert ("h1", "virsh list --all") not in cloud.asked
    assert "instance-vnic" not in result.covered


def test_an_instance_that_no_known_host_runs_stands_below_its_project() -> None:
    cloud = Cloud()
    cloud.resources["/servers/detail?all_tenants=1"] += [
        {"id": "i2", "name": "shelved", "tenant_id": "p1", "OS-EXT-SRV-ATTR:host": None},
        {"id": "i3", "name": "lost", "tenant_id": "gone", "OS-EXT-SRV-ATTR:host": "h9"},
    ]
    result = said(cloud)
    assert result.parents("instance") == {"i1": ("host", "h1"), "i2": ("project", "p1"), "i3": ("project", "gone")}
    assert result.objects("project")["gone"]["name"] == "gone"


def test_what_belongs_to_no_project_stands_below_the_project_of_no_project() -> None:
    cloud = Cloud()
    cloud.resources["/v2.0/networks"] += [{"id": "n2", "name": "HA network", "project_id": ""}]
    result = said(cloud)
    assert result.parents("network")["n2"] == ("project", "no-project")
    assert result.objects("project")["no-project"]["name"] == "(no project)"


def test_a_host_that_no_zone_has_stands_below_the_region() -> None:
    cloud = Cloud()
    cloud.resources["/v2.0/agents"] = [AGENT, {**AGENT, "id": "a2", "host": "h2", "agent_type": "L3 agent"}]
    assert said(cloud).parents("host") == {"h1": ("availability_zone", "nova"), "h2": ("region", "r1")}


def test_a_cloud_of_several_regions_needs_the_setting_that_names_one() -> None:
    result = said(Cloud(regions=("r1", "r2")))
    assert result.report.status == "completed_with_errors"
    assert "r1, r2" in result.report.failures[0].reason
    assert "'region'" in result.report.failures[0].reason
    chosen = said(Cloud(regions=("r1", "r2")), EnvironmentSettings(region="r2"))
    assert set(chosen.objects("region")) == {"r2"}


@pytest.mark.parametrize(
    ("alias", "paths"), [("trunk", ["/v2.0/trunks"]), ("router", ["/v2.0/routers", "/v2.0/floatingips"])]
)
def test_what_neutron_does_not_offer_is_not_asked_for_and_not_there(alias: str, paths: list[str]) -> None:
    cloud = Cloud()
    cloud.resources["/v2.0/extensions"] = [e for e in cloud.resources["/v2.0/extensions"] if e["alias"] != alias]
    for path in paths:
        del cloud.resources[path]
    result = said(cloud)
    assert result.report.status == "completed"
    assert {"trunk", "router", "floating-ip"} <= result.covered


def test_a_host_without_nic_gives_a_warning_that_names_host_and_setting() -> None:
    virtual = "lrwxrwxrwx 1 root root 0 Nov 1 veth7 -> ../../devices/virtual/net/veth7\n"
    cloud = answering(**{"ls -l /sys/class/net": (0, virtual)})
    result = said(cloud)
    assert result.report.status == "completed"
    assert ["h1" in w and "'uplinks'" in w for w in result.report.warnings] == [True]
    named = said(cloud, EnvironmentSettings(uplinks=("eth*", "veth?")))
    assert set(named.objects("host_pnic")) == {"h1-veth7"}
    assert named.report.warnings == ()


@pytest.mark.parametrize("answer", [NOT_FOUND, (75, "netlink error: No such device\n"), (0, "")])
def test_a_nic_is_there_even_if_ethtool_says_nothing(answer: tuple[int, str]) -> None:
    result = said(answering(**{"ethtool eno1": answer}))
    assert result.report.status == "completed"
    assert "speed" not in result.objects("host_pnic")["h1-eno1"]


def test_a_bond_and_its_members_name_each_other() -> None:
    text = "Bonding Mode: active-backup\nMII Status: up\nSlave Interface: eno1\nMII Status: up\n"
    cloud = answering(**{"ls -1 /proc/net/bonding/": (0, "bond0\n"), "cat /proc/net/bonding/bond0": (0, text)})
    pnics = said(cloud).objects("host_pnic")
    assert pnics["h1-bond0"]["members"] == ["h1-eno1"]
    assert pnics["h1-bond0"]["bond_mode"] == "active-backup"
    assert pnics["h1-eno1"]["bond"] == "h1-bond0"


def test_a_tunnel_address_on_a_vlan_device_names_the_nic_below() -> None:
    vlan = device("storage", "10.30.0.1/24", link="eno1")
    kind = {"linkinfo": {"info_kind": "vlan", "info_data": {"id": 30}}}
    cloud = answering(
        **{
            "ip -j addr": (0, json.dumps([device("eno1"), vlan])),
            "ip -j -d link": (0, json.dumps([device("eno1"), vlan | kind])),
        }
    )
    otep = said(cloud).objects("otep")["h1-otep"]
    assert (otep["interface"], otep["lower"]) == ("storage", ["eno1"])


def test_an_iproute2_that_knows_no_json_is_asked_in_text() -> None:
    unknown = (255, 'Option "-j" is unknown, try "ip -help".\n')
    text = (
        "2: eno1: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP qlen 1000\n"
        "    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n"
        "    inet 10.30.0.1/24 brd 10.30.0.255 scope global eno1\n"
    )
    cloud = answering(
        **{"ip -j addr": unknown, "ip -j -d link": unknown, "ip addr": (0, text), "ip -d link": (0, text)}
    )
    result = said(cloud)
    assert result.report.status == "completed"
    assert result.objects("host_pnic")["h1-eno1"]["addresses"] == ["10.30.0.1/24"]


def test_where_brctl_is_gone_iproute2_tells_the_bridges() -> None:
    rows = [
        device(
            "br0", linkinfo={"info_kind": "bridge", "info_data": {"bridge_id": "8000.52:54:0:0:0:1", "stp_state": 0}}
        ),
        device("eno1", master="br0", address="52:54:00:00:00:01"),
    ]
    cloud = answering(
        **{"brctl show": NOT_FOUND, "ip -j -d link": (0, json.dumps(rows)), "ip -j addr": (0, json.dumps(rows))}
    )
    result = said(cloud)
    assert result.report.status == "completed"
    assert list(result.objects("vconnector")["h1-br0"]["interfaces"]) == ["eno1"]


def test_a_namespace_that_went_since_it_was_listed_has_no_vnics() -> None:
    gone = (1, 'Cannot open network namespace "qdhcp-n1": No such file or directory\n')
    cloud = answering(**{"ip netns": (0, "qdhcp-n1\n"), "ip netns exec qdhcp-n1 ip -j addr": gone})
    result = said(cloud)
    assert result.report.status == "completed"
    assert result.objects("vservice")["h1-qdhcp-n1"]["name"] == "qdhcp-web"


def test_a_namespace_of_an_unknown_kind_is_a_vservice_of_kind_misc() -> None:
    inside = json.dumps(
        [device("lo", link_type="loopback"), device("fg-1", "10.0.0.9/24"), device("gre0", link_type="gre")]
    )
    cloud = answering(**{"ip netns": (0, "fip-n1\n"), "ip netns exec fip-n1 ip -j addr": (0, inside)})
    result = said(cloud)
    assert result.objects("vservice")["h1-fip-n1"]["service_type"] == "misc"
    assert result.parents("vnic")["h1-fg-1"] == ("vservice", "h1-fip-n1")
    assert "h1-gre0" not in result.objects("vnic")


def test_of_two_objects_with_one_id_the_first_is_kept_and_both_are_named() -> None:
    cloud = Cloud()
    cloud.resources["/v3/projects"] = [{"id": "p1", "name": "b"}, {"id": "p1", "name": "a"}, {"id": "p1", "name": "a"}]
    result = said(cloud)
    assert result.objects("project")["p1"]["name"] == "a"
    assert len(result.report.warnings) == 1
    assert "'a'" in result.report.warnings[0]
    assert "'b'" in result.report.warnings[0]


def test_one_device_name_in_two_namespaces_is_kept_once_with_a_warning() -> None:
    inside = (0, json.dumps([device("eth0", "10.0.0.9/24")]))
    commands = {f"ip netns exec {name} ip -j addr": inside for name in ("a", "b")}
    result = said(answering(**{"ip netns": (0, "a\nb\n")}, **commands))
    assert result.parents("vnic")["h1-eth0"] == ("vservice", "h1-a")
    assert "h1-eth0" in result.report.warnings[0]


def test_documents_are_split_so_that_no_event_is_too_large() -> None:
    cloud = Cloud()
    cloud.resources["/v3/projects"] = [
        {"id": f"p{number:03}", "name": "n", "description": "x" * size}
        for number, size in enumerate([1000] * 600 + [300_000] + [1000] * 10)
    ]
    result = said(cloud)
    payloads = [
        e.payload for e in result.events if isinstance(e.payload, ObjectsSeen) and e.payload.object_type == "project"
    ]
    sizes = [sum(map(len, payload.documents)) for payload in payloads]
    assert len(payloads) >= 4
    assert all(size <= EVENT_BYTES or len(payload.ids) == 1 for size, payload in zip(sizes, payloads, strict=True))
    assert len(result.objects("project")) == 612
    ids = [i for payload in payloads if payload.scope.entry == "project" for i in payload.ids]
    assert ids == sorted(ids)


@pytest.mark.parametrize("error", [LogFull("no space is left"), KeyboardInterrupt()])
def test_a_scan_that_breaks_off_says_so_and_covers_nothing(error: BaseException) -> None:
    appended: list[Event] = []
    broken: list[BaseException] = []

    def append(events: list[Event]) -> None:
        if appended and not broken:
            broken.append(error)
            raise error
        appended.extend(events)

    with pytest.raises(type(error)):
        scan("e", Cloud().access(), EnvironmentSettings(), append, origin="cloud:c")
    assert isinstance(appended[0].payload, ScanStarted)
    finished = appended[-1].payload
    assert isinstance(finished, ScanFinished)
    assert (finished.status, finished.covered) == ("aborted", [])


def test_a_log_that_stays_full_raises_what_it_raised_first() -> None:
    texts = iter(["first", "second", "third"])
    started: list[Event] = []

    def append(events: list[Event]) -> None:
        if started:
            raise LogFull(next(texts))
        started.extend(events)

    with pytest.raises(LogFull, match="first"):
        scan("e", Cloud().access(), EnvironmentSettings(), append, origin="cloud:c")


def test_drivers_that_the_settings_name_are_not_looked_for() -> None:
    settings = EnvironmentSettings(mechanism_drivers=("LXB",), type_drivers=("vlan",))
    result = said(Cloud(), settings)
    started = result.events[0].payload
    assert isinstance(started, ScanStarted)
    found = json.loads(started.settings)
    assert (found["mechanism_drivers"], found["type_drivers"]) == (["LXB"], ["vlan"])
    assert not {"vedge", "ovs-bridge"} & result.covered


class Watcher:
    """Writes down what a progress is told."""

    def __init__(self) -> None:
        """Know nothing."""
        self.planned_fetches: list[int] = []
        self.open: set[Scope] = set()
        self.found = 0
        self.failures = 0

    def planned(self, fetches: int) -> None:
        """Note."""
        self.planned_fetches.append(fetches)

    def began(self, scope: Scope) -> None:
        """Note."""
        self.open.add(scope)

    def ended(self, scope: Scope, found: int, *, failed: bool) -> None:
        """Note."""
        self.open.remove(scope)
        self.found += found
        self.failures += failed


def test_progress_is_told_of_each_fetch_when_it_begins_and_ends() -> None:
    watcher = Watcher()
    cloud = answering(**{"ip netns": (1, "denied")})
    events: list[Event] = []
    append: Callable[[list[Event]], None] = events.extend
    report = scan("e", cloud.access(), EnvironmentSettings(), append, origin="cloud:c", progress=watcher)
    finished = events[-1].payload
    assert isinstance(finished, ScanFinished)
    assert watcher.open == set()
    assert watcher.found == sum(report.counts.values())
    assert watcher.failures == 2
    assert watcher.planned_fetches == sorted(watcher.planned_fetches)
    assert watcher.planned_fetches[-1] == len(finished.covered) + watcher.failures


def test_an_empty_cloud_has_its_region_and_nothing_else() -> None:
    cloud = Cloud()
    cloud.resources |= {path: [] for path in cloud.resources}
    result = said(cloud)
    assert (result.report.status, result.report.counts) == ("completed", {"region": 1})
