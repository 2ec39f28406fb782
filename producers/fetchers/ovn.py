"""The network services that OVN runs as flows: routers on their gateways, DHCP wherever ports are bound."""

import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from producers.fetchers import cloud
from producers.found import Found
from producers.look import Look, failed
from producers.parse import ovn
from producers.parse.ovn import Chassis, LogicalPort, Services
from schemas.canonical import Document
from schemas.errors import CommandFailed, CouldNotLook

_SECONDS = 20
"""How long a client waits for a database; one whose socket is not there is told so at once."""

_DATABASES = {"ovn-nbctl": ovn.NORTHBOUND, "ovn-sbctl": ovn.SOUTHBOUND}
CLIENTS = {"ovn-nbctl": "Logical_Switch", "ovn-sbctl": "Chassis"}
"""By which the databases are asked, each with a small table of its own, to try it by."""
_CENTRAL = {"Controller", "Network"}
"""The types of hosts that are asked for the databases."""


class _Service(NamedTuple):
    """A service on one host."""

    host: str
    chassis: str
    document: Document
    ports: tuple[LogicalPort, ...]

    @property
    def id(self) -> str:
        return f"{self.host}-{self.document['local_service_id']}"


def fetch_vservices(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield the routers and the DHCP that OVN runs, each below its host.

    A chassis that is no host of the cloud is left out, with a warning.
    """
    known, unknown = cloud.hosts(look), set()
    for service in _services(look):
        if service.host in known:
            yield Found("vservice", service.id, "host", service.host, service.document)
        else:
            unknown.add(service.host)
    look.warnings += [f"OVN runs services on {host}, which is no host of the cloud" for host in sorted(unknown)]


def fetch_vservice_vnics(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield the ports of these services, each below its vservice."""
    for service in _services(look):
        if service.host in cloud.hosts(look):
            for port in service.ports:
                yield Found("vnic", f"{service.host}-{port.name}", "vservice", service.id, _vnic(service, port))


def _vnic(service: _Service, port: LogicalPort) -> Document:
    return {
        "name": port.name,
        "device": port.name,
        "host": service.host,
        "chassis": service.chassis,
        "vnic_type": "vservice_vnic",
        "vservice_id": service.id,
        "mac_address": port.mac_address,
        "addresses": list(port.addresses),
        "state": "up" if port.is_enabled else "down",
    }


def _services(look: Look) -> list[_Service]:
    found = look.shared("services of OVN", lambda: ovn.parse_services(_tables(look)))
    return [*_routers(look, found), *_dhcp(look, found)]


def _routers(look: Look, found: Services) -> Iterator[_Service]:
    names = cloud.names(look, "routers")
    for router in found.routers:
        document: Document = {
            "service_type": "router",
            "name": f"router-{names.get(router.id) or router.id}",
            "router_id": router.id,
            "network": sorted(cloud.networks_of_device(look, router.id)),
            "state": "up" if router.is_enabled else "down",
        }
        for gateway in router.gateways:
            taken = {"priority": gateway.priority, "is_active": gateway.is_active}
            yield _service(gateway.chassis, f"router-{router.id}", document | taken, router.ports)


def _dhcp(look: Look, found: Services) -> Iterator[_Service]:
    names = cloud.names(look, "networks")
    for dhcp in found.dhcp:
        network = dhcp.network_id
        document: Document = {
            "service_type": "dhcp",
            "name": f"dhcp-{names.get(network) or network}",
            "network_id": network,
            "network": [network],
        }
        for chassis in dhcp.chassis:
            yield _service(chassis, f"dhcp-{network}", document, dhcp.servers)


def _service(chassis: Chassis, local_id: str, document: Document, ports: tuple[LogicalPort, ...]) -> _Service:
    own = {"host": chassis.hostname, "chassis": chassis.name, "local_service_id": local_id}
    return _Service(chassis.hostname, chassis.name, document | own, ports)


def _tables(look: Look) -> Mapping[str, str]:
    """Answer the tables of both databases, each database from the first host that has it."""
    found: dict[str, str] = {}
    for client, tables in _DATABASES.items():
        host = host_of(look, client, next(iter(tables)))
        found |= {table: look.text(host, _command(client, table)) for table in tables}
    return found


def host_of(look: Look, client: str, table: str) -> str:
    """Answer the first host, by name, that answers a table. Raises CommandFailed, with what each said, if none does.

    A look remembers its answers, so that whoever goes on to read asks for the table that is to be read first.
    """
    hosts = sorted(name for name, host in cloud.hosts(look).items() if _CENTRAL & set(host["host_type"]))
    said: list[str] = []
    for host in hosts:
        try:
            answer = look.run(host, _command(client, table))
        except CouldNotLook as error:
            said.append(str(error))
        else:
            if answer.exit_code == 0:
                return host
            said.append(str(failed(answer)))
    reasons = "; ".join(said) or "there is no controller and no network node"
    raise CommandFailed(f"no host answers {client}, so that what OVN runs is not known: {reasons}")


def _command(client: str, table: str) -> str:
    """Answer the question for one table: a member that follows another may answer too, since this only reads."""
    columns = ",".join(_DATABASES[client][table])
    return f"{client} --no-leader-only --timeout={_SECONDS} -f json --columns={columns} list {shlex.quote(table)}"
