"""One request: the questions it may ask, and how its answers leave."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import msgspec
from fastapi import Depends, Request, Response
from starlette.exceptions import HTTPException

from projections.fold import VERSION
from schemas.alert import Alert
from schemas.canonical import Document
from schemas.events import Event
from streams.inbox import Taken
from streams.moments import Moment
from streams.past import Past
from streams.questions import Questions

REPRESENTATION = 1
"""Counts the shapes of the answers: what a client has kept of another shape is not the same answer."""

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Desk:
    """What every request is answered with."""

    questions: Questions
    append: Callable[[Event], int]
    accept: Callable[[Alert], Taken]
    clock: Callable[[], int]
    new_id: Callable[[], str]
    naming: threading.Lock
    """Held while a name is looked for and given, so that two requests cannot give one name."""
    imagining: threading.Lock
    """Held while another future is folded: it costs much, so that only one is at a time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request at the desk."""

    desk: Desk
    request: Request

    @property
    def questions(self) -> Questions:
        """Answer the questions that may be asked."""
        return self.desk.questions

    def past(self, environment: str, at: str | None = None) -> Past:
        """Answer the environment at a moment; ends the request with 304 if the client has that answer."""
        moment = self.questions.moment(environment, LATEST if at is None else at)
        self.check_known(environment, moment)
        return Past(self.questions.history, environment, moment)

    def check_known(self, environment: str, *moments: Moment) -> None:
        """End the request with 304 if the client has the answer about these moments.

        The past never changes, so the moments and the versions of fold and answer say it all.
        """
        tag = etag(environment, *moments)
        if tag in _tags(self.request.headers.get("if-none-match", "")):
            raise HTTPException(304, headers=_headers(tag))

    def answer(self, document: Document, environment: str, *moments: Moment) -> Response:
        """Answer a document about fixed moments, which a client may keep and ask for again."""
        return plain(document, headers=_headers(etag(environment, *moments)))


def plain(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer a document as JSON."""
    return Response(msgspec.json.encode(document), status, headers, "application/json")


def etag(environment: str, *moments: Moment) -> str:
    """Answer the tag of what is said about the moments: equal tags of one URL are equal answers."""
    offsets = "-".join(str(moment.offset) for moment in moments)
    return f'"{quote(environment, safe="")}-{offsets}-{VERSION}-{REPRESENTATION}"'


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "no-cache"}  # keep it, but ask: latest moves on


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _asked(request: Request) -> Asked:
    return Asked(request.app.state.desk, request)


AskedHere = Annotated[Asked, Depends(_asked)]
