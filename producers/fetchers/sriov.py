"""The NICs of a host whose virtual functions are given to instances, as one vEdge."""

import shlex
from collections.abc import Iterator

from producers.fetchers import cloud
from producers.fetchers import host as on
from producers.found import Found
from producers.look import Look
from producers.parse.ip import below
from producers.parse.sysfs import parse_functions
from schemas import neutron
from schemas.canonical import Document

AGENT = "NIC Switch agent"


def fetch_vedges(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the vEdge of a host that runs Neutron's SR-IOV agent: a port for each NIC that the agent was given."""
    host = parent.id
    agent = next((body for body in cloud.agents_by_host(look).get(host, []) if body["agent_type"] == AGENT), None)
    if agent is None:
        return
    mappings = {
        physical: [names] if isinstance(names, str) else sorted(names)
        for physical, names in ((agent.get("configurations") or {}).get("device_mappings") or {}).items()
    }
    nics = sorted({name for names in mappings.values() for name in names})
    document = neutron.agent(agent) | {
        "name": f"{host}-SRIOV",
        "host": host,
        "vedge_type": "SRIOV",
        "bridges": {},
        "ports": {name: _port(look, host, name) for name in nics},
        "bridge_mappings": {},
        "device_mappings": mappings,
    }
    yield parent.child("vedge", agent["id"], document)


def _port(look: Look, host: str, name: str) -> Document:
    devices = on.devices(look, host)
    device = devices.get(name, {})
    functions = parse_functions(look.text(host, f"ls -l /sys/class/net/{shlex.quote(name)}/device/"))
    vfs = [vf | {"pci_address": functions.get(vf["vf"])} for vf in device.get("vfs", [])]
    lower = below(devices, name)
    document = {
        "bridge": None,
        "type": "sriov",
        "tag": None,
        "mac_address": device.get("mac_address"),
        "state": device.get("state", "down"),
        "vfs": vfs,
    }
    return document | ({"lower": lower} if lower else {})
