"""The draft: what one notification changes, written over the state that it found."""

from typing import Protocol

from projections import noise
from projections.inventory import InventoryView, Obj, Ref, Value
from projections.notifications.ledger import Ledger
from projections.notifications.notice import Notice, Stamp
from projections.notifications.notification import Notification
from schemas.canonical import Document
from schemas.events import Scope
from schemas.vocabulary import ENVIRONMENT


class Known(InventoryView, Protocol):
    """What is known when a notification comes."""

    def scope_of(self, ref: Ref) -> Scope | None:
        """Answer the scope in which the object was last seen."""
        ...


class Draft:
    """The answer of a handler in the making: objects put and removed, and objects to look below again.

    What it reads is the state with what it has written so far.
    """

    def __init__(
        self, notification: Notification, offset: int, known: Known, ledger: Ledger, *, scanning: bool = False
    ) -> None:
        """Begin with nothing changed; `scanning` if a scan is open."""
        self.notification = notification
        self.objects: dict[Ref, tuple[Obj, Scope] | None] = {}
        """What is put, with its scope; None where something is removed."""
        self.notices: dict[Ref, Notice] = {}
        self.asked: dict[Ref, None] = {}
        self.environment = Ref(ENVIRONMENT, ledger.environment)
        self._offset = offset
        self._known = known
        self._ledger = ledger
        self._scanning = scanning
        self._region = next(iter(known.of_type("region")), None)

    @property
    def removed(self) -> list[Ref]:
        """Answer the objects that are removed."""
        return [ref for ref, put in self.objects.items() if put is None]

    @property
    def region(self) -> Ref | None:
        """Answer the region of the environment, None if no scan has found it yet."""
        return None if self._region is None else self._region.ref

    # -- what is known by now -------------------------------------------------------------------------

    def get(self, object_type: str, object_id: str) -> Obj | None:
        """Answer the object, or None."""
        ref = Ref(object_type, object_id)
        if ref in self.objects:
            put = self.objects[ref]
            return None if put is None else put[0]
        return self._known.get(object_type, object_id)

    def of_type(self, object_type: str) -> list[Obj]:
        """Answer all objects of a type, sorted by id."""
        known = list(self._known.of_type(object_type))
        return self._over(known, [obj for obj in self._put() if obj.type == object_type])

    def where(self, object_type: str, attribute: str, value: Value) -> list[Obj]:
        """Answer the objects of a type whose top-level attribute equals the value, sorted by id."""
        return self._over(
            self._known.where(object_type, attribute, value),
            [obj for obj in self._put() if obj.type == object_type and obj.get(attribute) == value],
        )

    def children(self, parent: Ref) -> list[Obj]:
        """Answer the objects directly under a parent, sorted by type and id."""
        return self._over(self._known.children(parent), [obj for obj in self._put() if obj.parent == parent])

    def _put(self) -> list[Obj]:
        return [put[0] for put in self.objects.values() if put is not None]

    def _over(self, known: list[Obj], put: list[Obj]) -> list[Obj]:
        if not put and not any(obj.ref in self.objects for obj in known):
            return known
        found = {obj.ref: obj for obj in known if obj.ref not in self.objects}
        found |= {obj.ref: obj for obj in put}
        return [found[ref] for ref in sorted(found)]

    # -- what is told ---------------------------------------------------------------------------------

    def takes(
        self, ref: Ref, parent: Ref, revision: object = None, changed_at: object = None, *, revives: bool = False
    ) -> bool:
        """Answer whether what is told of an object is news, and note that it was told.

        It is not if something newer is known of it, or if it is deleted (unless it `revives`) or its parent is.
        """
        stamp = self._stamp(revision, changed_at)
        if self._ledger.is_late(ref, stamp, revives=revives) or self._ledger.is_gone(parent):
            return False
        self.notices[ref] = Notice(self._offset, stamp)
        return True

    def bury(self, ref: Ref) -> None:
        """Remove an object whose id is never given again; true even of one that is not known, and at any time."""
        self.remove(ref)
        self.notices[ref] = Notice(self._offset, self._stamp(), gone=True)

    def _stamp(self, revision: object = None, changed_at: object = None) -> Stamp:
        return Stamp(
            self.notification.at,
            self.notification.publisher,
            revision if isinstance(revision, int) else None,
            changed_at if isinstance(changed_at, str) else None,
        )

    # -- what follows ---------------------------------------------------------------------------------

    def put(self, ref: Ref, parent: Ref, scope: Scope, document: Document) -> None:
        """Write an object: attributes in the form that a scan gives them."""
        noise.strip(ref.type, document)
        self.objects[ref] = (Obj(ref, parent, document), scope)
        self._follows(ref, gone=False)

    def change(self, obj: Obj, told: Document) -> None:
        """Write some attributes of a known object."""
        scope = self.scope_of(obj.ref)
        if scope is not None and any(obj.get(name, ...) != value for name, value in told.items()):
            self.put(obj.ref, obj.parent, scope, {**obj.document, **told})

    def scope_of(self, ref: Ref) -> Scope | None:
        """Answer the scope of an object by now."""
        put = self.objects.get(ref)
        return self._known.scope_of(ref) if put is None else put[1]

    def remove(self, ref: Ref) -> None:
        """Remove an object with all that stands under it."""
        for child in self.children(ref):
            self.remove(child.ref)
        if self.get(*ref) is not None:
            self.objects[ref] = None
            self._follows(ref, gone=True)

    def ask(self, *refs: Ref | None) -> None:
        """Have looked again below objects; None and objects that are not there are passed over."""
        for ref in refs:
            if ref is not None and (ref == self.environment or self.get(*ref) is not None):
                self.asked[ref] = None

    def ask_hosts(self, *names: object) -> None:
        """Have looked again at hosts, by their names."""
        self.ask(*(Ref("host", name) for name in names if isinstance(name, str)))

    def _follows(self, ref: Ref, *, gone: bool) -> None:
        """While a scan is open, note also what was changed without being told of: its older look must not undo it."""
        if self._scanning and ref not in self.notices:
            self.notices[ref] = Notice(self._offset, None, gone, followed=True)
