"""Services of Nova and aggregates of hosts."""

from projections.inventory import Ref
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler, region_seen_anew
from projections.notifications.resources import place, text
from schemas.canonical import Document
from schemas.events import Scope

_SERVICE = ("disabled_reason", "forced_down")


def service_told(draft: Draft) -> None:
    """Write what a service says of itself on its host; ask for a host or a service that is not known."""
    payload = draft.notification.payload
    ref, binary = Ref("host", text(payload["host"])), text(payload["binary"])
    host = draft.get(*ref)
    services: Document = {} if host is None else host.get("services") or {}
    if host is None or binary not in services:
        draft.ask(draft.region)
    elif draft.takes(ref, host.parent):
        said = {name: payload[name] for name in _SERVICE if name in payload and name in services[binary]}
        said["status"] = "disabled" if payload["disabled"] else "enabled"
        if payload.get("forced_down"):
            said["state"] = "down"
        draft.change(host, {"services": {**services, binary: {**services[binary], **said}}})


def aggregate_told(draft: Draft) -> None:
    """Write an aggregate and the references to its hosts; ask for the zones that follow from it.

    Notifications without version name the aggregate and little else: they only ask.
    """
    payload = draft.notification.payload
    draft.ask(draft.region)
    region = draft.region
    if "id" not in payload or region is None:
        return
    ref = Ref("aggregate", str(payload["id"]))
    if draft.takes(ref, region, changed_at=payload.get("updated_at")):
        known = draft.get(*ref)
        metadata = payload.get("metadata") or {}
        document: Document = {"name": text(payload["name"]), "metadata": metadata, "uuid": payload.get("uuid")}
        document |= {
            "hosts": sorted(payload.get("hosts") or []),
            "availability_zone": metadata.get("availability_zone"),
        }
        document = document if known is None else {**known.document, **document}
        draft.put(ref, region, place(draft, "aggregate"), document)
        _refer(draft, ref, document)


def _refer(draft: Draft, aggregate: Ref, document: Document) -> None:
    wanted = {f"aggregate-{document['name']}-{host}": host for host in document["hosts"]}
    for child in draft.children(aggregate):
        if child.id not in wanted:
            draft.remove(child.ref)
    for name, host in wanted.items():
        ref = Ref("host_ref", name)
        draft.put(ref, aggregate, Scope("host-ref", *aggregate), {"name": host, "host": host})


def aggregate_deleted(draft: Draft) -> None:
    """Remove an aggregate with the references to its hosts."""
    payload = draft.notification.payload
    draft.bury(Ref("aggregate", str(payload["id"] if "id" in payload else payload["aggregate_id"])))
    draft.ask(draft.region)


HANDLERS: dict[str, Handler] = {
    "service.create": region_seen_anew,
    "service.update": service_told,
    "service.delete": region_seen_anew,
    **{
        f"aggregate.{happened}": aggregate_told
        for happened in (
            *("create", "add_host", "remove_host", "update_metadata", "update_prop"),
            *("addhost", "removehost", "updatemetadata", "updateprop"),
        )
    },
    "aggregate.delete": aggregate_deleted,
}
