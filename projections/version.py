"""Which rules a history was folded by: those of this Calipso, and those that plug-ins add."""

import hashlib
from collections.abc import Iterable
from typing import Final

from schemas.plugins import FOLDED, Plugin, installed

_BITS: Final = 8
_DIGEST_BYTES: Final = 5


def composed(meaning: int, plugins: Iterable[Plugin]) -> int:
    """Answer one number of a version of Calipso's own rules and a set of plug-ins; without any, it is the version.

    It fits into the 53 bits that JSON keeps exactly.
    """
    named = sorted(f"{plugin.group}\n{plugin.name}\n{plugin.distribution}\n{plugin.version}" for plugin in plugins)
    if not named:
        return meaning
    digest = hashlib.blake2b("\n\n".join(named).encode(), digest_size=_DIGEST_BYTES).digest()
    return (int.from_bytes(digest) | 1) << _BITS | meaning


def here(meaning: int) -> int:
    """Answer the version with the plug-ins that are installed here."""
    return composed(meaning, installed(*FOLDED))


def meaning_of(version: int) -> int:
    """Answer the version of Calipso's own rules."""
    return version & ((1 << _BITS) - 1)
