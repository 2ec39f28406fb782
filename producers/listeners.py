"""Listeners of plug-ins: other ways than the message bus by which notifications of the cloud come."""

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from producers.listen import notification
from schemas import plugins
from schemas.canonical import Document
from schemas.errors import BadInput, NotFound
from schemas.events import Event

Hear = Callable[[str], Iterator[Document]]
"""Answers what is heard at a place (whatever text says that): {"body", "exchange", "routing_key", "received"} each, as
`producers/listen.py` has it. It ends when there is no more to hear. Raises CouldNotLook when it cannot listen."""


def _checked(_name: str, value: object) -> Hear:
    if not callable(value):
        raise TypeError("a listener is a function of a place")
    return cast("Hear", value)


LISTENERS: Mapping[str, Hear] = plugins.loaded(plugins.LISTENERS, _checked)


def heard(name: str, place: str, environment: str) -> Iterator[Event]:
    """Yield what a listener hears, as events. NotFound if there is none of that name; BadInput names what is none."""
    if name not in LISTENERS:
        known = ", ".join(LISTENERS) or "none is installed"
        raise NotFound(f"listener {name}: there is none (known: {known})")
    for number, record in enumerate(LISTENERS[name](place), 1):
        try:
            yield notification(record.get("body", record), environment, record)
        except (BadInput, AttributeError) as error:
            raise BadInput(f"listener {name}, notification {number}: {error}") from error
