"""Random lives of several environments, as events: scans that end or break off, objects that come, move and go."""

import uuid

from hypothesis import strategies as st

from schemas.canonical import Document, encode
from schemas.events import (
    AlertReceived,
    ConnectionTested,
    EnvironmentDefined,
    EnvironmentRemoved,
    Event,
    FetchFailed,
    ListenerStateChanged,
    NotificationReceived,
    ObjectMissed,
    ObjectsSeen,
    Payload,
    ScanCancelled,
    ScanFinished,
    ScanRequested,
    ScanStarted,
    ScheduleDefined,
    ScheduleRemoved,
    Scope,
    SnapshotTaken,
)

HOSTS = ("h1", "h2")
NETWORKS = ("n1", "n2")
INSTANCES = ("i1", "i2", "i3")
ENVIRONMENTS = ("east", "west")
ODD_IDS = ("a|b", "a/b c", "\\", "", "é:\u2028", "h1")
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03")


def scope(entry: str, host: str | None) -> Scope:
    """Answer the scope of an entry under a host, or under the environment."""
    return Scope(entry, "environment", "e") if host is None else Scope(entry, "host", host)


@st.composite
def _object(draw: st.DrawFn, host: str) -> tuple[str, str, str, str, Document]:
    """Draw type, id, parent type, parent id and document of one object on a host."""
    number = draw(st.integers(0, 2))
    port = f"{MACS[number][-2:]}abcdef-01"
    kinds = ["host", "network", "port", "instance", "vnic", "vconnector", "vedge", "otep", "pnic", "odd"]
    match draw(st.sampled_from(kinds)):
        case "odd":  # names that are hard to quote, parents that go round in circles, types that nobody knows
            name, above = draw(st.sampled_from(ODD_IDS)), draw(st.sampled_from(ODD_IDS))
            odd: Document = {
                "name": name,
                "host": host,
                "parent": above,
                "x": draw(st.sampled_from([1, True, 1.5, None])),
            }
            kind = draw(st.sampled_from(["aggregate", "vnic", "no such type"]))
            return kind, name, draw(st.sampled_from(["vnic", kind])), above, odd
        case "host":
            services = {"x": {"updated_at": number} if draw(st.booleans()) else {}}
            partly: Document = {"os": draw(st.sampled_from(["a", "b"]))} if draw(st.booleans()) else {"unseen": ["os"]}
            return "host", host, "region", "r", {"name": host, "services": services, **partly}
        case "network":
            network = draw(st.sampled_from(NETWORKS))
            kind = draw(st.sampled_from(["vxlan", "vlan"]))
            return (
                "network",
                network,
                "project",
                "p",
                {
                    "name": network,
                    "project_id": "p",
                    "provider:network_type": kind,
                    "provider:physical_network": "physnet1" if kind == "vlan" else None,
                    "provider:segmentation_id": number,
                },
            )
        case "port":
            network = draw(st.sampled_from(NETWORKS))
            return (
                "port",
                f"p{number}",
                "network",
                network,
                {
                    "name": "",
                    "network_id": network,
                    "mac_address": MACS[number],
                    "device_id": draw(st.sampled_from(INSTANCES)),
                    "device_owner": "compute:nova",
                    "binding:host_id": host,
                    "updated_at": draw(st.integers(0, 3)),
                },
            )
        case "instance":
            networks = draw(st.lists(st.sampled_from(NETWORKS), unique=True).map(sorted))
            return "instance", f"i{number + 1}", "host", host, {"name": "vm", "host": host, "network": networks}
        case "vnic":
            return (
                "vnic",
                f"{host}-tap{port}",
                "instance",
                f"i{number + 1}",
                {
                    "name": f"tap{port}",
                    "device": f"tap{port}",
                    "host": host,
                    "vnic_type": "instance_vnic",
                    "instance_id": f"i{number + 1}",
                    "mac_address": MACS[number],
                },
            )
        case "vconnector":
            return (
                "vconnector",
                f"{host}-qbr{port}",
                "host",
                host,
                {
                    "name": f"{host}-qbr{port}",
                    "host": host,
                    "bridge_name": f"qbr{port}",
                    "connector_type": "bridge",
                    "interfaces": {f"tap{port}": {}, f"qvb{port}": {}},
                },
            )
        case "vedge":
            ports = {f"qvo{port}": {"bridge": "br-int", "tag": number}, "eth2": {"bridge": "br-prv"}}
            return (
                "vedge",
                f"agent-{host}",
                "host",
                host,
                {
                    "name": f"{host}-OVS",
                    "host": host,
                    "vedge_type": "OVS",
                    "ports": ports,
                    "bridges": {"br-int": {}, "br-prv": {}},
                    "bridge_mappings": {"physnet1": "br-prv"},
                },
            )
        case "otep":
            return (
                "otep",
                f"{host}-otep",
                "vedge",
                f"agent-{host}",
                {
                    "name": f"{host}-otep",
                    "host": host,
                    "ip_address": "10.0.0.1",
                    "overlay_type": "vxlan",
                    "interface": draw(st.sampled_from(["eth1", "br-vtep"])),
                },
            )
        case _:
            device = draw(st.sampled_from(["eth1", "eth2"]))
            return (
                "host_pnic",
                f"{host}-{device}",
                "host",
                host,
                {
                    "name": device,
                    "device": device,
                    "host": host,
                    "state": draw(st.sampled_from(["up", "down"])),
                },
            )


@st.composite
def _seen(draw: st.DrawFn, scan_id: str) -> ObjectsSeen:
    object_type, object_id, parent_type, parent_id, document = draw(_object(draw(st.sampled_from(HOSTS))))
    place = scope(object_type, document.get("host") if draw(st.booleans()) else None)
    again = draw(st.integers(1, 2))  # the same object twice in one event is legal
    columns = [object_id] * again, [encode(document), encode({**document, "name": "again"})][:again]
    return ObjectsSeen(scan_id, place, object_type, parent_type, parent_id, *columns)


@st.composite
def _payload(draw: st.DrawFn) -> Payload:  # noqa: C901 - one case an event
    scan_id = draw(st.sampled_from(["s1", "s2"]))
    kinds = ["seen"] * 12 + ["started", "finished", "finished", "failed", "notified", "alerted", "snapshot", "defined"]
    kinds += ["missed", "requested", "cancelled", "removed", "tested", "listener", "schedule", "unscheduled"]
    match draw(st.sampled_from(kinds)):
        case "seen":
            return draw(_seen(scan_id))
        case "started":
            return ScanStarted(scan_id, "bundle:b", encode({"mechanism_drivers": ["OVS"]}))
        case "finished":
            every = [scope(entry, host) for entry in ("host", "vnic", "instance", "port") for host in (None, *HOSTS)]
            covered = draw(st.lists(st.sampled_from(every), unique=True))
            return ScanFinished(scan_id, "completed", covered)
        case "failed":
            return FetchFailed(scan_id, scope("vnic", "h1"), "vnic", "h1", "virsh list", "timed out")
        case "notified":
            return NotificationReceived("m", "port.create.end", "network.c", "neutron", "notifications.info", b"{}")
        case "alerted":
            return AlertReceived("a", "host", "h1", "fan", "Error", "stands still", b"{}")
        case "missed":
            return ObjectMissed(scan_id, scope("host", None), "host", draw(st.sampled_from(HOSTS)))
        case "requested":
            return ScanRequested("host", draw(st.sampled_from(HOSTS)), "")
        case "cancelled":
            return ScanCancelled(scan_id, "")
        case "schedule":
            name = draw(st.sampled_from(["daily", "often"]))
            return ScheduleDefined(name, None, "daily", "UTC", None, None, None, None, None, "")
        case "unscheduled":
            return ScheduleRemoved(draw(st.sampled_from(["daily", "often"])), "")
        case "removed":
            return EnvironmentRemoved("")
        case "tested":
            return ConnectionTested(draw(st.booleans()), encode([{"source": "api", "target": "", "passed": True}]))
        case "listener":
            return ListenerStateChanged(draw(st.sampled_from(["running", "stopped"])), "")
        case "snapshot":
            return SnapshotTaken(draw(st.sampled_from(["a", "b"])), draw(st.integers(0, 5)), "")
        case _:
            return EnvironmentDefined(encode({"distribution": draw(st.sampled_from(["RDO", "Kolla"]))}))


@st.composite
def stories(draw: st.DrawFn, longest: int = 40) -> list[Event]:
    """Draw a list of events of several environments, in the order they are written."""
    events: list[Event] = []
    for number in range(draw(st.integers(1, longest))):
        environment = draw(st.sampled_from(ENVIRONMENTS))
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
        cause = draw(st.sampled_from([None, *(event.id for event in events[-3:])]))
        events.append(Event(name, environment, "scan", 1_000_000 * number, cause, draw(_payload())))
    return events
