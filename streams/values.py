"""Values as the embedded history stores them: small, each readable alone, at the cost of some microseconds."""

import zlib
from collections.abc import Iterable
from typing import Final

from schemas.errors import HistoryError

_DEFLATED: Final = b"\x01"
"""How compressed values begin, and JSON never does."""

_SHORT: Final = 128
"""Values of fewer bytes are stored as they are: there is little to win, and they are read at once."""

_DICTIONARY: Final = 3000
"""Bytes of the values that others of their type are compressed against."""

_LONG: Final = 4096
"""Values of so many bytes are worth a large window."""


def dictionary_of(values: Iterable[bytes]) -> bytes:
    """Answer what values like these are compressed against: the first of them, as far as they fit."""
    chosen: list[bytes] = []
    room = _DICTIONARY
    for value in values:
        if room <= 0 or len(chosen) == 3:
            break
        chosen.append(value[: min(room, _DICTIONARY // 2)])
        room -= len(chosen[-1])
    return b"".join(chosen)


def deflated(value: bytes | None, dictionary: bytes, name: str) -> bytes | None:
    """Answer a value as it is stored, compressed against the dictionary of its type and its own name."""
    if value is None or (len(value) < _SHORT and not value.startswith(_DEFLATED)):
        return value
    window, memory = (15, 8) if len(value) > _LONG else (12, 5)
    known = dictionary + name.encode()
    machine = zlib.compressobj(1, zlib.DEFLATED, -window, memory, zlib.Z_DEFAULT_STRATEGY, known or b"\0")
    return _DEFLATED + machine.compress(value) + machine.flush()


def inflated(stored: bytes | None, dictionary: bytes, name: str) -> bytes | None:
    """Answer the value of what is stored; HistoryError, which names it, if it is damaged."""
    if stored is None or not stored.startswith(_DEFLATED):
        return stored
    known = dictionary + name.encode()
    try:
        machine = zlib.decompressobj(-zlib.MAX_WBITS, known or b"\0")
        value = machine.decompress(stored[1:])
    except zlib.error as error:
        raise HistoryError(f"a value of {name} is damaged: {error}") from error
    if not machine.eof:
        raise HistoryError(f"a value of {name} is damaged: it breaks off")
    return value
