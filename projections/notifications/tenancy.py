"""Regions and projects, as Keystone tells of them: by their ids alone."""

from projections.inventory import Ref
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler, all_seen_anew
from projections.notifications.resources import text
from schemas.events import Scope

_OWNED = ("network", "router", "floating_ip", "trunk", "instance")


def project_deleted(draft: Draft) -> None:
    """Remove a project; one that still owns something stays, as a scan then finds it: not in Keystone."""
    ref = Ref("project", text(draft.notification.payload["resource_info"]))
    if draft.get(*ref) is None:
        return
    if any(draft.where(owned, "project_id", ref.id) for owned in _OWNED):
        document = {"name": ref.id, "enabled": None, "description": "not in Keystone"}
        draft.put(ref, draft.environment, Scope("foreign-project", *draft.environment), document)
    else:
        draft.remove(ref)


HANDLERS: dict[str, Handler] = {
    "identity.project.created": all_seen_anew,
    "identity.project.updated": all_seen_anew,
    "identity.project.disabled": all_seen_anew,
    "identity.project.deleted": project_deleted,
    **{
        f"identity.{thing}.{happened}": all_seen_anew  # the region is what the catalogue says of it
        for thing in ("region", "service", "endpoint")
        for happened in ("created", "updated", "disabled", "deleted")
    },
}
