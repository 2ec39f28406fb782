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
from schemas import plugins

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

_SHIPPED: Final[dict[str, Handler]] = {
    name: handler for family in FAMILIES for name, handler in family.HANDLERS.items()
}


def _checked(_family: str, value: object) -> dict[str, Handler]:
    handlers: dict[str, Handler] = plugins.of_type(dict)(_family, value)
    for name, handler in handlers.items():
        if not isinstance(name, str) or not callable(handler):
            raise TypeError("handlers are functions by event type")
        if name in _SHIPPED:
            raise ValueError(f"Calipso itself handles {name}")
    return handlers


def _added() -> dict[str, Handler]:
    """Answer the handlers of plug-ins; of two for one event type, the one whose family's name comes last."""
    families = plugins.loaded(plugins.HANDLERS, _checked)
    return {name: handler for family in families.values() for name, handler in family.items()}


HANDLERS: Final[dict[str, Handler]] = _SHIPPED | _added()
"""By event type without its phase: `port.update` takes `port.update` and `port.update.end`."""


def handler_of(event_type: str) -> Handler | None:
    """Answer the handler of an event type; None if nobody knows the type."""
    if has_only_begun(event_type):
        return nothing
    name = named(event_type)
    return HANDLERS.get(name) or elsewhere.handler_of(name)
