"""Routers and their interfaces."""

from typing import Any

from projections.inventory import Obj, Ref
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler
from projections.notifications.ports import remove_port
from projections.notifications.resources import deleted, hosts_of_router, place, renew_networks, tell, text, told
from schemas import neutron
from schemas.canonical import Document

_GATEWAY = "network:router_gateway"
_OWNERS = (("ha", "network:ha_router_replicated_interface"), ("distributed", "network:router_interface_distributed"))
"""The owner of a router's interface by what kind of router it is; else `network:router_interface`."""


def router_told(draft: Draft) -> None:
    """Write routers; a gateway that is gone takes its ports along, one that came is asked for."""
    for body in told(draft.notification.payload, "router"):
        known = draft.get("router", body["id"])
        router = tell(draft, "router", body, Ref("project", neutron.owner(body)), neutron.router(body))
        if router is None or _same_ways(known, router):
            continue
        _lose_gateways(draft, router)
        draft.ask(draft.region)
        draft.ask_hosts(*hosts_of_router(draft, router.id))


def _same_ways(known: Obj | None, router: Obj) -> bool:
    ways = ("external_gateway_info", "routes", "admin_state_up")
    return known is not None and all(known.get(name) == router.get(name) for name in ways)


def _lose_gateways(draft: Draft, router: Obj) -> None:
    """Remove the ports of gateways that the router does not have any more."""
    network_id = (router.get("external_gateway_info") or {}).get("network_id")
    for port in draft.where("port", "device_id", router.id):
        if port.get("device_owner") == _GATEWAY and port.get("network_id") != network_id:
            remove_port(draft, port.id)


def router_deleted(draft: Draft) -> None:
    """Remove routers with what is left of their ports; ask the hosts that run them."""
    for router_id in deleted(draft.notification.payload, "router"):
        if draft.get("router", router_id) is not None:
            draft.ask_hosts(*hosts_of_router(draft, router_id))
        draft.bury(Ref("router", router_id))
        for port in draft.where("port", "device_id", router_id):
            remove_port(draft, port.id)


def interface_told(draft: Draft) -> None:
    """Write the port of a new interface as far as it is told: no notification tells of the port itself."""
    body: Document = draft.notification.payload["router_interface"]
    router_id, network_id = text(body["id"]), text(body["network_id"])
    ref, parent = Ref("port", text(body["port_id"])), Ref("network", network_id)
    if draft.takes(ref, parent):
        if draft.get(*ref) is None:
            owner = _owner(draft.get("router", router_id))
            more = {"network_id": network_id, "device_id": router_id, "device_owner": owner}
            document = neutron.resource({"id": ref.id, **more, "tenant_id": body.get("tenant_id")})
            draft.put(ref, parent, place(draft, "port"), document)
        _interface_changed(draft, router_id)


def _owner(router: Obj | None) -> str:
    traits: Any = {} if router is None else router.document
    return next((owner for trait, owner in _OWNERS if traits.get(trait)), "network:router_interface")


def interface_deleted(draft: Draft) -> None:
    """Remove the port of an interface."""
    body: Document = draft.notification.payload["router_interface"]
    remove_port(draft, text(body["port_id"]))
    _interface_changed(draft, text(body["id"]))


def _interface_changed(draft: Draft, router_id: str) -> None:
    renew_networks(draft, router_id)
    draft.ask(draft.region)
    draft.ask_hosts(*hosts_of_router(draft, router_id))


HANDLERS: dict[str, Handler] = {
    "router.create": router_told,
    "router.update": router_told,
    "router.delete": router_deleted,
    "router.interface.create": interface_told,
    "router.interface.delete": interface_deleted,
}
