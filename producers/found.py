"""An object that a fetch found, with its place in the tree."""

from dataclasses import dataclass

from schemas.canonical import Document
from schemas.vocabulary import ENVIRONMENT


@dataclass(frozen=True, slots=True)
class Found:
    """An object: `document` holds its attributes only (no id, type or parent)."""

    type: str
    id: str
    parent_type: str
    parent_id: str
    document: Document

    def child(self, object_type: str, object_id: str, document: Document) -> "Found":
        """Answer an object that stands directly below this one in the tree."""
        return Found(object_type, object_id, self.type, self.id, document)


def root(environment: str) -> Found:
    """Answer the root of the tree: it is a parent only, never an object of the inventory."""
    return Found(ENVIRONMENT, environment, "", "", {})
