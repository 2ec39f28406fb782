"""What joins ask of the ports of a vedge: by name, by peer, by bridge. Each is a part of it, so that they need no more.

A vedge has hundreds of ports, and each that comes or goes makes it another object: a join that asked for some of them
is to run again when one of those moved.
"""

from collections.abc import Mapping
from typing import Any

from projections.inventory import Obj
from schemas.canonical import Document

ALL = "all"
"""The key of a part that has one entry."""


def by_name(vedge: Obj) -> Mapping[str, Document]:
    """Answer the ports by name."""
    return vedge.get("ports") or {}


def by_peer(vedge: Obj) -> Mapping[str, list[str]]:
    """Answer the names of the ports by that of the port that each is patched to."""
    peers: dict[str, list[str]] = {}
    for name, port in by_name(vedge).items():
        if port.get("peer"):
            peers.setdefault(port["peer"], []).append(name)
    return peers


def by_bridge(vedge: Obj) -> Mapping[str, dict[str, Document]]:
    """Answer the ports by bridge and name, sorted by name."""
    bridges: dict[str, dict[str, Document]] = {}
    for name, port in sorted(by_name(vedge).items()):
        bridge: Any = port.get("bridge")
        bridges.setdefault(bridge, {})[name] = port
    return bridges


def bridged(vedge: Obj) -> Mapping[str, list[tuple[str, int | None]]]:
    """Answer, as one entry, the ports on a bridge with their tags, sorted."""
    return {ALL: [(name, port.get("tag")) for name, port in sorted(by_name(vedge).items()) if port.get("bridge")]}


def functions(vedge: Obj) -> Mapping[tuple[str, str], bool]:
    """Answer the addresses of the virtual functions behind the ports: (attribute, address)."""
    behind = [function for port in by_name(vedge).values() for function in port.get("vfs") or ()]
    names = ("pci_address", "mac_address")
    return {(name, address): True for name in names for function in behind if (address := function.get(name))}
