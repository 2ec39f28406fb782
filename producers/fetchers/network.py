"""Networks, subnets, ports, routers, floating IPs, trunks and agents, as Neutron names them."""

from collections.abc import Iterator

from producers.fetchers import cloud
from producers.found import Found
from producers.look import Look
from schemas import neutron


def fetch_networks(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield all networks, each below its project."""
    subnets = cloud.subnets_by_network(look)
    for body in cloud.networks(look):
        document = neutron.network(body, subnets.get(body["id"], []))
        yield Found("network", body["id"], "project", neutron.owner(body), document)


def fetch_subnets(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield all subnets, each below its network."""
    for body in cloud.neutron(look, "subnets", "subnets"):
        yield Found("subnet", body["id"], "network", body["network_id"], neutron.resource(body))


def fetch_ports(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield all ports, each below its network."""
    for body in cloud.neutron(look, "ports", "ports"):
        yield Found("port", body["id"], "network", body["network_id"], neutron.port(body))


def fetch_routers(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield all routers, each below its project."""
    for body in cloud.routers(look):
        yield Found("router", body["id"], "project", neutron.owner(body), neutron.router(body))


def fetch_floating_ips(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield all floating IPs, each below its project."""
    for body in cloud.floating_ips(look):
        yield Found("floating_ip", body["id"], "project", neutron.owner(body), neutron.floating_ip(body))


def fetch_trunks(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield all trunks, each below its project."""
    for body in cloud.trunks(look):
        yield Found("trunk", body["id"], "project", neutron.owner(body), neutron.resource(body))


def fetch_agents(look: Look, parent: Found) -> Iterator[Found]:
    """Yield Neutron's agents on a host."""
    for body in cloud.agents_by_host(look).get(parent.id, []):
        yield parent.child("network_agent", f"{body['binary']}-{body['id']}", neutron.agent(body))
