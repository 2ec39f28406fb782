"""What several fetchers ask of a host: its devices and its Open vSwitch, each command once in a scan."""

import shlex

from producers.look import Look, failed
from producers.parse import ip, ovsdb
from producers.parse.ip import Devices
from schemas.errors import BadInput

NOT_INSTALLED = (126, 127)
"""Exit codes of a shell that cannot run, or does not find, a command."""


def devices(look: Look, host: str) -> Devices:
    """Answer the network devices of a host with their addresses, and what VLAN devices stand on."""
    return look.shared(("devices", host), lambda: ip.merge(addresses(look, host), links(look, host)))


def addresses(look: Look, host: str, namespace: str | None = None) -> Devices:
    """Answer the devices of a host, or of a namespace there, with their addresses."""
    if namespace is None:
        return _ip(look, host, "ip -j addr", "ip addr")
    inside = f"ip netns exec {shlex.quote(namespace)}"
    return _ip(look, host, f"{inside} ip -j addr", f"{inside} ip a")


def links(look: Look, host: str) -> Devices:
    """Answer the devices of a host with their kind, their master and the device below."""
    return _ip(look, host, "ip -j -d link", "ip -d link")


def switch(look: Look, host: str) -> dict[str, ovsdb.Bridge]:
    """Answer the bridges of a host's Open vSwitch. Raises CommandFailed when it cannot be asked."""

    def build() -> dict[str, ovsdb.Bridge]:
        tables = [look.text(host, f"ovs-vsctl -f json list {table}") for table in ("Bridge", "Port", "Interface")]
        return ovsdb.parse_switch(*tables)

    return look.shared(("switch", host), build)


def chassis(look: Look, host: str) -> ovsdb.Chassis | None:
    """Answer what OVN is told on a host, None if nothing. Raises CommandFailed when Open vSwitch cannot be asked."""
    text = look.text(host, "ovs-vsctl -f json list Open_vSwitch")
    return look.shared(("chassis", host), lambda: ovsdb.parse_chassis(text))


def has_switch(look: Look, host: str) -> bool:
    """Answer whether Open vSwitch is installed on a host, that is, whether its client is."""
    return look.run(host, "ovs-vsctl -f json list Bridge").exit_code not in NOT_INSTALLED


def _ip(look: Look, host: str, command: str, older: str) -> Devices:
    """Ask iproute2 in JSON; where it is too old to know that (or speaks it badly), ask in text."""
    answer = look.run(host, command)
    if answer.exit_code == 0:
        try:
            return ip.parse_json(answer.text)
        except BadInput:
            return ip.parse_text(look.text(host, older))
    if "option" in answer.text.lower():
        return ip.parse_text(look.text(host, older))
    raise failed(answer)
