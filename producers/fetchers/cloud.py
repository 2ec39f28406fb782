"""What several fetchers ask of the APIs: each question once, each index built once in a scan."""

from collections import defaultdict
from collections.abc import Iterable

from producers.look import Look
from producers.parse import nova
from schemas.canonical import Document
from schemas.neutron import owner

COMPUTE_VERSION = "2.93"
"""Newest microversion of Nova whose answers were seen; an older cloud answers with the newest that it has."""

Index = dict[str, list[Document]]


def neutron(look: Look, path: str, key: str) -> list[Document]:
    """Answer a list of Neutron, all pages."""
    return look.resources("network", f"/v2.0/{path}", key)


def networks(look: Look) -> list[Document]:
    """Answer all networks."""
    return neutron(look, "networks", "networks")


def routers(look: Look) -> list[Document]:
    """Answer all routers; none where Neutron has no routers."""
    return neutron(look, "routers", "routers") if "router" in extensions(look) else []


def floating_ips(look: Look) -> list[Document]:
    """Answer all floating IPs; none where Neutron has no routers."""
    return neutron(look, "floatingips", "floatingips") if "router" in extensions(look) else []


def trunks(look: Look) -> list[Document]:
    """Answer all trunks; none where Neutron has no trunks."""
    return neutron(look, "trunks", "trunks") if "trunk" in extensions(look) else []


def agents(look: Look) -> list[Document]:
    """Answer Neutron's agents; none where Neutron keeps no agents."""
    return neutron(look, "agents", "agents") if "agent" in extensions(look) else []


def servers(look: Look) -> list[Document]:
    """Answer all servers of all projects."""
    return look.resources("compute", "/servers/detail?all_tenants=1", "servers", COMPUTE_VERSION)


def zones(look: Look) -> list[Document]:
    """Answer the availability zones of Nova."""
    return look.resources("compute", "/os-availability-zone/detail", "availabilityZoneInfo", COMPUTE_VERSION)


def projects(look: Look) -> list[Document]:
    """Answer the projects that Keystone knows."""
    return look.resources("identity", "/v3/projects", "projects")


def extensions(look: Look) -> set[str]:
    """Answer the aliases of Neutron's extensions."""
    return look.shared("extensions", lambda: {row["alias"] for row in neutron(look, "extensions", "extensions")})


def hosts(look: Look) -> dict[str, Document]:
    """Answer every host that Nova or Neutron names."""
    return look.shared("hosts", lambda: _hosts(look))


def _hosts(look: Look) -> dict[str, Document]:
    services = look.resources("compute", "/os-services", "services", COMPUTE_VERSION)
    hypervisors = look.resources("compute", "/os-hypervisors/detail", "hypervisors", COMPUTE_VERSION)
    return nova.hosts(services, hypervisors, agents(look), [zone["zoneName"] for zone in zones(look)])


def ports_by_device(look: Look) -> Index:
    """Answer the ports by device_id."""
    return look.shared("ports by device", lambda: index(neutron(look, "ports", "ports"), "device_id"))


def subnets_by_network(look: Look) -> Index:
    """Answer the subnets by network_id."""
    return look.shared("subnets by network", lambda: index(neutron(look, "subnets", "subnets"), "network_id"))


def agents_by_host(look: Look) -> Index:
    """Answer the agents by host."""
    return look.shared("agents by host", lambda: index(agents(look), "host"))


def servers_by_host(look: Look) -> Index:
    """Answer the servers by the host that runs them; those that none of the known hosts runs under ''."""
    return look.shared("servers by host", lambda: _servers_by_host(look))


def _servers_by_host(look: Look) -> Index:
    known = hosts(look)
    found: Index = defaultdict(list)
    for server in servers(look):
        host = server.get("OS-EXT-SRV-ATTR:host")
        found[host if host in known else ""].append(server)
    return dict(found)


def networks_of_device(look: Look, device_id: str) -> set[str]:
    """Answer the ids of the networks of a device's ports, and of the sub-ports of the trunks on these ports."""
    found = set()
    for port in ports_by_device(look).get(device_id, []):
        found |= {port["network_id"], *_trunked(look).get(port["id"], [])}
    return found


def _trunked(look: Look) -> dict[str, list[str]]:
    """Answer, by the id of a trunk's parent port, the networks of its sub-ports."""

    def build() -> dict[str, list[str]]:
        network = {port["id"]: port["network_id"] for port in neutron(look, "ports", "ports")}
        return {
            trunk["port_id"]: [network[sub["port_id"]] for sub in trunk["sub_ports"] if sub["port_id"] in network]
            for trunk in trunks(look)
        }

    return look.shared("networks of trunks", build)


def names(look: Look, kind: str) -> dict[str, str]:
    """Answer the names of all `networks` or `routers` by id."""
    rows = {"networks": networks, "routers": routers}[kind]
    return look.shared(("names", kind), lambda: {row["id"]: row.get("name", "") for row in rows(look)})


def owners(look: Look) -> set[str]:
    """Answer the ids of all projects that own something on the network or a server."""
    everything = (networks(look), routers(look), floating_ips(look), trunks(look), servers(look))
    return {owner(row) for rows in everything for row in rows}


def index(rows: Iterable[Document], key: str) -> Index:
    """Answer the rows by the value of a key; those without one are left out."""
    found: Index = defaultdict(list)
    for row in rows:
        if row.get(key):
            found[row[key]].append(row)
    return dict(found)
