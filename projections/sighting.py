"""What a scan has seen, and what its end therefore says is gone."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from projections.inventory import Inventory, Ref
from schemas.events import ObjectsSeen, Scope
from schemas.vocabulary import ENVIRONMENT


@dataclass(slots=True)
class OpenScan:
    """A scan that has not finished yet."""

    scan_id: str
    offset: int
    """Where its ScanStarted stands."""
    seen: dict[str, set[str]] = field(default_factory=dict)
    """The ids of each type."""

    def note(self, seen: ObjectsSeen) -> None:
        """Take in what it saw."""
        self.seen.setdefault(seen.object_type, set()).update(seen.ids)

    def has_seen(self, ref: Ref) -> bool:
        """Answer whether it saw an object."""
        return ref.id in self.seen.get(ref.type, ())


def swept(inventory: Inventory, scan: OpenScan, covered: Iterable[Scope]) -> list[Ref]:
    """Answer the objects that a finished scan says are gone, in a fixed order.

    Gone is what was last seen in a covered scope and was not seen now; and, since a fetch under an object that is
    gone can never run again, everything last seen under an object that is gone.
    """
    gone: dict[Ref, None] = {}
    for scope in covered:
        unseen = [ref for ref in inventory.in_scope(scope) if not scan.has_seen(ref)]
        gone.update(dict.fromkeys(sorted(unseen)))
    _cascade(inventory, scan, gone)
    return list(gone)


def _cascade(inventory: Inventory, scan: OpenScan, gone: dict[Ref, None]) -> None:
    scopes = inventory.scopes() if gone else []
    found = bool(gone)
    while found:
        found = False
        for scope in scopes:
            parent = Ref(scope.parent_type, scope.parent_id)
            if scope.parent_type != ENVIRONMENT and parent in gone:
                lost = [ref for ref in inventory.in_scope(scope) if ref not in gone and not scan.has_seen(ref)]
                gone.update(dict.fromkeys(sorted(lost)))
                found = found or bool(lost)
