"""The ledger: what notifications have told so far, beside the objects themselves.

It keeps a notice of each object that they spoke of, and the targets: objects below which a scan is to look again,
because a notification told that something happened there and not what became of it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from projections.change import Key, Kind
from projections.inventory import Ref
from projections.notifications.notice import CLOCKS_AGREE, Notice, Stamp, notice_of
from schemas.canonical import decode_document, encode
from schemas.events import Scope
from schemas.vocabulary import ENVIRONMENT

LISTS = ("network", "subnet", "port", "router", "floating-ip", "trunk", "homeless-instance")
"""The entries of the scan plan whose one fetch lists all that notifications tell most of."""

Kept = tuple[Key, bytes | None, bytes | None]
"""A key of the ledger with its value before and after."""


class Target(NamedTuple):
    """An object below which is to be looked again, and since which event."""

    offset: int
    asked_at: int
    """When what made it a target happened, microseconds since 1970-01-01 UTC: the newest."""
    because: tuple[str, ...]
    """The types of the notifications that made it one, sorted."""

    @property
    def value(self) -> bytes:
        """Answer the target as it is kept: canonical JSON."""
        return encode({"offset": self.offset, "asked_at": self.asked_at, "because": list(self.because)})


class Ledger:
    """What notifications told of one environment."""

    def __init__(self, environment: str) -> None:
        """Start before the first notification."""
        self.environment = environment
        self._notices: dict[Ref, Notice] = {}
        self._targets: dict[Ref, Target] = {}
        self._late_before = 0
        """What was sent before this moment is late: a scan has looked since."""

    @property
    def notices(self) -> Mapping[Ref, Notice]:
        """Answer the notices by object."""
        return self._notices

    @property
    def targets(self) -> Mapping[Ref, Target]:
        """Answer the targets."""
        return self._targets

    def is_late(self, ref: Ref, stamp: Stamp, *, revives: bool = False) -> bool:
        """Answer whether what is told of an object is older than what is known of it."""
        notice = self._notices.get(ref)
        return stamp.at < self._late_before or (notice is not None and notice.makes_late(stamp, revives=revives))

    def is_gone(self, ref: Ref) -> bool:
        """Answer whether a notification said that the object is deleted."""
        notice = self._notices.get(ref)
        return notice is not None and notice.gone

    def since(self, ref: Ref, offset: int) -> Notice | None:
        """Answer the notice of an object if it was told after an offset, else None."""
        notice = self._notices.get(ref)
        return notice if notice is not None and notice.offset > offset else None

    def told_since(self, offset: int) -> list[Ref]:
        """Answer the objects that something was told of after an offset."""
        return [ref for ref, notice in self._notices.items() if notice.offset > offset]

    # -- what happens to it ---------------------------------------------------------------------------

    def take(self, notices: Mapping[Ref, Notice]) -> list[Kept]:
        """Note what a notification said of objects."""
        return [self._note(ref, notice) for ref, notice in notices.items()]

    def ask(self, refs: Iterable[Ref], offset: int, at: int, event_type: str) -> list[Kept]:
        """Make objects targets, or targets of a later moment."""
        return [self._aim(ref, offset, at, event_type) for ref in refs]

    def found_again(self, ref: Ref) -> list[Kept]:
        """Forget that an object is gone: a scan that began after the notice has seen it."""
        return [self._note(ref, None)] if self.is_gone(ref) else []

    def lost(self, refs: Iterable[Ref]) -> list[Kept]:
        """Forget the targets among objects that are gone."""
        return [self._aimed(ref, None) for ref in refs if ref in self._targets]

    def looked(self, began: int, covered: Iterable[Scope], failed: set[Ref], looked_from: int | None) -> list[Kept]:
        """Take in that a scan has finished, which began at offset `began`.

        A target that stood then is met if something below it was covered and nothing failed there. When all lists
        were covered, what was sent before the scan is late from now on, and notices that say no more are forgotten:
        before the newest of what was heard when it began, or before `looked_from`, when it began by a clock that
        goes with the cloud's (None: it looked at a recording, whose moment nobody knows).
        """
        scopes = list(covered)
        below = {Ref(scope.parent_type, scope.parent_id) for scope in scopes} - failed
        met = [ref for ref, target in self._targets.items() if target.offset < began and ref in below]
        kept = [self._aimed(ref, None) for ref in met]
        whole = {scope.entry for scope in scopes}.issuperset(LISTS)
        return kept + self._raise(began, looked_from if whole else None, whole) + self._forget(began)

    def _raise(self, began: int, looked_from: int | None, whole: bool) -> list[Kept]:
        if not whole:
            return []
        heard = [n.stamp.at for n in self._notices.values() if n.stamp is not None and n.offset < began]
        late = max([*heard, *([] if looked_from is None else [looked_from])], default=0) - CLOCKS_AGREE
        if late <= self._late_before:
            return []
        before, self._late_before = self._floor(), late
        return [(self._floor_key, before, self._floor())]

    def _forget(self, began: int) -> list[Kept]:
        told = [
            ref
            for ref, notice in self._notices.items()
            if notice.offset < began and (notice.stamp is None or notice.stamp.at < self._late_before)
        ]
        return [self._note(ref, None) for ref in told]

    # -- how it is kept -------------------------------------------------------------------------------

    def stored(self) -> dict[Key, bytes]:
        """Answer everything in it as a history keeps it."""
        kept = {notice_key(ref): notice.value for ref, notice in self._notices.items()}
        kept |= {target_key(ref): target.value for ref, target in self._targets.items()}
        floor = self._floor()
        return kept if floor is None else kept | {self._floor_key: floor}

    def restore(self, key: Key, value: bytes) -> None:
        """Take back one thing of what was stored."""
        ref = Ref(key.type, key.id)
        if key == self._floor_key:
            self._late_before = decode_document(value)["late_before"]
        elif key.kind is Kind.TARGET:
            kept = decode_document(value)
            self._targets[ref] = Target(kept["offset"], kept["asked_at"], tuple(kept["because"]))
        else:
            self._notices[ref] = notice_of(value)

    @property
    def _floor_key(self) -> Key:
        return Key(Kind.NOTICE, ENVIRONMENT, self.environment)

    def _floor(self) -> bytes | None:
        return encode({"late_before": self._late_before}) if self._late_before else None

    def _note(self, ref: Ref, notice: Notice | None) -> Kept:
        before = self._notices.pop(ref, None)
        if notice is not None:
            self._notices[ref] = notice if before is None else before.followed_by(notice)
        after = self._notices.get(ref)
        return notice_key(ref), _value(before), _value(after)

    def _aim(self, ref: Ref, offset: int, at: int, event_type: str) -> Kept:
        before = self._targets.get(ref)
        because, asked_at = ((), at) if before is None else (before.because, max(at, before.asked_at))
        return self._aimed(ref, Target(offset, asked_at, tuple(sorted({*because, event_type}))))

    def _aimed(self, ref: Ref, target: Target | None) -> Kept:
        before = self._targets.pop(ref, None)
        if target is not None:
            self._targets[ref] = target
        return target_key(ref), _value(before), _value(target)


def notice_key(ref: Ref) -> Key:
    """Answer the key of an object's notice."""
    return Key(Kind.NOTICE, ref.type, ref.id)


def target_key(ref: Ref) -> Key:
    """Answer the key of a target."""
    return Key(Kind.TARGET, ref.type, ref.id)


def _value(kept: Notice | Target | None) -> bytes | None:
    return None if kept is None else kept.value
