"""What the families of Neutron's resources have in common: how payloads hold them, and where they are put."""

from collections.abc import Iterator

from projections.inventory import Obj, Ref
from projections.notifications.draft import Draft
from schemas.canonical import Document
from schemas.events import Scope
from schemas.vocabulary import ENVIRONMENT

ENTRIES = {
    "project": "project",
    "network": "network",
    "subnet": "subnet",
    "port": "port",
    "router": "router",
    "floating_ip": "floating-ip",
    "trunk": "trunk",
    "aggregate": "aggregate",
}
"""The entry of the scan plan that finds objects of each type, below the region (projects: the environment)."""

COMPUTE = "compute:"
"""How the owner of an instance's port begins."""


def told(payload: Document, key: str) -> Iterator[Document]:
    """Yield the resources of a payload: of one request, or of one for many."""
    bodies = payload[f"{key}s"] if f"{key}s" in payload else [payload[key]]
    yield from (body for body in bodies if text(body["id"]))


def deleted(payload: Document, key: str) -> list[str]:
    """Answer the ids of what a payload says is deleted; KeyError if it names none."""
    if f"{key}_id" in payload:
        return [text(payload[f"{key}_id"])]
    if f"{key}s" in payload or key in payload:
        return [text(body["id"]) for body in told(payload, key)]
    return [text(payload["id"])]


def text(value: object) -> str:
    """Answer an id; ValueError if it is none."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"no id: {value!r}")
    return value


def place(draft: Draft, object_type: str) -> Scope:
    """Answer the scope in which a scan finds objects of a type."""
    above = draft.environment if object_type == "project" else draft.region or draft.environment
    return Scope(ENTRIES[object_type], *above)


def tell(draft: Draft, object_type: str, body: Document, parent: Ref, document: Document) -> Obj | None:
    """Write what is told of a resource over what is known of it; None if it is no news.

    A payload holds what whoever asked may see: attributes that it lacks stay as they are known. A project that is
    not known is asked for.
    """
    ref = Ref(object_type, text(body["id"]))
    if not draft.takes(ref, parent, body.get("revision_number"), body.get("updated_at")):
        return None
    known = draft.get(*ref)
    document = document if known is None else {**known.document, **document}
    draft.put(ref, parent, place(draft, object_type), document)
    if parent.type == "project" and draft.get(*parent) is None:
        draft.ask(Ref(ENVIRONMENT, draft.environment.id))
    return draft.get(*ref)


# -- what follows from ports ---------------------------------------------------------------------------


def renew_networks(draft: Draft, device_id: object) -> None:
    """Write again on which networks a device is, an instance or a router: those of its ports and their sub-ports."""
    if not isinstance(device_id, str) or not device_id:
        return
    on = sorted(_networks(draft, device_id))
    instance = draft.get("instance", device_id)
    for obj in ([] if instance is None else [instance]) + draft.where("vservice", "router_id", device_id):
        draft.change(obj, {"network": on})


def _networks(draft: Draft, device_id: str) -> set[str]:
    found: set[str] = set()
    for port in draft.where("port", "device_id", device_id):
        found.add(port.get("network_id"))
        for trunk in draft.where("trunk", "port_id", port.id):
            subs = (draft.get("port", sub["port_id"]) for sub in trunk.get("sub_ports") or ())
            found |= {sub.get("network_id") for sub in subs if sub is not None}
    return found


def hosts_of_router(draft: Draft, router_id: str) -> list[str]:
    """Answer the hosts that have a namespace of a router; while none is known, those that could."""
    known = [vservice.get("host") for vservice in draft.where("vservice", "router_id", router_id)]
    return known or network_hosts(draft)


def hosts_of_dhcp(draft: Draft, network_id: str) -> list[str]:
    """Answer the hosts that have a DHCP namespace of a network; while none is known, those that could."""
    known = [vservice.get("host") for vservice in draft.where("vservice", "network_id", network_id)]
    return known or network_hosts(draft)


def network_hosts(draft: Draft) -> list[str]:
    """Answer the hosts that run network services, sorted."""
    return [host.id for host in draft.of_type("host") if "Network" in (host.get("host_type") or ())]
