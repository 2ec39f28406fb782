"""What `vppctl` says of VPP's interfaces (FD.io, 17.04 and newer).

Each table has a header that begins with its first column's name; a line that begins with a blank goes on with the
interface above it. What a VPP does not know as a command it calls "unknown input", and ends well all the same.
"""

import re

from schemas.canonical import Document
from schemas.errors import BadInput

_INTERFACE = re.compile(r"(?P<name>\S+)\s+(?P<index>\d+)\s+(?P<state>up|down)(?:\s|\Z)")
_VERSION = re.compile(r"vpp v?(?P<version>\S+)")
_BRIDGED = re.compile(r"l2 bridge (?P<name>\S+) bd_id (?P<domain>\d+)(?P<rest>.*)")
_MODE = re.compile(r"(l2|l3)\s+\S")
_MAC = re.compile(r"\s+Ethernet address (?P<mac>[0-9a-f:]{17})", re.IGNORECASE)
_CARRIER = re.compile(r"\s+carrier (?P<carrier>up|down)(?: (?P<duplex>full|half) duplex)?(?: speed (?P<speed>\d+))?")
_SPEED = re.compile(r"\s+Link speed: (?P<speed>\S+ \S+)")
_NEIGHBOUR = re.compile(
    r"\s*[\d.]+\s+(?P<ip>[0-9a-fA-F.:]+)\s+(?:\S+\s+)??(?P<mac>[0-9a-fA-F:]{17})\s+(?P<name>\S+)\s*"
)
_UNKNOWN = "unknown input"


def parse_version(text: str) -> str:
    """Answer the version of `show ver`; BadInput if it names none."""
    match = _VERSION.match(text.strip())
    if match is None:
        raise BadInput("not the version of VPP")
    return match["version"]


def parse_interfaces(text: str) -> dict[str, Document]:
    """Answer the interfaces of `show int` by name: state, and tag of a VLAN's. BadInput if it is no such table."""
    found = {match["name"]: match for match in map(_INTERFACE.match, text.splitlines()) if match}
    if not found and not _has_header(text):
        raise BadInput("not the table of interfaces of VPP")
    return {name: {"state": match["state"], "tag": _tag(name)} for name, match in sorted(found.items())}


def _has_header(text: str) -> bool:
    return any(line.split()[:2] == ["Name", "Idx"] for line in text.splitlines())


def _tag(name: str) -> int | None:
    """Answer the VLAN that a sub-interface is called after, as Neutron's agent calls it."""
    number = name.rpartition(".")[2]
    return int(number) if "." in name and number.isdigit() else None


def parse_modes(text: str) -> dict[str, int]:
    """Answer the bridge domain of each interface of `show mode` that is in one; BadInput if there is no mode in it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not any(map(_MODE.match, lines)):
        raise BadInput("not the modes of VPP's interfaces")
    matches = (_BRIDGED.match(line) for line in lines)
    return {match["name"]: int(match["domain"]) for match in matches if match}


def parse_hardware(text: str) -> dict[str, Document]:
    """Answer the hardware of `show hardware-int` by name: mac_address, state, and what is known of speed, duplex.

    BadInput if it is no such table.
    """
    found: dict[str, Document] = {}
    current: Document = {}
    for line in text.splitlines():
        match = _INTERFACE.match(line)
        if match:
            current = found[match["name"]] = {"mac_address": None, "state": match["state"]}
        elif line[:1].isspace():
            current |= _hardware_detail(line)
    if not found and not any(line.split()[:2] == ["Name", "Idx"] for line in text.splitlines()):
        raise BadInput("not the hardware of VPP")
    return found


def _hardware_detail(line: str) -> Document:
    if match := _MAC.match(line):
        return {"mac_address": match["mac"].lower()}
    if match := _SPEED.match(line):
        return {"speed": match["speed"]}
    if match := _CARRIER.match(line):
        found: Document = {"link_detected": match["carrier"] == "up"}
        if match["duplex"]:
            found["duplex"] = match["duplex"].capitalize()
        if match["speed"]:
            found["speed"] = f"{match['speed']}Mb/s"
        return found
    return {}


def parse_neighbours(text: str) -> dict[str, list[str]]:
    """Answer the MAC addresses behind each interface of `show ip arp`, sorted; none where VPP has no such command."""
    found: dict[str, set[str]] = {}
    if _UNKNOWN in text:
        return {}
    for match in filter(None, map(_NEIGHBOUR.fullmatch, text.splitlines())):
        found.setdefault(match["name"], set()).add(match["mac"].lower())
    return {name: sorted(macs) for name, macs in sorted(found.items())}
