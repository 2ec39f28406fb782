"""What `virsh` says of the domains of a host."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from schemas.canonical import Document
from schemas.errors import BadInput

_DOMAIN = re.compile(r"^\s*(?:\d+|-)\s+(?P<name>\S+)\s+\S.*$")


@dataclass(frozen=True, slots=True)
class Domain:
    """One libvirt domain: a virtual machine as the host knows it."""

    name: str
    uuid: str
    interfaces: tuple[Document, ...]
    """In order of the XML: device, mac_address, source_bridge, model, interface_type, mtu, state, iface_id; of a
    function of a NIC pci_address, and its vlan; of a device on one (macvtap) source_device."""


def parse_domain_list(text: str) -> list[str]:
    """Answer the names of `virsh list --all`, sorted, shut-off domains included."""
    matches = (_DOMAIN.match(line) for line in text.splitlines())
    return sorted(match["name"] for match in matches if match)


def parse_domain(text: str) -> Domain:
    """Read the answer of `virsh dumpxml <name>`; BadInput if it is not the XML of a domain."""
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314 - libvirt's own answer; expat bounds what entities expand to
    except ElementTree.ParseError as error:
        raise BadInput(f"not the XML of libvirt: {error}") from error
    if root.tag != "domain":
        raise BadInput(f"not the XML of a domain but of a {root.tag}")
    runs = root.get("id") is not None
    interfaces = (_interface(node, runs=runs) for node in root.iterfind("devices/interface"))
    return Domain(root.findtext("name", ""), root.findtext("uuid", ""), tuple(i for i in interfaces if i["device"]))


def _interface(node: ElementTree.Element, *, runs: bool) -> Document:
    """Describe an interface; a shut-off domain's is down, for its device is gone from the host until it starts."""
    up = runs and _attribute(node, "link", "state") != "down"
    found = {
        "device": _device(node),
        "mac_address": (_attribute(node, "mac", "address") or "").lower() or None,
        "source_bridge": _attribute(node, "source", "bridge"),
        "model": _attribute(node, "model", "type"),
        "interface_type": node.get("type"),
        "mtu": _number(_attribute(node, "mtu", "size")),
        "iface_id": _attribute(node, "virtualport/parameters", "interfaceid"),
        "pci_address": _pci_address(node.find("source/address")),
        "vlan": _number(_attribute(node, "vlan/tag", "id")),
        "source_device": _attribute(node, "source", "dev"),
        "state": "up" if up else "down",
    }
    return {name: value for name, value in found.items() if value is not None or name in ("device", "mac_address")}


def _device(node: ElementTree.Element) -> str | None:
    """Answer the host's end: the target device, else the vhost-user socket's name, else type and MAC address."""
    target = _attribute(node, "target", "dev")
    if target:
        return target
    socket = _attribute(node, "source", "path")
    if socket:
        return socket.rsplit("/", 1)[-1]
    mac = _attribute(node, "mac", "address")
    return f"{node.get('type')}-{mac.lower()}" if mac else None


def _pci_address(node: ElementTree.Element | None) -> str | None:
    """Answer where a function of a NIC is on the host, as the kernel and Neutron write it: 0000:04:10.1."""
    if node is None or node.get("type") != "pci":
        return None
    try:
        domain, bus, slot, function = (int(node.get(part, "0"), 16) for part in ("domain", "bus", "slot", "function"))
    except ValueError:
        return None
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _attribute(node: ElementTree.Element, path: str, name: str) -> str | None:
    found = node.find(path)
    return None if found is None else found.get(name)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
