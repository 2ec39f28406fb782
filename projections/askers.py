"""Who asked what of the inventory: which joins and questions could be answered otherwise after a change."""

from collections.abc import Container, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from projections.inventory import InventoryView, Obj, Question, Touched
from projections.reading import ASK, Asked, Asker, JoinKey, Parts, Read, Reading, answering, changed, moved
from projections.rules.rule import Keys, Rule


class Answered(NamedTuple):
    """What a question was answered, and what was asked for to come to it."""

    answer: Any
    reads: Set[Read]


Watching = Mapping[str, Sequence[tuple[int, Keys]]]
"""For each type of object, the rules that it starts a join of: their place and how they name its keys."""


class Askers:
    """Joins and questions with what they asked for.

    A question is answered once for all who ask it, and again when something that it asked for changed: who asked it is
    concerned only if the answer is another.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Start with nobody."""
        self._watching = watching(rules)
        self._concerns: dict[int | Question[Any], dict[str, frozenset[str]]] = {}
        """Of each rule and question, what it says that it reads."""
        for place, rule in enumerate(rules):
            self._concerns[place] = {name: frozenset(read) for name, read in rule.reads.items()}
        self._readers: dict[Read, set[Asker]] = {}
        self._answered: dict[Asked, Answered] = {}
        self._asked: dict[str, set[str]] = {}
        """Of each type, the attributes by whose value objects were ever asked for."""
        self._parts: dict[str, set[Parts[Any, Any]]] = {}
        """Of each type, the parts that were ever asked for."""

    @property
    def kept(self) -> tuple[dict[Read, set[Asker]], dict[Asked, Answered]]:
        """Answer all that is remembered of objects: who asked for what, and what questions were answered."""
        return self._readers, self._answered

    def remember(self, asker: Asker, before: Set[Read], after: Set[Read]) -> None:
        """Take in that a join or a question asked for something else than it did before."""
        for read in before - after if before else ():
            self._forget(read, asker)
        for read in after - before if before else after:
            readers = self._readers.get(read)
            if readers is None:
                self._readers[read] = {asker}
                self._learn(read)
            else:
                readers.add(asker)

    def _forget(self, read: Read, asker: Asker) -> None:
        readers = self._readers[read]
        readers.discard(asker)
        if not readers:
            del self._readers[read]
            if read[0] == ASK:
                question = Asked(read[1], read[2])
                self.remember(question, self._answered.pop(question).reads, set())

    def _learn(self, read: Read) -> None:
        """Take in by what objects may be asked for."""
        if read[0] == "get":
            return
        if read[0] == "where":
            self._asked.setdefault(read[1], set()).add(read[2])
        elif read[0] == "part":
            self._parts.setdefault(read[1], set()).add(read[3])
        elif read[0] == ASK:
            question: Question[Any] = read[1]
            self._concerns[question] = {name: frozenset(reads) for name, reads in question.reads.items()}

    # -- questions ------------------------------------------------------------------------------------

    def reading(self, view: InventoryView) -> Reading:
        """Answer a view for a join, which remembers what it is asked."""

        def ask(question: Question[Any], key: str) -> Any:  # noqa: ANN401 - of any question
            asked = Asked(question, key)
            known = self._answered.get(asked)
            return self._answer(asked, view).answer if known is None else known.answer

        return Reading(view, ask)

    def _answer(self, asked: Asked, view: InventoryView) -> Answered:
        reading = Reading(view)
        answered = Answered(asked.question.answer(asked.key, reading), reading.reads)
        before = self._answered.get(asked)
        self._answered[asked] = answered
        self.remember(asked, set() if before is None else before.reads, answered.reads)
        return answered

    def ask_again(self, dirty: Set[Asker], view: InventoryView) -> set[JoinKey]:
        """Answer the joins among these, and those whose questions among these are answered otherwise now."""
        found = {asker for asker in dirty if isinstance(asker, JoinKey)}
        for asked in dirty:
            if isinstance(asked, Asked):
                before = self._answered[asked].answer
                if self._answer(asked, view).answer != before:
                    asking = self._readers[ASK, *asked]
                    found.update(asker for asker in asking if isinstance(asker, JoinKey))
        return found

    # -- what changed ---------------------------------------------------------------------------------

    def dirty(self, touched: Sequence[Touched]) -> set[Asker]:
        """Answer the joins and questions that could be answered otherwise after this."""
        dirty: set[Asker] = set()
        for before, after in touched:
            rules = self._concerned(before, after)
            if rules:
                dirty.update(self._asking(before, after, rules))
            if before is not None and after is not None and after.type in self._parts:
                for read in moved(before, after, self._parts[after.type]):
                    dirty.update(self._readers.get(read, ()))
        return dirty

    def _concerned(self, before: Obj | None, after: Obj | None) -> Set[int | Question[Any]]:
        """Answer the rules and questions to which an object is not what it was."""
        if before is None or after is None or before.parent != after.parent:
            return self._concerns.keys()
        names, object_type = changed(before, after), after.type
        return {
            asker
            for asker, reads in self._concerns.items()
            if object_type not in reads or not reads[object_type].isdisjoint(names)
        }

    def _asking(self, before: Obj | None, after: Obj | None, rules: Set[int | Question[Any]]) -> Iterator[Asker]:
        """Yield the joins of these rules that an object starts, and all that asked what it is part of the answer to."""
        reads: set[Read] = set()
        for obj in (before, after):
            if obj is not None:
                yield from joins(obj, self._watching, rules)
                reads.update(answering(obj, self._asked.get(obj.type, ())))
        for read in reads:
            readers = self._readers.get(read)
            if readers:
                yield from (asker for asker in readers if asker[0] in rules)


def watching(rules: Sequence[Rule]) -> Watching:
    """Answer which types of objects start joins of which rules."""
    found: dict[str, list[tuple[int, Keys]]] = {}
    for place, rule in enumerate(rules):
        for object_type, keys in rule.watches.items():
            found.setdefault(object_type, []).append((place, keys))
    return found


def joins(obj: Obj, watched: Watching, rules: Container[Any]) -> Iterator[JoinKey]:
    """Yield the joins of these rules that an object starts."""
    for place, keys in watched.get(obj.type, ()):
        if place in rules:
            for key in keys(obj):
                yield JoinKey(place, key)
