"""Objects, links and cliques as documents in the shape of the original Calipso, for readers of its collections.

What differs from the original: an `_id` is made from the name of what it stands for, so that it is the same after a
rebuild; a folder is there while something is in it; a link is named by its type and both ends; a clique names its links
and nodes and holds no copies of them, which did not follow a link's state; `clique_type` is the recipe's name.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from projections.change import Key
from projections.inventory import Obj
from projections.tree import Step, folders, id_path, name_of, name_path
from schemas.canonical import Document, decode_document
from streams.mongo_client import object_id

INVENTORY: Final = "inventory"
LINKS: Final = "links"
CLIQUES: Final = "cliques"

_LARGEST: Final = 2**63 - 1
"""The largest whole number of a MongoDB document; what is larger is written as text."""


def identity(environment: str, collection: str, kind: str, name: str) -> object:
    """Answer the `_id` of a document: `kind` and `name` are type and id of an object, a folder, a link or a focus."""
    words = "\0".join((environment, collection, kind, name))
    return object_id(blake2b(words.encode(), digest_size=12).digest())


def object_document(environment: str, obj: Obj, path: Sequence[Step], scanned_at: int, in_clique: bool) -> Document:
    """Answer an object's document. `path` leads from the root to it; `scanned_at`: microseconds since 1970-01-01 UTC.

    What the source names like a field of Calipso's own is hidden by that field.
    """
    document = {_field(name): _plain(value) for name, value in obj.document.items()}
    document |= _placed(environment, path)
    document["last_scanned"] = datetime.fromtimestamp(scanned_at / 1_000_000, UTC)
    document["name"] = name_of(obj)
    document["clique"] = in_clique
    return document


def folder_documents(environment: str, obj: Obj, path: Sequence[Step]) -> list[Document]:
    """Answer the documents of the folders between an object and its parent."""
    last = len(path) - 1
    found = []
    for place in range(last - len(folders(obj)), last):
        document = _placed(environment, path[: place + 1])
        document["name"] = document["text"] = path[place].name
        found.append(document)
    return found


def link_document(environment: str, key: Key, value: bytes) -> Document:
    """Answer a link's document from its kept value."""
    link = decode_document(value)
    document = {
        "_id": identity(environment, LINKS, key.type, key.id),
        "environment": environment,
        "link_type": key.type,
        "link_name": link["name"],
        "link_weight": 0,
        "source": identity(environment, INVENTORY, link["source_type"], link["source_id"]),
        "source_id": link["source_id"],
        "source_type": link["source_type"],
        "source_label": "",
        "target": identity(environment, INVENTORY, link["target_type"], link["target_id"]),
        "target_id": link["target_id"],
        "target_type": link["target_type"],
        "target_label": "",
        "state": link["state"],
        "implicit": link["implicit"],
        "attributes": _plain(link["attributes"]),
    }
    return document if link["host"] is None else {**document, "host": link["host"]}


def clique_document(environment: str, key: Key, value: bytes) -> Document:
    """Answer a clique's document from its kept value."""
    clique = decode_document(value)
    return {
        "_id": identity(environment, CLIQUES, key.type, key.id),
        "environment": environment,
        "focal_point": identity(environment, INVENTORY, key.type, key.id),
        "focal_point_type": key.type,
        "focal_point_object_id": key.id,
        "clique_type": clique["clique_type"],
        "constraints": _plain(clique["constraints"]),
        "nodes": [identity(environment, INVENTORY, *node) for node in clique["nodes"]],
        "links": [identity(environment, LINKS, *link) for link in clique["links"]],
    }


def _placed(environment: str, path: Sequence[Step]) -> Document:
    """Answer what every node of the tree carries."""
    own = path[-1]
    above = path[-2] if len(path) > 1 else None
    return {
        "_id": identity(environment, INVENTORY, own.type, own.id),
        "environment": environment,
        "type": own.type,
        "id": own.id,
        "object_name": own.name,
        "parent_type": None if above is None else above.type,
        "parent_id": None if above is None else above.id,
        "id_path": id_path([*path]),
        "name_path": name_path([*path]),
        "show_in_tree": True,
    }


def _field(name: str) -> str:
    """Answer a name that MongoDB takes for a field, a dot written as the original wrote it."""
    plain = name.replace(".", "[dot]").replace("\0", "[nul]")
    return f"[dollar]{plain[1:]}" if plain.startswith("$") else plain


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {_field(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, int) and abs(value) > _LARGEST:
        return str(value)
    return value
