"""Instances: created, changed, moved, switched on and off, deleted."""

from collections.abc import Iterable
from typing import Any

from projections.inventory import Obj, Ref
from projections.notifications import nova
from projections.notifications.addresses import addresses
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler, nothing
from projections.notifications.resources import renew_networks, text
from schemas.canonical import Document
from schemas.events import Scope

_BINDING = "binding:host_id"
_PROFILE = "binding:profile"
_OFF = ("stopped", "suspended", "shelved")
"""States in which the instance has no running domain on its host: its vNICs are there, and down."""

_QBR = "qbr"
"""How the bridge of one vNIC begins (hybrid plugging): it comes and goes with the vNIC."""

_GONE = ("deleted", "soft-delete")


def told(draft: Draft) -> None:
    """Write an instance as it is told, with what follows: its place, its vNICs' state, its ports' hosts."""
    _told(draft, revives=False)


def rewired(draft: Draft) -> None:
    """Write an instance that got other interfaces or a new domain: its host is asked in any case."""
    _told(draft, revives=False)
    draft.ask_hosts(draft.notification.payload.get("host"))


def restored(draft: Draft) -> None:
    """Write an instance that had been deleted softly."""
    _told(draft, revives=True)


def _told(draft: Draft, *, revives: bool) -> None:
    payload = draft.notification.payload
    ref = Ref("instance", nova.instance_id(payload))
    if payload["state"] in _GONE:
        deleted(draft)
        return
    parent, scope = _place(draft, payload)
    if not draft.takes(ref, parent, changed_at=_changed_at(payload), revives=revives):
        return
    known = draft.get(*ref)
    draft.put(ref, parent, scope, _document(draft, ref, payload, known))
    renew_networks(draft, ref.id)
    instance = draft.get(*ref)
    if instance is not None:
        _moved(draft, known, instance)
        _switched(draft, known, instance)
    if draft.get(*parent) is None:
        draft.ask(draft.environment)


def _changed_at(payload: Document) -> str | None:
    """Answer Nova's own stamp of the last change; a text of one form, so that two compare as times do."""
    return payload.get("updated_at") if nova.is_versioned(payload) else None


def _place(draft: Draft, payload: Document) -> tuple[Ref, Scope]:
    """Answer where a scan finds the instance: under its host, or under its project if no known host runs it."""
    host = Ref("host", payload["host"] or "")
    if draft.get(*host) is not None:
        return host, Scope("instance", *host)
    above = draft.region or draft.environment
    return Ref("project", text(payload["tenant_id"])), Scope("homeless-instance", *above)


def _document(draft: Draft, ref: Ref, payload: Document, known: Obj | None) -> Document:
    document: Document = {} if known is None else dict(known.document)
    document |= nova.told_of_instance(payload, document)
    fixed = nova.fixed_addresses(payload)
    if fixed is not None or known is None:
        document["addresses"] = addresses(draft, ref.id, fixed or [])
    if document["status"] not in nova.FAULTY:
        document.pop("fault", None)
    return {"network": [], **document}


def _moved(draft: Draft, known: Obj | None, instance: Obj) -> None:
    """Follow an instance to another host: what it had on the old one is gone, its ports are bound on the new one."""
    before, host = None if known is None else known.get("host"), instance.get("host")
    if before == host:
        return
    _unplug(draft, (vnic for vnic in draft.children(instance.ref) if vnic.get("host") != host))
    for port in draft.where("port", "device_id", instance.id) if before and host else ():
        if port.get(_BINDING) == before:
            profile = {name: value for name, value in (port.get(_PROFILE) or {}).items() if name != "migrating_to"}
            draft.change(port, {_BINDING: host, _PROFILE: profile} if _PROFILE in port.document else {_BINDING: host})
            draft.ask(draft.region)
    draft.ask_hosts(before, host)


def _switched(draft: Draft, known: Obj | None, instance: Obj) -> None:
    """Follow an instance that was switched on or off."""
    before, state = None if known is None else known.get("vm_state"), instance.get("vm_state")
    if before == state:
        return
    draft.ask_hosts(instance.get("host"))
    link = "down" if state in _OFF else "up" if state == "active" and before in _OFF else None
    if link is not None:
        for vnic in draft.children(instance.ref):
            draft.change(vnic, {"state": link})


def _unplug(draft: Draft, vnics: Iterable[Obj]) -> None:
    """Remove vNICs with the bridges that are theirs alone."""
    for vnic in list(vnics):
        bridge = vnic.get("source_bridge") or ""
        draft.remove(vnic.ref)
        if bridge.startswith(_QBR):
            for vconnector in draft.where("vconnector", "bridge_name", bridge):
                if vconnector.get("host") == vnic.get("host"):
                    draft.remove(vconnector.ref)


def deleted(draft: Draft) -> None:
    """Remove an instance with its vNICs and their bridges; its ports are told of by themselves."""
    payload: dict[str, Any] = draft.notification.payload
    ref = Ref("instance", nova.instance_id(payload))
    known = draft.get(*ref)
    _unplug(draft, (obj for obj in draft.children(ref) if obj.type == "vnic"))
    draft.bury(ref)
    draft.ask_hosts(payload.get("host"), None if known is None else known.get("host"))


def host_left(draft: Draft) -> None:
    """Ask the host that an instance has left: what that says of the instance is older than what the new one says."""
    draft.ask_hosts(draft.notification.host)


_STATES = (
    *("power_off", "power_on", "shutdown", "suspend", "resume", "pause", "unpause", "reboot", "rescue", "unrescue"),
    *("lock", "unlock", "snapshot", "volume_attach", "volume_detach", "volume_swap", "trigger_crash_dump"),
    *(
        "resize",
        "resize_prep",
        "resize_confirm",
        "resize_revert",
        "resize_finish",
        "shelve",
        "shelve_offload",
        "unshelve",
    ),
    *("live_migration_post_dest", "live_migration_rollback", "live_migration_abort", "live_migration_force_complete"),
    *("evacuate", "rebuild_scheduled", "update"),
)
"""Versioned events that say how the instance is by now."""

_OLD_STATES = (
    *("volume.attach", "volume.detach", "resize.prep", "finish_resize", "resize.confirm", "resize.revert"),
    *("live_migration.post.dest", "live_migration._rollback", "live_migration.rollback"),
)
"""The same without version, where they are spelled otherwise."""

_WIRED = ("create", "rebuild", "interface_attach", "interface_detach")
_LEFT = ("live_migration_post", "live_migration_rollback_dest")
_OLD_LEFT = ("live_migration._post", "live_migration.post", "live_migration.rollback.dest")
_SAYS_NOTHING = ("exists", "live_migration_pre", "live_migration.pre")

HANDLERS: dict[str, Handler] = {
    **{f"{form}.{name}": told for form in ("instance", "compute.instance") for name in _STATES},
    **{f"compute.instance.{name}": told for name in _OLD_STATES},
    **{f"{form}.{name}": rewired for form in ("instance", "compute.instance") for name in _WIRED},
    **{f"{form}.{name}": deleted for form in ("instance", "compute.instance") for name in ("delete", "soft_delete")},
    **{f"{form}.restore": restored for form in ("instance", "compute.instance")},
    **{f"instance.{name}": host_left for name in _LEFT},
    **{f"compute.instance.{name}": host_left for name in _OLD_LEFT},
    **{f"{form}.{name}": nothing for form in ("instance", "compute.instance") for name in _SAYS_NOTHING},
}
