"""The network devices of a host or namespace, from `ip` in JSON (iproute2 4.14 and newer) or in text (any)."""

import json
import re
from typing import Any

from schemas.canonical import Document
from schemas.errors import BadInput

Devices = dict[str, Document]
"""By name: mac_address, state (up or down), mtu, addresses [cidr], link_type, and where they apply master,
kind (vlan, bridge, bond, veth ...), link (the device below), vlan_id, bridge_id and stp_enabled; where the other
end is in another namespace index and peer_index, each device's number in its own namespace; of a vxlan vni, local,
underlay (the device that it leaves by), udp_port and group; of a NIC that has virtual functions vfs (see `_vf`)."""

_HEADER = re.compile(r"(?P<index>\d+): (?P<name>[^\s@]+?)(?:@(?P<link>\S+?))?: <(?P<flags>[^>]*)>(?P<rest>.*)")
_ELSEWHERE = re.compile(r"if(\d+)")
"""How the text names a device that is in another namespace."""
_LINK = re.compile(r"\s+link/(?P<type>\S+)(?: (?P<mac>[0-9a-fA-F:.]+))?")
_INET = re.compile(
    r"\s+(?P<family>inet6?) (?P<local>[^\s/]+)(?: peer \S+?)?(?:/(?P<prefix>\d+))?\s.*?scope (?P<scope>\S+)"
)
_KINDS = re.compile(
    r"    (?P<kind>vlan|bridge|bond|veth|tun|vxlan|gre|gretap|geneve|macvlan|macvtap|ipvlan|dummy|team|vrf)\b"
    r"(?P<rest>.*)"
)
_VF = re.compile(r"    vf (?P<vf>\d+)\s+(?:MAC|link/\S+) (?P<address>[0-9a-fA-F:]+)(?P<rest>.*)")
_DOWN_STATES = {"DOWN", "LOWERLAYERDOWN", "NOTPRESENT"}
_STACKED = {"vlan", "macvlan", "macvtap", "ipvlan"}
"""Kinds whose `link` is the device below; the `link` of a veth is its other end."""


def parse_json(text: str) -> Devices:
    """Read the answer of `ip -j addr` or `ip -j -d link`; BadInput if it is not that."""
    try:
        rows = json.loads(text or "[]")
    except ValueError as error:
        raise BadInput(f"not the JSON of ip: {error}") from error
    if not isinstance(rows, list):
        raise BadInput("not the JSON of ip: a list was expected")
    return _devices(row for row in rows if isinstance(row, dict) and "ifname" in row)


def parse_text(text: str) -> Devices:
    """Read the answer of `ip addr` or `ip -d link`; BadInput if there is text and no device in it."""
    rows: list[dict[str, Any]] = []
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            rows.append(_header(header))
        elif rows:
            _detail(rows[-1], line)
    if text.strip() and not rows:
        raise BadInput(f"not the text of ip: {text.strip().splitlines()[0]}")
    return _devices(rows)


def merge(addresses: Devices, details: Devices) -> Devices:
    """Answer the devices of `ip addr`, each completed by what `ip -d link` says of it."""
    return {name: {**details.get(name, {}), **device} for name, device in addresses.items()}


def below(devices: Devices, name: str) -> list[str]:
    """Answer the devices that a VLAN device (or the like) stands on, nearest first."""
    found: list[str] = []
    link = devices.get(name, {}).get("link")
    while link and link not in found and link != name:
        found.append(link)
        link = devices.get(link, {}).get("link")
    return found


def holder(devices: Devices, address: str) -> str | None:
    """Answer the device that holds an address: a bridge, a NIC or a VLAN device."""
    return next((name for name in sorted(devices) if _holds(devices[name], address)), None)


def _holds(device: Document, address: str) -> bool:
    return any(cidr.rsplit("/", 1)[0] == address for cidr in device.get("addresses", []))


def peer(devices: Devices, device: Document) -> str | None:
    """Answer the name of the other end of a device that came from another namespace; None if it is not among these."""
    if "peer_index" not in device:
        return None
    ends = (device["peer_index"], device["index"])
    return next((name for name in sorted(devices) if _ends(devices[name]) == ends), None)


def _ends(device: Document) -> tuple[Any, Any]:
    return device.get("index"), device.get("peer_index")


def _header(match: re.Match[str]) -> dict[str, Any]:
    words = match["rest"].split()
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    row: dict[str, Any] = {"ifname": match["name"], "flags": match["flags"].split(",")}
    row |= {"link": match["link"], "operstate": pairs.get("state"), "master": pairs.get("master")}
    row["mtu"] = int(pairs["mtu"]) if pairs.get("mtu", "").isdigit() else None
    row |= {"ifindex": int(match["index"]), "addr_info": []}
    if elsewhere := _ELSEWHERE.fullmatch(match["link"] or ""):
        row |= {"link": None, "link_index": int(elsewhere[1])}
    return row


def _detail(row: dict[str, Any], line: str) -> None:
    if match := _LINK.match(line):
        row |= {"link_type": match["type"], "address": match["mac"]}
    elif match := _INET.match(line):
        prefix = int(match["prefix"]) if match["prefix"] else None
        row["addr_info"].append(
            {"family": match["family"], "local": match["local"], "prefixlen": prefix, "scope": match["scope"]}
        )
    elif match := _KINDS.match(line):
        row["linkinfo"] = {"info_kind": match["kind"], "info_data": _info(match["rest"])}
    elif match := _VF.match(line):
        row.setdefault("vfinfo_list", []).append(_vf_row(match))


def _info(text: str) -> dict[str, Any]:
    info: dict[str, Any] = {}
    for key, pattern in (
        ("id", r"\bid (\d+)"),
        ("bridge_id", r"\bbridge_id (\S+)"),
        ("stp_state", r"\bstp_state (\d)"),
        ("local", r"\blocal (\S+)"),
        ("link", r"\bdev (\S+)"),
        ("port", r"\bdstport (\d+)"),
        ("group", r"\bgroup (\S+)"),
    ):
        if match := re.search(pattern, text):
            info[key] = int(match[1]) if match[1].isdigit() else match[1]
    return info


def _vf_row(match: re.Match[str]) -> dict[str, Any]:
    """Read a line of a virtual function, as the JSON has it."""
    told = match["rest"]
    row: dict[str, Any] = {"vf": int(match["vf"]), "address": match["address"]}
    for key, pattern in (("vlan", r"\bvlan (\d+)"), ("link_state", r"\blink-state (\w+)")):
        if found := re.search(pattern, told):
            row[key] = int(found[1]) if found[1].isdigit() else found[1]
    for key, pattern in (("spoofchk", r"\bspoof checking (on|off)"), ("trust", r"\btrust (on|off)")):
        if found := re.search(pattern, told):
            row[key] = found[1] == "on"
    return row


def _devices(rows: Any) -> Devices:  # noqa: ANN401 - an iterable of JSON objects
    return {row["ifname"]: _device(row) for row in rows}


def _device(row: dict[str, Any]) -> Document:
    up = "UP" in row.get("flags", ()) and row.get("operstate") not in _DOWN_STATES
    device: Document = {"state": "up" if up else "down", "mtu": row.get("mtu")}
    device["mac_address"] = (row.get("address") or "").lower() or None
    device["link_type"] = row.get("link_type")
    if "addr_info" in row:
        device["addresses"] = _addresses(row["addr_info"])
    if row.get("master"):
        device["master"] = row["master"]
    if row.get("link_index") and not row.get("link"):
        device |= {"index": row.get("ifindex"), "peer_index": row["link_index"]}
    if row.get("vfinfo_list"):
        device["vfs"] = [_vf(vf) for vf in row["vfinfo_list"]]
    return device | _kind(row)


def _vf(row: dict[str, Any]) -> Document:
    """Describe a virtual function by its number on the NIC: `vlan` None where its traffic is not tagged."""
    vlans = [entry.get("vlan") for entry in row.get("vlan_list") or ()]
    return {
        "vf": row["vf"],
        "mac_address": (row.get("address") or row.get("mac") or "").lower() or None,
        "vlan": row.get("vlan") or next(filter(None, vlans), None),
        "spoof_checking": row.get("spoofchk"),
        "link_state": row.get("link_state"),
        "trust": row.get("trust"),
    }


def _kind(row: dict[str, Any]) -> Document:
    linkinfo = row.get("linkinfo") or {}
    kind, data = linkinfo.get("info_kind"), linkinfo.get("info_data") or {}
    if kind is None:
        return {}
    found: Document = {"kind": kind}
    if kind in _STACKED and row.get("link"):
        found["link"] = row["link"]
    if kind == "vlan" and "id" in data:
        found["vlan_id"] = data["id"]
    if kind == "bridge":
        found["bridge_id"] = str(data.get("bridge_id", "")).replace(":", "") or None
        found["stp_enabled"] = bool(data.get("stp_state"))
    return found | (_vxlan(data) if kind == "vxlan" else {})


def _vxlan(data: dict[str, Any]) -> Document:
    local, group = data.get("local") or data.get("local6"), data.get("group") or data.get("group6")
    found = {"vni": data.get("id"), "local": local, "underlay": data.get("link")}
    return found | {"udp_port": data.get("port"), "group": group}


def _addresses(rows: list[dict[str, Any]]) -> list[str]:
    """Answer what an operator gave, as cidr, sorted: link-local addresses say again what the MAC address says."""
    found = (row for row in rows if row.get("local") and row.get("scope") != "link")
    return sorted({f"{row['local']}/{_prefix(row)}" for row in found})


def _prefix(row: dict[str, Any]) -> int:
    length = row.get("prefixlen")
    return int(length) if length is not None else (128 if row.get("family") == "inet6" else 32)
