"""Pages: the state of an environment in coarse pieces, as the tables of the worker hold it. Pure.

A page is the children of one type under one parent, the links of one type on one host, or one clique; so a scan's
event, which tells of the children of one type under one parent, changes one page of objects and few of links.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from projections.change import Change, Key, Kind
from projections.fold import Stored
from schemas.canonical import decode_document, encode

INVENTORY: Final = "inventory"
LINKS: Final = "links"
CLIQUES: Final = "cliques"
TABLES: Final = (INVENTORY, LINKS, CLIQUES)

_POSITION: Final = "position"
_BY_KIND: Final = {Kind.LINK: LINKS, Kind.CLIQUE: CLIQUES}


class Page(NamedTuple):
    """The address of a page: the table, and the key in it (environment first, parts divided by NUL)."""

    table: str
    key: bytes


class Reached(NamedTuple):
    """What the tables of an environment reflect: the offset of the newest event, and the state's digest there."""

    offset: int
    digest: int


Edits = dict[Page, dict[Key, bytes | None]]
"""What is to be done to pages: the new value of each key, None for one that left the page."""


def page_of(environment: str, key: Key, value: bytes) -> Page:
    """Answer the page on which a thing with this value stands."""
    return Page(_BY_KIND.get(key.kind, INVENTORY), "\0".join((environment, *_parts(key, value))).encode())


def _parts(key: Key, value: bytes) -> tuple[str, ...]:
    if key.kind is Kind.OBJECT:
        parent_type, parent_id = decode_document(value)["parent"]
        return key.kind.value, parent_type, parent_id, key.type
    if key.kind is Kind.LINK:
        return key.kind.value, key.type, decode_document(value).get("host") or ""
    if key.kind is Kind.CLIQUE:
        return key.kind.value, key.type, key.id
    return (key.kind.value,)


def position_page(environment: str) -> Page:
    """Answer the page that says what the tables of the environment reflect."""
    return Page(INVENTORY, f"{environment}\0{_POSITION}".encode())


def edits(environment: str, changes: Iterable[Change]) -> Edits:
    """Answer what changes do to pages; of several changes of a key the last counts."""
    found: Edits = {}
    for change in changes:
        if change.before is not None:
            found.setdefault(page_of(environment, change.key, change.before), {})[change.key] = None
        if change.after is not None:
            found.setdefault(page_of(environment, change.key, change.after), {})[change.key] = change.after
    return found


def pages(environment: str, stored: Iterable[Stored]) -> dict[Page, dict[Key, bytes]]:
    """Answer every page of a state."""
    found: dict[Page, dict[Key, bytes]] = {}
    for key, value in stored:
        found.setdefault(page_of(environment, key, value), {})[key] = value
    return found


def edited(content: bytes | None, changes: Mapping[Key, bytes | None]) -> bytes | None:
    """Answer a page's new content; None when nothing is left on it."""
    things: dict[Key, bytes | None] = {**dict(things_of(content)), **changes}
    return packed({key: value for key, value in things.items() if value is not None})


def packed(things: Mapping[Key, bytes]) -> bytes | None:
    """Answer the content of a page: a JSON array of [kind, type, id, value]; None for an empty one."""
    if not things:
        return None
    return msgspec.json.encode([[*_words(key), msgspec.Raw(value)] for key, value in sorted(things.items())])


def things_of(content: bytes | None) -> Iterator[Stored]:
    """Yield what stands on a page."""
    for kind, type_, id_, value in _PAGE.decode(content) if content else ():
        yield Key(Kind(kind), type_, id_), bytes(value)


def packed_position(reached: Reached) -> bytes:
    """Answer the content of a position page."""
    return encode({"offset": reached.offset, "digest": f"{reached.digest:064x}"})


def position_of(content: bytes | None) -> Reached | None:
    """Read the content of a position page."""
    if content is None:
        return None
    document = decode_document(content)
    return Reached(document["offset"], int(document["digest"], 16))


def belongs_to(environment: str, key: bytes) -> bool:
    """Answer whether a page is one of the environment's."""
    return key.startswith(f"{environment}\0".encode())


_PAGE: Final = msgspec.json.Decoder(list[tuple[str, str, str, msgspec.Raw]])


def _words(key: Key) -> tuple[str, str, str]:
    return key.kind.value, key.type, key.id
