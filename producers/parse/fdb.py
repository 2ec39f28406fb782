"""The other ends of tunnels, from `bridge fdb show` (bridge(8))."""

import re
from collections import defaultdict

_LINE = re.compile(r"(?P<mac>[0-9a-f:]{17}) dev (?P<device>\S+)(?P<rest>.*)", re.IGNORECASE)
_TO = re.compile(r" dst (\S+)")
_ANYBODY = "00:00:00:00:00:00"


def parse_remote_ends(text: str) -> dict[str, list[str]]:
    """Answer, by device, the addresses that it floods to, sorted: those that somebody wrote there, none learnt.

    Lines of another form are passed over: the table holds much that is no tunnel's.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        to = match and _TO.search(match["rest"])
        if match and to and match["mac"] == _ANYBODY and "permanent" in match["rest"]:
            found[match["device"]].add(to[1])
    return {device: sorted(ends) for device, ends in found.items()}
