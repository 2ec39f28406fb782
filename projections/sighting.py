"""What a scan has seen, and what its end therefore says is gone."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from projections.inventory import Inventory, Ref
from schemas.events import ObjectMissed, ObjectsSeen, Scope
from schemas.vocabulary import ENVIRONMENT


@dataclass(slots=True)
class OpenScan:
    """A scan that has not finished yet."""

    scan_id: str
    offset: int
    """Where its ScanStarted stands."""
    seen: dict[str, set[str]] = field(default_factory=dict)
    """The ids of each type."""
    alone: list[ObjectMissed] = field(default_factory=list)
    """What was looked for alone and is not there."""

    def note(self, seen: ObjectsSeen) -> None:
        """Take in what it saw."""
        self.seen.setdefault(seen.object_type, set()).update(seen.ids)

    def keep(self, refs: Iterable[Ref]) -> None:
        """Count objects as seen: what others told of them since it began is newer than its look."""
        for ref in refs:
            self.seen.setdefault(ref.type, set()).add(ref.id)

    def missed(self, inventory: Inventory, scope: Scope) -> list[Ref]:
        """Answer the objects last seen in a scope that it did not see, sorted."""
        nothing = set[str]()
        found = inventory.in_scope(scope).items()
        return sorted(Ref(name, gone) for name, ids in found for gone in ids - self.seen.get(name, nothing))

    def missed_alone(self, inventory: Inventory) -> list[Ref]:
        """Answer what it looked for alone, did not see, and was last seen where it looked; in its order."""
        refs = [(Ref(missed.object_type, missed.object_id), missed.scope) for missed in self.alone]
        return [
            ref for ref, scope in refs if inventory.scope_of(ref) == scope and ref.id not in self.seen.get(ref.type, ())
        ]


def swept(inventory: Inventory, scan: OpenScan, covered: Iterable[Scope]) -> list[Ref]:
    """Answer the objects that a finished scan says are gone, in a fixed order.

    Gone is what was last seen in a covered scope and was not seen now; and, since a fetch under an object that is
    gone can never run again, everything last seen under an object that is gone.
    """
    gone: dict[Ref, None] = dict.fromkeys(scan.missed_alone(inventory))
    for scope in covered:
        gone.update(dict.fromkeys(scan.missed(inventory, scope)))
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
                lost = [ref for ref in scan.missed(inventory, scope) if ref not in gone]
                gone.update(dict.fromkeys(lost))
                found = found or bool(lost)
