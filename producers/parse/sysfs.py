"""What sysfs tells of network devices: which stand on real hardware, and which are virtual functions of others."""

import re

_LINK = re.compile(r"^l\S*\s.*\s(?P<name>\S+) -> (?P<target>\S+)$")

_FUNCTION = re.compile(
    r"^l\S*\s.*\svirtfn(?P<number>\d+) -> (?:\S*/)?(?P<address>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$"
)
_OF_FUNCTION = re.compile(r"^/sys/class/net/(?P<name>[^/]+)/device/physfn$")


def parse_class_net(text: str) -> dict[str, bool]:
    """Answer each device by name: True if it is virtual, that is, stands under /devices/virtual/."""
    matches = (_LINK.match(line.rstrip()) for line in text.splitlines())
    return {match["name"]: "/devices/virtual/" in match["target"] for match in matches if match}


def parse_functions(text: str) -> dict[int, str]:
    """Answer the PCI address of each virtual function of a NIC by its number, from `ls -l .../<nic>/device/`."""
    matches = (_FUNCTION.match(line.rstrip()) for line in text.splitlines())
    return {int(match["number"]): match["address"] for match in matches if match}


def parse_virtual_functions(text: str) -> set[str]:
    """Answer the devices that are virtual functions, from `ls -d /sys/class/net/*/device/physfn`."""
    matches = (_OF_FUNCTION.match(line.strip()) for line in text.splitlines())
    return {match["name"] for match in matches if match}
