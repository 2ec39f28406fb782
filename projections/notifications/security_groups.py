"""Security groups. They are no objects of ours: ports name them by id, instances by name."""

from projections.notifications.draft import Draft
from projections.notifications.handler import Handler, nothing
from projections.notifications.resources import told


def group_changed(draft: Draft) -> None:
    """Ask the hosts of the instances in a group, which may have another name by now."""
    groups = {body["id"] for body in told(draft.notification.payload, "security_group")}
    for port in draft.of_type("port"):
        if groups.intersection(port.get("security_groups") or ()):
            instance = draft.get("instance", port.get("device_id") or "")
            draft.ask_hosts(None if instance is None else instance.get("host"))


HANDLERS: dict[str, Handler] = {
    "security_group.create": nothing,
    "security_group.update": group_changed,
    "security_group.delete": nothing,  # only one that nobody uses can be
    "security_group_rule.create": nothing,
    "security_group_rule.update": nothing,
    "security_group_rule.delete": nothing,
}
