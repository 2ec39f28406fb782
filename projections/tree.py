"""The Calipso tree: parents and folders, derived from each object's parent, never stored."""

from collections.abc import Callable
from dataclasses import dataclass

from projections.inventory import Obj, Ref
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


def id_path(steps: list[Step]) -> str:
    """Answer the ids on the way, each after a slash."""
    return "".join(f"/{step.id}" for step in steps)


def name_path(steps: list[Step]) -> str:
    """Answer the names on the way, each after a slash."""
    return "".join(f"/{step.name}" for step in steps)
