"""The Linux bridges of a host."""

from collections.abc import Iterator

from producers.fetchers import cloud
from producers.fetchers import host as on
from producers.found import Found
from producers.look import Look
from producers.parse.brctl import Bridges, bridges_of, parse_brctl
from producers.parse.ip import Devices, below
from schemas.canonical import Document
from schemas.errors import CommandFailed

OF_NETWORK = "brq"
"""Before the first 11 characters of a network's id: the bridge that Neutron's Linux bridge agent makes for it."""


def fetch_linux_bridges(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the Linux bridges of a host."""
    devices = on.devices(look, parent.id)
    for name, bridge in bridges(look, parent.id).items():
        document = {
            **vconnector(parent.id, name, "bridge", devices),
            **_network(look, name),
            "bridge_id": bridge["bridge_id"],
            "stp_enabled": bridge["stp_enabled"],
            "interfaces": {device: interface(devices, device) for device in bridge["interfaces"]},
        }
        yield parent.child("vconnector", f"{parent.id}-{name}", document)


def vconnector(host: str, bridge: str, connector_type: str, devices: Devices) -> Document:
    """Answer what every bridge has, whoever switches it."""
    device = devices.get(bridge, {})
    return {
        "name": f"{host}-{bridge}",
        "host": host,
        "bridge_name": bridge,
        "connector_type": connector_type,
        "addresses": device.get("addresses", []),
        "state": device.get("state", "down"),
    }


def interface(devices: Devices, name: str) -> Document:
    """Answer an interface of a bridge; `lower` names the devices that a VLAN device stands on."""
    device = devices.get(name, {})
    document = {"mac_address": device.get("mac_address"), "state": device.get("state", "down")}
    lower = below(devices, name)
    return {**document, "lower": lower} if lower else document


def _network(look: Look, bridge: str) -> Document:
    """Answer the network that Neutron's Linux bridge agent made the bridge for, told by the bridge's name."""
    if not bridge.startswith(OF_NETWORK):
        return {}
    start = bridge.removeprefix(OF_NETWORK)
    found = sorted(network for network in cloud.names(look, "networks") if start and network.startswith(start))
    return {"network": found[:1]} if found else {}


def bridges(look: Look, host: str) -> Bridges:
    """Ask brctl; where there is none (bridge-utils are gone from many distributions), ask iproute2."""
    try:
        return parse_brctl(look.text(host, "brctl show"))
    except CommandFailed:
        return bridges_of(on.links(look, host))
