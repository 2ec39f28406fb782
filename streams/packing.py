"""Values as histories store them: a long one compressed; and the objects at which a stored value is found."""

import zlib
from typing import Final

import msgspec

from projections.change import Change, Kind
from projections.inventory import Ref
from schemas.errors import HistoryError

_ZLIB: Final = b"x"
"""How compressed values begin, and JSON never does."""

_LONG: Final = 1024
"""Values of so many bytes are compressed."""

_QUICK: Final = 1
"""zlib's fastest level: a clique shrinks to a fifth."""


def packed(value: bytes | None) -> bytes | None:
    """Answer a value as it is stored: a long one compressed, since cliques name hundreds of things by their ids."""
    if value is None or (len(value) < _LONG and not value.startswith(_ZLIB)):
        return value
    return zlib.compress(value, _QUICK)


def unpacked(offset: int, stored: bytes | None) -> bytes | None:
    """Answer the value of what is stored; HistoryError, which names the value's offset, if it is damaged."""
    if stored is None or not stored.startswith(_ZLIB):
        return stored
    try:
        return zlib.decompress(stored)
    except zlib.error as error:
        raise HistoryError(f"a value of offset {offset} is damaged: {error}") from error


class _Place(msgspec.Struct):
    parent: tuple[str, str]


class _Ends(msgspec.Struct):
    source_type: str
    source_id: str
    target_type: str
    target_id: str


_place = msgspec.json.Decoder(_Place)
_ends = msgspec.json.Decoder(_Ends)


def ends(change: Change) -> list[Ref]:
    """Answer the objects at which the changed key is found: an object's parent, both ends of a link."""
    return [] if change.after is None else ends_of(change.key.kind, change.after)


def ends_of(kind: Kind, value: bytes) -> list[Ref]:
    """Answer the objects at which a key with a value is found; HistoryError if the value does not say."""
    try:
        if kind is Kind.OBJECT:
            return [Ref(*_place.decode(value).parent)]
        if kind is Kind.LINK:
            link = _ends.decode(value)
            return [Ref(link.source_type, link.source_id), Ref(link.target_type, link.target_id)]
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise HistoryError(f"a value of kind {kind} does not say where it stands: {error}") from error
    return []
