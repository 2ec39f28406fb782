"""Expectations: what an operator says should hold of an environment, in a small language that is only ever read.

    expectation  = conjunction { "or" conjunction }
    conjunction  = condition { "and" condition }
    condition    = "not" condition | "(" expectation ")" | test
    test         = TYPE ID "exists"
                 | TYPE ID.FIELD compared VALUE
                 | TYPE ID.FIELD "contains" VALUE
                 | "count" TYPE compared NUMBER
                 | "links" TYPE ID compared NUMBER
                 | "path" TYPE ID "->" TYPE ID
                 | "clique" TYPE ID "contains" TYPE ID
    compared     = "==" | "!=" | "<" | "<=" | ">" | ">="

An ID is an id, or the name of one object; with a blank or one of ()<>=!" in it, it stands in double quotes, and
before a FIELD also with a dot: "c1.example.com".status. A FIELD goes into objects by dots (a dot in a key: backslash
dot).
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from projections.cliques import admits, bounds_of
from projections.graph import Landscape
from projections.inventory import Obj, Ref
from projections.link import UP
from schemas.canonical import Document, decode
from schemas.errors import BadInput, NotFound
from schemas.vocabulary import OBJECT_TYPES

LONGEST: Final = 2000
"""Characters of an expectation: more is no sentence of an operator."""
_DEEPEST: Final = 50


class State(Landscape, Protocol):
    """What an expectation asks of a moment."""

    def named(self, object_type: str, name: str) -> list[Obj]:
        """Answer the objects of a type that have a name, sorted by id."""
        ...

    def clique(self, ref: Ref) -> Document | None:
        """Answer the clique around an object, None if it has none."""
        ...


class Expectation(Protocol):
    """Something that holds of a state or does not."""

    def holds(self, state: State) -> bool:
        """Answer whether it holds; NotFound if a name in it stands for several objects there."""
        ...


def parse(text: str) -> Expectation:
    """Answer the expectation that a text says; BadInput names the character at which it cannot be understood."""
    if len(text) > LONGEST:
        raise BadInput(f"expectation: {len(text)} characters are too many (at most {LONGEST})")
    return _Reader(text).whole()


# -- what is expected ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """An object as an operator names it: by its id, or by a name that only one object of the type has."""

    type: str
    text: str

    def find(self, state: State) -> Obj | None:
        """Answer the object, None if there is none; NotFound if there are several of the name."""
        found = state.get(Ref(self.type, self.text))
        if found is not None:
            return found
        named = state.named(self.type, self.text)
        if len(named) > 1:
            ids = ", ".join(obj.id for obj in named)
            raise NotFound(f"{self.type} {self.text}: there are {len(named)} of that name, write an id: {ids}")
        return named[0] if named else None


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where the other does not."""

    of: Expectation

    def holds(self, state: State) -> bool:
        """Answer whether it holds."""
        return not self.of.holds(state)


@dataclass(frozen=True, slots=True)
class All:
    """Holds where all do."""

    of: tuple[Expectation, ...]

    def holds(self, state: State) -> bool:
        """Answer whether it holds."""
        return all(each.holds(state) for each in self.of)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Holds where one does."""

    of: tuple[Expectation, ...]

    def holds(self, state: State) -> bool:
        """Answer whether it holds."""
        return any(each.holds(state) for each in self.of)


@dataclass(frozen=True, slots=True)
class Exists:
    """An object is there."""

    subject: Named

    def holds(self, state: State) -> bool:
        """Answer whether it holds."""
        return self.subject.find(state) is not None


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it was written: in quotes a text, else the text or the number, true, false or null that it spells."""

    text: str
    quoted: bool

    @property
    def meanings(self) -> list[Any]:
        """Answer the JSON values that it may stand for."""
        return (
            [self.text] if self.quoted or not _LITERAL.fullmatch(self.text) else [self.text, decode(self.text.encode())]
        )

    def is_the_same(self, value: object) -> bool:
        """Answer whether a JSON value is this one; true is not 1."""
        return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in self.meanings)

    @property
    def number(self) -> float | None:
        """Answer it as a number, None if it is none."""
        numbers = [one for one in self.meanings if isinstance(one, int | float) and not isinstance(one, bool)]
        return numbers[0] if numbers else None


@dataclass(frozen=True, slots=True)
class Compares:
    """A field of an object that is there compares with a value. A field that is not there is null."""

    subject: Named
    field: tuple[str, ...]
    sign: str
    value: Value

    def holds(self, state: State) -> bool:
        """Answer whether it holds; of an object that is not there, nothing does."""
        obj = self.subject.find(state)
        return obj is not None and self._compares(_inside(obj.document, self.field))

    def _compares(self, value: object) -> bool:
        match self.sign:
            case "==":
                return self.value.is_the_same(value)
            case "!=":
                return not self.value.is_the_same(value)
            case "contains":
                return _contains(value, self.value)
        wanted = self.value.number
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and wanted is not None and _ORDERS[self.sign](value, wanted)


@dataclass(frozen=True, slots=True)
class Counts:
    """So many objects of a type."""

    type: str
    sign: str
    number: float

    def holds(self, state: State) -> bool:
        """Answer whether it holds."""
        return _ORDERS[self.sign](sum(1 for _ in state.of_type(self.type)), self.number)


@dataclass(frozen=True, slots=True)
class Links:
    """So many explicit links at an object; at one that is not there, none."""

    subject: Named
    sign: str
    number: float

    def holds(self, state: State) -> bool:
        """Answer whether it holds."""
        obj = self.subject.find(state)
        return _ORDERS[self.sign](0 if obj is None else len(state.links(obj.ref)), self.number)


@dataclass(frozen=True, slots=True)
class Reaches:
    """One object reaches another over links that are up, inside the networks and segments that bound its clique.

    A way never leads through an instance: what it forwards is not the network's affair.
    """

    source: Named
    target: Named

    def holds(self, state: State) -> bool:
        """Answer whether it holds."""
        source, target = self.source.find(state), self.target.find(state)
        if source is None or target is None:
            return False
        bounds = bounds_of(source, state).bounds
        reached, wave = {source.ref}, [source.ref]
        while wave and target.ref not in reached:
            links = ((node, link) for node in wave for link in state.links(node))
            ways = {link.other(node) for node, link in links if link.state == UP and admits(bounds, link)}
            wave = sorted(ref for ref in ways - reached if ref.type != "instance" or ref == target.ref)
            reached.update(wave)
        return target.ref in reached


@dataclass(frozen=True, slots=True)
class Contains:
    """The clique around an object has another as a member."""

    focal: Named
    member: Named

    def holds(self, state: State) -> bool:
        """Answer whether it holds."""
        focal, member = self.focal.find(state), self.member.find(state)
        clique = None if focal is None or member is None else state.clique(focal.ref)
        return member is not None and clique is not None and list(member.ref) in clique["nodes"]


_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LITERAL = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?")


def _inside(document: object, field: tuple[str, ...]) -> object:
    for key in field:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _contains(value: object, wanted: Value) -> bool:
    """Answer whether a list has the value, an object the key, or a text the text."""
    if isinstance(value, str):
        return wanted.text in value
    return isinstance(value, list | dict) and any(wanted.is_the_same(one) for one in value)


# -- how it is read --------------------------------------------------------------------------------


class _Token(NamedTuple):
    place: int
    """Of its first character, counted from 1."""
    text: str
    quoted: bool
    field: str
    """What follows a text in quotes at once, dot and all."""


_TOKEN = re.compile(
    r'(?P<sign>->|[=!<>]=|[<>()])|"(?P<quoted>(?:[^"\\]|\\.)*)"(?P<field>\.[^\s()"<>=!]+)?|(?P<word>[^\s()"<>=!]+)'
)
_END: Final = ""


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadInput(f"expectation, character {at + 1}: {text[at]!r} has no meaning here")
        quoted = found["quoted"]
        if quoted is None:
            yield _Token(at + 1, found.group(), False, "")
        else:
            yield _Token(at + 1, re.sub(r"\\(.)", r"\1", quoted), True, found["field"] or "")
        at = found.end()
    yield _Token(len(text) + 1, _END, False, "")


class _Reader:
    """Reads an expectation from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Expectation:
        found = self._either()
        if self._next.text != _END or self._next.quoted:
            self._refuse("and, or, or the end")
        return found

    def _either(self) -> Expectation:
        found = [self._both()]
        while self._takes("or"):
            found.append(self._both())
        return found[0] if len(found) == 1 else OneOf(tuple(found))

    def _both(self) -> Expectation:
        found = [self._condition()]
        while self._takes("and"):
            found.append(self._condition())
        return found[0] if len(found) == 1 else All(tuple(found))

    def _condition(self) -> Expectation:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadInput(f"expectation, character {self._next.place}: nested too deeply (at most {_DEEPEST})")
        try:
            if self._takes("not"):
                return Not(self._condition())
            if self._takes("("):
                found = self._either()
                self._expect(")")
                return found
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Expectation:
        if self._takes("count"):
            return Counts(self._type(), self._compared(), self._number())
        if self._takes("links"):
            return Links(self._object(), self._compared(), self._number())
        if self._takes("path"):
            source = self._object()
            self._expect("->")
            return Reaches(source, self._object())
        if self._takes("clique"):
            focal = self._object()
            self._expect("contains")
            return Contains(focal, self._object())
        object_type = self._type("a test (such as: instance web-1 exists)")
        token = self._word("an id or a name")
        if self._takes("exists"):
            return Exists(Named(object_type, token.text + token.field))
        return self._comparison(object_type, token)

    def _comparison(self, object_type: str, token: _Token) -> Expectation:
        text, field = (token.text, token.field) if token.quoted else _split(token.text)
        if not field.strip("."):
            self._refuse(f"exists, or a field after the name ({object_type} {token.text}.status == ACTIVE)")
        compared = "contains" if self._takes("contains") else self._compared()
        value = self._word("a value")
        written = Value(value.text + value.field, value.quoted)
        if compared in ("<", "<=", ">", ">=") and written.number is None:
            raise BadInput(f"expectation, character {value.place}: {compared} compares numbers, not {value.text!r}")
        path = tuple(key.replace("\\.", ".") for key in re.split(r"(?<!\\)\.", field[1:]))
        return Compares(Named(object_type, text), path, compared, written)

    def _object(self) -> Named:
        object_type = self._type()
        token = self._word("an id or a name")
        return Named(object_type, token.text + token.field)

    def _type(self, what: str = "an object type") -> str:
        token = self._word(what)
        if token.text not in OBJECT_TYPES or token.quoted:
            known = ", ".join(sorted(OBJECT_TYPES))
            raise BadInput(f"expectation, character {token.place}: {token.text!r} is not {what} (types: {known})")
        return token.text

    def _compared(self) -> str:
        if self._next.text not in _ORDERS or self._next.quoted:
            self._refuse("one of " + " ".join(_ORDERS))
        return self._take().text

    def _number(self) -> float:
        token = self._word("a number")
        number = Value(token.text, token.quoted).number
        if number is None:
            raise BadInput(f"expectation, character {token.place}: a number was expected, not {token.text!r}")
        return number

    def _word(self, what: str) -> _Token:
        if not self._next.quoted and (
            self._next.text == _END or self._next.text in _ORDERS or self._next.text in _SIGNS
        ):
            self._refuse(what)
        return self._take()

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, text: str) -> bool:
        found = self._next.text == text and not self._next.quoted
        self._at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            self._refuse(text)

    def _refuse(self, what: str) -> NoReturn:
        found = repr(self._next.text) if self._next.text or self._next.quoted else "the end"
        raise BadInput(f"expectation, character {self._next.place}: {what} was expected, not {found}")


_SIGNS = ("->", "(", ")")


def _split(word: str) -> tuple[str, str]:
    """Answer what stands before the first dot of a word, and the rest with it."""
    text, dot, rest = word.partition(".")
    return text, dot + rest
