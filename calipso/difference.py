"""A comparison on a terminal: what came (+), what went (-), what changed (~), and by which event."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from calipso.show import SIGNS, STYLES, seconds
from calipso.terminal import clipped, line, pieces
from calipso.values import changes
from projections.link import ends
from schemas.canonical import Document

PARTS = ("objects", "links", "cliques")
_FIRST = ("instance", "host", "network", "subnet", "router", "floating_ip", "port")
"""What an operator names comes first, what lies below it after that, by the alphabet."""
_CAUSES = 12
"""So many groups of causes are named; the log has them all."""


Names = Callable[[str, str], str]
"""Answers the name of an object, by type and id."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One difference."""

    how: str
    type: str
    title: str
    fields: list[tuple[str, Document]]
    """What to say of each changed field, and what caused it."""
    cause: Document | None
    """What all of it was caused by, None if its fields have causes of their own."""


def the_diff(answer: Document, parts: Sequence[str], names: Names) -> None:
    """Print a comparison: these parts in full, of the others how much differs and how to see it."""
    pieces((answer["environment"], "bold"))
    for side in ("from", "to"):
        line(f"  {side:<4} offset {answer[side]['offset']}, {answer[side]['time']}")
    the_differences(answer, parts, names)


def the_differences(answer: Document, parts: Sequence[str], names: Names) -> None:
    """Print what differs, without the moments that were compared."""
    for part in PARTS:
        hint = "" if part in parts or not any(_all(answer[part])) else f" (to see them: --only {part})"
        pieces((part, "bold"), (f": {_sizes(answer[part])}{hint}", ""))
    for part in parts:
        _print([_row(how, item, part, names) for how in SIGNS for item in answer[part][how]])
    _print_causes(answer, parts)


def _all(found: Document) -> Iterator[Document]:
    return (item for how in SIGNS for item in found[how])


def _sizes(found: Document) -> str:
    return ", ".join(f"{len(found[how])} {how}" for how in SIGNS if found[how]) or "no difference"


def _row(how: str, item: Document, part: str, names: Names) -> _Row:
    fields = item.get("fields", [])
    causes = {_order(field["cause"]): field["cause"] for field in fields}
    own = item.get("cause") or (next(iter(causes.values())) if len(causes) == 1 else None)
    texts = _members(fields, names) if part == "cliques" else _texts(fields)
    return _Row(how, item["type"], _name(item, names), list(texts), own)


def _name(item: Document, names: Names) -> str:
    if "-" in item["type"]:  # a link
        return " | ".join(names(*end) for end in ends(item["type"], item["id"]))
    name = names(item["type"], item["id"])
    return name if name == item["id"] else f"{name}  {item['id']}"


def _texts(fields: list[Document]) -> Iterator[tuple[str, Document]]:
    for field in fields:
        for text in changes(field["field"], field["before"], field["after"]):
            yield text, field["cause"]


def _members(fields: list[Document], names: Names) -> Iterator[tuple[str, Document]]:
    """Yield what changed in a clique: its members by name, not the links that go with them."""
    for field in fields:
        what, _, rest = field["field"].partition(".")
        if what == "nodes":
            object_type, _, object_id = rest.partition(" ")
            yield f"{'+' if field['after'] else '-'} {object_type} {names(object_type, object_id)}", field["cause"]
    yield from _texts([field for field in fields if not field["field"].startswith(("nodes.", "links."))])


def _print(found: list[_Row]) -> None:
    def place(row: _Row) -> tuple[int, str]:
        return (_FIRST.index(row.type) if row.type in _FIRST else len(_FIRST), row.type)

    for (_, kind), rows in groupby(sorted(found, key=place), key=place):
        line("")
        line(kind, "bold")
        for row in rows:
            own = "" if row.cause is None else f"  {_mark(row.cause)}"
            pieces((f"  {SIGNS[row.how]} {row.title}", STYLES[row.how]), (own, "dim"))
            for text, cause in row.fields:
                clipped(f"      {text}" if row.cause else f"      {text}  {_mark(cause)}")


def _print_causes(answer: Document, parts: Sequence[str]) -> None:
    """Print what the offsets stand for: neighbours of one source and time in one line."""
    items = [item for part in parts for item in _all(answer[part])]
    found = {_order(cause): cause for item in items for cause in _causes(item)}
    if found:
        line("")
    groups = [(what, list(group)) for what, group in groupby((found[place] for place in sorted(found)), key=_what)]
    for what, group in groups[:_CAUSES]:
        first, last = _mark(group[0]), _mark(group[-1])
        line(f"{first}: {what}" if first == last else f"{first} to {last}: {what}", "dim")
    if len(groups) > _CAUSES:
        line(f"and {len(groups) - _CAUSES} more causes (calipso events {answer['environment']})", "dim")


def _order(cause: Document) -> tuple[int, int, bool]:
    """Answer where an event stands, of two futures in that one which really came (of one alone, all are of it)."""
    return cause["offset"], cause.get("added") or 0, cause.get("future") == "what-if"


def _mark(cause: Document) -> str:
    """Answer what a person finds an event by: its offset, `+2` for the second of those that were added."""
    return f"#+{cause['added']}" if cause.get("added") else f"#{cause['offset']}"


def _causes(item: Document) -> list[Document]:
    return [item["cause"]] if "cause" in item else [field["cause"] for field in item["fields"]]


def _what(cause: Document) -> str:
    edit = f", {cause['edit']}" if cause.get("edit") else ""
    return f"{cause['source']}, {seconds(cause['time'])}{edit}"
