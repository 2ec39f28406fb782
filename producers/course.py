"""The course of a scan of one object: which fetches of the plan it takes, and what of their finds it keeps.

A pure matter of plan, aim and what was found so far; nothing is asked here.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from producers.aim import Aim, Sought, Way, agree
from producers.found import Found
from producers.plan import Plan, PlanEntry
from schemas.events import Scope
from schemas.vocabulary import OBJECT_TYPES

Name = tuple[str, str]
"""Type and id of an object."""


class Course:
    """Decides for one scan of one object, while its finds come in in the plan's order."""

    def __init__(self, plan: Plan, aim: Aim) -> None:
        """Begin with what is known of the object."""
        self._plan = plan
        self._aim = aim
        self._wanted: set[Name] = {(aim.type, aim.id), *((one.type, one.id) for one in aim.sought)}
        self._scopes = {one.scope for one in aim.sought}
        self._above = {entry.name: _above(entry, plan) for entry in plan.entries}
        self._ways: dict[str, list[Way]] = {}
        """By entry: the ways to the objects that were known, or found and wanted."""
        for scope in self._scopes:
            self._remember(scope.entry, aim.ways[scope])

    @cached_property
    def entries(self) -> frozenset[str]:
        """Answer the entries that may find the object, or what stands below it, wherever that has wandered to."""
        found = self._plan.with_all_below(self._plan.finders(self._aim.type))
        types = {entry.type for entry in self._plan.entries if entry.name in found}
        elsewhere = {entry.name for entry in self._plan.entries if entry.wanders and entry.type in types}
        return self._plan.with_all_below(elsewhere | found)

    def takes(self, entry: PlanEntry, parent: Found, way: Way) -> bool:
        """Answer whether a fetch may find something that is wanted; `way` leads to `parent`."""
        if entry.name not in self.entries:
            return False
        if entry.wanders or Scope(entry.name, parent.type, parent.id) in self._scopes:
            return True
        if not self._scopes and entry.type == self._aim.type:
            return True
        return self._agrees(self._above[entry.name], way)

    def leads(self, entry: PlanEntry, way: Way) -> bool:
        """Answer whether a fetch must be done for the sake of those below the objects that it finds."""
        return any(
            self._may_take(below, entry.type, way) or self.leads(below, way) for below in self._plan.under(entry.type)
        )

    def wants(self, found: Found) -> bool:
        """Answer whether an object is to be kept: the one aimed at, what was sought, or what stands below such."""
        return (found.type, found.id) in self._wanted or (found.parent_type, found.parent_id) in self._wanted

    def keep(self, entry: str, found: Iterable[Found], way: Way) -> None:
        """Take in that objects are kept, which an entry found below the end of a way."""
        for one in found:
            self._wanted.add((one.type, one.id))
            self._remember(entry, way)

    def _may_take(self, entry: PlanEntry, under: str, way: Way) -> bool:
        """Answer the same as `takes`, for any object of a type that may be found at the end of a way."""
        if entry.name not in self.entries:
            return False
        if entry.wanders or (not self._scopes and entry.type == self._aim.type):
            return True
        known = (scope for scope in self._scopes if (scope.entry, scope.parent_type) == (entry.name, under))
        return any(agree(self._aim.ways[scope], way) for scope in known) or self._agrees(self._above[entry.name], way)

    def _agrees(self, entries: Iterable[str], way: Way) -> bool:
        return any(agree(known, way) for entry in entries for known in self._ways.get(entry, ()))

    def _remember(self, entry: str, way: Way) -> None:
        ways = self._ways.setdefault(entry, [])
        if way not in ways:
            ways.append(way)


def _above(entry: PlanEntry, plan: Plan) -> list[str]:
    """Answer the entries that find what an entry's objects stand below, without being looked for under it."""
    parents = OBJECT_TYPES[entry.type].parents
    others = (other for other in plan.entries if other.type != entry.under)
    if entry.below is not None:
        return [other.name for other in others if other.name in entry.below]
    return [other.name for other in others if other.type in parents]


class Ledger:
    """What became of the fetches of a scan of one object, and so of what it sought."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._met: set[Name] = set()
        self._ended: dict[Scope, bool] = {}
        self._lost_the_way = False

    def saw(self, scope: Scope, found: Iterable[Found], *, complete: bool, leads: bool) -> None:
        """Take in what a fetch came to; `leads` if others below its objects wait for it."""
        self._met.update((one.type, one.id) for one in found)
        self._ended[scope] = complete
        self._lost_the_way |= leads and not complete

    def missed(self, sought: Iterable[Sought], passed: Mapping[Name, Scope]) -> list[Sought]:
        """Answer what is not there: looked for to the end where it was, and found nowhere.

        `passed` says by which fetch each object on the ways there was found; one that was not done tells nothing.
        """
        return [one for one in sought if (one.type, one.id) not in self._met and self._ended_at(one.scope, passed)]

    def _ended_at(self, scope: Scope, passed: Mapping[Name, Scope]) -> bool:
        """Answer whether it was looked there to the end: so, too, if the object that it is under is not there."""
        ended = self._ended.get(scope)
        if ended is not None:
            return ended
        parent = (scope.parent_type, scope.parent_id)
        if parent in self._met or self._lost_the_way:
            return False
        above = passed.get(parent)
        return above is None or self._ended_at(above, passed)
