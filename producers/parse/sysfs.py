"""The devices of `ls -l /sys/class/net`: which of them stand on real hardware."""

import re

_LINK = re.compile(r"^l\S*\s.*\s(?P<name>\S+) -> (?P<target>\S+)$")


def parse_class_net(text: str) -> dict[str, bool]:
    """Answer each device by name: True if it is virtual, that is, stands under /devices/virtual/."""
    matches = (_LINK.match(line.rstrip()) for line in text.splitlines())
    return {match["name"]: "/devices/virtual/" in match["target"] for match in matches if match}
