"""Trunks, created, changed and deleted. Of sub-ports that come and go Neutron tells nothing."""

from projections.inventory import Obj, Ref
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler
from projections.notifications.resources import deleted, renew_networks, tell, told
from schemas import neutron
from schemas.canonical import Document

_DETAILS = "trunk_details"
"""Attribute of a parent port."""


def trunk_told(draft: Draft) -> None:
    """Write trunks; the instance on the parent port is on the networks of the sub-ports too."""
    for body in told(draft.notification.payload, "trunk"):
        known = draft.get("trunk", body["id"])
        trunk = tell(draft, "trunk", body, Ref("project", neutron.owner(body)), neutron.resource(body))
        if trunk is not None and not (known is not None and known.same_as(trunk)):
            _detail(draft, trunk, {"trunk_id": trunk.id, "sub_ports": trunk.get("sub_ports") or []})
            _ports_changed(draft, known, trunk)


def trunk_deleted(draft: Draft) -> None:
    """Remove trunks; their ports stay."""
    for trunk_id in deleted(draft.notification.payload, "trunk"):
        known = draft.get("trunk", trunk_id)
        draft.bury(Ref("trunk", trunk_id))
        if known is not None:
            _detail(draft, known, None)
        _ports_changed(draft, known)


def _detail(draft: Draft, trunk: Obj, details: Document | None) -> None:
    """Write what a port says of the trunk that it is the parent of; without one it says nothing."""
    port = draft.get("port", trunk.get("port_id") or "")
    scope = None if port is None else draft.scope_of(port.ref)
    if port is not None and scope is not None and port.get(_DETAILS) != details:
        others = {name: value for name, value in port.document.items() if name != _DETAILS}
        draft.put(port.ref, port.parent, scope, others if details is None else {**others, _DETAILS: details})


def _ports_changed(draft: Draft, *trunks: Obj | None) -> None:
    """Renew what hangs on the parent ports, and ask for what ports and hosts say of the trunk."""
    for trunk in trunks:
        parent = None if trunk is None else draft.get("port", trunk.get("port_id") or "")
        if parent is not None:
            renew_networks(draft, parent.get("device_id"))
            draft.ask_hosts(parent.get("binding:host_id"))
            draft.ask(draft.region)


HANDLERS: dict[str, Handler] = {
    "trunk.create": trunk_told,
    "trunk.update": trunk_told,
    "trunk.delete": trunk_deleted,
}
