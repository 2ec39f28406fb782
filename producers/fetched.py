"""What a fetch came to: the objects, or why it could not look."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from producers.fetchers.registry import COMPLETERS, DETAILS, FETCHERS
from producers.found import Found
from producers.look import MALFORMED, Look, malformed
from producers.plan import PlanEntry
from schemas import canonical
from schemas.canonical import Document
from schemas.errors import BadInput, CouldNotLook
from schemas.events import Scope
from schemas.vocabulary import UNSEEN


@dataclass(frozen=True, slots=True)
class Failure:
    """What could not be looked at."""

    scope: Scope
    object_type: str
    host: str | None
    """The host that was asked; None if it was an API."""
    request: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one fetch came to."""

    scope: Scope
    object_type: str
    found: tuple[Found, ...]
    """Sorted by place and id; an id stands once in a place."""
    failures: tuple[Failure, ...]
    complete: bool
    """It looked to the end: what it did not find is not there."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Completed:
    """An object after its completer: as found before, if that could not look, and with what it then did not see."""

    found: Found
    failure: Failure | None


def fetch(entry: PlanEntry, parent: Found, look: Look) -> Fetched:
    """Do one fetch; what it found before it failed is kept, and not complete."""
    scope = Scope(entry.name, parent.type, parent.id)
    found: list[Found] = []
    failures: tuple[Failure, ...] = ()
    try:
        for one in FETCHERS[entry.fetcher].fetch(look, parent):
            found.append(one)  # noqa: PERF402 - what came before a failure must be kept
    except (CouldNotLook, BadInput, *MALFORMED) as error:
        failures = (_failure(scope, entry.type, look, error),)
    once, warnings = _once(found)
    complete = not failures
    for name in entry.details:
        once, more = _detailed(entry, name, parent, once, look)
        failures += more
    return Fetched(scope, entry.type, once, failures, complete, (*look.warnings, *warnings))


def _detailed(
    entry: PlanEntry, name: str, parent: Found, found: tuple[Found, ...], look: Look
) -> tuple[tuple[Found, ...], tuple[Failure, ...]]:
    """Add what another source says of the objects, or that it could not be seen, with the one failure that says why."""
    detail = DETAILS[name]
    if not found or not detail.applies(look):
        return found, ()
    try:
        return tuple(_with(one, detail.describe(look, one)) for one in found), ()
    except (CouldNotLook, BadInput, *MALFORMED) as error:
        scope = Scope(f"{entry.name}:{name}", parent.type, parent.id)
        return tuple(_unseen(one, detail.attributes) for one in found), (_failure(scope, entry.type, look, error),)


def _with(found: Found, attributes: Document) -> Found:
    return Found(found.type, found.id, found.parent_type, found.parent_id, {**found.document, **attributes})


def _unseen(found: Found, attributes: tuple[str, ...]) -> Found:
    return _with(found, {UNSEEN: sorted({*found.document.get(UNSEEN, ()), *attributes})})


def complete(entry: PlanEntry, found: Found, look: Look) -> Completed:
    """Complete one object. A failure has a scope of its own: it is the object's details that were not seen."""
    name = entry.completer or ""
    try:
        return Completed(COMPLETERS[name].complete(look, found), None)
    except (CouldNotLook, BadInput, *MALFORMED) as error:
        scope = Scope(f"{entry.name}:{name}", found.type, found.id)
        partly = _unseen(found, COMPLETERS[name].attributes)
        return Completed(partly, _failure(scope, found.type, look, error))


def _failure(scope: Scope, object_type: str, look: Look, error: Exception) -> Failure:
    asked = look.asked
    host, request = (asked.host, asked.request) if asked is not None else (None, "")
    if isinstance(error, CouldNotLook):
        return Failure(scope, object_type, host, request, str(error))
    reason = error if isinstance(error, BadInput) else malformed(error)
    return Failure(scope, object_type, host, request, f"the answer is not understood: {reason}")


def _once(found: Iterable[Found]) -> tuple[tuple[Found, ...], list[str]]:
    """Answer the objects in order, each place and id once, and a warning for each other document that had to go."""
    alike: dict[tuple[str, str, str], list[Found]] = defaultdict(list)
    for one in found:
        alike[one.parent_type, one.parent_id, one.id].append(one)
    kept: list[Found] = []
    warnings: list[str] = []
    for key in sorted(alike):
        first, *others = sorted(alike[key], key=lambda one: canonical.encode(one.document))
        kept.append(first)
        warnings += [twice(first, other) for other in others if other.document != first.document]
    return tuple(kept), warnings


def twice(first: Found, other: Found) -> str:
    """Answer the warning that two different objects have the same id, and which one is kept."""
    return (
        f"two objects of type {first.type} have the id {first.id}: '{first.document['name']}' under"
        f" {first.parent_type} {first.parent_id} is kept, '{other.document['name']}' under"
        f" {other.parent_type} {other.parent_id} is not"
    )
