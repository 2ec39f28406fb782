"""A rule: how links of one type are joined."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from projections.inventory import InventoryView, Obj
from projections.link import Link

Keys = Callable[[Obj], Iterable[str]]
Join = Callable[[str, InventoryView], Iterable[Link]]
Reads = Mapping[str, Iterable[str]]
"""Attributes by type of object."""

ENDS = ("host", "state")
"""What a link reads of its ends."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`watches` gives, for each type whose objects start a join, the keys of an object; `join` the links of a key.

    A key comes from its object alone. Whatever else a join reads of the view, the engine notes itself, so that
    a rule need not tell backwards what it depends on. One law: a join reads (or asks for) at least one of the
    objects that gave its key.

    `reads` names, for each type, the attributes that keys and join read of its objects: a change of others makes no
    join run again. Asking for an entry of a part, or for id and parent, is not to be named. Of a type that is not in
    it every attribute counts.
    """

    link_type: str
    watches: Mapping[str, Keys]
    join: Join
    reads: Reads = field(default_factory=dict)
    depends: frozenset[str] = frozenset()
    """Which ends depend on the other, "source" or "target"; of Calipso's own rules dependencies.py tells."""


def own_id(obj: Obj) -> Iterable[str]:
    """Answer the one key of an object that is joined by itself."""
    return (obj.id,)


def own_host(obj: Obj) -> Iterable[str]:
    """Answer the one key of objects that are joined host by host."""
    host = obj.get("host")
    return () if not host else (host,)


def together(*reads: Reads) -> Reads:
    """Answer what is read where all of these are."""
    found: dict[str, set[str]] = {}
    for each in reads:
        for object_type, attributes in each.items():
            found.setdefault(object_type, set()).update(attributes)
    return found
