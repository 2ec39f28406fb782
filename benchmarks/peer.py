"""What a reference must answer to be measured beside the history: the same questions, the same bytes."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from projections.change import Change, Key, Kind
from projections.inventory import Ref
from projections.link import ends

Item = tuple[Key, bytes]
"""A key that is there, with its value."""
Pair = tuple[Key, bytes | None, bytes | None]
"""A key whose value differs between two moments, with both."""

TOLD = (Kind.OBJECT, Kind.LINK, Kind.CLIQUE)
"""What the whole of an environment is, to who asks for it."""


class Peer(Protocol):
    """A store of the same changes."""

    name: str

    def take(self, changes: Sequence[Change]) -> None:
        """Take in the changes of one event, one update at a time."""
        ...

    def get(self, key: Key, at: int) -> bytes | None:
        """Answer the value of an object or a clique after an offset, None if it is not there."""
        ...

    def links(self, ref: Ref, at: int) -> list[Item]:
        """Answer the links at an object, sorted."""
        ...

    def everything(self, at: int) -> list[Item]:
        """Answer all objects, links and cliques, in any order."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class Missing(Exception):
    """A reference is not installed."""


def needed(package: str) -> Missing:
    """Answer the error that says what to install."""
    return Missing(
        f"{package} is not installed: pip install --group bench (pip 25.1 or newer), or pip install {package}"
    )


def name_of_key(key: Key) -> str:
    """Answer a key as one text."""
    return "\0".join(key)


def key_of_name(name: str) -> Key:
    """Answer the key of such a text."""
    kind, type_, id_ = name.split("\0")
    return Key(Kind(kind), type_, id_)


def ends_of(key: Key) -> tuple[str, str]:
    """Answer the names of the objects at the ends of a link."""
    source, target = ends(key.type, key.id)
    return name_of_object(source), name_of_object(target)


def name_of_object(ref: Ref) -> str:
    """Answer the name of an object's key."""
    return name_of_key(Key(Kind.OBJECT, *ref))


def told(items: Iterable[Item]) -> list[Item]:
    """Answer the items sorted by key, to be compared."""
    return sorted(items)
