"""The inventory: what objects an environment has, with indexes for the rules that join them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from schemas.canonical import Document, decode_document, encode
from schemas.events import Scope

Value = str | int | bool | None
_K = TypeVar("_K")
_I = TypeVar("_I")
_D = TypeVar("_D")
_P = TypeVar("_P", bound=Hashable)


class Ref(NamedTuple):
    """An object's name inside one environment."""

    type: str
    id: str


class Obj:
    """One object of the inventory. Treat it and its document as read-only."""

    __slots__ = ("_derived", "_document", "_raw", "id", "parent", "ref", "type")

    def __init__(self, ref: Ref, parent: Ref, document: Document | bytes) -> None:
        """Hold the attributes of `ref`, which stands under `parent` in the tree.

        Attributes that come as canonical JSON are decoded when first asked for.
        """
        self.ref = ref
        self.type, self.id = ref
        self.parent = parent
        self._document = None if isinstance(document, bytes) else document
        self._raw = document if isinstance(document, bytes) else None
        self._derived: dict[object, Any] | None = None

    @property
    def document(self) -> Document:
        """Answer the attributes."""
        if self._document is None:
            self._document = decode_document(self._raw or b"")
        return self._document

    @property
    def raw(self) -> bytes:
        """Answer the attributes as canonical JSON."""
        if self._raw is None:
            self._raw = encode(self._document)
        return self._raw

    def get(self, attribute: str, default: Any = None) -> Any:  # noqa: ANN401 - attributes are JSON
        """Answer an attribute of the document."""
        document = self._document
        return (self.document if document is None else document).get(attribute, default)

    def derived(self, work_out: Callable[["Obj"], _D]) -> _D:
        """Answer what a function makes of the object and of nothing else, worked out once."""
        if self._derived is None:
            self._derived = {}
        if work_out not in self._derived:
            self._derived[work_out] = work_out(self)
        found: _D = self._derived[work_out]
        return found

    def same_as(self, other: "Obj") -> bool:
        """Answer whether parent and attributes are equal."""
        return self.parent == other.parent and self.raw == other.raw

    def __repr__(self) -> str:
        """Name the object, for a failing test's sake."""
        return f"Obj({self.type} {self.id})"


@dataclass(frozen=True, slots=True, eq=False)
class Question(Generic[_D]):
    """What many ask of an inventory: it is answered once for all of them.

    `answer` gives the answer for a key: it is compared by value and kept, so that no object may be in it. `reads` are
    the attributes of each type that it reads, as those of a rule are.
    """

    name: str
    answer: "Callable[[str, InventoryView], _D]"
    reads: Mapping[str, Iterable[str]]


class InventoryView(Protocol):
    """What rules may read. Every answer comes sorted by (type, id): no accident of order can show."""

    def get(self, object_type: str, object_id: str) -> Obj | None:
        """Answer the object, or None."""
        ...

    def of_type(self, object_type: str) -> Iterator[Obj]:
        """Yield all objects of a type."""
        ...

    def where(self, object_type: str, attribute: str, value: Value) -> list[Obj]:
        """Answer the objects of a type whose top-level attribute equals the value (indexed)."""
        ...

    def children(self, parent: Ref) -> list[Obj]:
        """Answer the objects directly under a parent."""
        ...

    def part(self, obj: Obj, parts: "Callable[[Obj], Mapping[_P, _D]]", key: _P) -> _D | None:
        """Answer one entry of what a function makes of an object, None if it has none.

        Who asked for entries is not concerned by a change of others.
        """
        ...

    def ask(self, question: Question[_D], key: str) -> _D:
        """Answer a question."""
        ...


Touched = tuple[Obj | None, Obj | None]
"""One object before and after; None where it is not there."""


class Inventory:
    """The objects of one environment, each with the scope in which it was last seen."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._types: dict[str, dict[str, Obj]] = {}
        self._children: dict[Ref, dict[Ref, Obj]] = {}
        self._scope_of: dict[Ref, Scope] = {}
        self._in_scope: dict[Scope, dict[str, set[str]]] = {}
        self._indexes: dict[tuple[str, str], dict[Value, dict[str, Obj]]] = {}
        self._indexed_by: dict[str, list[str]] = {}

    def __len__(self) -> int:
        """Answer how many objects there are."""
        return len(self._scope_of)

    def get(self, object_type: str, object_id: str) -> Obj | None:
        """Answer the object, or None."""
        objects = self._types.get(object_type)
        return None if objects is None else objects.get(object_id)

    def of_type(self, object_type: str) -> Iterator[Obj]:
        """Yield all objects of a type, sorted by id."""
        objects = self._types.get(object_type, {})
        return (objects[object_id] for object_id in sorted(objects))

    def types(self) -> list[str]:
        """Answer the types that have an object, sorted."""
        return sorted(name for name, objects in self._types.items() if objects)

    def where(self, object_type: str, attribute: str, value: Value) -> list[Obj]:
        """Answer the objects of a type whose attribute equals the value, sorted by id."""
        index = self._indexes.get((object_type, attribute))
        if index is None:
            index = self._build_index(object_type, attribute)
        found = index.get(value)
        if found is None:
            return []
        return [found[object_id] for object_id in sorted(found)] if len(found) > 1 else list(found.values())

    def children(self, parent: Ref) -> list[Obj]:
        """Answer the objects directly under a parent, sorted by type and id."""
        found = self._children.get(parent, {})
        return [found[ref] for ref in sorted(found)]

    def part(self, obj: Obj, parts: Callable[[Obj], Mapping[_P, _D]], key: _P) -> _D | None:
        """Answer one entry of what a function makes of an object, None if it has none."""
        return obj.derived(parts).get(key)

    def ask(self, question: Question[_D], key: str) -> _D:
        """Answer a question."""
        return question.answer(key, self)

    def scope_of(self, ref: Ref) -> Scope | None:
        """Answer the scope in which the object was last seen."""
        return self._scope_of.get(ref)

    def in_scope(self, scope: Scope) -> Mapping[str, Set[str]]:
        """Answer the ids of the objects last seen in a scope by their type. They are the inventory's own: only read."""
        return self._in_scope.get(scope, {})

    def scopes(self) -> list[Scope]:
        """Answer the scopes that hold an object, in a fixed order."""
        return sorted(self._in_scope, key=lambda s: (s.entry, s.parent_type, s.parent_id))

    def put(self, obj: Obj, scope: Scope) -> Obj | None:
        """Hold the object in place of the one of its name, which is answered."""
        ref = obj.ref
        objects = self._types.setdefault(obj.type, {})
        before = objects.get(obj.id)
        objects[obj.id] = obj
        if before is not None and before.parent != obj.parent:
            _discard(self._children, before.parent, ref)
        self._children.setdefault(obj.parent, {})[ref] = obj
        self._see(ref, scope)
        for attribute in self._indexed_by.get(obj.type, ()):
            if before is not None and before.get(attribute) != obj.get(attribute):
                self._unindex(before, attribute)
            self._index(obj, attribute)
        return before

    def remove(self, ref: Ref) -> Obj | None:
        """Drop the object and answer it; None if it is not there."""
        obj = self.get(*ref)
        if obj is None:
            return None
        del self._types[obj.type][obj.id]
        _discard(self._children, obj.parent, ref)
        self._see(ref, None)
        for attribute in self._indexed_by.get(obj.type, ()):
            self._unindex(obj, attribute)
        return obj

    def _see(self, ref: Ref, scope: Scope | None) -> None:
        """Hold in which scope the object was last seen; None if it is gone."""
        before = self._scope_of.get(ref)
        if before == scope:
            return
        if before is not None:
            _remove(self._in_scope, before, ref)
        if scope is None:
            del self._scope_of[ref]
        else:
            self._scope_of[ref] = scope
            self._in_scope.setdefault(scope, {}).setdefault(ref.type, set()).add(ref.id)

    def _build_index(self, object_type: str, attribute: str) -> dict[Value, dict[str, Obj]]:
        index: dict[Value, dict[str, Obj]] = {}
        self._indexes[object_type, attribute] = index
        self._indexed_by.setdefault(object_type, []).append(attribute)
        for obj in self._types.get(object_type, {}).values():
            self._index(obj, attribute)
        return index

    def _index(self, obj: Obj, attribute: str) -> None:
        value = obj.get(attribute)
        if _hashable(value):
            self._indexes[obj.type, attribute].setdefault(value, {})[obj.id] = obj

    def _unindex(self, obj: Obj, attribute: str) -> None:
        value = obj.get(attribute)
        if _hashable(value):
            _discard(self._indexes[obj.type, attribute], value, obj.id)


def _hashable(value: object) -> bool:
    return value is None or isinstance(value, str | int | bool)


def _discard(groups: dict[_K, dict[_I, Obj]], key: _K, item: _I) -> None:
    group = groups[key]
    del group[item]
    if not group:
        del groups[key]


def _remove(scopes: dict[Scope, dict[str, set[str]]], scope: Scope, ref: Ref) -> None:
    types = scopes[scope]
    types[ref.type].discard(ref.id)
    if not types[ref.type]:
        del types[ref.type]
    if not types:
        del scopes[scope]
