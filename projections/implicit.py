"""Implicit links: what chains of explicit links join, such as instance-network; derived, never stored."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from projections.change import Key
from projections.graph import Graph
from projections.inventory import Ref
from projections.link import DOWN, NETWORK, SEGMENT, UP, Link, bounds
from schemas.canonical import Document, encode

Variant = tuple[Key, bytes]
"""One link by one set of attributes. Two chains may join the same ends for different networks; each goes on alone."""


class Reach(NamedTuple):
    """The implicit links at an object, and every object that was asked to find them."""

    links: list[Link]
    asked: frozenset[Ref]


def passes(links: Iterable[Link]) -> Iterator[list[Link]]:
    """Yield what each pass adds: the links of the pass before, each joined with an explicit link that goes on.

    Two join where the first ends at the object at which the second begins, their types differ, the way does not
    come straight back, and no attribute that both carry keeps them apart. The original had no guard, so that a
    cycle of links never ended; here a link once made (by one set of attributes) is not made again. Nor is a link
    made whose type and ends an explicit link has: the original's overwrote the explicit one.
    """
    explicit = _sorted(links)
    return _passes(explicit, explicit)


def closure(links: Iterable[Link]) -> list[Link]:
    """Answer all implicit links, sorted by key, one for each type and pair of ends.

    Where chains of several networks join one pair, the link carries all of them, and is up if one of them is.
    """
    explicit = _sorted(links)
    return _merged(link for made in _passes(explicit, explicit) for link in made)


def reachable(ref: Ref, graph: Graph) -> list[Link]:
    """Answer the implicit links that begin at an object, sorted by key."""
    return _forward(ref, graph).links


def around(ref: Ref, graph: Graph) -> Reach:
    """Answer the implicit links that begin or end at an object."""
    ahead, behind = _forward(ref, graph), _backward(ref, graph)
    links = {link.key: link for link in (*ahead.links, *behind.links)}
    return Reach([links[key] for key in sorted(links)], ahead.asked | behind.asked)


def _forward(ref: Ref, graph: Graph) -> Reach:
    links, asked = _follow(ref, graph, lambda link, node: link.target if link.source == node else None)
    starts = [link for link in links if link.source == ref]
    return Reach(_merged(link for made in _passes(starts, links) for link in made), asked)


def _backward(ref: Ref, graph: Graph) -> Reach:
    links, asked = _follow(ref, graph, lambda link, node: link.source if link.target == node else None)
    made = [link for made in _passes(links, links) for link in made]
    return Reach(_merged(link for link in made if link.target == ref), asked)


def _follow(ref: Ref, graph: Graph, onward: Callable[[Link, Ref], Ref | None]) -> tuple[list[Link], frozenset[Ref]]:
    """Answer the links met on all ways onward from an object, and the objects on these ways."""
    found: dict[Key, Link] = {}
    asked, waiting = {ref}, [ref]
    while waiting:
        node = waiting.pop()
        for link in graph.links(node):
            following = onward(link, node)
            if following is None:
                continue
            found[link.key] = link
            if following not in asked:
                asked.add(following)
                waiting.append(following)
    return _sorted(found.values()), frozenset(asked)


def _passes(starts: list[Link], explicit: list[Link]) -> Iterator[list[Link]]:
    onward: dict[Ref, list[Link]] = {}
    for link in explicit:
        onward.setdefault(link.source, []).append(link)
    taken = {link.key for link in explicit}
    seen: set[Variant] = set()
    last = starts
    while last:
        candidates = [_joined(a, b) for a in last for b in onward.get(a.target, ())]
        last = []
        for made in candidates:
            if made is not None and made.key not in taken and _variant(made) not in seen:
                seen.add(_variant(made))
                last.append(made)
        if last:
            yield last


def _joined(first: Link, second: Link) -> Link | None:
    if first.type == second.type or first.source == second.target:
        return None
    attributes = _common(first, second)
    if attributes is None:
        return None
    state = DOWN if DOWN in (first.state, second.state) else UP
    hosts = {first.host, second.host} - {None}
    host = hosts.pop() if len(hosts) == 1 else None
    return Link(first.source, second.target, "", state, host, True, attributes)


def _common(first: Link, second: Link) -> Document | None:
    """Answer the attributes of a way over both links, None if what both carry has nothing in common."""
    common: dict[str, frozenset[str]] = {}
    for attribute in (NETWORK, SEGMENT):
        a, b = first.values(attribute), second.values(attribute)
        if a and b and a.isdisjoint(b):
            return None
        common[attribute] = a & b if a and b else a or b
    return bounds(common[NETWORK], common[SEGMENT])


def _merged(links: Iterable[Link]) -> list[Link]:
    same: dict[Key, list[Link]] = {}
    for link in links:
        same.setdefault(link.key, []).append(link)
    return [_union(same[key]) for key in sorted(same)]


def _union(links: list[Link]) -> Link:
    first = links[0]
    state = UP if any(link.state == UP for link in links) else DOWN
    hosts = {link.host for link in links}
    network, segment = _all(links, NETWORK), _all(links, SEGMENT)
    host = first.host if len(hosts) == 1 else None
    return Link(first.source, first.target, "", state, host, True, bounds(network, segment))


def _all(links: list[Link], attribute: str) -> frozenset[str]:
    values = [link.values(attribute) for link in links]
    return frozenset().union(*values) if all(values) else frozenset()


def _variant(link: Link) -> Variant:
    return link.key, encode(link.attributes)


def _sorted(links: Iterable[Link]) -> list[Link]:
    return sorted(links, key=lambda link: link.key)
