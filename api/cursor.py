"""Cursors: where the next page of an answer begins, and of what answer it is a page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass

import msgspec

from projections.change import Key
from projections.fold import VERSION
from schemas.errors import BadInput

Position = Key | int | str
"""What pages are sorted by: a key, an offset or a name; the next page begins behind it."""

Filters = dict[str, str | None]

_FORMAT = f"1.{VERSION}"
"""A history folded anew by another version may sort or hold other things: its pages do not go together."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The whole question, its moment pinned to an offset, and the last position that was answered."""

    format: str
    question: str
    environment: str
    at: str
    """The moment as it was asked for."""
    offset: int
    filters: Filters
    behind: Position

    def encode(self) -> str:
        """Answer the cursor as an opaque text that stands in a URL as it is."""
        return urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()


def cursor(question: str, environment: str, at: str, offset: int, filters: Filters, behind: Position) -> Cursor:
    """Answer the cursor of the page behind a position."""
    return Cursor(_FORMAT, question, environment, at, offset, filters, behind)


def decode(text: str) -> Cursor:
    """Answer the cursor that `encode` gave; BadInput if it is none, or one of another version."""
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        found = msgspec.json.decode(data, type=Cursor)
    except (NotBase64, UnicodeError, msgspec.MsgspecError) as error:
        raise BadInput("cursor: it is not one that was given here; take `next` of a page as it is") from error
    if found.format != _FORMAT:
        raise BadInput("cursor: it was given by another version of Calipso; begin again without it")
    return found


def check(found: Cursor, question: str, environment: str, at: str | None, filters: Filters) -> Filters:
    """Answer the filters in force; BadInput if the cursor is a page of another question.

    A moment or filter that is not given again is the cursor's own; the pinned offset counts as the same moment.
    """
    _same("question", found.question, question)
    _same("environment", found.environment, environment)
    if at is not None and at != str(found.offset):
        _same("moment", found.at, at)
    for name, value in filters.items():
        if value is not None:
            _same(name, found.filters.get(name), value)
    return {name: found.filters.get(name) for name in filters}


def _same(what: str, own: str | None, given: str) -> None:
    if own != given:
        raise BadInput(f"cursor: it belongs to {what} {own}, not to {what} {given}; begin again without it")
