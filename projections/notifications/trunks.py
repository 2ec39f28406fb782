"""Trunks, created, changed and deleted. Of sub-ports that come and go Neutron tells nothing."""

from projections.inventory import Obj, Ref
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler
from projections.notifications.resources import deleted, renew_networks, tell, told
from schemas import neutron


def trunk_told(draft: Draft) -> None:
    """Write trunks; the instance on the parent port is on the networks of the sub-ports too."""
    for body in told(draft.notification.payload, "trunk"):
        known = draft.get("trunk", body["id"])
        trunk = tell(draft, "trunk", body, Ref("project", neutron.owner(body)), neutron.resource(body))
        if trunk is not None and not (known is not None and known.same_as(trunk)):
            _ports_changed(draft, known, trunk)


def trunk_deleted(draft: Draft) -> None:
    """Remove trunks; their ports stay."""
    for trunk_id in deleted(draft.notification.payload, "trunk"):
        known = draft.get("trunk", trunk_id)
        draft.bury(Ref("trunk", trunk_id))
        _ports_changed(draft, known)


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
