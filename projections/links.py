"""The links of an environment, kept up as objects change: only the joins that could answer otherwise run again."""

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import NamedTuple

from projections.askers import Askers, joins, watching
from projections.change import Key
from projections.inventory import InventoryView, Ref, Touched
from projections.link import Link
from projections.reading import Asker, JoinKey, Read
from projections.rules.registry import RULES
from projections.rules.rule import Rule

LinkChange = tuple[Key, Link | None, Link | None]
"""A link that is not what it was: before and after, None where it is not there."""


class Joined(NamedTuple):
    """What a join answered, and what it asked to come to it."""

    links: list[Link]
    reads: Set[Read]


_NOTHING: Set[Key] = frozenset()
_NOT_YET = Joined([], set())


class Links:
    """Every link that the rules join from an inventory.

    What a join asked of the inventory is remembered with it, so that it runs again exactly when an answer that it
    was given may have changed. `recompute` runs all of them, and must always come to the same.
    """

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        """Start with no object, so with no link."""
        self._rules = tuple(rules)
        self._askers = Askers(rules)
        self._joined: dict[JoinKey, Joined] = {}
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
        return self._run(self._askers.dirty(touched), view)

    def rebuild(self, view: InventoryView) -> list[LinkChange]:
        """Join everything again, whatever was known before, and answer the links that changed, sorted."""
        return self._run({*all_joins(view, self._rules), *self._joined, *self._askers.kept[1]}, view)

    def _run(self, dirty: Set[Asker], view: InventoryView) -> list[LinkChange]:
        keys: set[Key] = set()
        for join in self._askers.ask_again(dirty, view):
            keys |= self._evaluate(join, view)
        return [change for key in sorted(keys) if (change := self._settle(key)) is not None]

    def _evaluate(self, join: JoinKey, view: InventoryView) -> Set[Key]:
        """Run one join, remember its answer, and answer the keys of all links that it gives or gave otherwise."""
        reading = self._askers.reading(view)
        links = _distinct(self._rules[join.rule].join(join.key, reading))
        before = self._joined.get(join, _NOT_YET)
        # A join that found nothing at all has lost its object; its key comes back with it.
        after = Joined(links, reading.reads) if reading.found else _NOT_YET
        self._askers.remember(join, before.reads, after.reads)
        if reading.found:
            self._joined[join] = after
        else:
            self._joined.pop(join, None)
        return _NOTHING if links == before.links else self._give(join, before.links, links)

    def _give(self, join: JoinKey, before: list[Link], after: list[Link]) -> set[Key]:
        for link in before:
            self._given[link.key].pop(join, None)
        for link in after:
            self._given.setdefault(link.key, {})[join] = link
        return {link.key for links in (before, after) for link in links}

    def _settle(self, key: Key) -> LinkChange | None:
        before, given = self._links.get(key), self._given.get(key)
        after = None
        if given:
            after = chosen(given.values())
        else:
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
    watched, every = watching(rules), range(len(rules))
    return (
        join
        for object_type in sorted(watched)
        for obj in view.of_type(object_type)
        for join in joins(obj, watched, every)
    )
