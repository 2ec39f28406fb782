"""What rules say that they read: no more is ever read, else a change would go unnoticed."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings

from projections.inventory import Inventory, Obj, Question, Ref, Value
from projections.rules.registry import RULES
from projections.rules.rule import Rule
from tests.unit import vocabularies
from tests.unit.small_clouds import SCOPE, zed_cloud

P = TypeVar("P", bound=Hashable)
D = TypeVar("D")


class Watched(Obj):
    """An object that notes which attributes are asked for."""

    def __init__(self, obj: Obj, noted: set[tuple[str, str]]) -> None:
        super().__init__(obj.ref, obj.parent, obj.raw)
        self._noted = noted

    @property
    def document(self) -> dict[str, Any]:
        raise AssertionError(f"a rule reads {self.ref} whole")

    def get(self, attribute: str, default: Any = None) -> Any:
        self._noted.add((self.type, attribute))
        return Obj(self.ref, self.parent, self.raw).get(attribute, default)


class Watching:
    """An inventory that answers watched objects."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.noted: set[tuple[str, str]] = set()

    def get(self, object_type: str, object_id: str) -> Obj | None:
        obj = self._inventory.get(object_type, object_id)
        return None if obj is None else self.watched(obj)

    def of_type(self, object_type: str) -> Iterator[Obj]:
        return (self.watched(obj) for obj in self._inventory.of_type(object_type))

    def where(self, object_type: str, attribute: str, value: Value) -> list[Obj]:
        self.noted.add((object_type, attribute))
        return [self.watched(obj) for obj in self._inventory.where(object_type, attribute, value)]

    def children(self, parent: Ref) -> list[Obj]:
        return [self.watched(obj) for obj in self._inventory.children(parent)]

    def part(self, obj: Obj, parts: Callable[[Obj], Mapping[P, D]], key: P) -> D | None:
        return parts(Obj(obj.ref, obj.parent, obj.raw)).get(key)

    def ask(self, question: Question[D], key: str) -> D:
        inner = Watching(self._inventory)
        answer = question.answer(key, inner)
        assert beyond(question.reads, inner.noted) == set(), question.name
        return answer

    def watched(self, obj: Obj) -> Obj:
        return Watched(obj, self.noted)


def read_by(rule: Rule, inventory: Inventory) -> set[tuple[str, str]]:
    """Answer all types and attributes that a rule reads of an inventory."""
    view = Watching(inventory)
    keys = {
        key
        for object_type, keys_of in rule.watches.items()
        for obj in inventory.of_type(object_type)
        for key in keys_of(view.watched(obj))
    }
    for key in keys:
        list(rule.join(key, view))
    return view.noted


def not_declared(inventory: Inventory) -> dict[str, set[tuple[str, str]]]:
    """Answer what rules read of an inventory beyond what they say."""
    found = {}
    for rule in RULES:
        found[rule.link_type] = beyond(rule.reads, read_by(rule, inventory))
    return {name: more for name, more in found.items() if more}


def beyond(said: Mapping[str, Iterable[str]], read: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Answer what is read and not said, of the types of which anything is said: of others all is."""
    declared = {(kind, name) for kind, names in said.items() for name in names}
    return {(kind, name) for kind, name in read if kind in said} - declared


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(vocabularies.clouds)
def test_no_rule_reads_more_than_it_says(objects: list[Obj]) -> None:
    inventory = Inventory()
    for obj in objects:
        inventory.put(obj, SCOPE)
    assert not_declared(inventory) == {}


def test_every_rule_says_what_it_reads_of_the_small_cloud_by_name() -> None:
    inventory = zed_cloud().inventory
    assert not_declared(inventory) == {}
    for rule in RULES:
        assert {kind for kind, _ in read_by(rule, inventory)} <= rule.reads.keys()
