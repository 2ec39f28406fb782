"""What a fetcher is."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from producers.found import Found
from producers.look import Look
from schemas.canonical import Document

Fetcher = Callable[[Look, Found], Iterator[Found]]
"""Yields the objects found under a parent, any order. It asks the cloud only through the look, and knows of what
other fetches found only the parent. What it yielded before it raised CouldNotLook or BadInput was seen."""

Completer = Callable[[Look, Found], Found]
"""Answers a found object with what only a question of its own tells about it. Raises CouldNotLook, BadInput."""


class Completion(NamedTuple):
    """A completer and the attributes that it adds."""

    complete: Completer
    attributes: tuple[str, ...]


class Detail(NamedTuple):
    """What another source adds to each object of a fetch; it is asked for all of them at once.

    `describe` answers attributes of one object, not necessarily all. Raises CouldNotLook, BadInput: then none of the
    objects has them, and the fetch itself is as good as without.
    """

    describe: Callable[[Look, Found], Document]
    attributes: tuple[str, ...]
    applies: Callable[[Look], bool]
    """Whether the source is there at all."""


class Source(NamedTuple):
    """A fetcher and the one type of object that it finds."""

    type: str
    fetch: Fetcher


class Planned(NamedTuple):
    """A fetcher of a plug-in, with its own entry of the scan plan (see producers/plan.py), which needs no 'fetcher'."""

    entry: Document
    fetch: Fetcher
