"""What other distributions add to Calipso, found by their entry points (importlib.metadata).

One that is broken is named, and nothing goes on without it: a history that is folded without a rule is another history.
The order is that of the names, so it does not depend on what was installed first.
"""

import sys
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from schemas.errors import BadPlugin

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

OBJECT_TYPES: Final = "calipso.object_types"
RULES: Final = "calipso.rules"
CLIQUE_TYPES: Final = "calipso.clique_types"
HANDLERS: Final = "calipso.handlers"
FETCHERS: Final = "calipso.fetchers"
LISTENERS: Final = "calipso.listeners"

GROUPS: Final = (OBJECT_TYPES, RULES, CLIQUE_TYPES, HANDLERS, FETCHERS, LISTENERS)
FOLDED: Final = (OBJECT_TYPES, RULES, CLIQUE_TYPES, HANDLERS)
"""The groups on which it depends what a log is folded to."""

_T = TypeVar("_T")


class Plugin(NamedTuple):
    """One thing that a distribution adds."""

    group: str
    name: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"plug-in {self.name} of {self.distribution} {self.version} ({self.group})"


def _is_any_declared() -> bool:
    """Look for a group of ours in the files of entry points: cheaper by far than to import importlib.metadata."""
    files = (file for folder in sys.path for file in Path(folder or ".").glob("*-info/entry_points.txt"))
    return any(b"[calipso." in file.read_bytes() for file in files)


@cache
def _installed() -> "dict[Plugin, EntryPoint]":
    if not _is_any_declared():
        return {}
    from importlib.metadata import entry_points  # here, for it takes a tenth of a second that no command should wait

    found = {}
    for group in GROUPS:
        for point in entry_points(group=group):
            distribution = point.dist
            name, version = ("?", "?") if distribution is None else (distribution.name, distribution.version)
            found[Plugin(group, point.name, name, version)] = point
    return found


def installed(*groups: str) -> list[Plugin]:
    """Answer the plug-ins of the groups (of all, without one), sorted. BadPlugin if two of a group have one name."""
    found = sorted(plugin for plugin in _installed() if plugin.group in (groups or GROUPS))
    for first, second in pairwise(found):
        if (first.group, first.name) == (second.group, second.name):
            raise BadPlugin(f"{first}: {second.distribution} {second.version} has one of that name, too")
    return found


def loaded(group: str, check: Callable[[str, object], _T], taken: Iterable[str] = ()) -> dict[str, _T]:
    """Answer the plug-ins of a group by name, each as `check` answers it.

    `check` raises ValueError or TypeError for a bad one. Raises BadPlugin, naming plug-in and distribution, also if the
    name is one of those that are taken.
    """
    shipped = frozenset(taken)
    found: dict[str, _T] = {}
    for plugin in installed(group):
        if plugin.name in shipped:
            raise BadPlugin(f"{plugin}: Calipso itself has one of that name")
        found[plugin.name] = _checked(plugin, check)
    return found


def _checked(plugin: Plugin, check: Callable[[str, object], _T]) -> _T:
    point = _installed()[plugin]
    try:
        value = point.load()
    except Exception as error:
        raise BadPlugin(f"{plugin}: {point.value} cannot be loaded: {type(error).__name__}: {error}") from error
    try:
        return check(plugin.name, value)
    except (ValueError, TypeError) as error:
        raise BadPlugin(f"{plugin}: {point.value}: {error}") from error


def of_type(kind: type[_T]) -> Callable[[str, object], _T]:
    """Answer a check that the value is of a type."""

    def check(_name: str, value: object) -> _T:
        if not isinstance(value, kind):
            raise TypeError(f"is a {type(value).__name__}, where a {kind.__name__} was expected")
        return value

    return check
