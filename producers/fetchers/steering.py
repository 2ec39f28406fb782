"""What steers the Open vSwitch of a host: Neutron's Open vSwitch agent, or OVN."""

from dataclasses import dataclass, field

from producers.fetchers import cloud
from producers.fetchers import host as on
from producers.look import Look
from producers.parse.ovsdb import Bridge, Chassis
from schemas.canonical import Document

_OVS_AGENT = "Open vSwitch agent"
_OVN_AGENTS = ("OVN Controller agent", "OVN Controller Gateway agent")


@dataclass(frozen=True, slots=True)
class Steering:
    """Who steers the switch, and what it was told; the same of both kinds, as far as both have it."""

    vedge_type: str
    """OVS or OVN."""
    agent: Document | None
    """Neutron's own words about it; None if Neutron knows of none on the host."""
    expected: bool
    """A switch must be there: not to find one is a failure."""
    vedge_id: str
    bridge: str = "br-int"
    """The integration bridge."""
    tunnel_bridge: str | None = None
    bridge_mappings: dict[str, str] = field(default_factory=dict)
    """The bridge of each physical network."""
    overlays: tuple[str, ...] = ()
    """The types of tunnels, the preferred first."""
    address: str | None = None
    """Of the tunnels' end."""
    attributes: Document = field(default_factory=dict)
    """Of the vEdge, what only this kind has."""

    def managed(self, bridges: dict[str, Bridge]) -> set[str]:
        """Answer the names of the bridges that it manages; none without an agent and an integration bridge."""
        if not self.expected and self.bridge not in bridges:
            return set()
        return {name for name in (self.bridge, self.tunnel_bridge, *self.bridge_mappings.values()) if name}


def steering(look: Look, host: str) -> Steering:
    """Answer who steers the switch of a host. Where nobody does, an integration bridge is taken for one of Neutron's.

    Raises HostUnreachable, CommandFailed, when a host that is a chassis of OVN cannot be asked.
    """
    agents = cloud.agents_by_host(look).get(host, [])
    agent = _first(agents, _OVS_AGENT)
    if agent is not None:
        return _ovs(host, agent)
    agent = _first(agents, *_OVN_AGENTS)
    chassis = _chassis(look, host, expected=agent is not None)
    return _ovs(host, None) if agent is None and chassis is None else _ovn(host, agent, chassis)


def _first(agents: list[Document], *types: str) -> Document | None:
    found = (body for body in agents if body["agent_type"] in types)
    return min(found, key=lambda body: str(body["id"]), default=None)


def _chassis(look: Look, host: str, *, expected: bool) -> Chassis | None:
    """Ask a host whether it is a chassis; not where Neutron names no agent and OVN is not at work at all."""
    if not expected and ("OVN" not in look.settings.mechanism_drivers or not on.has_switch(look, host)):
        return None
    return on.chassis(look, host)


def _ovs(host: str, agent: Document | None) -> Steering:
    told = (agent or {}).get("configurations") or {}
    return Steering(
        "OVS",
        agent,
        agent is not None,
        agent["id"] if agent else f"{host}-OVS",
        told.get("integration_bridge") or "br-int",
        told.get("tunnel_bridge") or "br-tun",
        told.get("bridge_mappings") or {},
        tuple(told.get("tunnel_types") or ()),
        told.get("tunneling_ip"),
    )


def _ovn(host: str, agent: Document | None, chassis: Chassis | None) -> Steering:
    """Take Neutron's agent of OVN for who it is, and the host's own words for what it was told."""
    if chassis is None:
        return Steering("OVN", agent, True, agent["id"] if agent else f"{host}-OVN")
    return Steering(
        "OVN",
        agent,
        True,
        agent["id"] if agent else chassis.name,
        chassis.bridge,
        None,
        chassis.bridge_mappings,
        chassis.overlays,
        next(iter(chassis.addresses), None),
        {"chassis": chassis.name, "is_gateway": chassis.is_gateway},
    )
