"""What a scan of one object is told: which object, and where it and all that stands below it was seen last.

Who starts the scan reads this from the state; the scan itself reads no state.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from producers.plan import Plan
from schemas.events import Scope
from schemas.vocabulary import ENVIRONMENT

Way = Mapping[str, str]
"""The objects that a fetch was reached through, its own parent included: id by type; empty at the root."""


@dataclass(frozen=True, slots=True)
class Sought:
    """An object that was seen before, and is to be looked for where it was."""

    type: str
    id: str
    scope: Scope
    """The fetch that found it."""


@dataclass(frozen=True, slots=True)
class Aim:
    """One object to scan, with all below it."""

    type: str
    id: str
    sought: tuple[Sought, ...] = ()
    """The object, and of all below it what the fetches below objects of its own would not miss; empty if nothing is
    known of the object: it is then looked for everywhere."""
    ways: Mapping[Scope, Way] = field(default_factory=dict)
    """How each scope in `sought` is reached."""
    passed: Mapping[tuple[str, str], Scope] = field(default_factory=dict)
    """By type and id: the fetch that found each object on these ways, as far as it is known."""


def agree(one: Way, other: Way) -> bool:
    """Answer whether two ways can lead below the same objects: no type stands in both with two ids."""
    return all(other.get(object_type, object_id) == object_id for object_type, object_id in one.items())


class Known(NamedTuple):
    """An object as it was seen last."""

    type: str
    id: str
    parent_type: str
    parent_id: str
    scope: Scope


def aim_at(object_type: str, object_id: str, known: Iterable[Known], plan: Plan) -> Aim:
    """Answer the aim of a scan of one object, from all objects that are known of its environment."""
    objects = {(one.type, one.id): one for one in known}
    below = _below((object_type, object_id), objects.values())
    wandering = {entry.name for entry in plan.entries if entry.wanders}
    sought = tuple(
        Sought(*name, objects[name].scope)
        for name in below
        if name in objects
        and ((scope := objects[name].scope).entry in wandering or (scope.parent_type, scope.parent_id) not in below)
    )
    ways = {one.scope: _way(one.scope, objects) for one in sought}
    on_them = {name for way in ways.values() for name in way.items() if name in objects}
    return Aim(object_type, object_id, sought, ways, {name: objects[name].scope for name in on_them})


_Name = tuple[str, str]


def _below(top: _Name, objects: Iterable[Known]) -> dict[_Name, None]:
    """Answer an object and all below it: in the tree, or found by fetches below it."""
    children: dict[_Name, list[_Name]] = defaultdict(list)
    for one in objects:
        for parent in {(one.parent_type, one.parent_id), (one.scope.parent_type, one.scope.parent_id)}:
            children[parent].append((one.type, one.id))
    found = {top: None}
    wave = [top]
    while wave:
        wave = list(dict.fromkeys(child for name in wave for child in children[name] if child not in found))
        found |= dict.fromkeys(wave)
    return found


def _way(scope: Scope, objects: Mapping[_Name, Known]) -> Way:
    """Answer the way to a fetch; it begins at the object that is not known itself, if there is one."""
    way: dict[str, str] = {}
    while scope.parent_type != ENVIRONMENT and scope.parent_type not in way:
        way[scope.parent_type] = scope.parent_id
        parent = objects.get((scope.parent_type, scope.parent_id))
        if parent is None:
            break
        scope = parent.scope
    return way
