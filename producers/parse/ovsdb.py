"""The Open vSwitch of a host, from `ovs-vsctl -f json list Bridge`, `... Port`, `... Interface` and `... Open_vSwitch`.

The form of a table is {"headings": [...], "data": [[...], ...]}; a cell is an atom, ["uuid", x], ["set", [...]]
or ["map", [[key, value], ...]] (RFC 7047, 5.1).
"""

import json
from dataclasses import dataclass
from typing import Any

from schemas.canonical import Document
from schemas.errors import BadInput

Row = dict[str, Any]
TUNNELS = frozenset({"vxlan", "geneve", "gre", "ip6gre", "stt", "lisp"})


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge of Open vSwitch."""

    name: str
    document: Document
    """datapath_type, fail_mode, protocols (sorted), stp_enabled."""
    ports: dict[str, Document]
    """By name: type, tag, trunks, peer, mac_address, iface_id, state (up, down; None where Open vSwitch does
    not know, as of a port whose device is in a namespace), and local_ip, remote_ip and dst_port of tunnels. A bond's
    members stand beside it by their own names, with `port` naming the bond."""


@dataclass(frozen=True, slots=True)
class Chassis:
    """What ovn-controller(8) is told on a host, by the external_ids of the table Open_vSwitch."""

    name: str
    """The chassis's name in the southbound database, and the id of its agent in Neutron."""
    bridge: str
    """The integration bridge."""
    bridge_mappings: dict[str, str]
    """The bridge of each physical network."""
    overlays: tuple[str, ...]
    """The types of tunnels, the preferred first as it is written."""
    addresses: tuple[str, ...]
    """Of the tunnels' end, as they are written."""
    is_gateway: bool
    """It may run the gateways of routers."""


def parse_table(text: str) -> list[Row]:
    """Answer the rows of one table by column name; BadInput if it is not one."""
    try:
        table = json.loads(text)
        headings = table["headings"]
        return [dict(zip(headings, map(_cell, row), strict=True)) for row in table["data"]]
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput(f"not a table of ovs-vsctl -f json: {error}") from error


def parse_switch(bridges: str, ports: str, interfaces: str) -> dict[str, Bridge]:
    """Answer the bridges by name. A port that came or went between the three answers is left out."""
    port_rows = {row["_uuid"]: row for row in parse_table(ports)}
    interface_rows = {row["_uuid"]: row for row in parse_table(interfaces)}
    return {row["name"]: _bridge(row, port_rows, interface_rows) for row in parse_table(bridges)}


def parse_chassis(text: str) -> Chassis | None:
    """Read the table Open_vSwitch; None where no ovn-controller was told anything. BadInput if it is not a table."""
    told: Document = next((row.get("external_ids") or {} for row in parse_table(text)), {})
    if not told.get("system-id") or not told.get("ovn-remote"):
        return None
    return Chassis(
        told["system-id"],
        told.get("ovn-bridge") or "br-int",
        dict(pair.split(":", 1) for pair in _words(told.get("ovn-bridge-mappings")) if ":" in pair),
        _words(told.get("ovn-encap-type")),
        _words(told.get("ovn-encap-ip")),
        "enable-chassis-as-gw" in _words(told.get("ovn-cms-options")),
    )


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def _cell(value: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "uuid":
        return content
    if kind == "set":
        return [_cell(item) for item in content]
    return {_cell(key): _cell(item) for key, item in content}


def one(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Answer an optional cell: an empty set is None."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def many(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """Answer a cell that is a set: one with a single item is written as the item."""
    return value if isinstance(value, list) else [value]


def _bridge(row: Row, ports: dict[str, Row], interfaces: dict[str, Row]) -> Bridge:
    document = {
        "datapath_type": row.get("datapath_type") or "system",
        "fail_mode": one(row.get("fail_mode")),
        "protocols": sorted(many(row.get("protocols", []))),
        "stp_enabled": bool(row.get("stp_enable")),
    }
    found: dict[str, Document] = {}
    for uuid in many(row.get("ports", [])):
        if uuid in ports:
            found |= _port(ports[uuid], [interfaces[i] for i in many(ports[uuid]["interfaces"]) if i in interfaces])
    return Bridge(row["name"], document, dict(sorted(found.items())))


def _port(row: Row, interfaces: list[Row]) -> dict[str, Document]:
    """Describe a port by name; the members of a bond too, each by its own name."""
    name = row["name"]
    shared = {"tag": one(row.get("tag")), "trunks": sorted(many(row.get("trunks", [])))}
    if len(interfaces) == 1 and interfaces[0]["name"] == name:
        return {name: shared | _interface(interfaces[0])}
    members = {i["name"]: shared | _interface(i) | {"port": name} for i in interfaces}
    state = "up" if any(member["state"] == "up" for member in members.values()) else "down"
    bond = shared | {"type": "", "mac_address": one(row.get("mac")), "peer": None, "iface_id": None, "state": state}
    bond |= {"bond_mode": one(row.get("bond_mode")), "members": sorted(members)}
    return {**members, name: bond}


def _interface(row: Row) -> Document:
    external, options = row.get("external_ids") or {}, row.get("options") or {}
    found: Document = {
        "type": row.get("type") or "",
        "mac_address": (one(row.get("mac_in_use")) or "").lower() or None,
        "peer": options.get("peer"),
        "iface_id": external.get("iface-id"),
        "state": one(row.get("link_state")),
    }
    if one(row.get("error")):
        found["error"] = one(row["error"])
    if found["type"] in TUNNELS:
        found |= {name: options[name] for name in ("local_ip", "remote_ip", "dst_port") if name in options}
    return found
