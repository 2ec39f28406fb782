"""The links of an environment, kept up as objects change: only the joins that could answer otherwise run again."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple, TypeVar, cast

from projections.change import Key
from projections.inventory import InventoryView, Obj, Ref, Touched, Value
from projections.link import Link
from projections.rules.registry import RULES
from projections.rules.rule import Keys, Rule
from schemas.canonical import split

_P = TypeVar("_P", bound=Hashable)
_D = TypeVar("_D")

Parts = Callable[[Obj], Mapping[_P, _D]]
"""A function of an object alone, whose answer is asked for entry by entry."""

Read = tuple[str, ...] | tuple[str, str, str, Value] | tuple[str, str, str, Parts[Any, Any], Hashable]
"""One question that a join asked: a name, a type, an attribute's value, a parent, or an entry of a part."""

LinkChange = tuple[Key, Link | None, Link | None]
"""A link that is not what it was: before and after, None where it is not there."""


class JoinKey(NamedTuple):
    """One join: a rule (its place in the list of rules) and a key of that rule."""

    rule: int
    key: str


class Joined(NamedTuple):
    """What a join answered, and what it asked to come to it."""

    links: list[Link]
    reads: set[Read]


_NOT_YET = Joined([], set())


class Reading:
    """An inventory that remembers what it was asked, and whether anything was there."""

    def __init__(self, view: InventoryView) -> None:
        """Look through to `view`."""
        self._view = view
        self.reads: set[Read] = set()
        self.found = False

    def get(self, object_type: str, object_id: str) -> Obj | None:
        """Answer the object, or None."""
        self.reads.add(("get", object_type, object_id))
        obj = self._view.get(object_type, object_id)
        self.found |= obj is not None
        return obj

    def of_type(self, object_type: str) -> Iterator[Obj]:
        """Yield all objects of a type."""
        self.reads.add(("type", object_type))
        self.found = True
        return self._view.of_type(object_type)

    def where(self, object_type: str, attribute: str, value: Value) -> list[Obj]:
        """Answer the objects of a type whose attribute equals the value."""
        self.reads.add(("where", object_type, attribute, value))
        return self._noted(self._view.where(object_type, attribute, value))

    def children(self, parent: Ref) -> list[Obj]:
        """Answer the objects directly under a parent."""
        self.reads.add(("children", *parent))
        return self._noted(self._view.children(parent))

    def part(self, obj: Obj, parts: Parts[_P, _D], key: _P) -> _D | None:
        """Answer one entry of what a function makes of an object, None if it has none."""
        self.reads.add(("part", obj.type, obj.id, parts, key))
        return obj.derived(parts).get(key)

    def _noted(self, objects: list[Obj]) -> list[Obj]:
        self.found |= bool(objects)
        return objects


class Links:
    """Every link that the rules join from an inventory.

    What a join asked of the inventory is remembered with it, so that it runs again exactly when an answer that it
    was given may have changed. `recompute` runs all of them, and must always come to the same.
    """

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        """Start with no object, so with no link."""
        self._rules = tuple(rules)
        self._watching = _watching(self._rules)
        self._everybody = frozenset(range(len(self._rules)))
        self._concerns = [{name: frozenset(read) for name, read in rule.reads.items()} for rule in self._rules]
        self._joined: dict[JoinKey, Joined] = {}
        self._readers: dict[Read, set[JoinKey]] = {}
        self._asked: dict[str, set[str]] = {}
        """Of each type, the attributes by whose value objects were ever asked for."""
        self._parts: dict[str, set[Parts[Any, Any]]] = {}
        """Of each type, the parts that were ever asked for."""
        self._given: dict[Key, dict[JoinKey, Link]] = {}
        self._links: dict[Key, Link] = {}
        self._at: dict[Ref, dict[Key, Link]] = {}
        self._sorted_at: dict[Ref, list[Link]] = {}

    def __len__(self) -> int:
        """Answer how many links there are."""
        return len(self._links)

    def __iter__(self) -> Iterator[Link]:
        """Yield all links, sorted by key."""
        return (self._links[key] for key in sorted(self._links))

    def get(self, key: Key) -> Link | None:
        """Answer the link, or None."""
        return self._links.get(key)

    def at(self, ref: Ref) -> list[Link]:
        """Answer the links that an object is an end of, sorted by key. The list is the engine's own: only read it."""
        found = self._sorted_at.get(ref)
        if found is None:
            links = self._at.get(ref)
            if links is None:
                return []
            found = sorted(links.values(), key=lambda link: link.key)
            self._sorted_at[ref] = found
        return found

    def update(self, view: InventoryView, touched: Sequence[Touched]) -> list[LinkChange]:
        """Take in what happened to objects (`view` is as it is after) and answer the links that changed, sorted."""
        return self._run(self._dirty(touched), view)

    def rebuild(self, view: InventoryView) -> list[LinkChange]:
        """Join everything again, whatever was known before, and answer the links that changed, sorted."""
        return self._run({*all_joins(view, self._rules), *self._joined}, view)

    def _dirty(self, touched: Sequence[Touched]) -> set[JoinKey]:
        dirty: set[JoinKey] = set()
        for before, after in touched:
            rules = self._concerned(before, after)
            if rules:
                dirty.update(self._asking(before, after, rules))
            if before is not None and after is not None:
                for read in _moved(before, after, self._parts.get(after.type, ())):
                    dirty.update(self._readers.get(read, ()))
        return dirty

    def _concerned(self, before: Obj | None, after: Obj | None) -> Set[int]:
        """Answer the rules to which an object is not what it was, by their places."""
        if before is None or after is None or before.parent != after.parent:
            return self._everybody
        changed, name = _changed(before, after), after.type
        return {
            place
            for place, reads in enumerate(self._concerns)
            if name not in reads or not reads[name].isdisjoint(changed)
        }

    def _asking(self, before: Obj | None, after: Obj | None, rules: Set[int]) -> Iterator[JoinKey]:
        """Yield the joins of these rules that an object starts, or that asked what it is part of the answer to."""
        reads: set[Read] = set()
        for obj in (before, after):
            if obj is not None:
                yield from _joins(obj, self._watching, rules)
                reads.update(_answering(obj, self._asked.get(obj.type, ())))
        for read in reads:
            readers = self._readers.get(read)
            if readers:
                yield from (join for join in readers if join.rule in rules)

    def _run(self, dirty: set[JoinKey], view: InventoryView) -> list[LinkChange]:
        keys: set[Key] = set()
        for join in sorted(dirty):
            keys |= self._evaluate(join, view)
        return [change for key in sorted(keys) if (change := self._settle(key)) is not None]

    def _evaluate(self, join: JoinKey, view: InventoryView) -> set[Key]:
        """Run one join, remember its answer, and answer the keys of all links that it gives or gave otherwise."""
        reading = Reading(view)
        links = _distinct(self._rules[join.rule].join(join.key, reading))
        # A join that found nothing at all has lost its object; its key comes back with it.
        reads = reading.reads if reading.found else set()
        before = self._joined.get(join, _NOT_YET)
        self._remember(join, Joined(links, reads), before.reads)
        if links == before.links:
            return set()
        return self._give(join, before.links, links)

    def _remember(self, join: JoinKey, joined: Joined, before: Set[Read]) -> None:
        for read in before - joined.reads:
            _discard(self._readers, read, join)
        for read in joined.reads - before:
            readers = self._readers.get(read)
            if readers is None:
                self._readers[read] = {join}
                self._learn(read)
            else:
                readers.add(join)
        if joined.reads:
            self._joined[join] = joined
        else:
            self._joined.pop(join, None)

    def _learn(self, read: Read) -> None:
        """Take in by what objects may be asked for."""
        if read[0] == "where":
            self._asked.setdefault(read[1], set()).add(read[2])
        elif read[0] == "part":
            self._parts.setdefault(read[1], set()).add(cast("Parts[Any, Any]", read[3]))

    def _give(self, join: JoinKey, before: list[Link], after: list[Link]) -> set[Key]:
        for link in before:
            self._given[link.key].pop(join, None)
        for link in after:
            self._given.setdefault(link.key, {})[join] = link
        return {link.key for links in (before, after) for link in links}

    def _settle(self, key: Key) -> LinkChange | None:
        before, given = self._links.get(key), self._given.get(key)
        after = chosen(given.values()) if given else None
        if not given:
            self._given.pop(key, None)
        if before == after:
            return None
        if before is not None:
            self._remove(before)
        if after is not None:
            self._put(after)
        return key, before, after

    def _put(self, link: Link) -> None:
        self._links[link.key] = link
        for end in (link.source, link.target):
            self._at.setdefault(end, {})[link.key] = link
            self._sorted_at.pop(end, None)

    def _remove(self, link: Link) -> None:
        key = link.key
        del self._links[key]
        for end in {link.source, link.target}:
            del self._at[end][key]
            self._sorted_at.pop(end, None)
            if not self._at[end]:
                del self._at[end]


def recompute(view: InventoryView, rules: Sequence[Rule] = RULES) -> dict[Key, Link]:
    """Answer every link of an inventory, by running every join: the oracle of the incremental way."""
    joins = sorted(set(all_joins(view, rules)))
    links = _distinct(link for join in joins for link in rules[join.rule].join(join.key, view))
    return {link.key: link for link in sorted(links, key=lambda link: link.key)}


def chosen(links: Iterable[Link]) -> Link:
    """Answer the one that stands where several joins give one link: the first by its canonical JSON."""
    candidates = list(links)
    return candidates[0] if len(candidates) == 1 else min(candidates, key=lambda link: link.value)


def _distinct(links: Iterable[Link]) -> list[Link]:
    """Answer one link a key, in the order of their first."""
    found = list(links)
    if len(found) < 2:
        return found
    given: dict[Key, list[Link]] = {}
    for link in found:
        given.setdefault(link.key, []).append(link)
    return [chosen(same) for same in given.values()]


def all_joins(view: InventoryView, rules: Sequence[Rule]) -> Iterator[JoinKey]:
    """Yield the joins that the objects of an inventory start; the same one perhaps more than once."""
    watching, everybody = _watching(rules), frozenset(range(len(rules)))
    return (
        join
        for object_type in sorted(watching)
        for obj in view.of_type(object_type)
        for join in _joins(obj, watching, everybody)
    )


def _watching(rules: Sequence[Rule]) -> dict[str, list[tuple[int, Keys]]]:
    """Answer, for each type of object, the rules that it starts a join of: their place and how they name its keys."""
    watching: dict[str, list[tuple[int, Keys]]] = {}
    for place, rule in enumerate(rules):
        for object_type, keys in rule.watches.items():
            watching.setdefault(object_type, []).append((place, keys))
    return watching


def _joins(obj: Obj, watching: dict[str, list[tuple[int, Keys]]], rules: Set[int]) -> Iterator[JoinKey]:
    for place, keys in watching.get(obj.type, ()):
        if place in rules:
            for key in keys(obj):
                yield JoinKey(place, key)


def _answering(obj: Obj, attributes: Iterable[str]) -> Iterator[Read]:
    """Yield every question whose answer the object is part of, with those by the value of these attributes."""
    yield ("get", obj.type, obj.id)
    yield ("type", obj.type)
    yield ("children", *obj.parent)
    for attribute in attributes:
        value = obj.get(attribute)
        if value is None or isinstance(value, str | int | bool):
            yield ("where", obj.type, attribute, value)


def _changed(before: Obj, after: Obj) -> set[str]:
    """Answer the attributes that are not the same JSON."""
    old, new = split(before.raw), split(after.raw)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _moved(before: Obj, after: Obj, asked: Iterable[Parts[Any, Any]]) -> Iterator[Read]:
    """Yield the entries of parts that are not the same."""
    for parts in asked:
        old, new = before.derived(parts), after.derived(parts)
        if old != new:
            for key in old.keys() | new.keys():
                if old.get(key) != new.get(key):
                    yield ("part", after.type, after.id, parts, key)


def _discard(readers: dict[Read, set[JoinKey]], read: Read, join: JoinKey) -> None:
    readers[read].discard(join)
    if not readers[read]:
        del readers[read]
