"""Cliques: everything that takes part in the connectivity of one focal object, kept up as links change."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from projections.change import Key, Kind
from projections.clique_types import SHIPPED, Recipe, choose
from projections.graph import Graph, Landscape
from projections.implicit import around
from projections.inventory import Obj, Ref, Touched
from projections.link import NETWORK, SEGMENT, Link
from projections.links import LinkChange
from projections.segments import segment_names
from schemas.canonical import Document, decode_document, encode

CliqueChange = tuple[Key, bytes | None, bytes | None]
"""A clique that is not what it was: canonical JSON of before and after, None where there is none."""

Bounds = dict[str, frozenset[str] | None]
"""For each attribute that bounds a clique the values that are let in; None lets everything in."""


class Bounded(NamedTuple):
    """The bounds of a focal object, and the other objects that they were taken from."""

    bounds: Bounds
    asked: frozenset[Ref]


@dataclass(frozen=True, slots=True)
class Clique:
    """The walk's result. Links are named, not copied: the original's copies did not follow a link's state."""

    focal: Ref
    clique_type: str
    constraints: Document
    nodes: tuple[Ref, ...]
    links: tuple[Key, ...]

    def value(self) -> bytes:
        """Answer the clique as canonical JSON; nodes and links are [type, id], sorted."""
        return encode(
            {
                "focal_type": self.focal.type,
                "focal_id": self.focal.id,
                "clique_type": self.clique_type,
                "constraints": self.constraints,
                "nodes": self.nodes,
                "links": [(key.type, key.id) for key in self.links],
            }
        )

    def document(self) -> Document:
        """Answer the clique as JSON."""
        return decode_document(self.value())


class Kept(NamedTuple):
    """A clique as it is kept: its canonical JSON, and its bounds apart, since they are asked for with every link."""

    value: bytes
    bounds: Bounds


class Walk(NamedTuple):
    """A clique, if there is one, and every object whose links or attributes its making asked for."""

    clique: Clique | None
    asked: frozenset[Ref]


def build(focal: Obj, graph: Graph, recipe: Recipe) -> Clique | None:
    """Answer the clique of an object, None if the walk finds no link."""
    return walk(focal, graph, recipe).clique


def walk(focal: Obj, graph: Graph, recipe: Recipe, crossroads: "Crossroads | None" = None) -> Walk:
    """Walk the recipe's link types in order, from the objects known by then to new ones.

    Decided otherwise than in the original, or between its two versions:
    - A step that adds nothing does not end the walk. Where it did, a network without DHCP had no instances.
    - A step A-B goes from known A to B along links stored as A-B and as B-A alike. The original asked once per
      environment in which direction links were stored, and lost half of them where both occurred.
    - A step A-A is walked both ways at once, from the objects known before it.
    - A link type may be named twice; objects found by a step are known to later steps only.
    - What a step finds stays, also where no later step goes on from it: a bridge without a vNIC of the network
      is still part of what carries it.

    `crossroads` may be kept from walk to walk, as long as it is told what changes.
    """
    bounded = bounds_of(focal, graph)
    networks = bounded.bounds.get(NETWORK)
    known: dict[str, set[Ref]] = {focal.type: {focal.ref}}
    taken: set[Key] = set()
    reading = _LinksAt(graph, recipe.use_implicit_links, crossroads or Crossroads())
    for step in recipe.link_types:
        start, end = step.split("-")
        stored = (step, f"{end}-{start}")
        found: set[Ref] = set()
        for node in known.get(start, ()):
            for link in reading.at(node, end, networks):
                key = link.key
                if key.type in stored and key not in taken and admits(bounded.bounds, link):
                    taken.add(key)
                    found.add(link.other(node))
        known.setdefault(end, set()).update(found)
    nodes = {ref for refs in known.values() for ref in refs}
    asked = frozenset(nodes | bounded.asked | reading.asked)
    if not taken:  # and an earlier clique of this object then goes: the original kept it for ever
        return Walk(None, asked)
    constraints = {name: None if wanted is None else sorted(wanted) for name, wanted in bounded.bounds.items()}
    return Walk(Clique(focal.ref, recipe.name, constraints, tuple(sorted(nodes)), tuple(sorted(taken))), asked)


def admits(bounds: Bounds, link: Link) -> bool:
    """Answer whether a link may be in a clique with these bounds.

    It may where nothing is known on either side: a link without the attribute may carry any network, and a focal
    object without a value bounds nothing. In the original such a focal object excluded every link with a value.
    """
    for name, wanted in bounds.items():
        carried = link.attributes.get(name)
        if wanted is None or carried is None:
            continue
        if carried not in wanted if isinstance(carried, str) else wanted.isdisjoint(carried):
            return False
    return True


def bounds_of(focal: Obj, graph: Graph) -> Bounded:
    """Answer what bounds the clique of an object."""
    bounding = _BOUNDING.get(focal.type)
    return Bounded({}, frozenset()) if bounding is None else bounding(focal, graph)


def _of_network(focal: Obj, _graph: Graph) -> Bounded:
    return Bounded({NETWORK: frozenset([focal.id]), SEGMENT: segment_names([focal])}, frozenset())


def _of_member(focal: Obj, graph: Graph) -> Bounded:
    """Bound an instance or a service by its networks, and by the segments that carry these.

    The segments keep a tunnelled instance from a provider's NIC on the same vedge, whose links know no network.
    """
    ids = sorted(focal.get("network") or ())
    if not ids:
        return Bounded({NETWORK: None, SEGMENT: None}, frozenset())
    refs = [Ref("network", network) for network in ids]
    segments = segment_names([graph.get(ref) for ref in refs])
    return Bounded({NETWORK: frozenset(ids), SEGMENT: segments}, frozenset(refs))


def _of_pnic(focal: Obj, graph: Graph) -> Bounded:
    """Bound a NIC by the segments and networks that leave by it, which its links say: it has no such attribute.

    A NIC under a bridge learns its segments from that bridge's links. Where they are known and no network leaves by
    it, none is let in: the vedge behind it carries others, by other NICs.
    """
    links = graph.links(focal.ref)
    bridges = frozenset(link.source for link in links if link.type == "vconnector-host_pnic")
    told = [*links, *(link for bridge in sorted(bridges) for link in graph.links(bridge))]
    segments = frozenset(segment for link in told for segment in link.values(SEGMENT))
    networks = frozenset(n for link in links if link.type == "host_pnic-network" for n in link.values(NETWORK))
    return Bounded({NETWORK: networks if networks or segments else None, SEGMENT: segments or None}, bridges)


_BOUNDING: dict[str, Callable[[Obj, Graph], Bounded]] = {
    "network": _of_network,
    "instance": _of_member,
    "vservice": _of_member,
    "host_pnic": _of_pnic,
}

_BOUNDED_BY_LINKS = frozenset([("host_pnic", "vconnector")])
"""Focal types, and other types at which a link may change their bounds: then those of before tell nothing."""


FEW = 8
"""So many links for each network are looked through faster than they are sorted."""


class Crossroads:
    """The links of objects that have many, sorted by where they lead and what they carry.

    A vedge has a link for each vNIC of its host. A walk that is bounded to a network need not look at all of them.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._ways: dict[Ref, dict[tuple[str, str | None], list[Link]]] = {}

    def narrowed(self, node: Ref, links: list[Link], end: str, networks: Iterable[str]) -> list[Link]:
        """Answer, of the links at an object, those to a type that carry one of the networks, or none in particular."""
        ways = self._ways.get(node)
        if ways is None:
            ways = self._ways[node] = _ways(node, links)
        return [link for network in (None, *networks) for link in ways.get((end, network), ())]

    def forget(self, changes: Iterable[LinkChange]) -> None:
        """Take in that links changed."""
        if not self._ways:
            return
        for _, before, after in changes:
            link = after or before
            if link is not None:
                self._ways.pop(link.source, None)
                self._ways.pop(link.target, None)


def _ways(node: Ref, links: list[Link]) -> dict[tuple[str, str | None], list[Link]]:
    ways: dict[tuple[str, str | None], list[Link]] = {}
    for link in links:
        for network in link.values(NETWORK) or (None,):
            ways.setdefault((link.other(node).type, network), []).append(link)
    return ways


class _LinksAt:
    """The links at objects, implicit ones too where the recipe wants them, and what was asked to know them."""

    def __init__(self, graph: Graph, implicit: bool, crossroads: Crossroads) -> None:
        self._graph = graph
        self._implicit = implicit
        self._crossroads = crossroads
        self.asked: set[Ref] = set()

    def at(self, node: Ref, end: str, networks: frozenset[str] | None) -> list[Link]:
        """Answer at least the links that lead to a type and may carry one of the networks."""
        explicit = self._graph.links(node)
        if not self._implicit:
            if networks is None or len(explicit) <= FEW * len(networks):
                return explicit
            return self._crossroads.narrowed(node, explicit, end, networks)
        reach = around(node, self._graph)
        self.asked |= reach.asked
        return [*explicit, *reach.links]


class Cliques:
    """The cliques of all focal objects of an environment.

    A clique is made again when its focal object changes, when a network that bounds it gets another segment, or
    when a link that it could take in changes at an object that its making asked for. `recompute` makes them all,
    and must always come to the same.
    """

    def __init__(self, recipes: Sequence[Recipe] = SHIPPED) -> None:
        """Start with no clique."""
        self._recipes = tuple(recipes)
        self._chosen: dict[str, Recipe] = {}
        self._cliques: dict[Ref, Kept] = {}
        self._asked: dict[Ref, frozenset[Ref]] = {}
        self._askers: dict[Ref, set[Ref]] = {}
        self._crossroads = Crossroads()
        self._dirty: set[Ref] = set()
        """Focal objects whose clique what was marked can reach."""
        self._stale = False
        self._partly_known = False

    def __len__(self) -> int:
        """Answer how many cliques there are."""
        return len(self._cliques)

    @property
    def chosen(self) -> dict[str, Recipe]:
        """Answer the recipe of each focal type."""
        return dict(self._chosen)

    def configure(self, environment: str, settings: Document) -> None:
        """Choose the recipes; if they are not those from before, the next `update` makes all cliques again."""
        chosen = choose(self._recipes, environment, settings)
        if chosen != self._chosen:
            self._chosen = chosen
            self._stale = True

    def get(self, focal: Ref) -> Document | None:
        """Answer the clique of an object, or None."""
        kept = self._cliques.get(focal)
        return None if kept is None else decode_document(kept.value)

    def stored(self) -> dict[Key, bytes]:
        """Answer every clique as canonical JSON by key, sorted."""
        return {_key(ref): self._cliques[ref].value for ref in sorted(self._cliques)}

    def update(self, graph: Landscape, touched: Sequence[Touched], changes: Sequence[LinkChange]) -> list[CliqueChange]:
        """Take in what happened to objects and links (`graph` is as it is after); answer what changed, sorted."""
        self.mark(graph, touched, changes)
        return self.settle(graph)

    def mark(self, graph: Landscape, touched: Sequence[Touched], changes: Sequence[LinkChange]) -> None:
        """Take in what happened, and leave the cliques as they are until they are settled.

        What several marks leave as it is, each of them leaves as it is: a clique that none of them reaches is still
        the one that its bounds and what it asked tell of.
        """
        self._crossroads.forget(changes)
        if not self._stale and (self._chosen or self._askers):  # if stale, each clique is made again in any case
            self._know_all(graph)
            self._dirty |= self._of_objects(touched)
            self._of_links(changes)

    def settle(self, graph: Landscape) -> list[CliqueChange]:
        """Make the cliques again that what was marked can reach, and answer those that changed, sorted."""
        if self._stale:
            self._dirty.update(self._cliques, (obj.ref for obj in _focal_objects(graph, self._chosen)))
        dirty, self._dirty = self._dirty, set()
        self._partly_known = self._partly_known and not self._stale
        self._stale = False
        rebuilt = (self._rebuild(focal, graph) for focal in sorted(dirty))
        return [change for change in rebuilt if change is not None]

    def doubt(self) -> None:
        """Make all cliques again when they are settled next: something was marked that is not known any more."""
        self._stale = True

    def restore(self, values: Iterable[bytes]) -> None:
        """Begin again from the cliques that these recipes gave for the objects and links that there are."""
        self._cliques, self._asked, self._askers = {}, {}, {}
        for value in values:
            document = decode_document(value)
            focal = Ref(document["focal_type"], document["focal_id"])
            networks = document["constraints"].get(NETWORK) or ()
            nodes = (Ref(*node) for node in document["nodes"])
            self._cliques[focal] = Kept(value, _bounds(document["constraints"]))
            self._ask(focal, frozenset([*nodes, *(Ref("network", network) for network in networks)]))
        self._dirty, self._stale, self._partly_known = set(), False, True

    def _know_all(self, graph: Landscape) -> None:
        """After a restore: learn what the focal objects without a clique, or with implicit links, depend on."""
        if not self._partly_known:
            return
        for obj in _focal_objects(graph, self._chosen):
            recipe = self._chosen[obj.type]
            if recipe.use_implicit_links or obj.ref not in self._cliques:
                self._ask(obj.ref, self._walk(obj, graph, recipe).asked)
        self._partly_known = False

    def _of_objects(self, touched: Sequence[Touched]) -> set[Ref]:
        dirty: set[Ref] = set()
        for before, after in touched:
            obj = after or before
            if obj is not None and obj.type in self._chosen:
                dirty.add(obj.ref)
            if obj is not None and obj.type == "network" and segment_names([before]) != segment_names([after]):
                dirty |= self._askers.get(obj.ref, set())
        return dirty

    def _of_links(self, changes: Sequence[LinkChange]) -> None:
        for _, before, after in changes:
            if before is not None and after is not None and before.attributes == after.attributes:
                continue  # another name or state: a clique names its links and does not tell
            versions = [link for link in (before, after) if link is not None]
            for end in (versions[0].source, versions[0].target):
                if end.type in self._chosen:
                    self._dirty.add(end)
                askers = self._askers.get(end, ())
                self._dirty.update(f for f in askers if f not in self._dirty and self._could_take(f, end, versions))

    def _could_take(self, focal: Ref, end: Ref, versions: list[Link]) -> bool:
        """Answer whether a clique has a step along the link from this end, and bounds that let a version of it in."""
        recipe, kept = self._chosen.get(focal.type), self._cliques.get(focal)
        if recipe is None or kept is None or recipe.use_implicit_links:
            return True
        if (focal.type, end.type) in _BOUNDED_BY_LINKS:
            return True
        if f"{end.type}-{versions[0].other(end).type}" not in recipe.link_types:
            return False
        return any(admits(kept.bounds, link) for link in versions)

    def _rebuild(self, focal: Ref, graph: Landscape) -> CliqueChange | None:
        obj, recipe = graph.get(focal), self._chosen.get(focal.type)
        clique, asked = (None, frozenset[Ref]()) if obj is None or recipe is None else self._walk(obj, graph, recipe)
        before = self._cliques.pop(focal, None)
        after = None if clique is None else Kept(clique.value(), _bounds(clique.constraints))
        if after is not None:
            self._cliques[focal] = after
        self._ask(focal, asked)
        old, new = before and before.value, after and after.value
        return None if old == new else (_key(focal), old, new)

    def _walk(self, focal: Obj, graph: Landscape, recipe: Recipe) -> Walk:
        return walk(focal, graph, recipe, self._crossroads)

    def _ask(self, focal: Ref, asked: frozenset[Ref]) -> None:
        """Remember what a focal object depends on, in place of what was remembered before."""
        before = self._asked.pop(focal, frozenset())
        for ref in before - asked:
            self._askers[ref].discard(focal)
            if not self._askers[ref]:
                del self._askers[ref]
        for ref in asked - before:
            self._askers.setdefault(ref, set()).add(focal)
        if asked:
            self._asked[focal] = asked


def recompute(graph: Landscape, chosen: dict[str, Recipe]) -> dict[Key, Document]:
    """Answer every clique, made from nothing: the oracle of the incremental way."""
    cliques = (build(obj, graph, chosen[obj.type]) for obj in _focal_objects(graph, chosen))
    return {_key(clique.focal): clique.document() for clique in cliques if clique is not None}


def _focal_objects(graph: Landscape, chosen: dict[str, Recipe]) -> Iterable[Obj]:
    return (obj for focal_type in sorted(chosen) for obj in graph.of_type(focal_type))


def _bounds(constraints: Document) -> Bounds:
    return {name: None if wanted is None else frozenset(wanted) for name, wanted in constraints.items()}


def _key(focal: Ref) -> Key:
    return Key(Kind.CLIQUE, focal.type, focal.id)
