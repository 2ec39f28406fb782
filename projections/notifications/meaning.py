"""What one notification means: the way from the event to the draft."""

from projections.notifications.draft import Draft, Known
from projections.notifications.handler import nothing
from projections.notifications.ledger import Ledger
from projections.notifications.notification import decoded
from projections.notifications.registry import handler_of
from schemas.errors import BadInput
from schemas.events import Entry, NotificationReceived

_NOT_AS_PROMISED = (
    BadInput,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def sent_at(entry: Entry) -> int:
    """Answer when a notification was sent: as its publisher says, but not after it was logged.

    A publisher whose clock is in the future would make late what all others tell.
    """
    return min(entry.event.occurred_at, entry.logged_at)


def meaning(
    received: NotificationReceived, entry: Entry, known: Known, ledger: Ledger, *, scanning: bool
) -> Draft | None:
    """Answer what a notification changes; None if its type is not known, or if it is not what its type promises.

    `known` is the state that it finds, `scanning` whether a scan is open. In an environment without a region,
    which no scan has looked at yet, there is no place to put anything: the environment is asked for.
    """
    handler = handler_of(received.event_type)
    if handler is None:
        return None
    try:
        draft = Draft(decoded(received, sent_at(entry)), entry.offset, known, ledger, scanning=scanning)
        if draft.region is not None:
            handler(draft)
        elif handler is not nothing:
            draft.ask(draft.environment)
        for put in draft.objects.values():
            if put is not None:
                _ = put[0].raw  # what cannot be written as JSON must not come to the state
    except _NOT_AS_PROMISED:
        return None
    return draft
