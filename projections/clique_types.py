"""Clique types: recipes that say, as data, which ordered walk over links makes the clique of an object."""

import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas import plugins
from schemas.canonical import Document, decode, encode
from schemas.errors import BadInput
from schemas.vocabulary import LINK_TYPES, OBJECT_TYPES, reversed_link_type

ANY = "ANY"
"""The environment of a recipe that serves every environment for which there is no better one."""

_FIELDS = {
    "name": str,
    "focal_point_type": str,
    "link_types": list,
    "environment": str,
    "distribution": str,
    "distribution_version": str,
    "mechanism_drivers": list,
    "type_drivers": list,
    "use_implicit_links": bool,
}
_CONFIGURATION = ("distribution", "distribution_version", "mechanism_drivers", "type_drivers")

# The scores of a recipe. Environment and configuration are never added to each other.
_ENVIRONMENT, _DISTRIBUTION, _VERSION, _MECHANISM, _TYPE, _CONFIGURED, _ANY = 64, 32, 16, 8, 4, 2, 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """The link types are walked in order; one that is named twice is walked twice."""

    name: str
    focal_type: str
    link_types: tuple[str, ...]
    environment: str | None = None
    distribution: str | None = None
    distribution_version: str | None = None
    mechanism_drivers: frozenset[str] = frozenset()
    type_drivers: frozenset[str] = frozenset()
    use_implicit_links: bool = False


def load(data: bytes) -> tuple[Recipe, ...]:
    """Answer the recipes of a JSON list, in its order; BadInput names the recipe that is wrong, and how."""
    rows = decode(data)
    if not isinstance(rows, list):
        raise BadInput("clique types: a list of recipes was expected")
    recipes = tuple(_recipe(row, place) for place, row in enumerate(rows, 1))
    names = [recipe.name for recipe in recipes]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"clique type {name!r}: the name is given twice")
    return recipes


def choose(recipes: Sequence[Recipe], environment: str, settings: Document) -> dict[str, Recipe]:
    """Answer the recipe of each focal type: of those with the highest score above 0, the first in the list.

    The original let the last of equals win by overwriting what the others had made.
    """
    chosen: dict[str, Recipe] = {}
    best: dict[str, int] = {}
    for recipe in recipes:
        points = score(recipe, environment, settings)
        if points > best.get(recipe.focal_type, 0):
            best[recipe.focal_type] = points
            chosen[recipe.focal_type] = recipe
    return chosen


def score(recipe: Recipe, environment: str, settings: Document) -> int:
    """Answer how well a recipe fits: 64 by the environment's name, 1 for ANY, else the sum of what fits of its
    configuration (at least 2), 0 if anything of it does not fit.
    """
    if recipe.environment is not None:
        return {environment: _ENVIRONMENT, ANY: _ANY}.get(recipe.environment, 0)
    parts = (
        _distribution(recipe, settings),
        _part(recipe.mechanism_drivers <= _texts(settings, "mechanism_drivers"), recipe.mechanism_drivers, _MECHANISM),
        _part(recipe.type_drivers == _texts(settings, "type_drivers"), recipe.type_drivers, _TYPE),
    )
    known = [part for part in parts if part is not None]
    return max(sum(known), _CONFIGURED) if len(known) == len(parts) else 0


def _part(fits: bool, given: Iterable[str], points: int) -> int | None:
    """Answer the points of one part of a configuration, None if it is given and does not fit."""
    if not given:
        return 0
    return points if fits else None


def _distribution(recipe: Recipe, settings: Document) -> int | None:
    if recipe.distribution is None:
        return 0
    if recipe.distribution != settings.get("distribution"):
        return None
    if recipe.distribution_version is None:
        return _DISTRIBUTION
    return _DISTRIBUTION + _VERSION if _version_fits(recipe, settings) else None


def _version_fits(recipe: Recipe, settings: Document) -> bool:
    """A number is the oldest version that the recipe is for, as in the fork; any other text must be equal."""
    wanted, version = str(recipe.distribution_version), str(settings.get("distribution_version") or "")
    if wanted.isdecimal() and version.isdecimal():
        return int(version) >= int(wanted)
    return wanted == version


def _texts(settings: Document, name: str) -> frozenset[str]:
    value = settings.get(name) or ()
    return frozenset(value.split(",") if isinstance(value, str) else value)


def _recipe(row: object, place: int) -> Recipe:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise BadInput(f"clique type {place} of the list: an object with a name was expected")
    recipe_name = row["name"]
    for field, value in row.items():
        if field not in _FIELDS:
            raise _bad(recipe_name, f"{field!r} is no field of a recipe")
        if not _is(value, _FIELDS[field]):
            raise _bad(recipe_name, f"{field!r} must be {_KINDS[_FIELDS[field]]}")
    if "focal_point_type" not in row or not row.get("link_types"):
        raise _bad(recipe_name, "it needs a focal_point_type and link_types")
    if ("environment" in row) == any(field in row for field in _CONFIGURATION):
        raise _bad(recipe_name, "it needs either an environment or a configuration, and not both")
    if "distribution_version" in row and "distribution" not in row:
        raise _bad(recipe_name, "a distribution_version means nothing without a distribution")
    recipe = _built(row)
    _check_walk(recipe)
    return recipe


def _built(row: Document) -> Recipe:
    return Recipe(
        row["name"],
        row["focal_point_type"],
        tuple(row["link_types"]),
        row.get("environment"),
        row.get("distribution"),
        row.get("distribution_version"),
        frozenset(row.get("mechanism_drivers", ())),
        frozenset(row.get("type_drivers", ())),
        row.get("use_implicit_links", False),
    )


def _check_walk(recipe: Recipe) -> None:
    """Refuse a link type that does not exist, or that begins at a type no earlier step leads to.

    The original's recipe of switch_pnic misspelled its first link type and so never made a clique, in silence.
    """
    known = {recipe.focal_type}
    for link_type in recipe.link_types:
        start, dash, end = link_type.partition("-")
        if not dash or start not in OBJECT_TYPES or end not in OBJECT_TYPES:
            raise _bad(recipe.name, f"{link_type!r} is not two types of objects with a dash between")
        stored = link_type in LINK_TYPES or reversed_link_type(link_type) in LINK_TYPES
        if not stored and not recipe.use_implicit_links:
            raise _bad(recipe.name, f"no explicit link joins {start} and {end}")
        if start not in known:
            raise _bad(recipe.name, f"{link_type!r} begins at a type that no step before leads to")
        known.add(end)


_KINDS = {str: "a text", list: "a list of texts", bool: "true or false"}


def _is(value: object, kind: type) -> bool:
    if not isinstance(value, kind):
        return False
    return not isinstance(value, list) or all(isinstance(item, str) for item in value)


def _bad(name: str, why: str) -> BadInput:
    return BadInput(f"clique type {name!r}: {why}")


def _added(_name: str, value: object) -> tuple[Recipe, ...]:
    try:
        return load(encode(value))
    except (BadInput, TypeError) as error:
        raise ValueError(str(error)) from error


_CALIPSO_S: tuple[Recipe, ...] = load(pkgutil.get_data("projections", "clique_types.json") or b"")
_ADDED = plugins.loaded(plugins.CLIQUE_TYPES, _added)

SHIPPED: tuple[Recipe, ...] = (*(recipe for recipes in _ADDED.values() for recipe in recipes), *_CALIPSO_S)
"""The recipes that are there without being told: those of plug-ins first, so that of equals theirs are taken."""
