"""The read model: the present of each environment in the original Calipso's collections, kept up to the history."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar
from uuid import uuid4

from projections.change import Key, Kind
from projections.fold import object_key, object_of
from projections.inventory import Obj, Ref
from projections.tree import folder_steps, name_of, path
from schemas.canonical import Document
from schemas.vocabulary import ENVIRONMENT
from streams.history import KeyVersion, Position, Step, Version
from streams.mongo_client import Database, Fields, Put, Remove
from streams.mongo_history import Generation, MongoHistory
from streams.read_model import (
    CLIQUES,
    INVENTORY,
    LINKS,
    clique_document,
    folder_documents,
    identity,
    link_document,
    object_document,
)

POSITIONS: Final = "read_model"
"""One document an environment: how far its collections are (`generation` of the history, `offset`), and in `working`
who is writing, from which offset on. Who has died in the midst of it stays there until his part was done again."""

INDEXES: Final[Sequence[tuple[str, str, Fields]]] = (
    (INVENTORY, "by_name", (("environment", 1), ("type", 1), ("id", 1))),
    (INVENTORY, "by_parent", (("environment", 1), ("parent_id", 1))),
    (INVENTORY, "by_path", (("environment", 1), ("id_path", 1))),
    (LINKS, "by_source", (("environment", 1), ("source_id", 1), ("target_id", 1))),
    (LINKS, "by_target", (("environment", 1), ("target_id", 1))),
    (LINKS, "by_type", (("environment", 1), ("link_type", 1))),
    (CLIQUES, "by_focal_point", (("environment", 1), ("focal_point", 1))),
)

_PAGE: Final = 500
_OVERDUE: Final = 60.0
"""Seconds after which who is writing is taken for dead. One who was only slow still looks after himself."""

_T = TypeVar("_T")


class ServedHistory(MongoHistory):
    """The history of who folds: it keeps the read model up to what it writes."""

    def __init__(self, database: Database) -> None:
        """As MongoHistory; then bring every environment's read model up to where the history is."""
        super().__init__(database)
        self._model = ReadModel(database, self)
        for environment in self.environments():
            self._model.advance(environment)

    def write(self, environment: str, steps: Sequence[Step], position: Position, after: int) -> bool:
        """As MongoHistory. An error of the read model comes after the steps were taken in; writing again heals it."""
        taken = super().write(environment, steps, position, after)
        if taken:
            self._model.advance(environment)
        return taken

    def adopt(self, environment: str) -> bool:
        """As MongoHistory."""
        adopted = super().adopt(environment)
        if adopted:
            self._model.advance(environment)
        return adopted


class ReadModel:
    """Writes what changed in the history; what it writes twice, or two write at once, comes out the same."""

    def __init__(self, database: Database, history: MongoHistory) -> None:
        """Declare the indexes."""
        self._database = database
        self._history = history
        for collection, name, fields in INDEXES:
            database.index(collection, name, fields)

    def advance(self, environment: str) -> None:
        """Bring the collections to where the history is."""
        own, begun = uuid4().hex, None
        while True:
            seen = self._history.generation(environment)
            if seen is None or seen.position.offset < 0:
                return  # what is there stays until the history tells of the environment again
            stood = self._database.one(POSITIONS, {"_id": environment}) or {}
            working = stood.get("working", {})
            start = _start(stood, seen, [one for name, one in working.items() if name != own], begun)
            if start == seen.position.offset and not working:
                return
            begun = start
            mine = {"generation": seen.name, "offset": start, "since": time.time()}
            self._database.update(POSITIONS, {"_id": environment}, {"$set": {f"working.{own}": mine}}, upsert=True)
            thorough = start != stood.get("offset")
            _Writing(self._database, self._history, environment, seen.position.offset).write(start, thorough)
            if self._finish(environment, stood, seen, [own, *_overdue(working)]):
                return

    def _finish(self, environment: str, stood: Document, seen: Generation, done: Iterable[str]) -> bool:
        """Say how far the collections are, if nobody else did so meanwhile."""
        wanted = {"_id": environment, "generation": stood.get("generation"), "offset": stood.get("offset")}
        reached = {"generation": seen.name, "offset": seen.position.offset}
        left = {f"working.{name}": "" for name in done}
        return self._database.update(POSITIONS, wanted, {"$set": reached, "$unset": left})


def _start(stood: Document, seen: Generation, working: Iterable[Document], begun: int | None) -> int:
    """Answer the offset from which on the collections may lack something; -1: all of it."""
    if stood.get("generation") != seen.name:
        return -1
    parts: list[int] = [stood["offset"]]
    parts += [one["offset"] if one["generation"] == seen.name else -1 for one in working]
    return min(parts if begun is None else [*parts, begun])


def _overdue(working: dict[str, Document]) -> list[str]:
    return [name for name, one in working.items() if one["since"] < time.time() - _OVERDUE]


class _Writing:
    """The documents of one environment, as of one offset of the history."""

    def __init__(self, database: Database, history: MongoHistory, environment: str, at: int) -> None:
        self._database = database
        self._history = history
        self._environment = environment
        self._at = at
        self._above: dict[Ref, Obj | None] = {}

    def write(self, start: int, thorough: bool) -> None:
        """Write what changed behind `start`, or everything if that is -1.

        `thorough`: somebody may have written documents of any moment in between.
        """
        if start < 0:
            self._write_all()
        else:
            self._write_changed(start, thorough)

    # -- everything --------------------------------------------------------------------------------

    def _write_all(self) -> None:
        kept: dict[str, set[object]] = {INVENTORY: set(), LINKS: set(), CLIQUES: set()}
        for page in _pages(self._all(Kind.OBJECT)):
            kept[INVENTORY].update(self._put_objects(page))
        for kind, collection in ((Kind.LINK, LINKS), (Kind.CLIQUE, CLIQUES)):
            for page in _pages(self._all(kind)):
                kept[collection].update(self._put(collection, [self._document(item) for item in page]))
        for collection, ids in kept.items():
            found = self._database.find(collection, {"environment": self._environment}, ["_id"])
            self._database.bulk(collection, [Remove(row["_id"]) for row in found if row["_id"] not in ids])

    def _all(self, kind: Kind) -> Iterator[KeyVersion]:
        return self._history.all(self._environment, kind, self._at)

    # -- what changed ------------------------------------------------------------------------------

    def _write_changed(self, start: int, thorough: bool) -> None:
        changed = self._history.changed(self._environment, start, self._at)
        objects = [key for key in changed if key.kind is Kind.OBJECT]
        before = self._before(objects, start, thorough)
        focal = {Key(Kind.OBJECT, key.type, key.id) for key in changed if key.kind is Kind.CLIQUE}
        now = self._now([*objects, *sorted(focal - set(objects))])
        now |= self._below([key for key in objects if self._moved(key, before[key], now.get(key))])
        for page in _pages(sorted(now.items())):
            self._put_objects([KeyVersion(*item) for item in page])
        gone = [Remove(self._id(INVENTORY, key)) for key in objects if key not in now]
        self._database.bulk(INVENTORY, [*gone, *self._empty_folders(before, now)])
        for kind, collection in ((Kind.LINK, LINKS), (Kind.CLIQUE, CLIQUES)):
            for keys in _pages(key for key in changed if key.kind is kind):
                found = self._now(keys)
                self._put(collection, [self._document(KeyVersion(*item)) for item in found.items()])
                self._database.bulk(collection, [Remove(self._id(collection, key)) for key in keys if key not in found])

    def _now(self, keys: Iterable[Key]) -> dict[Key, Version]:
        return {key: version for page in _pages(keys) for key, version in self._many(page, self._at).items()}

    def _many(self, keys: Sequence[Key], at: int) -> dict[Key, Version]:
        return self._history.many(self._environment, keys, at)

    def _before(self, keys: Sequence[Key], start: int, thorough: bool) -> dict[Key, list[Obj]]:
        """Answer the objects as they were at `start`, and if `thorough` as they were at any moment since."""
        found: dict[Key, list[Obj]] = {key: [] for key in keys}
        for page in _pages(keys):
            for key, version in self._many(page, start).items():
                found[key].append(_object(key, version))
        for key in keys if thorough else ():
            for version in self._history.versions(self._environment, key, start, self._at):
                if version.value is not None:
                    found[key].append(_object(key, version))
        return found

    @staticmethod
    def _moved(key: Key, before: Sequence[Obj], version: Version | None) -> bool:
        """Answer whether what is below an object may have got another path."""
        places = {_place(obj) for obj in before}
        return not before or version is None or places != {_place(_object(key, version))}

    def _below(self, keys: Iterable[Key]) -> dict[Key, Version]:
        """Answer all that is below some objects."""
        found: dict[Key, Version] = {}
        level = [Ref(key.type, key.id) for key in keys]
        while level:
            children = self._history.children_of(self._environment, level, self._at)
            new = [item for item in children if item.key not in found]
            found.update(new)
            level = [Ref(item.key.type, item.key.id) for item in new]
        return found

    def _empty_folders(self, before: dict[Key, list[Obj]], now: dict[Key, Version]) -> list[Remove]:
        """Answer the folders to remove: something that was in them left them, and nothing is in them now."""
        left: dict[Ref, set[tuple[str, str]]] = {}
        for key, objects in before.items():
            version = now.get(key)
            place = None if version is None else _place(_object(key, version))
            for obj in objects:
                if _place(obj) != place:
                    left.setdefault(obj.parent, set()).update((step.type, step.id) for step in folder_steps(obj))
        parents = sorted(left)
        children = self._history.children_of(self._environment, parents, self._at) if parents else []
        kept = {(step.type, step.id) for item in children for step in folder_steps(_object(*item))}
        gone = sorted(set().union(*left.values()) - kept)
        return [Remove(identity(self._environment, INVENTORY, *folder)) for folder in gone]

    # -- documents ---------------------------------------------------------------------------------

    def _put_objects(self, items: Sequence[KeyVersion]) -> set[object]:
        """Put the documents of objects and of the folders that they are in; answer their ids."""
        objects = [_object(*item) for item in items]
        self._climb(objects)
        events = self._history.blames(self._environment, {item.version.offset for item in items}, self._at)
        cliques = [Key(Kind.CLIQUE, obj.type, obj.id) for obj in objects]
        focal = self._history.there(self._environment, cliques, self._at)
        documents: dict[object, Document] = {}
        for obj, item, clique in zip(objects, items, cliques, strict=True):
            way = path(obj, self._environment, self._above.get)
            event = events.get(item.version.offset)
            scanned_at = 0 if event is None else event.logged_at
            own = object_document(self._environment, obj, way, scanned_at, clique in focal)
            for document in (own, *folder_documents(self._environment, obj, way)):
                documents[document["_id"]] = document
        return self._put(INVENTORY, documents.values())

    def _climb(self, objects: Sequence[Obj]) -> None:
        """Get to know everything above some objects."""
        while True:
            parents = {obj.parent for obj in objects if obj.parent.type != ENVIRONMENT} - self._above.keys()
            if not parents:
                return
            found = self._now(sorted(object_key(parent) for parent in parents))
            objects = [_object(key, version) for key, version in found.items()]
            self._above.update(dict.fromkeys(parents))
            self._above.update((obj.ref, obj) for obj in objects)

    def _document(self, item: KeyVersion) -> Document:
        make = link_document if item.key.kind is Kind.LINK else clique_document
        return make(self._environment, item.key, item.version.value or b"")

    def _id(self, collection: str, key: Key) -> object:
        return identity(self._environment, collection, key.type, key.id)

    def _put(self, collection: str, documents: Iterable[Document]) -> set[object]:
        puts = [Put(document) for document in documents]
        self._database.bulk(collection, puts)
        return {put.document["_id"] for put in puts}


def _object(key: Key, version: Version) -> Obj:
    return object_of(key, version.value or b"")[0]


def _place(obj: Obj) -> tuple[object, ...]:
    """Answer what the paths of everything below an object depend on."""
    return (name_of(obj), obj.parent, *folder_steps(obj))


def _pages(items: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(items)
    while page := list(islice(left, _PAGE)):
        yield page
