"""The Calipso tree: parents and folders, derived from each object's parent, never stored."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from projections.inventory import Obj, Ref
from schemas.canonical import Document
from schemas.vocabulary import ENVIRONMENT, OBJECT_TYPES, VSERVICE_FOLDERS, Folder


@dataclass(frozen=True, slots=True)
class Step:
    """One node on the way from the root: an object or a folder."""

    type: str
    id: str
    name: str


def folders(obj: Obj) -> tuple[Folder, ...]:
    """Answer the folders between the object and its parent, outermost first."""
    known = OBJECT_TYPES.get(obj.type)
    if known is None:
        return ()
    if obj.type == "vservice":
        inner = VSERVICE_FOLDERS.get(obj.get("service_type", ""), VSERVICE_FOLDERS["misc"])
        return (*known.folders, inner)
    return known.folders


def folder_steps(obj: Obj) -> list[Step]:
    """Answer the folder nodes between the object and its parent, outermost first."""
    steps = []
    prefix = obj.parent.id
    for folder in folders(obj):
        prefix = f"{prefix}-{folder.suffix}"
        steps.append(Step(folder.type, prefix, folder.text))
    return steps


def name_of(obj: Obj) -> str:
    """Answer what a person calls the object: its name, or its id."""
    return str(obj.get("name") or obj.id)


def path(obj: Obj, environment: str, get: Callable[[Ref], Obj | None]) -> list[Step]:
    """Answer the way from the root to the object, both included.

    A parent that is not in the inventory ends the way early: the way then begins below the root.
    """
    steps: list[Step] = []
    seen: set[Ref] = set()
    current: Obj | None = obj
    while current is not None and current.ref not in seen:
        seen.add(current.ref)
        steps = [*folder_steps(current), Step(current.type, current.id, name_of(current)), *steps]
        if current.parent.type == ENVIRONMENT:
            return [Step(ENVIRONMENT, environment, environment), *steps]
        current = get(current.parent)
    return steps


def grow(
    parent: Ref, children: Callable[[Ref], Iterable[Obj]], depth: int | None = None, above: frozenset[Ref] = frozenset()
) -> list[Document]:
    """Answer the nodes {type, id, name, children} below an object, folders included, in the order of `children`.

    `depth` counts objects, not folders. An object that would come below itself is left out.
    """
    if depth == 0:
        return []
    less = None if depth is None else depth - 1
    above |= {parent}
    top: list[Document] = []
    nested: dict[str, list[Document]] = {}
    for obj in children(parent):
        if obj.ref not in above:
            place = _place(obj, top, nested)
            place.append(_node(obj.type, obj.id, name_of(obj), grow(obj.ref, children, less, above)))
    return top


def _place(obj: Obj, top: list[Document], nested: dict[str, list[Document]]) -> list[Document]:
    """Answer the nodes among which the object stands: those of its innermost folder, which is made if need be."""
    place = top
    for step in folder_steps(obj):
        if step.id not in nested:
            nested[step.id] = []
            place.append(_node(step.type, step.id, step.name, nested[step.id]))
        place = nested[step.id]
    return place


def _node(node_type: str, node_id: str, name: str, children: list[Document]) -> Document:
    return {"type": node_type, "id": node_id, "name": name, "children": children}


def id_path(steps: list[Step]) -> str:
    """Answer the ids on the way, each after a slash."""
    return "".join(f"/{step.id}" for step in steps)


def name_path(steps: list[Step]) -> str:
    """Answer the names on the way, each after a slash."""
    return "".join(f"/{step.name}" for step in steps)
