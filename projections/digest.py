"""A digest of a whole state that costs only what changed.

The digest is the sum, modulo 2**256, of BLAKE2b-256 over each (kind, type, id, value). A sum does not depend on
order, and a change takes the old term out and puts the new one in.
"""

from collections.abc import Iterable
from hashlib import blake2b

from projections.change import Change, Key

EMPTY = 0
_MODULUS = 1 << 256


def term(key: Key, value: bytes) -> int:
    """Answer what one thing adds to the digest."""
    head = "\x00".join((key.kind, key.type, key.id)).encode()
    digest = blake2b(len(head).to_bytes(4, "big") + head + value, digest_size=32).digest()
    return int.from_bytes(digest, "big")


def advance(digest: int, changes: Iterable[Change]) -> int:
    """Answer the digest of the state after the changes."""
    for change in changes:
        if change.before is not None:
            digest -= term(change.key, change.before)
        if change.after is not None:
            digest += term(change.key, change.after)
    return digest % _MODULUS


def digest_of(state: Iterable[tuple[Key, bytes]]) -> int:
    """Answer the digest of a state, from everything that is in it."""
    return sum(term(key, value) for key, value in state) % _MODULUS


def text(digest: int) -> str:
    """Answer the digest as 64 hexadecimal digits."""
    return f"{digest:064x}"
