"""What `ethtool <device>` says of a physical port."""

from schemas.canonical import Document

_NAMES = {
    "Speed": "speed",
    "Duplex": "duplex",
    "Auto-negotiation": "auto_negotiation",
    "Port": "port",
    "Link detected": "link_detected",
    "Supported link modes": "supported_link_modes",
}

ETHTOOL_ATTRIBUTES = tuple(_NAMES.values())


def parse_ethtool(text: str) -> Document:
    """Answer speed, duplex, auto_negotiation, port, link_detected and supported_link_modes, as far as known."""
    values = _values(text)
    found: Document = {}
    for name, attribute in _NAMES.items():
        words = values.get(name, [])
        if words and not words[0].startswith(("Unknown", "Not reported")):
            found[attribute] = words[0]
    if "supported_link_modes" in found:
        found["supported_link_modes"] = " ".join(values["Supported link modes"]).split()
    for attribute, yes in (("link_detected", "yes"), ("auto_negotiation", "on")):
        if attribute in found:
            found[attribute] = found[attribute] == yes
    return found


def _values(text: str) -> dict[str, list[str]]:
    """Answer each printed name with its lines; a line without a name goes on with the one above it."""
    values: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        name, colon, value = line.strip().partition(": ")
        if not colon and line.strip().endswith(":"):
            name, colon = line.strip()[:-1], ":"
        if colon:
            lines = values.setdefault(name, [])
            lines.append(value.strip())
        elif line.strip() and lines:
            lines.append(line.strip())
    return values
