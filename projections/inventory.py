"""The inventory: what objects an environment has, with indexes for the rules that join them."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from schemas.canonical import Document

Value = str | int | bool | None


class Ref(NamedTuple):
    """An object's name inside one environment."""

    type: str
    id: str


class Obj:
    """One object of the inventory. Treat it and its document as read-only."""

    __slots__ = ("document", "id", "parent", "type")

    def __init__(self, ref: Ref, parent: Ref, document: Document) -> None:
        """Hold the attributes of `ref`, which stands under `parent` in the tree."""
        self.type = ref.type
        self.id = ref.id
        self.parent = parent
        self.document = document

    @property
    def ref(self) -> Ref:
        """Answer the object's type and id."""
        return Ref(self.type, self.id)

    def get(self, attribute: str, default: Any = None) -> Any:  # noqa: ANN401 - attributes are JSON
        """Answer an attribute of the document."""
        return self.document.get(attribute, default)


class InventoryView(Protocol):
    """What rules may read. Every answer comes sorted by (type, id): no accident of order can show."""

    def get(self, object_type: str, object_id: str) -> Obj | None:
        """Answer the object, or None."""
        ...

    def of_type(self, object_type: str) -> Iterator[Obj]:
        """Yield all objects of a type."""
        ...

    def where(self, object_type: str, attribute: str, value: Value) -> list[Obj]:
        """Answer the objects of a type whose top-level attribute equals the value (indexed)."""
        ...

    def children(self, parent: Ref) -> list[Obj]:
        """Answer the objects directly under a parent."""
        ...
