"""Values as histories store them: a long one compressed; and the objects at which a stored value is found."""

import zlib
from typing import Final

from projections.change import Change, Kind
from projections.inventory import Ref
from schemas.canonical import decode_document
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


def ends(change: Change) -> list[Ref]:
    """Answer the objects at which the changed key is found: an object's parent, both ends of a link."""
    if change.after is None:
        return []
    if change.key.kind is Kind.OBJECT:
        return [Ref(*decode_document(change.after)["parent"])]
    if change.key.kind is Kind.LINK:
        link = decode_document(change.after)
        return [
            Ref(link["source_type"], link["source_id"]),
            Ref(link["target_type"], link["target_id"]),
        ]
    return []
