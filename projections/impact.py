"""Impact: every object that depends on one, however far away."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from projections.dependencies import Children, Dependencies, Loss
from projections.graph import Landscape
from projections.inventory import Obj, Ref
from schemas.canonical import Document


@dataclass(frozen=True, slots=True)
class Dependent:
    """One object that depends on another, by the shortest way."""

    ref: Ref
    distance: int
    """How many dependencies lie between: 1 is next to it."""
    reason: str
    """The last of them, in words: a link, what it is inside, or what names what."""
    path: tuple[Ref, ...]
    """The objects on the way, the one that was asked for first, this one last."""
    whole: bool
    """Whether all of it is lost, or only its share in what failed."""
    networks: tuple[str, ...]
    """Of a share: the ids of the networks that it loses, sorted; empty where that is not known."""

    def document(self) -> Document:
        """Answer it as JSON."""
        return {
            "type": self.ref.type,
            "id": self.ref.id,
            "distance": self.distance,
            "reason": self.reason,
            "path": [list(ref) for ref in self.path],
            "whole": self.whole,
            "networks": list(self.networks),
        }


@dataclass(frozen=True, slots=True)
class RolledUp:
    """The ids among the dependents that an operator asks for first, each sorted."""

    hosts: list[str]
    projects: list[str]
    networks: list[str]
    instances: list[str]


@dataclass(frozen=True, slots=True)
class _Reached:
    loss: Loss
    reason: str
    path: tuple[Ref, ...]


def impact(ref: Ref, graph: Landscape, children: Children) -> list[Dependent]:
    """Answer what depends on an object, sorted by distance, type and id; without the object itself.

    The walk begins with the object lost whole. Hosts, projects and networks that contain, own or connect what was
    reached are reached with it (a host runs an instance that lost its network), but nothing follows from them.
    """
    reached = _walk(ref, graph, children)
    for owner in _owners(list(reached.values()), graph):
        if owner.loss.ref != ref:
            reached.setdefault(owner.loss.ref, [owner])
    dependents = (_dependent(found) for found in reached.values())
    return sorted(dependents, key=lambda dependent: (dependent.distance, dependent.ref))


def rolled_up(dependents: Iterable[Dependent]) -> RolledUp:
    """Answer the hosts, projects, networks and instances among the dependents."""
    refs = sorted(dependent.ref for dependent in dependents)
    by_type = {name: [r.id for r in refs if r.type == name] for name in ("host", "project", "network", "instance")}
    return RolledUp(by_type["host"], by_type["project"], by_type["network"], by_type["instance"])


def _walk(start: Ref, graph: Landscape, children: Children) -> dict[Ref, list[_Reached]]:
    """Answer, for each object reached, how it was: nearest first, one for each loss that says something new."""
    dependencies = Dependencies(graph, children)
    known: dict[Ref, list[_Reached]] = {start: [_Reached(Loss(start, whole=True), "", (start,))]}
    wave = known[start]
    while wave:
        following: list[_Reached] = []
        for reached in wave:
            for dependency in dependencies.of(reached.loss):
                loss = dependency.loss
                before = known.setdefault(loss.ref, [])
                if graph.get(loss.ref) is not None and not any(other.loss.covers(loss) for other in before):
                    found = _Reached(loss, dependency.reason, (*reached.path, loss.ref))
                    before.append(found)
                    following.append(found)
        wave = following
    return {ref: found for ref, found in known.items() if found and ref != start}


def _owners(reached: list[list[_Reached]], graph: Landscape) -> Iterator[_Reached]:
    """Yield the hosts, projects and networks of what was reached, nearest first."""
    for found in sorted((each[0] for each in reached), key=lambda each: (len(each.path), each.loss.ref)):
        obj = graph.get(found.loss.ref)
        for owner in _owners_of(obj, found.loss) if obj is not None else ():
            if graph.get(owner) is not None:
                bound = found.loss.networks
                loss = Loss(owner, whole=False, networks=bound)
                yield _Reached(loss, f"has {found.loss.ref.type} {found.loss.ref.id}", (*found.path, owner))


def _owners_of(obj: Obj, loss: Loss) -> Iterator[Ref]:
    if obj.type in ("instance", "vservice") and obj.get("host"):
        yield Ref("host", obj.get("host"))
    if obj.type in ("instance", "network", "router", "floating_ip") and obj.get("project_id"):
        yield Ref("project", obj.get("project_id"))
    if obj.type == "instance":
        lost = obj.get("network") or () if loss.whole else loss.networks or ()
        yield from (Ref("network", network) for network in sorted(lost))


def _dependent(found: list[_Reached]) -> Dependent:
    first = found[0]
    whole = any(each.loss.whole for each in found)
    networks = sorted({network for each in found for network in each.loss.networks or ()})
    bounded = not whole and all(each.loss.networks is not None for each in found)
    path = first.path
    return Dependent(first.loss.ref, len(path) - 1, first.reason, path, whole, tuple(networks) if bounded else ())
