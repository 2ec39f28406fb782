"""A finding: what a scan saw of one object, beside what had been believed of it and what the scan before had seen.

It is made of facts: whether the object is there (field None), and each of its top-level attributes. A fact that
changed between two scans was either told rightly in between, or missed, until the second scan corrected it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from projections.inventory import Obj
from schemas.canonical import Document, encode

PARENT = "parent"
"""The field that stands for an object's place in the tree."""

_ABSENT = object()


class Mark(NamedTuple):
    """A point of the log, and when it happened: microseconds since 1970-01-01 UTC."""

    offset: int
    at: int

    def document(self) -> Document:
        """Answer it as it is kept."""
        return {"offset": self.offset, "at": self.at}


Since = Mapping[str, Mark]
"""By which notification which field was told last, since a scan saw the object; '' stands for whether it is there."""

THERE = ""


class Beliefs(NamedTuple):
    """What was known of one object when a scan looked."""

    seen: Obj | None
    """As a scan saw it last; None if it was not there, or never seen."""
    believed: Obj | None
    since: Since
    looked: Mark | None
    """When the scan began that covered its place last; None: no finished one ever did."""


def lines(known: Beliefs, found: Obj | None) -> list[Document]:
    """Answer what a scan's look at an object says of each fact that changed; nothing of facts that did not.

    A missed one is {how, what, field, believed, found, source, after}: the loss lies after the mark `after`, which is
    the last that confirmed the old value, and `source` says who did. One that was told is {how, what, field, by}.
    """
    made = [_existence(known, found)]
    if found is not None and known.believed is not None:
        made += [_field(known, name, *values) for name, values in _fields(known, found)]
    return [line for line in made if line is not None]


def passed(told: Mark) -> list[Document]:
    """Answer the lines of an object that came and went between two scans: only notifications know of it."""
    return [{"how": "passed", "what": "create", "field": None, "by": told.document()}]


def _existence(known: Beliefs, found: Obj | None) -> Document | None:
    seen, believed, there = (obj is not None for obj in (known.seen, known.believed, found))
    what = "create" if there else "delete"
    if believed != there:
        return _missed(known, what, None, max(known.since.values(), default=None), {})
    return _told(what, None, known.since.get(THERE)) if seen != there else None


def _field(known: Beliefs, name: str, seen: Any, believed: Any, found: Any) -> Document | None:  # noqa: ANN401 - JSON
    told = known.since.get(name, known.since.get(THERE))
    if not _same(believed, found):
        return _missed(known, "change", name, told, {"believed": _shown(believed), "found": _shown(found)})
    return _told("change", name, told) if known.seen is not None and not _same(seen, found) else None


def _missed(known: Beliefs, what: str, field: str | None, told: Mark | None, values: Document) -> Document | None:
    after = known.looked if told is None else told
    if after is None:
        return None
    source = "scan" if told is None else "notifications"
    return {"how": "missed", "what": what, "field": field, **values, "source": source, "after": after.document()}


def _told(what: str, field: str | None, told: Mark | None) -> Document | None:
    return None if told is None else {"how": "told", "what": what, "field": field, "by": told.document()}


def _fields(known: Beliefs, found: Obj) -> Iterator[tuple[str, tuple[Any, Any, Any]]]:
    states = [_facts(obj) for obj in (known.seen, known.believed, found)]
    for name in sorted(set().union(*states)):
        seen, believed, now = (state.get(name, _ABSENT) for state in states)
        yield name, (seen, believed, now)


def changed(before: Obj, after: Obj) -> list[str]:
    """Answer the fields that differ."""
    old, new = _facts(before), _facts(after)
    return [name for name in old.keys() | new.keys() if not _same(old.get(name, _ABSENT), new.get(name, _ABSENT))]


def _facts(obj: Obj | None) -> Document:
    return {} if obj is None else {**obj.document, PARENT: " ".join(obj.parent)}


def _same(one: object, other: object) -> bool:
    """Answer whether two values are one in JSON, where 1 is not true; to Python they are equal."""
    return one is other or (one == other and (isinstance(one, str) or encode(one) == encode(other)))


def _shown(value: Any) -> Any:  # noqa: ANN401 - JSON
    return None if value is _ABSENT else value
