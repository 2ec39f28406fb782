"""The drift of one environment: at each look of a scan, what was told rightly and what was missed since the last.

It is a fold like the rest: a better reading of notifications, replayed, tells other findings of the same past.
"""

from collections.abc import Iterable
from typing import NamedTuple

from projections.change import Key, Kind
from projections.drift import unannounced
from projections.drift.covered import Covered, is_there
from projections.drift.finding import THERE, Beliefs, Mark, changed, lines, passed
from projections.inventory import InventoryView, Obj, Ref
from projections.notifications.ledger import Kept
from projections.tree import name_of
from schemas.canonical import Document, decode_document, encode
from schemas.events import Scope


class Look(NamedTuple):
    """The event by which a scan says what it saw; the look itself was before. None: nobody looked."""

    scan_id: str | None
    mark: Mark


class Sighted(NamedTuple):
    """An object as a scan saw it last, and who has told something else since."""

    seen: Obj | None
    """None: no scan has seen it yet."""
    scope: Scope
    since: dict[str, Mark]

    @property
    def value(self) -> bytes:
        """Answer it as it is kept: canonical JSON {seen: [parent type, parent id, document] or null, scope, since}."""
        seen = None if self.seen is None else [*self.seen.parent, self.seen.document]
        scope = [self.scope.entry, self.scope.parent_type, self.scope.parent_id]
        return encode(
            {"seen": seen, "scope": scope, "since": {name: mark.document() for name, mark in self.since.items()}}
        )


class Finding(NamedTuple):
    """What was found of one object, as it is kept, and by which event."""

    offset: int
    scope: Scope
    value: bytes


class Drift:
    """What notifications told since the last look, and what the newest scan then found."""

    def __init__(self) -> None:
        """Start before the first scan."""
        self.covered = Covered()
        self._sighted: dict[Ref, Sighted] = {}
        self._findings: dict[Ref, Finding] = {}

    # -- what happens to it ---------------------------------------------------------------------------

    def told(self, ref: Ref, before: Obj | None, after: Obj | None, scope: Scope, by: Mark) -> list[Kept]:
        """Take in that a notification changed an object; `scope` is where it was, or is if it was not."""
        known = self._sighted.get(ref) or Sighted(before, scope, {})
        if after is None and known.seen is None:
            told = known.since.get(THERE, by)
            look = Look(None, by)
            return [self._sight(ref, None), *self._find(ref, before, known.scope, look, passed(told))]
        if before is None or after is None:
            return [self._sight(ref, known._replace(since={THERE: by}))]
        since = {**known.since, **dict.fromkeys(changed(before, after), by)}
        return [self._sight(ref, known._replace(since=since))]

    def is_open(self, ref: Ref) -> bool:
        """Answer whether something was told of an object that no scan has looked at since."""
        return ref in self._sighted

    def saw(self, before: Obj | None, scope: Scope | None, after: Obj, look: Look, place: Scope) -> list[Kept]:
        """Take in that a scan saw an object, of which `before` was believed, last seen in `scope`, in `place` now."""
        if before is None and after.ref not in self._sighted and self.covered.looked(place) is None:
            return []
        return self._looked(after.ref, self._beliefs(after.ref, before, scope or place), after, look, place)

    def missed(self, before: Obj, scope: Scope, look: Look) -> list[Kept]:
        """Take in that a scan did not see an object any more which was believed to be there."""
        return self._looked(before.ref, self._beliefs(before.ref, before, scope), None, look, scope)

    def finish(
        self, scopes: Iterable[Scope], doubted: Iterable[Ref], look: Look, began: Mark, inventory: InventoryView
    ) -> list[Kept]:
        """Take in what a finished scan covered: what was told to be gone, and it did not see, is gone.

        `doubted` is what was told of since the scan began: it may have looked before.
        """
        covered = set(scopes)
        sighted = [(ref, told.scope) for ref, told in self._sighted.items() if told.scope in covered]
        gone = {ref: scope for ref, scope in sighted if inventory.get(*ref) is None}
        kept: list[Kept] = []
        for ref in sorted(gone.keys() - set(doubted)):
            kept += self._looked(ref, self._beliefs(ref, None, None), None, look, gone[ref])
        kept += self._forget(began, covered, inventory)
        return kept + self.covered.take(look.scan_id or "", began, covered, inventory)

    def _forget(self, began: Mark, covered: set[Scope], inventory: InventoryView) -> list[Kept]:
        """Forget what earlier looks at these places found: it stays in the history."""
        found = [(ref, finding.scope) for ref, finding in self._findings.items() if finding.offset < began.offset]
        old = [ref for ref, scope in found if scope in covered or not is_there(scope, inventory)]
        return [(_finding_key(ref), self._findings.pop(ref).value, None) for ref in old]

    def _beliefs(self, ref: Ref, believed: Obj | None, scope: Scope | None) -> Beliefs:
        known = self._sighted.get(ref)
        looked = self.covered.looked(scope)
        if known is None:
            return Beliefs(believed, believed, {}, looked)
        return Beliefs(known.seen, believed, known.since, looked)

    def _looked(self, ref: Ref, known: Beliefs, found: Obj | None, look: Look, place: Scope) -> list[Kept]:
        sighted = [self._sight(ref, None)] if ref in self._sighted else []
        return sighted + self._find(ref, found or known.believed or known.seen, place, look, lines(known, found))

    # -- how it is kept -------------------------------------------------------------------------------

    def _find(self, ref: Ref, obj: Obj | None, place: Scope, look: Look, found: list[Document]) -> list[Kept]:
        if not found:
            return []
        document: Document = {
            "scan": look.scan_id,
            "scope": [place.entry, place.parent_type, place.parent_id],
            "name": ref.id if obj is None else name_of(obj),
            "of": {} if obj is None else {name: obj.get(name) for name in unannounced.conditions(ref.type)},
            "look": look.mark.document(),
            "lines": found,
        }
        before, after = self._findings.get(ref), Finding(look.mark.offset, place, encode(document))
        self._findings[ref] = after
        return [(_finding_key(ref), None if before is None else before.value, after.value)]

    def _sight(self, ref: Ref, sighted: Sighted | None) -> Kept:
        before = self._sighted.pop(ref, None)
        if sighted is not None:
            self._sighted[ref] = sighted
        return _sighted_key(ref), None if before is None else before.value, None if sighted is None else sighted.value

    def stored(self) -> dict[Key, bytes]:
        """Answer everything in it as a history keeps it."""
        kept = {_sighted_key(ref): sighted.value for ref, sighted in self._sighted.items()}
        kept |= {_finding_key(ref): finding.value for ref, finding in self._findings.items()}
        return kept | self.covered.stored()

    def restore(self, key: Key, value: bytes) -> None:
        """Take back one thing of what was stored."""
        ref = Ref(key.type, key.id)
        if key.kind is Kind.COVERED:
            self.covered.restore(key, value)
        elif key.kind is Kind.DRIFT:
            kept = decode_document(value)
            self._findings[ref] = Finding(kept["look"]["offset"], Scope(*kept["scope"]), value)
        else:
            self._sighted[ref] = _sighted(ref, value)


def _sighted(ref: Ref, value: bytes) -> Sighted:
    kept = decode_document(value)
    seen = None if kept["seen"] is None else Obj(ref, Ref(*kept["seen"][:2]), kept["seen"][2])
    return Sighted(seen, Scope(*kept["scope"]), {name: Mark(**told) for name, told in kept["since"].items()})


def _sighted_key(ref: Ref) -> Key:
    return Key(Kind.SIGHTED, ref.type, ref.id)


def _finding_key(ref: Ref) -> Key:
    return Key(Kind.DRIFT, ref.type, ref.id)
