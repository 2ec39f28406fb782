"""The VPP of a host: its vEdge, its bridge domains as vConnectors, and the NICs that it took from the kernel."""

import re
from collections.abc import Iterator

from producers.fetchers import cloud
from producers.fetchers.host import NOT_INSTALLED
from producers.found import Found
from producers.look import Look
from producers.parse import vpp
from schemas import neutron
from schemas.canonical import Document

AGENT = "VPP agent"
_NIC = re.compile(r"(?!Virtual)\w*Ethernet[\w/]+")
"""A NIC, or a bond of some, by the name that VPP gives it: GigabitEthernet0/9/0, BondEthernet0."""


def fetch_vedges(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the vEdge of a host; none where VPP is not installed and nobody expects it to be."""
    host = parent.id
    agent = _agent(look, host)
    if not _is_there(look, host):
        return
    domains, hardware = _domains(look, host), _hardware(look, host)
    document = {} if agent is None else neutron.agent(agent)
    document |= {
        "name": f"{host}-VPP",
        "host": host,
        "vedge_type": "VPP",
        "version": vpp.parse_version(look.text(host, "vppctl show ver")),
        "bridges": {},
        "ports": {
            name: _port(name, interface, domains.get(name), hardware) for name, interface in _interfaces(look, host)
        },
        "bridge_mappings": {},
        "device_mappings": _device_mappings(agent),
    }
    yield parent.child("vedge", agent["id"] if agent else f"{host}-VPP", document)


def fetch_vconnectors(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the bridge domains of a host."""
    host = parent.id
    if not _is_there(look, host):
        return
    hardware, interfaces = _hardware(look, host), dict(_interfaces(look, host))
    members: dict[int, list[str]] = {}
    for name, domain in _domains(look, host).items():
        members.setdefault(domain, []).append(name)
    for domain, names in sorted(members.items()):
        document = {
            "name": f"{host}-{_bridge(domain)}",
            "host": host,
            "bridge_name": _bridge(domain),
            "connector_type": "bridge_domain",
            "bd_id": domain,
            "addresses": [],
            "state": "up",
            "interfaces": {name: _interface(look, host, name, interfaces, hardware) for name in sorted(names)},
        }
        yield parent.child("vconnector", f"{host}-{_bridge(domain)}", document)


def fetch_pnics(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the NICs that VPP drives: the kernel of the host does not see them."""
    host = parent.id
    if not _is_there(look, host):
        return
    for name, hardware in sorted(_hardware(look, host).items()):
        if _NIC.fullmatch(name):
            document = {"name": name, "device": name, "host": host, "addresses": [], "driver": "VPP"} | hardware
            yield parent.child("host_pnic", f"{host}-{name}", document)


def _agent(look: Look, host: str) -> Document | None:
    return next((body for body in cloud.agents_by_host(look).get(host, []) if body["agent_type"] == AGENT), None)


def _is_there(look: Look, host: str) -> bool:
    """Answer whether VPP is installed, which its agent's being there promises: not to find it then is a failure."""
    return _agent(look, host) is not None or look.run(host, "vppctl show ver").exit_code not in NOT_INSTALLED


def _interfaces(look: Look, host: str) -> list[tuple[str, Document]]:
    return sorted(vpp.parse_interfaces(look.text(host, "vppctl show int")).items())


def _domains(look: Look, host: str) -> dict[str, int]:
    return vpp.parse_modes(look.text(host, "vppctl show mode"))


def _hardware(look: Look, host: str) -> dict[str, Document]:
    return vpp.parse_hardware(look.text(host, "vppctl show hardware-int"))


def _bridge(domain: int) -> str:
    return f"bridge-domain-{domain}"


def _port(name: str, interface: Document, domain: int | None, hardware: dict[str, Document]) -> Document:
    return {
        "bridge": None if domain is None else _bridge(domain),
        "type": "",
        "tag": interface["tag"],
        "mac_address": hardware.get(name, {}).get("mac_address"),
        "state": interface["state"],
    }


def _interface(
    look: Look, host: str, name: str, interfaces: dict[str, Document], hardware: dict[str, Document]
) -> Document:
    """Describe a member of a bridge domain; `neighbours` are the ports of Neutron that VPP heard on it."""
    state = interfaces.get(name, {}).get("state", "down")
    own = {"mac_address": hardware.get(name, {}).get("mac_address"), "state": state}
    heard = vpp.parse_neighbours(look.text(host, "vppctl show ip arp")).get(name, [])
    known = sorted(set(heard) & _macs(look))
    return own | ({"neighbours": known} if known else {})


def _macs(look: Look) -> set[str]:
    """Answer the MAC addresses of Neutron's ports: what else is heard comes and goes, and is nobody's of the cloud."""
    ports = cloud.neutron(look, "ports", "ports")
    return look.shared("mac addresses", lambda: {str(port["mac_address"]).lower() for port in ports})


def _device_mappings(agent: Document | None) -> dict[str, list[str]]:
    """Answer the NICs of each physical network, where the agent tells; else the VLANs on them do."""
    told = (agent or {}).get("configurations") or {}
    mapped = told.get("physnets") or told.get("interface_mappings") or {}
    return {physical: [name] for physical, name in mapped.items()} if isinstance(mapped, dict) else {}
