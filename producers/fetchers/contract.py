"""What a fetcher is."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from producers.found import Found
from producers.look import Look

Fetcher = Callable[[Look, Found], Iterator[Found]]
"""Yields the objects found under a parent, any order. It asks the cloud only through the look, and knows of what
other fetches found only the parent. What it yielded before it raised CouldNotLook or BadInput was seen."""

Completer = Callable[[Look, Found], Found]
"""Answers a found object with what only a question of its own tells about it. Raises CouldNotLook, BadInput."""


class Completion(NamedTuple):
    """A completer and the attributes that it adds."""

    complete: Completer
    attributes: tuple[str, ...]


class Source(NamedTuple):
    """A fetcher and the one type of object that it finds."""

    type: str
    fetch: Fetcher
