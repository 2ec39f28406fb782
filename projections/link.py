"""A link: two objects that carry each other's traffic, or that name each other."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from projections.change import Key, Kind
from projections.inventory import Obj, Ref
from schemas.canonical import Document, encode
from schemas.errors import BadInput

UP, DOWN = "up", "down"

NETWORK = "network"
"""Attribute: the sorted ids of the networks that the link carries. Without it, it may carry any."""
SEGMENT = "segment"
"""Attribute: overlay type or physical network that the link carries; a sorted list where there are several."""


@dataclass(slots=True)
class Link:
    """One direction of each pair of types is ever stored. A link and its attributes (JSON) are read-only.

    Not frozen by the language: that makes it three times as dear, and a first scan makes more links than objects.
    """

    source: Ref
    target: Ref
    name: str
    state: str
    host: str | None
    implicit: bool
    attributes: Document
    key: Key = field(init=False, repr=False, compare=False)
    """The link's name inside its environment: two links with the same type and ends are one.

    The original named a link by its ends alone, so that an implicit link replaced the explicit one of the same pair;
    here the type belongs to the name.
    """
    _value: bytes | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Name the link: its key is asked for all the time."""
        link_type = f"{self.source.type}-{self.target.type}"
        link_id = f"{_escaped(self.source.id)}|{_escaped(self.target.id)}"
        self.key = Key(Kind.LINK, link_type, link_id)
        self._value = None

    @property
    def value(self) -> bytes:
        """Answer the link as canonical JSON, made once."""
        if self._value is None:
            self._value = encode(self.document())
        return self._value

    @property
    def type(self) -> str:
        """Answer `<source type>-<target type>`."""
        return self.key.type

    def other(self, end: Ref) -> Ref:
        """Answer the end that is not `end`."""
        return self.target if end == self.source else self.source

    def values(self, attribute: str) -> frozenset[str]:
        """Answer the values of an attribute that is a text or a list of texts; empty where it has none."""
        value = self.attributes.get(attribute)
        return frozenset() if value is None else frozenset([value] if isinstance(value, str) else value)

    def document(self) -> Document:
        """Answer the link as JSON."""
        return {
            "source_type": self.source.type,
            "source_id": self.source.id,
            "target_type": self.target.type,
            "target_id": self.target.id,
            "name": self.name,
            "state": self.state,
            "host": self.host,
            "implicit": self.implicit,
            "attributes": self.attributes,
        }

    @classmethod
    def from_document(cls, document: Document) -> "Link":
        """Answer the link that `document()` gave."""
        return cls(
            Ref(document["source_type"], document["source_id"]),
            Ref(document["target_type"], document["target_id"]),
            document["name"],
            document["state"],
            document["host"],
            document["implicit"],
            document["attributes"],
        )


def link(source: Obj, target: Obj, name: str, networks: Iterable[str] = (), segments: Iterable[str] = ()) -> Link:
    """Answer the explicit link between two objects.

    It is down when one of its ends says so, and stands on a host when its ends name no other than that one.
    """
    a, b = source.get("host"), target.get("host")
    host = a if b is None or a == b else b if a is None else None
    state = DOWN if DOWN in (source.get("state"), target.get("state")) else UP
    return Link(source.ref, target.ref, name, state, host, False, bounds(networks, segments))


def bounds(networks: Iterable[str], segments: Iterable[str]) -> Document:
    """Answer the attributes that bound cliques and impact; what is not known is not there."""
    network = sorted(set(networks)) if networks else ()
    segment = sorted(set(segments)) if segments else ()
    attributes: Document = {}
    if network:
        attributes[NETWORK] = network
    if segment:
        attributes[SEGMENT] = segment[0] if len(segment) == 1 else segment
    return attributes


def ends(link_type: str, link_id: str) -> tuple[Ref, Ref]:
    """Answer source and target of a link's type and id; BadInput if the id is none."""
    source_type, target_type = link_type.split("-")
    found = _ENDS.fullmatch(link_id)
    if found is None:
        raise BadInput(f"link {link_type} {link_id}: an id is two ids with | between")
    source, target = found.groups()
    return Ref(source_type, _plain(source)), Ref(target_type, _plain(target))


_ENDS = re.compile(r"((?:[^|\\]|\\.)*)\|((?:[^|\\]|\\.)*)", re.DOTALL)


def _escaped(text: str) -> str:
    if "|" not in text and "\\" not in text:
        return text
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
