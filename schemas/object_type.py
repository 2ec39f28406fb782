"""What an object type is: its name, what its objects stand below, and the folders that are drawn between."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Folder:
    """A node that groups children in the tree. Folders are derived for display, never stored."""

    type: str
    suffix: str
    """The folder's id is its parent's id, a dash, and this."""
    text: str


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One type of object and the folders between it and its parent (outermost first)."""

    name: str
    parents: tuple[str, ...]
    folders: tuple[Folder, ...] = ()
