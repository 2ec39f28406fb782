"""Linux bridges, from `brctl show` (bridge-utils) or from the masters that `ip` names."""

from producers.parse.ip import Devices
from schemas.canonical import Document
from schemas.errors import BadInput

Bridges = dict[str, Document]
"""By name: bridge_id, stp_enabled and interfaces (the names, sorted)."""


def parse_brctl(text: str) -> Bridges:
    """Read the table of `brctl show`; a line that begins with a blank goes on with the bridge above it."""
    bridges: Bridges = {}
    current: Document | None = None
    for line in text.splitlines():
        words = line.split()
        if not words or line.startswith("bridge name"):
            continue
        if line[0].isspace():
            if current is None or len(words) != 1:
                raise BadInput(f"not the table of brctl: {line.strip()}")
            current["interfaces"] = sorted([*current["interfaces"], words[0]])
        else:
            current = bridges[words[0]] = _bridge(words)
    return bridges


def bridges_of(devices: Devices) -> Bridges:
    """Answer the bridges among the devices of `ip -d link`, with the devices whose master they are."""
    found: Bridges = {
        name: {"bridge_id": device.get("bridge_id"), "stp_enabled": device["stp_enabled"], "interfaces": []}
        for name, device in devices.items()
        if device.get("kind") == "bridge"
    }
    for name in sorted(devices):
        master = devices[name].get("master")
        if master in found:
            found[master]["interfaces"].append(name)
    return found


def _bridge(words: list[str]) -> Document:
    if len(words) not in (3, 4) or words[2] not in ("yes", "no"):
        raise BadInput(f"not the table of brctl: {' '.join(words)}")
    return {"bridge_id": words[1], "stp_enabled": words[2] == "yes", "interfaces": words[3:]}
