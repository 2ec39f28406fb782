"""Anchors: everything of one type as it was at one offset, in sorted chunks that are read at once."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Final, NamedTuple

import msgspec
import zstandard

from projections.change import Key, Kind
from schemas.errors import HistoryError
from streams.history import KeyVersion, Version

_ITEMS: Final = 1000
_BYTES: Final = 256 * 1024
"""Of a chunk, before it is compressed."""

_LEVEL: Final = 3
"""Of Zstandard: beyond it little is won and much time lost."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[list[str], list[int], list[bytes]])
"""Of a chunk: names, offsets and values, in columns, which are read several times faster than rows."""


class Chunk(NamedTuple):
    """Some consecutive keys with their versions, and the name at which they begin."""

    first: str
    packed: bytes


def chunks(items: Iterable[KeyVersion]) -> Iterator[Chunk]:
    """Yield the chunks of everything there is of one type, which comes sorted."""
    gathered: list[KeyVersion] = []
    size = 0
    for item in items:
        gathered.append(item)
        size += len(item.version.value or b"")
        if len(gathered) == _ITEMS or size >= _BYTES:
            yield _chunk(gathered)
            gathered, size = [], 0
    if gathered:
        yield _chunk(gathered)


def _chunk(items: list[KeyVersion]) -> Chunk:
    columns = (
        [item.key.id for item in items],
        [item.version.offset for item in items],
        [item.version.value for item in items],
    )
    return Chunk(items[0].key.id, zstandard.compress(_encoder.encode(columns), _LEVEL))


def unchunked(kind: Kind, type_: str, packed: bytes) -> list[KeyVersion]:
    """Answer what a chunk holds; HistoryError if it is damaged."""
    try:
        names, offsets, values = _decoder.decode(zstandard.decompress(packed))
    except (zstandard.ZstdError, msgspec.DecodeError, msgspec.ValidationError, MemoryError) as error:
        raise HistoryError(f"an anchor of the history is damaged: {error}") from error
    keys = map(Key, repeat(kind), repeat(type_), names)
    return list(map(KeyVersion, keys, map(Version, offsets, values)))


def overlaid(
    anchor: Iterable[Chunk], kind: Kind, type_: str, newer: Mapping[str, KeyVersion], begin: str
) -> Iterator[KeyVersion]:
    """Yield what an anchor and the newer versions behind it come to, sorted, from the name `begin` on.

    `newer` holds only names from there on; a version without value takes its key away.
    """
    names = sorted(newer)
    done = 0
    held: list[KeyVersion] = []
    for chunk in anchor:
        upto = bisect_left(names, chunk.first, done)
        yield from _merged(held, names[done:upto], newer)
        done = upto
        held = unchunked(kind, type_, chunk.packed)
        if not held or held[0].key.id != chunk.first:
            raise HistoryError(
                f"an anchor of the history is damaged: {type_} {chunk.first} does not begin where it says"
            )
        if held[0].key.id < begin:
            held = [item for item in held if item.key.id >= begin]
    yield from _merged(held, names[done:], newer)


def _merged(held: list[KeyVersion], names: list[str], newer: Mapping[str, KeyVersion]) -> Iterable[KeyVersion]:
    if not names:
        return held
    there = {item.key.id: item for item in held}
    known = len(there)
    there.update((name, newer[name]) for name in names)
    found = [item for item in there.values() if item.version.value is not None]
    if len(there) > known:
        found.sort(key=_name)
    return found


def _name(item: KeyVersion) -> str:
    return item.key.id
