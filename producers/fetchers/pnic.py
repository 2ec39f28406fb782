"""The NICs that lead out of a host, and the bonds among them."""

import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase

from producers.fetchers import host as on
from producers.found import Found
from producers.look import Look, failed
from producers.parse.bonding import parse_bond, parse_bond_list
from producers.parse.ethtool import ETHTOOL_ATTRIBUTES, parse_ethtool
from producers.parse.sysfs import parse_class_net, parse_virtual_functions
from schemas.canonical import Document
from schemas.errors import CommandFailed
from schemas.vocabulary import UNSEEN

_BONDS = "/proc/net/bonding/"


def fetch_pnics(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the physical NICs of a host, the devices that the setting `uplinks` names, and the bonds."""
    host = parent.id
    bonds = {name: parse_bond(look.text(host, f"cat {_BONDS}{shlex.quote(name)}")) for name in _bond_names(look, host)}
    bond_of = {member: name for name, (_, members) in bonds.items() for member in members}
    names = sorted({*_uplinks(look, host), *bonds, *bond_of})
    if not names and "VPP" not in look.settings.mechanism_drivers:
        look.warnings.append(
            f"host {host}: no NIC was found; if its uplinks are virtual, name them in 'uplinks' (--uplink 'eth*')"
        )
    for name in names:
        document = _pnic(look, host, name)
        if name in bond_of:
            document["bond"] = _id(host, bond_of[name])
        if name in bonds:
            document |= _bond(host, *bonds[name])
        yield parent.child("host_pnic", _id(host, name), document)


def _uplinks(look: Look, host: str) -> list[str]:
    devices = parse_class_net(look.text(host, "ls -l /sys/class/net"))
    patterns, functions = look.settings.uplinks, _virtual_functions(look, host)
    return [
        name
        for name, virtual in devices.items()
        if not (virtual or name in functions) or any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def _virtual_functions(look: Look, host: str) -> set[str]:
    """Answer the devices that are a share of a NIC, not one: SR-IOV makes them."""
    if "SRIOV" not in look.settings.mechanism_drivers:
        return set()
    answer = look.run(host, "ls -d /sys/class/net/*/device/physfn")
    if answer.exit_code == 0 or "No such file" in answer.text:
        return parse_virtual_functions(answer.text)
    raise failed(answer)


def _bond_names(look: Look, host: str) -> list[str]:
    """Answer the bonds; a kernel without the bonding driver has no such folder, and no bonds."""
    answer = look.run(host, f"ls -1 {_BONDS}")
    if answer.exit_code == 0:
        return parse_bond_list(answer.text)
    if "No such file" in answer.text:
        return []
    raise failed(answer)


def _pnic(look: Look, host: str, name: str) -> Document:
    device = on.devices(look, host).get(name, {})
    document: Document = {"name": name, "device": name, "host": host}
    document |= {key: device.get(key) for key in ("mac_address", "mtu")}
    document |= {"state": device.get("state", "down"), "addresses": device.get("addresses", [])}
    return document | _ethtool(look, host, name)


def _ethtool(look: Look, host: str, name: str) -> Document:
    """Answer what ethtool says, nothing where it says nothing: a NIC is there all the same."""
    try:
        answer = look.run(host, f"ethtool {shlex.quote(name)}")
    except CommandFailed:
        return {UNSEEN: list(ETHTOOL_ATTRIBUTES)}
    return parse_ethtool(answer.text) if answer.exit_code == 0 else {}


def _bond(host: str, bond: Document, members: dict[str, Document]) -> Document:
    ids = sorted(_id(host, name) for name in members)
    return {**bond, "members": ids, "member_status": {name: members[name] for name in sorted(members)}}


def _id(host: str, device: str) -> str:
    return f"{host}-{device}"
