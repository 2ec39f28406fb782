"""Ports, and their bindings to hosts."""

from projections.inventory import Obj, Ref
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler, nothing
from projections.notifications.resources import COMPUTE, deleted, renew_networks, tell, text, told
from schemas import neutron
from schemas.canonical import Document

_BINDING = "binding:host_id"
_VIF = "binding:vif_details"
_VIF_TYPE = "binding:vif_type"
_ON_THE_HOST = (_BINDING, "device_id", "mac_address", "fixed_ips", "admin_state_up")
"""What moves something on the host of the port, or on that of the instance whose addresses Nova then asks for."""


def port_told(draft: Draft) -> None:
    """Write ports; on which networks their devices are follows."""
    for body in told(draft.notification.payload, "port"):
        known = draft.get("port", body["id"])
        parent = Ref("network", text(body["network_id"]))
        port = tell(draft, "port", body, parent, _document(body, known))
        if port is not None:
            devices = [obj.get("device_id") for obj in (known, port) if obj is not None]
            for device_id in devices[:1] if devices[0] == devices[-1] else devices:
                renew_networks(draft, device_id)
            _ask(draft, known, port)


def _document(body: Document, known: Obj | None) -> Document:
    """Answer a port as it is told; of a binding of the same kind, what is known of it and was not told stays."""
    document = neutron.port(body)
    if known is not None and _VIF in document and document.get(_VIF_TYPE) == known.get(_VIF_TYPE):
        document[_VIF] = {**(known.get(_VIF) or {}), **document[_VIF]}
    return document


def _ask(draft: Draft, known: Obj | None, port: Obj) -> None:
    """Ask what no notification tells: what the host makes of it, and the status that its agent then reports."""
    moved = known is None or any(known.get(name) != port.get(name) for name in _ON_THE_HOST)
    if not moved:
        return
    bound = [obj.get(_BINDING) for obj in (known, port) if obj is not None]
    draft.ask_hosts(*bound)
    if any(bound) or _BINDING not in port.document:
        draft.ask(draft.region)


def port_deleted(draft: Draft) -> None:
    """Remove ports; the floating IPs on them are free, their devices on fewer networks."""
    for port_id in deleted(draft.notification.payload, "port"):
        remove_port(draft, port_id)


def remove_port(draft: Draft, port_id: str) -> None:
    """Remove a port, with what follows from that."""
    port = draft.get("port", port_id)
    draft.bury(Ref("port", port_id))
    for floating in draft.where("floating_ip", "port_id", port_id):
        draft.change(floating, {"port_id": None, "router_id": None, "fixed_ip_address": None})
    if port is not None:
        renew_networks(draft, port.get("device_id"))
        draft.ask_hosts(port.get(_BINDING))
        if str(port.get("device_owner") or "").startswith(COMPUTE):
            instance = draft.get("instance", port.get("device_id"))
            draft.ask_hosts(None if instance is None else instance.get("host"))


HANDLERS: dict[str, Handler] = {
    "port.create": port_told,
    "port.update": port_told,
    "port.delete": port_deleted,
    # They name a host and not the port: the move itself tells.
    "binding.create": nothing,
    "binding.update": nothing,
    "binding.delete": nothing,
}
