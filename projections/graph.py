"""What walks over objects and links may ask, of the present and of a past moment alike."""

from collections.abc import Iterable
from typing import Protocol

from projections.inventory import Obj, Ref
from projections.link import Link


class Graph(Protocol):
    """Objects and the links between them at one moment."""

    def get(self, ref: Ref) -> Obj | None:
        """Answer the object, or None."""
        ...

    def links(self, ref: Ref) -> list[Link]:
        """Answer the explicit links at an object, sorted by key."""
        ...


class Landscape(Graph, Protocol):
    """A graph whose objects can also be listed."""

    def of_type(self, object_type: str, /) -> Iterable[Obj]:
        """Yield the objects of a type, sorted by id."""
        ...
