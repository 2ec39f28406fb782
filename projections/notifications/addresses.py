"""The addresses of an instance, as Nova's API lists them: by the name of the network, fixed ones and floating ones."""

from typing import NamedTuple

from projections.notifications.draft import Draft
from schemas.canonical import Document, encode

_MAC = "OS-EXT-IPS-MAC:mac_addr"
_TYPE = "OS-EXT-IPS:type"
_FIXED, _FLOATING = "fixed", "floating"

Addresses = dict[str, list[Document]]


class Fixed(NamedTuple):
    """One fixed address."""

    label: str
    """The name of its network."""
    mac: str
    address: str
    version: int


def addresses(draft: Draft, instance_id: str, fixed: list[Fixed]) -> Addresses:
    """Answer the addresses of an instance: its fixed ones, and the floating ones that lead to them.

    Where a port is not known, its floating addresses are those known so far.
    """
    found: Addresses = {}
    for one in fixed:
        entry: Document = {_MAC: one.mac, _TYPE: _FIXED, "addr": one.address, "version": one.version}
        found.setdefault(one.label, []).extend([entry, *_floating(draft, instance_id, one)])
    return {label: sorted(entries, key=encode) for label, entries in found.items()}


def renew_addresses(draft: Draft, instance_id: object) -> None:
    """Write the floating addresses of an instance again."""
    instance = draft.get("instance", instance_id) if isinstance(instance_id, str) else None
    if instance is not None:
        known: Addresses = instance.get("addresses") or {}
        fixed = [
            Fixed(label, entry[_MAC], entry["addr"], entry["version"])
            for label, entries in known.items()
            for entry in entries
            if entry.get(_TYPE) == _FIXED
        ]
        draft.change(instance, {"addresses": addresses(draft, instance.id, fixed)})


def _floating(draft: Draft, instance_id: str, fixed: Fixed) -> list[Document]:
    ports = [p for p in draft.where("port", "mac_address", fixed.mac) if p.get("device_id") == instance_id]
    if not ports:
        return _known(draft, instance_id, fixed)
    return [
        {_MAC: fixed.mac, _TYPE: _FLOATING, "addr": floating.get("floating_ip_address"), "version": 4}
        for port in ports
        for floating in draft.where("floating_ip", "port_id", port.id)
        if floating.get("fixed_ip_address") == fixed.address
    ]


def _known(draft: Draft, instance_id: str, fixed: Fixed) -> list[Document]:
    instance = draft.get("instance", instance_id)
    known: list[Document] = [] if instance is None else (instance.get("addresses") or {}).get(fixed.label, [])
    return [entry for entry in known if entry.get(_TYPE) == _FLOATING and entry.get(_MAC) == fixed.mac]
