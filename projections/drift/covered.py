"""When each scope was looked at last: which scan covered it, and when that began."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from projections.change import Key, Kind
from projections.drift.finding import Mark
from projections.inventory import InventoryView
from projections.notifications.ledger import Kept
from schemas.canonical import Document, decode_document, encode
from schemas.events import Scope
from schemas.vocabulary import ENVIRONMENT


class Covered:
    """The scopes that finished scans covered; kept as one record a scan, as long as it is the last to say something."""

    def __init__(self) -> None:
        """Start before the first scan."""
        self._by: dict[Scope, str] = {}
        self._scans: dict[str, tuple[Mark, bytes]] = {}

    def looked(self, scope: Scope | None) -> Mark | None:
        """Answer when the scan began that covered a scope last; None if none ever did."""
        scan = None if scope is None else self._by.get(scope)
        return None if scan is None else self._scans[scan][0]

    def take(self, scan_id: str, began: Mark, scopes: Iterable[Scope], inventory: InventoryView) -> list[Kept]:
        """Take in what a scan covered; a scope whose parent is gone is never looked at again, and forgotten."""
        before = self.stored()
        self._forget({scope for scope in self._by if not is_there(scope, inventory)})
        again = [scope for scope, scan in self._by.items() if scan == scan_id]
        covered = sorted({*scopes, *again}, key=_by_place)
        self._scans[scan_id] = (began, _value(began, covered))
        self._by |= dict.fromkeys(covered, scan_id)
        left = Counter(self._by.values())
        self._scans = {scan: kept for scan, kept in self._scans.items() if left[scan]}
        after = self.stored()
        keys = sorted(before.keys() | after.keys())
        return [(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]

    def _forget(self, gone: set[Scope]) -> None:
        """Take scopes out of every record that names them: whoever takes the records back must not find them again."""
        if not gone:
            return
        self._by = {scope: scan for scope, scan in self._by.items() if scope not in gone}
        for scan, (began, value) in self._scans.items():
            named = set(_scopes(decode_document(value)))
            if not named.isdisjoint(gone):
                self._scans[scan] = (began, _value(began, sorted(named - gone, key=_by_place)))

    def stored(self) -> dict[Key, bytes]:
        """Answer everything in it as a history keeps it."""
        return {_key(scan): value for scan, (_began, value) in self._scans.items()}

    def restore(self, key: Key, value: bytes) -> None:
        """Take back one thing of what was stored, in any order."""
        document = decode_document(value)
        began = Mark(**document["began"])
        self._scans[key.id] = (began, value)
        for scope in _scopes(document):
            known = self.looked(scope)
            if known is None or known < began:
                self._by[scope] = key.id


def is_there(scope: Scope, inventory: InventoryView) -> bool:
    """Answer whether the parent is still there below which the scope looks."""
    return scope.parent_type == ENVIRONMENT or inventory.get(scope.parent_type, scope.parent_id) is not None


def _by_place(scope: Scope) -> tuple[str, str, str]:
    return scope.parent_type, scope.parent_id, scope.entry


def _value(began: Mark, scopes: list[Scope]) -> bytes:
    """Answer canonical JSON {began, scopes}: entries, type of the parent, its ids; most hosts have the same entries."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (parent_type, parent_id), found in groupby(scopes, lambda scope: (scope.parent_type, scope.parent_id)):
        groups.setdefault((parent_type, tuple(scope.entry for scope in found)), []).append(parent_id)
    document: Document = {
        "began": began.document(),
        "scopes": [[entries, kind, ids] for (kind, entries), ids in groups.items()],
    }
    return encode(document)


def _scopes(document: Document) -> Iterator[Scope]:
    """Yield what `_value` wrote."""
    for entries, parent_type, ids in document["scopes"]:
        yield from (Scope(entry, parent_type, parent) for parent in ids for entry in entries)


def _key(scan_id: str) -> Key:
    return Key(Kind.COVERED, "scan", scan_id)
