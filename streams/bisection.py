"""Bisection: which event broke what an operator expects, found in the history without a replay."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from projections.change import Key, Kind
from projections.fold import object_key
from projections.inventory import Obj, Ref
from projections.link import Link, ends
from projections.tree import name_of
from schemas.canonical import Document
from schemas.errors import BadInput, NotFound
from streams.comparison import Change, cause_document, compare
from streams.expectation import Expectation
from streams.history import History
from streams.moments import Moment, iso
from streams.past import Past


@dataclass(frozen=True, slots=True)
class Looked:
    """What an evaluation read of a state: as long as none of it changes, it comes to the same."""

    keys: set[Key] = field(default_factory=set)
    """Objects and cliques, there or not."""
    types: set[str] = field(default_factory=set)
    """Types whose objects were listed."""
    names: set[Ref] = field(default_factory=set)
    """Types with a name that was looked for among their objects."""
    ends: set[Ref] = field(default_factory=set)
    """Objects whose links were listed."""

    def touches(self, key: Key) -> bool:
        """Answer whether a change of the key may change what was read."""
        if key.kind is Kind.LINK:
            return not self.ends.isdisjoint(ends(key.type, key.id))
        listed = key.type in self.types or any(key.type == name.type for name in self.names)
        return key in self.keys or (key.kind is Kind.OBJECT and listed)

    def tells(self, change: Change[int]) -> bool:
        """Answer whether a change is one that a person should see who asks why it came to something else."""
        if change.key.kind is not Kind.OBJECT or change.key in self.keys:
            return self.touches(change.key)
        if change.key.type in self.types and (change.before is None or change.after is None):
            return True
        names = {(document or {}).get("name") for document in (change.before, change.after)}
        return any(change.key.type == name.type and name.id in names for name in self.names)


class Watched:
    """A past moment that remembers what it was asked."""

    def __init__(self, past: Past) -> None:
        """Look at a moment."""
        self._past = past
        self.looked = Looked()

    def get(self, ref: Ref) -> Obj | None:
        """Answer the object, or None."""
        self.looked.keys.add(object_key(ref))
        return self._past.get(ref)

    def of_type(self, object_type: str, /) -> Iterator[Obj]:
        """Yield the objects of a type, sorted by id."""
        self.looked.types.add(object_type)
        return self._past.of_type(object_type)

    def named(self, object_type: str, name: str) -> list[Obj]:
        """Answer the objects of a type that have a name, sorted by id."""
        self.looked.names.add(Ref(object_type, name))
        return [obj for obj in self._past.of_type(object_type) if name_of(obj) == name]

    def links(self, ref: Ref) -> list[Link]:
        """Answer the links at an object, sorted."""
        self.looked.ends.add(ref)
        return self._past.links(ref)

    def clique(self, ref: Ref) -> Document | None:
        """Answer the clique around an object, None if it has none."""
        self.looked.keys.add(Key(Kind.CLIQUE, ref.type, ref.id))
        return self._past.clique(ref)


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether an expectation holds after the event at an offset, and what that hangs on."""

    offset: int
    holds: bool
    looked: Looked


class Bisection:
    """One expectation over the events of an environment that changed anything."""

    def __init__(self, history: History, environment: str, expectation: Expectation) -> None:
        """Evaluate `expectation` on states of `history`."""
        self._history = history
        self._environment = environment
        self._expectation = expectation
        self._found: dict[int, Finding] = {}

    @property
    def evaluations(self) -> int:
        """Answer at how many moments it was evaluated."""
        return len(self._found)

    def at(self, offset: int) -> Finding:
        """Answer whether it holds after the event at an offset."""
        if offset not in self._found:
            watched = Watched(Past(self._history, self._environment, Moment(offset, 0)))
            try:
                holds = self._expectation.holds(watched)
            except NotFound as error:
                raise NotFound(f"{self._environment} at offset {offset}: {error}") from error
            self._found[offset] = Finding(offset, holds, watched.looked)
        return self._found[offset]

    def failure(self, first: int, last: int) -> Finding:
        """Answer a moment at which it ceased to hold, given that it holds at `first` and not at `last`.

        It is the only one if it broke once; of several it is one of them, not surely the oldest.
        """
        offsets = self._offsets(first, last)
        low, high = 0, len(offsets) - 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.at(offsets[middle]).holds:
                low = middle
            else:
                high = middle
        return self.at(offsets[high])

    def flips(self, first: int, last: int) -> Iterator[Finding]:
        """Yield every moment after `first`, up to `last`, at which it holds and did not before, or the reverse; exact.

        It is evaluated only where something changed that the evaluation before had read.
        """
        offsets = self._offsets(first, last)
        here, now = 0, self.at(first)
        while (following := self._touched(offsets, here, now.looked)) is not None:
            here, before, now = following, now, self.at(offsets[following])
            if now.holds != before.holds:
                yield now

    def first_holding(self, last: int) -> Finding:
        """Answer the oldest moment up to `last` at which it holds; NotFound if there is none."""
        begin = next(self._history.checkpoints(self._environment)).offset
        if self.at(begin).holds:
            return self.at(begin)
        found = next(self.flips(begin, last), None)
        if found is None:
            raise NotFound(f"{self._environment}: the expectation never held up to offset {last}")
        return found

    def changes(self, found: Finding) -> list[Document]:
        """Answer what its event changed of all that the expectation looked at before and after it."""
        before = self.at(found.offset - 1)
        both = (before.looked, found.looked)
        changed = compare(self._history, self._environment, Moment(before.offset, 0), Moment(found.offset, 0))
        return [_document(change) for change in changed if any(looked.tells(change) for looked in both)]

    def _offsets(self, first: int, last: int) -> list[int]:
        """Answer `first` and the offsets after it, up to `last`, at which the state changed."""
        offsets, digest = [first], None
        for step in self._history.checkpoints(self._environment):
            if first < step.offset <= last and step.digest != digest:
                offsets.append(step.offset)
            digest = step.digest
        return offsets

    def _touched(self, offsets: list[int], here: int, looked: Looked) -> int | None:
        """Answer the index of the next offset that touches what was read: in growing strides, then by halves."""
        low, stride = here, 1
        while low < len(offsets) - 1:
            high = min(low + stride, len(offsets) - 1)
            if self._touches(offsets[low], offsets[high], looked):
                return self._nearest(offsets, low, high, looked)
            low, stride = high, stride * 2
        return None

    def _nearest(self, offsets: list[int], low: int, high: int, looked: Looked) -> int:
        while high - low > 1:
            middle = (low + high) // 2
            if self._touches(offsets[low], offsets[middle], looked):
                high = middle
            else:
                low = middle
        return high

    def _touches(self, after: int, upto: int, looked: Looked) -> bool:
        return any(looked.touches(key) for key in self._history.changed(self._environment, after, upto))


def _document(change: Change[int]) -> Document:
    return {
        "kind": change.key.kind.value,
        "type": change.key.type,
        "id": change.key.id,
        "name": (change.after or change.before or {}).get("name") or change.key.id,
        "change": "added" if change.before is None else "removed" if change.after is None else "changed",
        "fields": [{"field": f.field, "before": f.before, "after": f.after} for f, _ in change.fields],
    }


def bisect(
    history: History, environment: str, expectation: Expectation, first: Moment | None, last: Moment, *, every: bool
) -> Document:
    """Answer the event that broke an expectation between two moments, or `every` time that it broke and mended.

    Without `first` it begins where the expectation held first. BadInput if `first` lies behind `last`, or if the
    expectation does not hold there and not every flip is asked for; NotFound if it never held.
    """
    if first is not None and first.offset > last.offset:
        raise BadInput(f"bisect: offset {first.offset} lies behind offset {last.offset}; name the older moment first")
    search = Bisection(history, environment, expectation)
    begin = search.first_holding(last.offset) if first is None else search.at(first.offset)
    end = search.at(last.offset)
    if not begin.holds and not every:
        raise BadInput(
            f"bisect: the expectation does not hold at offset {begin.offset} already: name a moment at which it "
            "held, or none to begin where it held first, or ask for every flip"
        )
    if every:
        found = list(search.flips(begin.offset, end.offset))
    else:
        found = [] if end.holds else [search.failure(begin.offset, end.offset)]
    flips = [
        {
            "holds": flip.holds,
            "cause": cause_document(history, environment, flip.offset),
            "changes": search.changes(flip),
        }
        for flip in found
    ]
    return {
        "environment": environment,
        "from": _end(history, environment, begin, first),
        "to": _end(history, environment, end, last),
        "every": every,
        "flips": flips,
        "evaluations": search.evaluations,
    }


def broke(answer: Document) -> bool:
    """Answer whether an expectation did not hold at some moment that a bisection looked at."""
    return not answer["from"]["holds"] or any(not flip["holds"] for flip in answer["flips"])


def _end(history: History, environment: str, found: Finding, moment: Moment | None) -> Document:
    if moment is None:
        step = history.blame(environment, found.offset)
        moment = Moment(found.offset, 0 if step is None else step.logged_at)
    return {"offset": moment.offset, "time": iso(moment.time), "holds": found.holds}
