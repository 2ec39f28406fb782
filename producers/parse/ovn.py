"""What OVN runs where, from tables of its northbound and southbound databases (ovn-nb(5), ovn-sb(5)).

The northbound database tells what there is to be: routers, their ports, the DHCP options of each port. The southbound
one tells which chassis took it: a router's gateway port is bound as a port `cr-<name>` of type chassisredirect.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Any, TypeVar

from producers.parse.ovsdb import Row, many, one, parse_table
from schemas.errors import BadInput

NORTHBOUND: Mapping[str, tuple[str, ...]] = {
    "Logical_Switch": ("name", "ports"),
    "Logical_Switch_Port": ("_uuid", "name", "dhcpv4_options", "dhcpv6_options"),
    "Logical_Router": ("name", "ports", "enabled"),
    "Logical_Router_Port": ("_uuid", "name", "mac", "networks", "enabled"),
    "DHCP_Options": ("_uuid", "cidr", "external_ids", "options"),
}
SOUTHBOUND: Mapping[str, tuple[str, ...]] = {
    "Port_Binding": ("logical_port", "type", "chassis", "ha_chassis_group"),
    "HA_Chassis_Group": ("_uuid", "ha_chassis"),
    "HA_Chassis": ("_uuid", "chassis", "priority"),
    "Chassis": ("_uuid", "name", "hostname"),
}
"""The tables and columns that are read of each database, in order: what refers before what it refers to, so that
what comes meanwhile is read with all that it needs, or not at all."""

_Kept = TypeVar("_Kept")

_NEUTRON = "neutron-"
"""What stands before Neutron's id in the name of a network's switch and of a router."""


@dataclass(frozen=True, slots=True)
class Chassis:
    """A host that OVN runs on."""

    name: str
    hostname: str


@dataclass(frozen=True, slots=True)
class LogicalPort:
    """A port that is flows only: of a router, or the address that DHCP answers from."""

    name: str
    mac_address: str | None
    addresses: tuple[str, ...]
    """[cidr], sorted."""
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Gateway:
    """A chassis that may run the gateway of a router."""

    chassis: Chassis
    priority: int | None
    """The highest that is alive runs it; None where OVN bound it to a chassis that stands in no group."""
    is_active: bool


@dataclass(frozen=True, slots=True)
class Router:
    """A logical router of Neutron."""

    id: str
    is_enabled: bool
    ports: tuple[LogicalPort, ...]
    gateways: tuple[Gateway, ...]
    """Sorted by the chassis's name; none for a router without gateway, which is on every chassis at once."""


@dataclass(frozen=True, slots=True)
class Dhcp:
    """DHCP of one network: each chassis answers the ports that are bound on it."""

    network_id: str
    servers: tuple[LogicalPort, ...]
    """One for each subnet, sorted by name."""
    chassis: tuple[Chassis, ...]
    """Sorted by name."""


@dataclass(frozen=True, slots=True)
class Services:
    """What OVN runs for Neutron; routers and networks sorted by id."""

    routers: tuple[Router, ...]
    dhcp: tuple[Dhcp, ...]


def parse_services(tables: Mapping[str, str]) -> Services:
    """Read the tables, each as `list` prints it in JSON. BadInput if one is none.

    A port that came or went between the answers is left out. BadInput if a chassis did, or a group of them: what runs
    on it is then not known, and must not look as if it were gone.
    """
    rows = {name: parse_table(text) for name, text in tables.items()}
    bindings = _Bindings(rows)
    routers = sorted(_routers(rows, bindings), key=lambda router: router.id)
    return Services(tuple(routers), tuple(_dhcp(rows, bindings)))


class _Bindings:
    """Where the logical ports are."""

    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self._chassis = {row["_uuid"]: Chassis(row["name"], row["hostname"]) for row in rows["Chassis"]}
        self._members = {row["_uuid"]: row for row in rows["HA_Chassis"]}
        self._groups = {row["_uuid"]: many(row["ha_chassis"]) for row in rows["HA_Chassis_Group"]}
        self._ports = {row["logical_port"]: row for row in rows["Port_Binding"]}

    def chassis(self, port: str) -> Chassis | None:
        """Answer the chassis that a port is bound on."""
        return self._named(self._ports.get(port, {}).get("chassis"))

    def gateways(self, port: str) -> Iterator[Gateway]:
        """Yield the chassis that a router's port may redirect to."""
        redirect = f"cr-{port}"
        active = self.chassis(redirect)
        group = one(self._ports.get(redirect, {}).get("ha_chassis_group"))
        members = () if group is None else _there(self._groups, group, "HA_Chassis_Group")
        rows = [_there(self._members, uuid, "HA_Chassis") for uuid in members]
        priorities = {self._named(row["chassis"]): row["priority"] for row in rows}
        for chassis in {*priorities, active} - {None}:
            if chassis is not None:
                yield Gateway(chassis, priorities.get(chassis), chassis == active)

    def _named(self, cell: Any) -> Chassis | None:  # noqa: ANN401 - JSON
        uuid = one(cell)
        return None if uuid is None else _there(self._chassis, uuid, "Chassis")


def _there(rows: Mapping[str, _Kept], uuid: str, table: str) -> _Kept:
    """Answer a row that another names."""
    if uuid not in rows:
        raise BadInput(f"{table} {uuid} is named and not there: it went, or came anew, while OVN was read")
    return rows[uuid]


def _routers(rows: Mapping[str, list[Row]], bindings: _Bindings) -> Iterator[Router]:
    ports = {row["_uuid"]: row for row in rows["Logical_Router_Port"]}
    for row in rows["Logical_Router"]:
        if row["name"].startswith(_NEUTRON):
            own = [ports[uuid] for uuid in many(row["ports"]) if uuid in ports]
            yield Router(
                row["name"].removeprefix(_NEUTRON),
                _is_enabled(row),
                tuple(sorted(map(_router_port, own), key=lambda port: port.name)),
                _united(gateway for port in own for gateway in bindings.gateways(port["name"])),
            )


def _router_port(row: Row) -> LogicalPort:
    return LogicalPort(row["name"], row["mac"].lower(), tuple(sorted(many(row["networks"]))), _is_enabled(row))


def _is_enabled(row: Row) -> bool:
    return one(row.get("enabled")) is not False


def _united(gateways: Iterable[Gateway]) -> tuple[Gateway, ...]:
    """Answer one gateway a chassis, though a router may have several gateway ports: an active one before another."""
    found: dict[str, Gateway] = {}
    for gateway in sorted(gateways, key=lambda one: (one.is_active, one.priority or 0)):
        found[gateway.chassis.name] = gateway
    return tuple(found[name] for name in sorted(found))


def _dhcp(rows: Mapping[str, list[Row]], bindings: _Bindings) -> Iterator[Dhcp]:
    options = {row["_uuid"]: row for row in rows["DHCP_Options"]}
    ports = {row["_uuid"]: row for row in rows["Logical_Switch_Port"]}
    for switch in sorted(rows["Logical_Switch"], key=lambda row: str(row["name"])):
        served: dict[str, Row] = {}
        on: set[Chassis] = set()
        for port in (ports[uuid] for uuid in many(switch["ports"]) if uuid in ports):
            chassis = bindings.chassis(port["name"])
            given = [options[uuid] for uuid in _options(port) if uuid in options]
            if chassis is not None and given:
                on.add(chassis)
                served |= {_subnet(row): row for row in given if _subnet(row)}
        if on and served and switch["name"].startswith(_NEUTRON):
            servers = tuple(_server(subnet, served[subnet]) for subnet in sorted(served))
            by_name = tuple(sorted(on, key=lambda chassis: chassis.name))
            yield Dhcp(switch["name"].removeprefix(_NEUTRON), servers, by_name)


def _options(port: Row) -> list[str]:
    """Answer the options of a port, of IPv4 and of IPv6, those of its own included."""
    return [*many(port["dhcpv4_options"]), *many(port["dhcpv6_options"])]


def _subnet(row: Row) -> str:
    return (row["external_ids"] or {}).get("subnet_id") or ""


def _server(subnet: str, row: Row) -> LogicalPort:
    """Answer the address that DHCP answers from: of IPv6 only a MAC address, which it calls the server's id."""
    told: dict[str, Any] = row["options"] or {}
    server = told.get("server_id")
    mac = told.get("server_mac") or server
    at = () if server is None or "server_mac" not in told else (_within(server, row["cidr"]),)
    return LogicalPort(f"dhcp-{subnet}", mac.lower() if mac else None, at)


def _within(address: str, cidr: str) -> str:
    return f"{address}/{ip_interface(cidr).network.prefixlen}"
