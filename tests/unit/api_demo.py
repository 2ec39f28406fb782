"""A small environment with a past, served by the real parts: what the tests of the API ask, and its examples show."""

import asyncio
import itertools
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.describe import EXAMPLES
from schemas.canonical import Document, encode
from schemas.events import (
    EnvironmentDefined,
    Event,
    FetchFailed,
    NotificationReceived,
    ObjectsSeen,
    Payload,
    ScanFinished,
    ScanStarted,
    Scope,
    SnapshotTaken,
)
from streams.inbox import Inbox
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.questions import Questions
from streams.worker import Worker

NOON = 1_793_534_400_000_000  # 2026-11-01T12:00Z
MINUTE = 60_000_000
ENV = "demo"
ODD_ID = "node-1-Ethernet1/1:0.5"
V1 = "/v1/environments/demo"

_EVERYWHERE = Scope("everything", "environment", ENV)
_MAC = "fa:16:3e:00:00:0"

Told = tuple[str, str, str, str, Document]
"""Type, id, parent's type, parent's id, attributes."""


def _vm(number: int, name: str, status: str = "ACTIVE") -> list[Told]:
    tap, mac = f"tap{number}0000000-00", f"{_MAC}{number}"
    instance: Document = {"name": name, "host": "node-1", "project_id": "p-shop", "network": ["n-shop"]}
    port: Document = {"name": "", "network_id": "n-shop", "mac_address": mac, "device_id": f"i-{name}"}
    vnic: Document = {"name": tap, "device": tap, "host": "node-1", "mac_address": mac, "vnic_type": "instance_vnic"}
    return [
        ("instance", f"i-{name}", "host", "node-1", {**instance, "status": status}),
        (
            "port",
            f"port-{name}",
            "network",
            "n-shop",
            {**port, "binding:host_id": "node-1", "device_owner": "compute:x"},
        ),
        ("vnic", f"node-1-{tap}", "instance", f"i-{name}", {**vnic, "instance_id": f"i-{name}"}),
    ]


def _cloud(ports: list[str]) -> list[Told]:
    on_node: Document = {"host": "node-1"}
    network: Document = {"name": "shop", "project_id": "p-shop", "provider:network_type": "vxlan"}
    edge: Document = {**on_node, "name": "node-1-OVS", "vedge_type": "OVS", "bridges": {"br-int": {}, "br-tun": {}}}
    tunnel: Document = {
        **on_node,
        "ip_address": "10.0.0.1",
        "overlay_type": "vxlan",
        "udp_port": 4789,
        "interface": "eth1",
    }
    return [
        ("region", "RegionOne", "environment", ENV, {"name": "RegionOne", "endpoints": {}}),
        ("project", "p-shop", "environment", ENV, {"name": "shop", "enabled": True}),
        ("availability_zone", "nova", "region", "RegionOne", {"name": "nova", "available": True, "hosts": ["node-1"]}),
        ("host", "node-1", "availability_zone", "nova", {"name": "node-1", "host_type": ["Compute"], "zone": "nova"}),
        ("network", "n-shop", "project", "p-shop", {**network, "provider:segmentation_id": 100, "subnet_ids": []}),
        ("vedge", "agent-1", "host", "node-1", {**edge, "ports": {p: {"bridge": "br-int", "tag": 1} for p in ports}}),
        ("otep", "node-1-otep", "vedge", "agent-1", {**tunnel, "name": "node-1-otep", "ports": {}}),
        ("host_pnic", "node-1-eth1", "host", "node-1", {**on_node, "name": "eth1", "device": "eth1", "state": "up"}),
        ("host_pnic", ODD_ID, "host", "node-1", {**on_node, "name": "Ethernet1/1:0.5", "device": "e", "state": "down"}),
    ]


def _scan(scan_id: str, told: list[Told], status: str = "completed") -> Iterator[Payload]:
    yield ScanStarted(scan_id, "bundle:demo", encode({"mechanism_drivers": ["OVS"], "type_drivers": "vxlan"}))
    for (kind, parent_type, parent_id), group in itertools.groupby(told, key=lambda one: (one[0], one[2], one[3])):
        found = list(group)
        documents = [encode(one[4]) for one in found]
        yield ObjectsSeen(scan_id, _EVERYWHERE, kind, parent_type, parent_id, [one[1] for one in found], documents)
    if status != "completed":
        scope = Scope("vconnectors", "host", "node-1")
        yield FetchFailed(scan_id, scope, "vconnector", "node-1", "brctl show", "timed out after 30 s")
    yield ScanFinished(scan_id, status, [_EVERYWHERE])


def the_past() -> Iterator[Payload]:
    """Yield what happened in the environment: a scan, a name for it, a notification, a scan that finds changes."""
    yield EnvironmentDefined(encode({"distribution": "Kolla", "uplinks": ["eth*"]}))
    designed = [*_cloud(["tap10000000-00", "tap20000000-00"]), *_vm(1, "web"), *_vm(2, "old")]
    first = list(_scan("scan-1", designed))
    yield from first
    yield SnapshotTaken("as-designed", len(first), "as handed over")
    yield NotificationReceived(
        "m-1", "compute.instance.create.end", "compute.node-1", "nova", "notifications.info", b"{}"
    )
    changed = [*_cloud(["tap10000000-00", "tap30000000-00"]), *_vm(1, "web", "SHUTOFF"), *_vm(3, "new")]
    yield from _scan("scan-2", changed, "completed_with_errors")


class Demo:
    """A log and a history in a folder, and the API over them. The clock is the test's own: a minute an event."""

    def __init__(self, folder: Path) -> None:
        """Open an empty log."""
        self._minutes = itertools.count()
        self.log = LocalLog(folder, clock=self.tick)
        self.journal = Journal(self.log)
        self.history = LocalHistory(folder)
        self.worker = Worker(self.journal, self.history)
        self.questions = Questions(self.journal, self.history, self.worker, lambda: NOON + 24 * 60 * MINUTE)
        self.app: FastAPI = create_app(
            self.questions, self.append_event, Inbox(self.journal).accept, clock=lambda: NOON, new_id=self._new_id
        )
        self._written = 0

    def tick(self) -> int:
        """Answer a time one minute later than before."""
        return NOON + next(self._minutes) * MINUTE

    def append_event(self, event: Event) -> int:
        """Append an event, as the API does."""
        return self.journal.append([event])[0]

    def tell(self, *payloads: Payload, environment: str = ENV) -> list[int]:
        """Append facts, one by one, and answer their offsets."""
        return [self.append_event(self._event(environment, payload)) for payload in payloads]

    def _event(self, environment: str, payload: Payload) -> Event:
        return Event(self._new_id(), environment, "scan", NOON + self._written * MINUTE, None, payload)

    def _new_id(self) -> str:
        self._written += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, str(self._written)))

    def see(self, *told: Told) -> None:
        """Append sightings of objects outside any scan."""
        for kind, object_id, parent_type, parent_id, document in told:
            self.tell(ObjectsSeen("-", _EVERYWHERE, kind, parent_type, parent_id, [object_id], [encode(document)]))

    def ask(self, target: str, method: str = "GET", **more: Any) -> httpx.Response:
        """Answer the response to one request, through the application's own door but no network."""
        return ask(self.app, target, method, **more)

    def get(self, target: str, **parameters: Any) -> Any:
        """Answer the JSON of a request that must succeed."""
        response = self.ask(target, params=parameters or None)
        assert response.status_code == 200, response.text
        return response.json()

    def close(self) -> None:
        """Release the files."""
        self.history.close()
        self.journal.close()


def ask(app: FastAPI, target: str, method: str = "GET", **more: Any) -> httpx.Response:
    """Answer the response to one request, through the application's own door but no network."""
    return asyncio.run(_ask(app, method, target, more))


async def _ask(app: FastAPI, method: str, target: str, more: dict[str, Any]) -> httpx.Response:
    door = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=door, base_url="http://calipso") as client:
        return await client.request(method, target, **more)


@contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    """Yield the environment with its past."""
    opened = Demo(folder)
    try:
        opened.tell(*the_past())
        yield opened
    finally:
        opened.close()


NEW_ALERT: Document = {
    "id": "probe-4711",
    "source": "nfv-monitor",
    "occurred_at": NOON,
    "object_type": "instance",
    "object_id": "i-web",
    "check": "packet-loss",
    "status": "Error",
    "text": "11 % of the probes were lost",
    "details": {"loss_percent": 11},
}


def last_end(opened: Demo) -> int:
    """Answer the offset at which the newest scan ended."""
    return max(e.offset for e in opened.journal.read(ENV) if isinstance(e.event.payload, ScanFinished))


ASKED: dict[str, Callable[[Demo], httpx.Response]] = {
    "listEnvironments": lambda d: d.ask("/v1/environments"),
    "getEnvironment": lambda d: d.ask(f"{V1}?at=latest"),
    "getTree": lambda d: d.ask(f"{V1}/tree?at=@as-designed&type=host&id=node-1&depth=1"),
    "listObjects": lambda d: d.ask(f"{V1}/objects?at=@as-designed&type=instance&limit=1"),
    "getObject": lambda d: d.ask(f"{V1}/objects/instance/i-web"),
    "getImpact": lambda d: d.ask(f"{V1}/impact/host_pnic/node-1-eth1"),
    "search": lambda d: d.ask(f"{V1}/search?text=fa:16:3e&limit=1"),
    "listLinks": lambda d: d.ask(f"{V1}/links?type=vnic-port&limit=1"),
    "listImplicitLinks": lambda d: d.ask(f"{V1}/links/implicit/instance/i-web?limit=2"),
    "listCliques": lambda d: d.ask(f"{V1}/cliques?type=instance&limit=1"),
    "getClique": lambda d: d.ask(f"{V1}/cliques/instance/i-web"),
    "getDiff": lambda d: d.ask(f"{V1}/diff?from=@as-designed&to=latest"),
    "getDrift": lambda d: d.ask(f"{V1}/drift?type=instance"),
    "bisect": lambda d: d.ask(f"{V1}/bisect?expect=instance web.status == ACTIVE&from=@as-designed"),
    "whatIf": lambda d: d.ask(f"{V1}/what-if", "POST", json={"from": "@as-designed", "drop": [last_end(d)]}),
    "getHistory": lambda d: d.ask(f"{V1}/history/instance/i-web"),
    "listEvents": lambda d: d.ask(f"{V1}/events?from=@as-designed&limit=3"),
    "listSnapshots": lambda d: d.ask(f"{V1}/snapshots"),
    "getStats": lambda d: d.ask(f"{V1}/stats"),
    "getHealth": lambda d: d.ask("/v1/health"),
    "getProblem": lambda d: d.ask("/problems/not-found"),
    "takeSnapshot": lambda d: d.ask(
        f"{V1}/snapshots", "POST", json={"name": "before-upgrade", "note": "Neutron goes to 2026.1"}
    ),
    "defineSchedule": lambda d: d.ask(
        f"{V1}/schedules", "POST", json={"name": "nightly", "cron": "0 3 * * *", "snapshot": "night-{date}"}
    ),
    "requestScan": lambda d: d.ask(
        f"{V1}/scans", "POST", json={"object_type": "host", "object_id": "node-1", "reason": "a NIC was replaced"}
    ),
    "listScans": lambda d: d.ask(f"{V1}/scans"),
    "listSchedules": lambda d: d.ask(f"{V1}/schedules"),
    "listTargets": lambda d: d.ask(f"{V1}/targets"),
    "cancelScan": lambda d: d.ask(f"{V1}/scans/latest?reason=it was not", "DELETE"),
    "removeSchedule": lambda d: d.ask(f"{V1}/schedules/nightly", "DELETE"),
    "sendAlert": lambda d: d.ask(f"{V1}/alerts", "POST", json=NEW_ALERT),
}
"""The request behind each example, by operation, in the order of asking: those behind listSnapshots write."""


def answers(folder: Path) -> dict[str, Any]:
    """Answer what the API really says to each of those requests."""
    with demo(folder) as opened:
        return {operation: ask(opened).raise_for_status().json() for operation, ask in ASKED.items()}


def write_examples(folder: Path) -> None:
    """Put the answers where the description takes its examples from, next to the API's code."""
    import json

    import api.describe

    text = json.dumps(answers(folder), indent=1, sort_keys=True, ensure_ascii=False)
    Path(api.describe.__file__).with_name(EXAMPLES).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        write_examples(Path(scratch))
