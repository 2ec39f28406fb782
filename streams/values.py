"""Values as the embedded history stores them: small, each readable alone, at the cost of a microsecond or two.

Values of one type are alike, so each is compressed by Zstandard against a dictionary that was trained on others of its
type. A stored value is the value itself, or a mark, the number of the dictionary and the compressed bytes.
"""

from collections.abc import Callable, Sequence
from typing import Final

import zstandard

from schemas.errors import HistoryError

MARK: Final = b"\x01"
"""How compressed values begin, and JSON never does."""

_SHORT: Final = 64
"""Values of fewer bytes are stored as they are: there is little to win, and they are read at once."""

_LEVEL: Final = 1
"""Of Zstandard: beyond it nothing is won with a dictionary."""

NO_DICTIONARY: Final = 0
"""The number of the dictionary that every group has from the first: the empty one."""

_MOST: Final = 255
"""Numbers of dictionaries that one byte holds."""

ENOUGH: Final = 64
"""So many values make a dictionary worth its bytes."""

_GROWN: Final = 64
"""After so many times more values a dictionary is trained anew: the first ones may have been of one kind."""

_SAMPLES: Final = 1000
_SAMPLED: Final = 512 * 1024
"""How many values, and bytes of them, a dictionary is trained on at most."""

_DICTIONARY: Final = 8 * 1024

_READY: Final = 500
"""Dictionaries that are ready to be read by at once."""

_FORMAT: Final = zstandard.FORMAT_ZSTD1_MAGICLESS
"""Without the four bytes that would say what it is: the mark says that."""


def is_due(values: int, trained_at: int, number: int) -> bool:
    """Answer whether a dictionary is to be trained: so many values there are, and were when the last one was."""
    return values >= (trained_at * _GROWN if trained_at else ENOUGH) and number < _MOST


def trained(values: Sequence[bytes]) -> bytes | None:
    """Answer a dictionary for values like these; None if they are too few, too short or too much alike."""
    samples: list[bytes | bytearray | memoryview[int]] = []
    room = _SAMPLED
    step = max(1, len(values) // _SAMPLES)
    for value in values[::step]:
        samples.append(value[:room])
        room -= len(value)
        if room <= 0:
            break
    size = min(_DICTIONARY, sum(map(len, samples)) // 4)
    try:
        return zstandard.train_dictionary(size, samples, level=_LEVEL).as_bytes()
    except (zstandard.ZstdError, ValueError):
        return None


def deflating(number: int, dictionary: bytes) -> Callable[[bytes | None], bytes | None]:
    """Answer what stores values against a dictionary and its number. For one thread."""
    known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
    words = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, dict_size=len(dictionary), format=_FORMAT, write_content_size=True, write_dict_id=False
    )
    compress = zstandard.ZstdCompressor(compression_params=words, dict_data=known).compress
    head = MARK + bytes([number])

    def deflated(value: bytes | None) -> bytes | None:
        if value is None or (len(value) < _SHORT and not value.startswith(MARK)):
            return value
        return head + compress(value)

    return deflated


class Inflating:
    """Reads stored values. For one thread."""

    def __init__(self, dictionary: Callable[[int, int], bytes | None]) -> None:
        """`dictionary` answers the bytes of a group's dictionary by the group and its number, None if there is none."""
        self._dictionary = dictionary
        self._ready: dict[tuple[int, int], Callable[[bytes], bytes]] = {}

    def clear(self) -> None:
        """Forget the dictionaries: one that was read may not be written after all."""
        self._ready.clear()

    def __call__(self, group: int, stored: bytes | None, name: str) -> bytes | None:
        """Answer the value of what is stored under a name in a group; HistoryError, which names it, if damaged."""
        if stored is None or stored[:1] != MARK:
            return stored
        try:
            known = group, stored[1]
            decompress = self._ready.get(known)
            if decompress is None:
                if len(self._ready) >= _READY:
                    self.clear()
                decompress = self._ready[known] = self._decompressor(*known)
            return decompress(stored[2:])
        except (zstandard.ZstdError, LookupError, MemoryError) as error:  # damage may tell of any size
            raise HistoryError(f"a value of {name} is damaged: {error}") from error

    def _decompressor(self, group: int, number: int) -> Callable[[bytes], bytes]:
        dictionary = self._dictionary(group, number) if number != NO_DICTIONARY else b""
        if dictionary is None:
            raise LookupError(f"there is no dictionary {number} of its type")
        known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        decompress = zstandard.ZstdDecompressor(dict_data=known, format=_FORMAT).decompress
        return lambda packed: decompress(packed, allow_extra_data=False)
