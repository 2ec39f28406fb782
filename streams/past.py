"""An environment as it was at one moment: objects, links and cliques, read from the history."""

from collections import Counter
from collections.abc import Callable, Iterator

from projections.change import Key, Kind
from projections.fold import environment_key, object_key, object_of
from projections.inventory import Obj, Ref
from projections.link import Link
from schemas.canonical import Document, decode_document
from schemas.events import Scope
from streams.comparison import is_the_same
from streams.history import History, KeyVersion, Version
from streams.moments import Moment


class Past:
    """The state after the event at `moment.offset`. What was read once is remembered: it can never change."""

    def __init__(self, history: History, environment: str, moment: Moment) -> None:
        """Look at `environment` as it was at `moment`."""
        self.environment = environment
        self.moment = moment
        self._history = history
        self._objects: dict[Ref, Obj | None] = {}
        self._links: dict[Ref, list[Link]] = {}

    def get(self, ref: Ref) -> Obj | None:
        """Answer the object, or None."""
        if ref not in self._objects:
            key = object_key(ref)
            version = self._history.get(self.environment, key, self.moment.offset)
            self._objects[ref] = None if version is None else _object(KeyVersion(key, version))
        return self._objects[ref]

    def links(self, ref: Ref) -> list[Link]:
        """Answer the links at an object, sorted."""
        if ref not in self._links:
            found = self._history.links(self.environment, ref, self.moment.offset)
            self._links[ref] = [_link(item) for item in found]
        return self._links[ref]

    def children(self, ref: Ref) -> list[Obj]:
        """Answer the objects directly under a parent, sorted by type and id."""
        return [_object(item) for item in self._history.children(self.environment, ref, self.moment.offset)]

    def families(self) -> Callable[[Ref], list[Obj]]:
        """Answer the same as `children` does, for whoever asks about most parents: everything is read at once."""
        found: dict[Ref, list[Obj]] = {}
        for obj in self.objects():
            found.setdefault(obj.parent, []).append(obj)
        return lambda ref: found.get(ref, [])

    def counts(self) -> dict[str, int]:
        """Answer how many objects there are of each type that has one, sorted by type."""
        return dict(Counter(item.key.type for item in self._all(Kind.OBJECT, None, None)))

    def objects(self, object_type: str | None = None, after: Key | None = None) -> Iterator[Obj]:
        """Yield the objects (of a type), sorted by type and id, beginning behind `after`."""
        return (_object(item) for item in self._all(Kind.OBJECT, object_type, after))

    def sightings(self) -> Iterator[tuple[Obj, Scope]]:
        """Yield every object with the fetch that saw it last, sorted by type and id."""
        return (object_of(item.key, item.version.value or b"{}") for item in self._all(Kind.OBJECT, None, None))

    def of_type(self, object_type: str, /) -> Iterator[Obj]:
        """Yield the objects of a type, sorted by id."""
        return self.objects(object_type)

    def all_links(self, link_type: str | None = None, after: Key | None = None) -> Iterator[Link]:
        """Yield the links (of a type), sorted by type and id, beginning behind `after`."""
        return (_link(item) for item in self._all(Kind.LINK, link_type, after))

    def cliques(self, focal_type: str | None = None, after: Key | None = None) -> Iterator[Document]:
        """Yield the cliques (around a type of object), sorted by focal object, beginning behind `after`."""
        return (_document(item.version) for item in self._all(Kind.CLIQUE, focal_type, after))

    def clique(self, ref: Ref) -> Document | None:
        """Answer the clique around an object, None if it has none."""
        return self.record(Key(Kind.CLIQUE, ref.type, ref.id))

    def records(self, kind: Kind) -> Iterator[Document]:
        """Yield the records of a kind (scans, snapshots), sorted by name."""
        return (_document(item.version) for item in self._all(kind, None, None))

    def all_of(self, kind: Kind) -> Iterator[tuple[Key, Document]]:
        """Yield the records of a kind with their keys, sorted."""
        return ((item.key, _document(item.version)) for item in self._all(kind, None, None))

    def record(self, key: Key) -> Document | None:
        """Answer one document as it stands in the history, None if it is not there."""
        version = self._history.get(self.environment, key, self.moment.offset)
        return None if version is None else _document(version)

    def settings(self) -> Document:
        """Answer what is known of the environment itself."""
        return self.record(environment_key(self.environment)) or {}

    def since(self, key: Key) -> int | None:
        """Answer the offset of the event that made the key what a person sees of it; None if it is not there."""
        version = self._history.get(self.environment, key, self.moment.offset)
        while version is not None:
            earlier = self._history.get(self.environment, key, version.offset - 1)
            if not is_the_same(key.kind, earlier, version):
                return version.offset
            version = earlier
        return None

    def _all(self, kind: Kind, type_: str | None, after: Key | None) -> Iterator[KeyVersion]:
        return self._history.all(self.environment, kind, self.moment.offset, type=type_, after=after)


def _object(item: KeyVersion) -> Obj:
    obj, _scope = object_of(item.key, item.version.value or b"{}")
    return obj


def _link(item: KeyVersion) -> Link:
    return Link.from_document(_document(item.version))


def _document(version: Version) -> Document:
    return decode_document(version.value or b"{}")
