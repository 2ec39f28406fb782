"""The shared history: versions in a MongoDB that many processes write and read at once. A cache of the log.

Collections:
- `history_environments`: one document an environment, which says what its readers see: `present` and, while it is
  folded anew, `draft`, each with the name of a generation of rows and the position that they reach.
- `history_versions`: one row a version: `generation`, `key` (kind, type and id, NUL between), the interval of offsets
  `[offset, until)` in which it holds, `value`, and in `ends` the objects at which it is found. A removal is a row
  without value whose interval is empty.
- `history_steps`: one row an event that was folded.

A write puts its rows first and moves the position last, in one step that succeeds only from where it looked. Readers
ask for nothing behind the position, so that rows which are not complete do not exist for them; and rows are named by
what they tell, so that it is all the same how often, and by how many, they are written. Where two writers' batches end
differently, `until` of a version is the least that anybody found, and nobody finds another than its true successor.

What is asked, and what answers:
- position, environments, and what every answer is checked against: the `_id` of `history_environments`
- get, all, versions: `by_key`, in the order of the answer; predecessors when writing: `by_key`
- links, children: `by_end`
- changed, step_changes: `by_offset`
- blame, checkpoints: `_id` and `by_offset` of `history_steps`
- what is dropped: the first field of `by_offset`
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, TypeVar
from uuid import uuid4

from projections.change import Change, Key, Kind
from projections.inventory import Ref
from schemas.canonical import Document
from schemas.errors import HistoryError
from streams.history import NOTHING, Blame, KeyVersion, Position, Span, Step, Version
from streams.mongo_client import LARGEST, Database, Fields, Update
from streams.packing import ends, packed, unpacked

FORMAT: Final = 1
FOREVER: Final = 2**63 - 1
"""`until` of a version that has no successor yet."""

ENVIRONMENTS: Final = "history_environments"
VERSIONS: Final = "history_versions"
STEPS: Final = "history_steps"

INDEXES: Final[Sequence[tuple[str, str, Fields]]] = (
    (VERSIONS, "by_key", (("generation", 1), ("key", 1), ("offset", 1), ("until", 1))),
    (VERSIONS, "by_end", (("generation", 1), ("ends", 1), ("until", 1), ("offset", 1))),
    (VERSIONS, "by_offset", (("generation", 1), ("offset", 1), ("key", 1))),
    (STEPS, "by_offset", (("generation", 1), ("offset", 1))),
)

_PAGE: Final = 500
"""Rows of a long answer that are asked for at once."""

_MANY: Final = 1000
"""Keys that are asked for at once."""

_REMEMBERED: Final = 8
"""Generations that were dropped and are swept again, for a writer may have been late."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Generation:
    """What readers see of an environment: rows of a generation, up to a position."""

    name: str
    position: Position


class MongoHistory:
    """A history in a database; any number of threads and processes write and read at once."""

    def __init__(self, database: Database, *, draft: bool = False) -> None:
        """Declare the indexes; HistoryError if the server does not answer. Closes the database in the end.

        `draft`: write and read what is folded anew; the database then stays open.
        """
        self._database = database
        self._part = "draft" if draft else "present"
        self._seen: dict[str, Generation] = {}
        for collection, name, fields in () if draft else INDEXES:
            database.index(collection, name, fields)

    # -- what readers see ---------------------------------------------------------------------------

    def position(self, environment: str) -> Position:
        """Answer how far it reaches."""
        found = self.generation(environment)
        return NOTHING if found is None else found.position

    def generation(self, environment: str) -> Generation | None:
        """Answer what there is to see, None if there is nothing."""
        found = self._generation(self._document(environment), self._part)
        if found is None:
            self._seen.pop(environment, None)
        else:
            self._seen[environment] = found
        return found

    def _document(self, environment: str) -> Document:
        found = self._database.one(ENVIRONMENTS, {"_id": environment})
        if found is not None and found["format"] != FORMAT:
            raise HistoryError(
                f"{self._database.place}: the history of {environment} is of format {found['format']}, this version "
                f"knows {FORMAT} (a cache: drop the collections {ENVIRONMENTS}, {VERSIONS} and {STEPS})"
            )
        return found or {"dropped": []}

    @staticmethod
    def _generation(document: Document, part: str) -> Generation | None:
        found = document.get(part)
        if found is None:
            return None
        digest = int.from_bytes(found["digest"], "big")
        position = Position(found["offset"], found["resume_from"], digest, found["fold_version"])
        return Generation(found["generation"], position)

    def _ask(self, environment: str, at: int, ask: Callable[[str, int], _T]) -> _T | None:
        """Answer `ask(generation, upto)`, asked again if the generation was dropped meanwhile; None: nothing to see."""
        seen = self._seen.get(environment)
        if seen is None or at > seen.position.offset:
            seen = self.generation(environment)
        while seen is not None:
            answer = ask(seen.name, min(at, seen.position.offset))
            now = self.generation(environment)
            if now is not None and now.name == seen.name:
                return answer
            seen = now
        return None

    # -- writing -----------------------------------------------------------------------------------

    def write(self, environment: str, steps: Sequence[Step], position: Position, after: int) -> bool:
        """Take in the steps that follow `after`, in order and all or none; False if it does not reach there."""
        _check(steps)
        while True:
            seen = self.generation(environment)
            reached = NOTHING if seen is None else seen.position
            same_rules = reached.fold_version == position.fold_version
            if reached.offset < after or (reached.offset >= 0 and not same_rules):
                return False
            if position.offset <= reached.offset:
                return True
            if seen is None or not same_rules:  # never begun, or begun by other rules which left rows behind
                self._begin(environment, seen, position.fold_version)
                continue
            self._put(seen, [step for step in steps if step.offset > reached.offset])
            if self._move(environment, seen, position):
                return True

    def _begin(self, environment: str, seen: Generation | None, fold_version: int) -> None:
        """Name a generation to write; if another is faster, nothing happens."""
        self._database.insert(
            ENVIRONMENTS, {"_id": environment, "format": FORMAT, "present": None, "draft": None, "dropped": []}
        )
        begun = _stored(Generation(uuid4().hex, Position(-1, 0, 0, fold_version)))
        before = (
            {self._part: None} if seen is None else {f"{self._part}.generation": seen.name, f"{self._part}.offset": -1}
        )
        self._database.update(ENVIRONMENTS, {"_id": environment, **before}, {"$set": {self._part: begun}})

    def _put(self, seen: Generation, steps: Sequence[Step]) -> None:
        changes = [change for step in steps for change in step.changes]
        following: dict[str, int] = {}
        rows = []
        for change in reversed(changes):
            rows.append(_row(seen.name, change, following.get(_text(change.key), FOREVER)))
            following[_text(change.key)] = change.offset
        firsts: dict[str, Change] = {}
        for change in changes:
            firsts.setdefault(_text(change.key), change)
        closed = [key for key, change in firsts.items() if change.before is not None]
        for row in self._in_force(seen.name, closed, seen.position.offset, ["key", "offset"]):
            ended = {"$min": {"until": firsts[row["key"]].offset}}
            rows.append(Update(_id(seen.name, row["key"], row["offset"]), ended, upsert=False))
        self._database.bulk(VERSIONS, rows)
        self._database.bulk(STEPS, [_step(seen.name, step) for step in steps])

    def _in_force(self, generation: str, keys: Sequence[str], at: int, fields: Sequence[str]) -> Iterator[Document]:
        """Yield the rows that hold at an offset, of these keys."""
        for start in range(0, len(keys), _MANY):
            wanted = {"generation": generation, "key": {"$in": list(keys[start : start + _MANY])}, **_holds(at)}
            yield from self._database.find(VERSIONS, wanted, fields)

    def _move(self, environment: str, seen: Generation, position: Position) -> bool:
        """Move the position if it is not behind where it was seen; others may have moved it on meanwhile."""
        wanted = {
            "_id": environment,
            f"{self._part}.generation": seen.name,
            f"{self._part}.offset": {"$gte": seen.position.offset, "$lt": position.offset},
        }
        moved = Generation(seen.name, position)
        done = self._database.update(ENVIRONMENTS, wanted, {"$set": {self._part: _stored(moved)}})
        if done:
            self._seen[environment] = moved
        return done

    # -- reading -----------------------------------------------------------------------------------

    def get(self, environment: str, key: Key, at: int) -> Version | None:
        """Answer the key's version in force, None if it is not there."""

        def ask(generation: str, upto: int) -> list[Document]:
            wanted = {"generation": generation, "key": _text(key), "offset": {"$lte": upto}}
            return self._database.find(VERSIONS, wanted, ["offset", "value"], (("offset", -1),), 1)

        found = [_version(row) for row in (self._ask(environment, at, ask) or [])]
        return found[0] if found and found[0].value is not None else None

    def many(self, environment: str, keys: Iterable[Key], at: int) -> dict[Key, Version]:
        """Answer the versions in force of all keys that are there."""
        texts = [_text(key) for key in keys]

        def ask(generation: str, upto: int) -> dict[Key, Version]:
            rows = self._in_force(generation, texts, upto, ["key", "offset", "value"])
            return {_key(row["key"]): _version(row) for row in rows}

        return self._ask(environment, at, ask) or {}

    def there(self, environment: str, keys: Iterable[Key], at: int) -> set[Key]:
        """Answer the keys that are there."""
        texts = [_text(key) for key in keys]

        def ask(generation: str, upto: int) -> set[Key]:
            return {_key(row["key"]) for row in self._in_force(generation, texts, upto, ["key"])}

        return self._ask(environment, at, ask) or set()

    def all(
        self, environment: str, kind: Kind, at: int, *, type: str | None = None, after: Key | None = None
    ) -> Iterator[KeyVersion]:
        """Yield everything of a kind (and type) that is there, sorted by key, beginning behind `after`."""
        prefix = f"{kind.value}\0" if type is None else f"{kind.value}\0{type}\0"
        bounds = {"$gte": prefix, "$lt": f"{prefix[:-1]}\1"}
        if after is not None and _text(after) >= prefix:
            bounds = {"$gt": _text(after), "$lt": bounds["$lt"]}
        upto = min(at, self.position(environment).offset)  # one moment for every page
        fields, order = ["key", "offset", "value"], (("key", 1),)
        while True:

            def ask(generation: str, moment: int, bounds: dict[str, str] = bounds) -> list[Document]:
                wanted = {"generation": generation, "key": bounds, **_holds(moment)}
                return self._database.find(VERSIONS, wanted, fields, order, _PAGE)

            page = self._ask(environment, upto, ask) or []
            for row in page:
                yield KeyVersion(_key(row["key"]), _version(row))
            if len(page) < _PAGE:
                return
            bounds = {"$gt": page[-1]["key"], "$lt": bounds["$lt"]}

    def links(self, environment: str, ref: Ref, at: int) -> list[KeyVersion]:
        """Answer the links at an object, sorted by key."""
        return self._found_at(environment, [ref], Kind.LINK, at)

    def children(self, environment: str, parent: Ref, at: int) -> list[KeyVersion]:
        """Answer the objects directly under a parent, sorted by key."""
        return self._found_at(environment, [parent], Kind.OBJECT, at)

    def children_of(self, environment: str, parents: Sequence[Ref], at: int) -> list[KeyVersion]:
        """Answer the objects directly under any of the parents, sorted by key."""
        found: list[KeyVersion] = []
        for start in range(0, len(parents), _MANY):
            found += self._found_at(environment, parents[start : start + _MANY], Kind.OBJECT, at)
        return sorted(found, key=lambda item: item.key)

    def _found_at(self, environment: str, refs: Sequence[Ref], kind: Kind, at: int) -> list[KeyVersion]:
        places: Any = [_end(kind, ref) for ref in refs]

        def ask(generation: str, upto: int) -> list[Document]:
            wanted = {
                "generation": generation,
                "ends": places[0] if len(places) == 1 else {"$in": places},
                **_holds(upto),
            }
            return self._database.find(VERSIONS, wanted, ["key", "offset", "value"])

        found = [KeyVersion(_key(row["key"]), _version(row)) for row in (self._ask(environment, at, ask) or [])]
        return sorted(found, key=lambda item: item.key)

    def versions(self, environment: str, key: Key, after: int, upto: int) -> list[Version]:
        """Answer the key's versions with after < offset <= upto, oldest first, removals included."""

        def ask(generation: str, reach: int) -> list[Document]:
            wanted = {"generation": generation, "key": _text(key), "offset": {"$gt": after, "$lte": reach}}
            return self._database.find(VERSIONS, wanted, ["offset", "value"], (("offset", 1),))

        return [_version(row) for row in (self._ask(environment, upto, ask) or [])]

    def spans(self, environment: str, after: int, upto: int, kinds: Collection[Kind] = tuple(Kind)) -> Iterator[Span]:
        """Yield what each key of some kinds was and became that has a version in (after, upto], sorted by key."""

        def ask(generation: str, reach: int) -> list[Document]:
            wanted = {"generation": generation, "offset": {"$gt": after, "$lte": reach}}
            return self._database.find(VERSIONS, wanted, ["key", "offset", "value"], (("offset", 1),))

        found: dict[Key, list[Version]] = {}
        for row in self._ask(environment, upto, ask) or []:
            found.setdefault(_key(row["key"]), []).append(_version(row))
        for key in sorted(key for key in found if key.kind in kinds):
            yield Span(key, self.get(environment, key, after), found[key])

    def changed(self, environment: str, after: int, upto: int) -> list[Key]:
        """Answer the keys that have a version with after < offset <= upto, sorted."""

        def ask(generation: str, reach: int) -> list[Document]:
            wanted = {"generation": generation, "offset": {"$gt": after, "$lte": reach}}
            return self._database.find(VERSIONS, wanted, ["key"])

        texts = {row["key"] for row in (self._ask(environment, upto, ask) or [])}
        return sorted(_key(text) for text in texts)

    def blame(self, environment: str, offset: int) -> Blame | None:
        """Answer the event at an offset, None if it is not in the history."""

        def ask(generation: str, reach: int) -> Document | None:
            return self._database.one(STEPS, {"_id": f"{generation} {offset}"}) if offset <= reach else None

        found = self._ask(environment, offset, ask)
        return None if found is None else _blame(found)

    def blames(self, environment: str, offsets: Iterable[int], upto: int) -> dict[int, Blame]:
        """Answer the events at many offsets."""
        asked = sorted(set(offsets))

        def ask(generation: str, reach: int) -> dict[int, Blame]:
            found: list[Document] = []
            for start in range(0, len(asked), _MANY):
                ids = [f"{generation} {offset}" for offset in asked[start : start + _MANY] if offset <= reach]
                found += self._database.find(STEPS, {"_id": {"$in": ids}})
            return {row["offset"]: _blame(row) for row in found}

        return self._ask(environment, upto, ask) or {}

    def checkpoints(self, environment: str, after: int | None = None) -> Iterator[Blame]:
        """Yield the folded events (behind an offset) with the digest after each, in order."""
        last, upto = -1 if after is None else after, self.position(environment).offset
        while True:

            def ask(generation: str, reach: int, last: int = last) -> list[Document]:
                wanted = {"generation": generation, "offset": {"$gt": last, "$lte": reach}}
                return self._database.find(STEPS, wanted, None, (("offset", 1),), _PAGE)

            page = self._ask(environment, upto, ask) or []
            yield from (_blame(row) for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1]["offset"]

    def step_changes(self, environment: str, offset: int) -> list[KeyVersion]:
        """Answer what the event at an offset changed, sorted by key."""

        def ask(generation: str, reach: int) -> list[Document]:
            wanted = {"generation": generation, "offset": offset}
            fields, order = ["key", "offset", "value"], (("key", 1),)
            return self._database.find(VERSIONS, wanted, fields, order) if offset <= reach else []

        return [KeyVersion(_key(row["key"]), _version(row)) for row in (self._ask(environment, offset, ask) or [])]

    def environments(self) -> list[str]:
        """Answer the environments it holds, sorted."""
        found = self._database.find(ENVIRONMENTS, {f"{self._part}.offset": {"$gte": 0}}, ["_id"])
        return sorted(row["_id"] for row in found)

    # -- beginning anew ------------------------------------------------------------------------------

    def forget(self, environment: str) -> None:
        """Drop everything of an environment: the log can tell it again."""
        while True:
            document = self._document(environment)
            found = self._generation(document, self._part)
            if found is None:
                return
            dropped = _dropped(document, found)
            wanted = {"_id": environment, f"{self._part}.generation": found.name}
            if self._database.update(ENVIRONMENTS, wanted, {"$set": {self._part: None, "dropped": dropped}}):
                self._seen.pop(environment, None)
                self._sweep(dropped)
                return

    def draft(self, environment: str) -> "MongoHistory":  # noqa: ARG002 - another engine may keep each by itself
        """Answer the history that environments are folded anew into; `adopt` puts it in the place of this one's."""
        return MongoHistory(self._database, draft=True)

    def fresh(self, environment: str) -> "MongoHistory":
        """As `draft`, begun again: it holds nothing of the environment yet."""
        draft = self.draft(environment)
        draft.forget(environment)
        return draft

    def adopt(self, environment: str) -> bool:
        """Let what was folded into the draft take the place of what is here, at once; False if it reaches less far."""
        while True:
            document = self._document(environment)
            draft, present = (self._generation(document, part) for part in ("draft", "present"))
            if draft is None or (present is not None and draft.position.offset < present.position.offset):
                return False
            dropped = document["dropped"] if present is None else _dropped(document, present)
            wanted = {"_id": environment, **_is("draft", draft), **_is("present", present)}
            change = {"present": _stored(draft), "draft": None, "dropped": dropped}
            if self._database.update(ENVIRONMENTS, wanted, {"$set": change}):
                self._seen.pop(environment, None)
                self._sweep(dropped)
                return True

    def _sweep(self, generations: Iterable[str]) -> None:
        """Delete the rows of generations that nobody sees; no name comes again, so that it is safe at any time."""
        for generation in generations:
            for collection in (VERSIONS, STEPS):
                self._database.delete(collection, {"generation": generation})

    def close(self) -> None:
        """Release the connections."""
        if self._part == "present":
            self._database.close()


def _check(steps: Sequence[Step]) -> None:
    for step in steps:
        keys = [change.key for change in step.changes]
        if len(set(keys)) < len(keys):
            raise HistoryError(f"the event at offset {step.offset} changes a key twice")


def _stored(generation: Generation) -> Document:
    reached = generation.position
    return {
        "generation": generation.name,
        "offset": reached.offset,
        "resume_from": reached.resume_from,
        "digest": reached.digest.to_bytes(32, "big"),
        "fold_version": reached.fold_version,
    }


def _is(part: str, found: Generation | None) -> Document:
    """Answer the condition that nothing moved since it was found."""
    if found is None:
        return {part: None}
    return {f"{part}.generation": found.name, f"{part}.offset": found.position.offset}


def _dropped(document: Document, generation: Generation) -> list[str]:
    return [*document["dropped"], generation.name][-_REMEMBERED:]


def _holds(at: int) -> Document:
    """Answer the condition that a row's interval covers an offset."""
    return {"offset": {"$lte": at}, "until": {"$gt": at}}


def _text(key: Key) -> str:
    """Answer the key as one text; texts sort as the keys do."""
    if "\0" in key.type:
        raise HistoryError(f"a type of {key.kind.value}s with a NUL in it cannot be kept: {key.type!r}")
    return f"{key.kind.value}\0{key.type}\0{key.id}"


def _key(text: str) -> Key:
    kind, key_type, key_id = text.split("\0", 2)
    try:
        return Key(Kind(kind), key_type, key_id)
    except ValueError as error:
        raise HistoryError(f"the history holds a key of no known kind: {error}") from error


def _end(kind: Kind, ref: Ref) -> str:
    return f"{kind.value}\0{ref.type}\0{ref.id}"


def _id(generation: str, key: str, offset: int) -> str:
    return f"{generation} {offset} {blake2b(key.encode(), digest_size=16).hexdigest()}"


def _row(generation: str, change: Change, until: int) -> Update:
    """Answer what puts a version, or lets its interval end earlier."""
    key, value = _text(change.key), packed(change.after)
    if value is not None and len(value) > LARGEST:
        raise HistoryError(
            f"{change.key.kind.value} {change.key.type} {change.key.id[:200]} takes {len(value)} bytes at offset "
            f"{change.offset}, and MongoDB keeps no document of more than 16 MiB"
        )
    row: Document = {"generation": generation, "key": key, "offset": change.offset}
    if value is not None:
        row["value"] = value
    if found_at := [_end(change.key.kind, ref) for ref in ends(change)]:
        row["ends"] = found_at
    ended = change.offset if value is None else until
    return Update(_id(generation, key, change.offset), {"$setOnInsert": row, "$min": {"until": ended}})


def _step(generation: str, step: Step) -> Update:
    row = {
        "generation": generation,
        "offset": step.offset,
        "logged_at": step.logged_at,
        "occurred_at": step.occurred_at,
        "source": step.source,
        "event_id": step.event_id,
        "event": step.event,
        "digest": step.digest.to_bytes(32, "big"),
    }
    return Update(f"{generation} {step.offset}", {"$setOnInsert": row})


def _version(row: Document) -> Version:
    return Version(row["offset"], unpacked(row["offset"], row.get("value")))


def _blame(row: Document) -> Blame:
    return Blame(
        row["offset"],
        row["logged_at"],
        row["occurred_at"],
        row["source"],
        row["event_id"],
        row["event"],
        int.from_bytes(row["digest"], "big"),
    )
