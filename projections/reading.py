"""What a join asks of the inventory, remembered question by question."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from projections.inventory import InventoryView, Obj, Question, Ref, Value
from schemas.canonical import encode, split

_P = TypeVar("_P", bound=Hashable)
_D = TypeVar("_D")

Parts = Callable[[Obj], Mapping[_P, _D]]
"""A function of an object alone, whose answer is asked for entry by entry."""

Read = tuple[Any, ...]
"""One thing that was asked for: ("get", type, id), ("type", type), ("where", type, attribute, value),
("children", type, id), ("part", type, id, function, key) or ("ask", question, key)."""

ASK = "ask"


class JoinKey(NamedTuple):
    """One join: a rule (its place in the list of rules) and a key of that rule."""

    rule: int
    key: str


class Asked(NamedTuple):
    """A question with its key."""

    question: Question[Any]
    key: str


Asker = JoinKey | Asked
"""Who asks for something."""


class Reading:
    """An inventory that remembers what it was asked, and whether anything was there."""

    __slots__ = ("_ask", "_view", "found", "reads")

    def __init__(self, view: InventoryView, ask: Callable[[Question[Any], str], Any] | None = None) -> None:
        """Look through to `view`; questions are given to `ask`, or answered on the spot."""
        self._view = view
        self._ask = ask
        self.reads: set[Read] = set()
        self.found = False

    def get(self, object_type: str, object_id: str) -> Obj | None:
        """Answer the object, or None."""
        self.reads.add(("get", object_type, object_id))
        obj = self._view.get(object_type, object_id)
        if obj is not None:
            self.found = True
        return obj

    def of_type(self, object_type: str) -> Iterator[Obj]:
        """Yield all objects of a type."""
        self.reads.add(("type", object_type))
        self.found = True
        return self._view.of_type(object_type)

    def where(self, object_type: str, attribute: str, value: Value) -> list[Obj]:
        """Answer the objects of a type whose attribute equals the value."""
        self.reads.add(("where", object_type, attribute, value))
        objects = self._view.where(object_type, attribute, value)
        if objects:
            self.found = True
        return objects

    def children(self, parent: Ref) -> list[Obj]:
        """Answer the objects directly under a parent."""
        self.reads.add(("children", *parent))
        objects = self._view.children(parent)
        if objects:
            self.found = True
        return objects

    def part(self, obj: Obj, parts: Parts[_P, _D], key: _P) -> _D | None:
        """Answer one entry of what a function makes of an object, None if it has none."""
        self.reads.add(("part", obj.type, obj.id, parts, key))
        return obj.derived(parts).get(key)

    def ask(self, question: Question[_D], key: str) -> _D:
        """Answer a question."""
        if self._ask is None:
            return question.answer(key, self)
        self.reads.add((ASK, question, key))
        self.found = True
        answer: _D = self._ask(question, key)
        return answer


def answering(obj: Obj, attributes: Iterable[str]) -> Iterator[Read]:
    """Yield all that can be asked for whose answer the object is part of, by the value of these attributes too."""
    yield ("get", obj.type, obj.id)
    yield ("type", obj.type)
    yield ("children", *obj.parent)
    for attribute in attributes:
        value = obj.get(attribute)
        if value is None or isinstance(value, str | int | bool):
            yield ("where", obj.type, attribute, value)


def changed(before: Obj, after: Obj) -> set[str]:
    """Answer the attributes that are not the same JSON."""
    old, new = split(before.raw), split(after.raw)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def moved(before: Obj, after: Obj, asked: Iterable[Parts[Any, Any]]) -> Iterator[Read]:
    """Yield the entries of parts that are not the same, to JSON too: there 1 is not true."""
    for parts in asked:
        old, new = before.derived(parts), after.derived(parts)
        for key in _unlike(old, new):
            yield ("part", after.type, after.id, parts, key)


def _unlike(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> list[Any]:
    alike: list[Any] = []
    unlike: list[Any] = []
    for key in old.keys() | new.keys():
        (alike if old.get(key) == new.get(key) else unlike).append(key)
    if not _same([old.get(key) for key in alike], [new.get(key) for key in alike]):  # seldom; asked once for all
        unlike += [key for key in alike if not _same(old.get(key), new.get(key))]
    return unlike


def _same(old: object, new: object) -> bool:
    """Answer whether two values that are equal to Python are one in JSON; what JSON does not know is one."""
    try:
        return encode(old) == encode(new)
    except TypeError:
        return True
