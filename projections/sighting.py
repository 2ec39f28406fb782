"""What a scan has seen, and what its end therefore says is gone."""

from collections.abc import Iterable
from dataclasses import dataclass

from projections.inventory import Inventory, Ref
from schemas.events import Scope
from schemas.vocabulary import ENVIRONMENT


@dataclass(slots=True)
class OpenScan:
    """A scan that has not finished yet."""

    scan_id: str
    offset: int
    """Where its ScanStarted stands."""
    seen: set[Ref]


def swept(inventory: Inventory, seen: set[Ref], covered: Iterable[Scope]) -> list[Ref]:
    """Answer the objects that a finished scan says are gone, in a fixed order.

    Gone is what was last seen in a covered scope and was not seen now; and, since a fetch under an object that is
    gone can never run again, everything last seen under an object that is gone.
    """
    gone: dict[Ref, None] = {}
    for scope in covered:
        for ref in inventory.in_scope(scope):
            if ref not in seen:
                gone[ref] = None
    _cascade(inventory, seen, gone)
    return list(gone)


def _cascade(inventory: Inventory, seen: set[Ref], gone: dict[Ref, None]) -> None:
    scopes = inventory.scopes()
    found = bool(gone)
    while found:
        found = False
        for scope in scopes:
            parent = Ref(scope.parent_type, scope.parent_id)
            if scope.parent_type != ENVIRONMENT and parent in gone:
                lost = [ref for ref in inventory.in_scope(scope) if ref not in gone and ref not in seen]
                gone.update(dict.fromkeys(lost))
                found = found or bool(lost)
