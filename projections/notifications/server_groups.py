"""Server groups: which instances are to run together or apart. That is nothing of the network."""

from projections.notifications.handler import Handler, nothing

HANDLERS: dict[str, Handler] = {
    "servergroup.create": nothing,
    "servergroup.update": nothing,
    "servergroup.addmember": nothing,
    "servergroup.delete": nothing,
    "server_group.create": nothing,
    "server_group.add_member": nothing,
    "server_group.delete": nothing,
}
