"""raphtory's PersistentGraph as a store of the same changes, in memory.

Objects, cliques and records are nodes, links are edges between objects in a layer of their type; time is the offset.
raphtory can delete edges but no nodes: a node that goes gets an empty document, and is left out of every answer.
"""

from collections.abc import Sequence
from typing import Any

from benchmarks.peer import Item, ends_of, key_of_name, name_of_key, name_of_object, needed
from projections.change import Change, Key, Kind
from projections.inventory import Ref

try:
    import raphtory
except ImportError:
    raphtory = None  # type: ignore[assignment]  # then nobody comes to ask for it

_GONE = ""
_NODES = ["object", "clique"]


class RaphtoryPeer:
    """A graph of everything that ever was."""

    name = "raphtory, in memory"

    def __init__(self) -> None:
        """Begin empty; Missing if raphtory is not installed."""
        if raphtory is None:
            raise needed("raphtory")
        self._graph: Any = raphtory.PersistentGraph()

    def take(self, changes: Sequence[Change]) -> None:
        """Take in the changes of one event, one update at a time."""
        graph = self._graph
        for key, before, after, at in changes:
            if key.kind is not Kind.LINK:
                document = _GONE if after is None else after.decode()
                graph.add_node(at, name_of_key(key), {"document": document}, node_type=key.kind.value)
            elif after is not None:
                graph.add_edge(at, *ends_of(key), {"document": after.decode()}, layer=key.type)
            elif before is not None:
                graph.delete_edge(at, *ends_of(key), layer=key.type)

    def get(self, key: Key, at: int) -> bytes | None:
        """Answer the value of an object or a clique after an offset, None if it is not there."""
        node = self._graph.at(at).node(name_of_key(key))
        document = None if node is None else node.properties.get("document")
        return document.encode() if document else None

    def links(self, ref: Ref, at: int) -> list[Item]:
        """Answer the links at an object, sorted."""
        node = self._graph.at(at).node(name_of_object(ref))
        return [] if node is None else sorted(_links(node.edges.explode_layers()))

    def everything(self, at: int) -> list[Item]:
        """Answer all objects, links and cliques, in any order."""
        graph = self._graph.at(at)
        nodes = graph.nodes.type_filter(_NODES)
        documents = zip(nodes.name.collect(), nodes.properties.get("document"), strict=True)
        found = [(key_of_name(name), document.encode()) for name, document in documents if document]
        return found + _links(graph.edges.explode_layers())

    def close(self) -> None:
        """Let the graph go."""
        self._graph = None


def _links(edges: Any) -> list[Item]:  # noqa: ANN401 - raphtory's own
    documents = edges.properties.get("document")
    if documents is None:  # of no edge at all
        return []
    columns = (edges.layer_name, edges.src.name, edges.dst.name, documents)
    return [
        (Key(Kind.LINK, layer, f"{_id(source)}|{_id(target)}"), document.encode())
        for layer, source, target, document in zip(*columns, strict=True)
    ]


def _id(name: str) -> str:
    return name.rsplit("\0", 1)[1]
