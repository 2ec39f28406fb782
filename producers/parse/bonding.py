"""A bond of the Linux bonding driver, from `/proc/net/bonding/<bond>`."""

from schemas.canonical import Document
from schemas.errors import BadInput

_BOND = {
    "Bonding Mode": "bond_mode",
    "Transmit Hash Policy": "transmit_hash_policy",
    "MII Status": "mii_status",
    "LACP rate": "lacp_rate",
    "Currently Active Slave": "active_member",
    "Primary Slave": "primary_member",
}
_MEMBER = {"MII Status": "mii_status", "Speed": "speed", "Duplex": "duplex", "Permanent HW addr": "mac_address"}


def parse_bond(text: str) -> tuple[Document, dict[str, Document]]:
    """Answer the bond's attributes and each member's by device name; BadInput if it is not such a file."""
    bond: Document = {}
    members: dict[str, Document] = {}
    target, names = bond, _BOND
    for line in text.splitlines():
        name, colon, value = line.strip().partition(": ")
        if colon and name == "Slave Interface":
            target, names = members.setdefault(value.strip(), {}), _MEMBER
        elif colon and name in names:
            target.setdefault(names[name], value.strip())
    if "bond_mode" not in bond:
        raise BadInput("not the text of a bond: it names no bonding mode")
    return bond, members


def parse_bond_list(text: str) -> list[str]:
    """Answer the names of `ls -1 /proc/net/bonding/`, sorted."""
    return sorted(line.strip() for line in text.splitlines() if line.strip())
