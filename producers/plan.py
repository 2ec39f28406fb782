"""The scan plan: what is looked for, below what, and on which environments. The plan itself is `plan.json`.

{"entries": [{
  "name":       of the entry: it names the scopes that a scan covers, so it is never reused for another thing
  "type":       of the objects found (schemas/vocabulary.py)
  "under":      the type of the objects that are looked below, one fetch for each; "environment" is the root
  "fetcher":    a name of producers/fetchers/registry.py
  "completer":  optional: completes each found object by a question of its own
  "details":    optional: names of what other sources add to all of the objects
  "folders":    the texts of the folders, outermost first, that the tree draws around the objects
  "condition":  optional: {key: [values]}; each key must have a value in common with what is there
  "below":      optional: the entries that find the objects which its own stand directly below in the tree; without
                it, every entry that finds a type which theirs may stand below (schemas/vocabulary.py)
  "wanders":    optional, true: what it found may be found by another entry or below another object the next time
                (an instance that migrates), so an object looked for alone is looked for there, too
}]}
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from producers.fetchers.registry import ADDED, COMPLETERS, DETAILS, FETCHERS
from producers.settings import EnvironmentSettings
from schemas import canonical
from schemas.canonical import Document
from schemas.errors import BadInput, BadPlan
from schemas.vocabulary import ENVIRONMENT, OBJECT_TYPES

DEFAULT = Path(__file__).with_name("plan.json")

ENVIRONMENT_KEYS = ("mechanism_drivers", "type_drivers", "distribution", "distribution_version")
"""Condition keys that the settings of the environment answer."""

PARENT_KEYS = {"host_type": "host"}
"""Condition keys that the parent's document answers, with the type of parent that has them."""

_KEYS = {"name", "type", "under", "fetcher", "completer", "details", "folders", "condition", "below", "wanders"}
_REQUIRED = ("name", "type", "under", "fetcher")


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One thing to look for below each object of one type."""

    name: str
    type: str
    under: str
    fetcher: str
    completer: str | None = None
    details: tuple[str, ...] = ()
    folders: tuple[str, ...] | None = None
    """None: the entry does not say."""
    condition: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    below: tuple[str, ...] | None = None
    """None: the entry does not say."""
    wanders: bool = False

    def applies(self, settings: EnvironmentSettings, parent: Document) -> bool:
        """Answer whether it is looked for in such an environment, below such a parent."""
        return all(
            _values(parent.get(key) if key in PARENT_KEYS else getattr(settings, key)) & set(wanted)
            for key, wanted in self.condition.items()
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A valid walk, in order."""

    entries: tuple[PlanEntry, ...]

    def under(self, object_type: str) -> tuple[PlanEntry, ...]:
        """Answer what is looked for below an object of a type, in the plan's order."""
        return tuple(entry for entry in self.entries if entry.under == object_type)

    def finders(self, object_type: str) -> frozenset[str]:
        """Answer the names of the entries that find objects of a type."""
        return frozenset(entry.name for entry in self.entries if entry.type == object_type)

    def with_all_below(self, names: Iterable[str]) -> frozenset[str]:
        """Answer entries and all that find what stands below their objects, in the tree or in the plan."""
        found = set(names)
        while more := {e.name for e in self.entries if e.name not in found and self._stands_below(e, found)}:
            found |= more
        return frozenset(found)

    def _stands_below(self, entry: PlanEntry, names: Collection[str]) -> bool:
        above = [other for other in self.entries if other.name in names]
        if any(other.type == entry.under for other in above):
            return True
        if entry.below is not None:
            return any(other.name in entry.below for other in above)
        return any(other.type in OBJECT_TYPES[entry.type].parents for other in above)


def load_plan(path: Path = DEFAULT) -> Plan:
    """Read and check a plan; the one that ships goes on with the entries of plug-ins.

    Raises BadPlan, naming the file and every bad entry.
    """
    try:
        document = canonical.decode_document(path.read_bytes())
        return parse_plan(_with_plugins(document) if path == DEFAULT else document)
    except OSError as error:
        raise BadPlan(f"{path}: cannot be read: {error.strerror}") from error
    except BadPlan as error:
        raise BadPlan(f"{path}: {error}") from error
    except BadInput as error:
        raise BadPlan(f"{path}: {error}") from error


def _with_plugins(document: Document) -> Document:
    added = [{**planned.entry, "fetcher": name} for name, planned in ADDED.items()]
    return {**document, "entries": [*document["entries"], *added]}


def parse_plan(document: Document) -> Plan:
    """Answer the plan that a document describes. Raises BadPlan, which lists all that is wrong."""
    rows = document.get("entries")
    if not isinstance(rows, list) or not rows or set(document) != {"entries"}:
        raise BadPlan("a plan is an object whose one key 'entries' is a list that is not empty")
    problems = [problem for number, row in enumerate(rows, 1) for problem in _shape(number, row)]
    if problems:
        raise _bad(problems)
    entries = tuple(map(_entry, rows))
    problems = [
        *_duplicates(entries),
        *(p for entry in entries for p in _meaning(entry)),
        *_places(entries),
        *_order(entries),
    ]
    if problems:
        raise _bad(problems)
    return Plan(entries)


def _bad(problems: Collection[str]) -> BadPlan:
    return BadPlan("; ".join(problems))


def _values(value: Any) -> set[str]:  # noqa: ANN401 - of a document: text, a list of texts, or nothing
    if value is None:
        return set()
    return {value} if isinstance(value, str) else set(value)


def _shape(number: int, row: object) -> Iterator[str]:
    """Yield what keeps a row from being read as an entry."""
    if not isinstance(row, dict):
        yield f"entry {number} is not an object"
        return
    name = f"entry '{row['name']}'" if isinstance(row.get("name"), str) else f"entry {number}"
    for key in sorted(row.keys() - _KEYS):
        yield f"{name}: unknown key '{key}'"
    for key in _REQUIRED:
        if not isinstance(row.get(key), str) or not row[key]:
            yield f"{name}: '{key}' must be a text"
    if not isinstance(row.get("completer", ""), str):
        yield f"{name}: 'completer' must be a text"
    for key in ("details", "folders", "below"):
        if not _is_texts(row.get(key, [])):
            yield f"{name}: '{key}' must be a list of texts"
    if not isinstance(row.get("wanders", False), bool):
        yield f"{name}: 'wanders' must be true or false"
    condition = row.get("condition", {})
    if not isinstance(condition, dict) or not all(_is_texts(v) and v for v in condition.values()):
        yield f"{name}: 'condition' must be an object of lists of texts"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _entry(row: Document) -> PlanEntry:
    return PlanEntry(
        name=row["name"],
        type=row["type"],
        under=row["under"],
        fetcher=row["fetcher"],
        completer=row.get("completer"),
        details=tuple(row.get("details", ())),
        folders=tuple(row["folders"]) if "folders" in row else None,
        condition={key: tuple(values) for key, values in row.get("condition", {}).items()},
        below=tuple(row["below"]) if "below" in row else None,
        wanders=row.get("wanders", False),
    )


def _duplicates(entries: Collection[PlanEntry]) -> Iterator[str]:
    for name, count in Counter(entry.name for entry in entries).items():
        if count > 1:
            yield f"entry '{name}' stands {count} times"


def _meaning(entry: PlanEntry) -> Iterator[str]:
    """Yield the names in an entry that mean nothing."""
    name = f"entry '{entry.name}'"
    if entry.type not in OBJECT_TYPES:
        yield f"{name}: there is no object type '{entry.type}'"
    elif entry.folders is not None and entry.folders != _folders(entry.type):
        yield f"{name}: the folders around a {entry.type} are {list(_folders(entry.type))}"
    if entry.under not in OBJECT_TYPES and entry.under != ENVIRONMENT:
        yield f"{name}: there is no object type '{entry.under}' to look under"
    if entry.fetcher not in FETCHERS:
        yield f"{name}: there is no fetcher '{entry.fetcher}'"
    elif entry.type in OBJECT_TYPES and FETCHERS[entry.fetcher].type != entry.type:
        yield f"{name}: the fetcher '{entry.fetcher}' finds a {FETCHERS[entry.fetcher].type}, not a {entry.type}"
    if entry.completer is not None and entry.completer not in COMPLETERS:
        yield f"{name}: there is no completer '{entry.completer}'"
    yield from (f"{name}: there is no detail '{detail}'" for detail in entry.details if detail not in DETAILS)
    for key in sorted(entry.condition):
        if key not in ENVIRONMENT_KEYS and key not in PARENT_KEYS:
            yield f"{name}: there is no condition '{key}'"
        elif PARENT_KEYS.get(key, entry.under) != entry.under:
            yield f"{name}: the condition '{key}' is only for what is looked for under a {PARENT_KEYS[key]}"


def _places(entries: Collection[PlanEntry]) -> Iterator[str]:
    """Yield the entries named in a 'below' whose objects the entry's own cannot stand below."""
    types = {entry.name: entry.type for entry in entries}
    for entry in entries:
        parents = OBJECT_TYPES[entry.type].parents if entry.type in OBJECT_TYPES else ()
        for name in entry.below or ():
            if name not in types:
                yield f"entry '{entry.name}': there is no entry '{name}' to stand below"
            elif parents and types[name] not in parents:
                yield f"entry '{entry.name}': a {entry.type} never stands below a {types[name]}"


def _folders(object_type: str) -> tuple[str, ...]:
    return tuple(folder.text for folder in OBJECT_TYPES[object_type].folders)


def _order(entries: Collection[PlanEntry]) -> Iterator[str]:
    """Yield the entries that a walk from the environment never reaches, and the circle that it would never leave."""
    try:
        TopologicalSorter({t: {e.under for e in entries if e.type == t} for t in {e.type for e in entries}}).prepare()
    except CycleError as error:
        yield f"a circle: {' under '.join(reversed(error.args[1]))}"
    reached = {ENVIRONMENT}
    while more := {e.type for e in entries if e.under in reached} - reached:
        reached |= more
    for entry in entries:
        if entry.under not in reached and (entry.under in OBJECT_TYPES):
            yield f"entry '{entry.name}': no entry reached from the environment finds a {entry.under}"
