"""Which handler takes which event type: one more family is one module, and its name in FAMILIES."""

from typing import Final

from projections.notifications import (
    agents,
    elsewhere,
    floating_ips,
    hosts,
    instances,
    networks,
    ports,
    routers,
    security_groups,
    server_groups,
    tenancy,
    trunks,
)
from projections.notifications.handler import Handler, nothing
from projections.notifications.notification import has_only_begun, named

FAMILIES: Final = (
    networks,
    ports,
    routers,
    floating_ips,
    trunks,
    security_groups,
    instances,
    server_groups,
    hosts,
    agents,
    tenancy,
)

HANDLERS: Final[dict[str, Handler]] = {
    name: handler for family in FAMILIES for name, handler in family.HANDLERS.items()
}
"""By event type without its phase: `port.update` takes `port.update` and `port.update.end`."""


def handler_of(event_type: str) -> Handler | None:
    """Answer the handler of an event type; None if nobody knows the type."""
    if has_only_begun(event_type):
        return nothing
    name = named(event_type)
    return HANDLERS.get(name) or elsewhere.handler_of(name)
