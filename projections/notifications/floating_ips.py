"""Floating IPs."""

from projections.inventory import Obj, Ref
from projections.notifications.addresses import renew_addresses
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler
from projections.notifications.resources import deleted, hosts_of_router, tell, told
from schemas import neutron


def floating_ip_told(draft: Draft) -> None:
    """Write floating IPs, and the addresses of the instances that have them by now and had them before."""
    for body in told(draft.notification.payload, "floatingip"):
        known = draft.get("floating_ip", body["id"])
        document = neutron.floating_ip(body)
        floating = tell(draft, "floating_ip", body, Ref("project", neutron.owner(body)), document)
        if floating is not None:
            _moved(draft, known, floating)
            if known is None:  # nobody tells of its own port on the outer network
                draft.ask(draft.region)


def floating_ip_deleted(draft: Draft) -> None:
    """Remove floating IPs with their own ports on the outer network."""
    for floating_id in deleted(draft.notification.payload, "floatingip"):
        known = draft.get("floating_ip", floating_id)
        draft.bury(Ref("floating_ip", floating_id))
        for port in draft.where("port", "device_id", floating_id):
            draft.bury(port.ref)
        _moved(draft, known, None)


def _moved(draft: Draft, known: Obj | None, floating: Obj | None) -> None:
    for obj in (known, floating):
        port = None if obj is None else draft.get("port", obj.get("port_id") or "")
        if port is not None:
            renew_addresses(draft, port.get("device_id"))
    routers = [None if obj is None else obj.get("router_id") for obj in (known, floating)]
    if routers[0] != routers[1] or _port(known) != _port(floating):
        draft.ask(draft.region)  # nobody tells the status that the agent of the router then reports
        draft.ask_hosts(*(host for router in routers if router for host in hosts_of_router(draft, router)))


def _port(floating: Obj | None) -> str | None:
    return None if floating is None else floating.get("port_id")


HANDLERS: dict[str, Handler] = {
    "floatingip.create": floating_ip_told,
    "floatingip.update": floating_ip_told,
    "floatingip.delete": floating_ip_deleted,
}
