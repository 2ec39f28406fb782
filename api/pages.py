"""Pages: long answers in parts that agree with each other, whatever is appended in between."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Response

from api import cursor as cursors
from api.asked import LATEST, Asked
from api.cursor import Filters, Position
from api.parameters import PageQuestion
from api.target import path_of
from projections.change import Key
from schemas.canonical import Document
from schemas.errors import BadInput
from streams.past import Past
from streams.questions import reflects

_P = TypeVar("_P", Key, int, str)


@dataclass(frozen=True, slots=True)
class Part:
    """Items of one page, and the position behind which the next begins (None: it was the last)."""

    items: list[Document]
    next: Position | None


@dataclass(frozen=True, slots=True)
class Turn:
    """One page of a question that was asked for."""

    asked: Asked
    question: str
    past: Past
    at: str
    filters: Filters
    behind: Position | None
    limit: int

    def after(self, kind: type[_P]) -> _P | None:
        """Answer where the page begins; BadInput if the cursor's position is of another kind."""
        if self.behind is None or isinstance(self.behind, kind):
            return self.behind
        raise BadInput("cursor: it is not one that was given here; take `next` of a page as it is")

    def answer(self, part: Part, **more: object) -> Response:
        """Answer the page, with a link to the next one in the body and in the header."""
        next_cursor = None if part.next is None else self._cursor(part.next)
        document = {**reflects(self.past), **more, "items": part.items, "next": next_cursor}
        response = self.asked.answer(document, self.past.environment, self.past.moment)
        if next_cursor is not None:
            path = path_of(self.asked.request)
            response.headers["Link"] = f'<{path}?limit={self.limit}&cursor={next_cursor}>; rel="next"'
        return response

    def _cursor(self, behind: Position) -> str:
        offset = self.past.moment.offset
        return cursors.cursor(self.question, self.past.environment, self.at, offset, self.filters, behind).encode()


def turn(
    asked: Asked,
    question: str,
    environment: str,
    at: str | None,
    page: PageQuestion,
    filters: Filters | None = None,
) -> Turn:
    """Answer the page that was asked for: the first of a moment, or the one that the cursor names."""
    wanted = filters or {}
    if page.cursor is None:
        return Turn(asked, question, asked.past(environment, at), at or LATEST, wanted, None, page.limit)
    found = cursors.decode(page.cursor)
    in_force = cursors.check(found, question, environment, at, wanted)
    past = asked.past(environment, str(found.offset))
    return Turn(asked, question, past, found.at, in_force, found.behind, page.limit)


def part_of(items: Iterable[Document], position: Callable[[Document], _P], after: _P | None, limit: int) -> Part:
    """Answer the part of a whole list, sorted by `position`, that begins behind `after`."""
    left = [item for item in items if after is None or position(item) > after]
    more = len(left) > limit
    return Part(left[:limit], position(left[limit - 1]) if more else None)
