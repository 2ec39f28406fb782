"""The namespaces that `ip netns` lists."""

import re

_LINE = re.compile(r"^(?P<name>\S+)(?:\s+\(id: \d+\))?\s*$")
_NOISE = "Error: Peer netns reference is invalid."
"""Printed among the names by iproute2 4.x for a namespace that stands in another mount namespace."""


def parse_netns(text: str) -> list[str]:
    """Answer the names, sorted; the `(id: N)` of newer iproute2 is no part of a name."""
    lines = (line for line in text.splitlines() if line.strip() and line.strip() != _NOISE)
    return sorted({match["name"] for match in map(_LINE.match, lines) if match})
