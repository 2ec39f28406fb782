"""What of JSON Schema (2020-12) the description of the API uses, checked. A word not known here is an error."""

import re
from collections.abc import Callable, Iterator
from typing import Any

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
_SAYS_NOTHING = {"title", "description", "default", "examples", "example"}


def violations(document: dict[str, Any], schema: dict[str, Any], value: object, at: str = "$") -> list[str]:
    """Answer each place of `value` that breaks `schema`; references are looked up in `document`."""
    return list(_violations(document, schema, value, at))


def _violations(document: dict[str, Any], schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    for word, rule in schema.items():
        if word in _SAYS_NOTHING:
            continue
        if word not in _RULES:
            raise ValueError(f"{at}: the word {word} of JSON Schema is not known here")
        yield from _RULES[word](document, schema, rule, value, at)


def _reference(document: dict[str, Any], _schema: Any, rule: str, value: Any, at: str) -> Iterator[str]:
    found: Any = document
    for step in rule.removeprefix("#/").split("/"):
        found = found[step]
    yield from _violations(document, found, value, at)


def _type(_document: Any, _schema: Any, rule: str, value: Any, at: str) -> Iterator[str]:
    if not _TYPES[rule](value):
        yield f"{at}: {value!r} is no {rule}"


def _any_of(document: dict[str, Any], _schema: Any, rule: list[Any], value: Any, at: str) -> Iterator[str]:
    found = [violations(document, choice, value, at) for choice in rule]
    if all(found):
        yield f"{at}: none of {len(rule)} choices: {found}"


def _properties(document: dict[str, Any], _schema: Any, rule: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    for name, inner in rule.items():
        if isinstance(value, dict) and name in value:
            yield from _violations(document, inner, value[name], f"{at}.{name}")


def _required(_document: Any, _schema: Any, rule: list[str], value: Any, at: str) -> Iterator[str]:
    yield from (f"{at}: {name} is missing" for name in rule if isinstance(value, dict) and name not in value)


def _additional(document: dict[str, Any], schema: dict[str, Any], rule: Any, value: Any, at: str) -> Iterator[str]:
    more = [name for name in value if name not in schema.get("properties", {})] if isinstance(value, dict) else []
    for name in more:
        if rule is False:
            yield f"{at}: {name} is not described"
        elif rule is not True:
            yield from _violations(document, rule, value[name], f"{at}.{name}")


def _items(document: dict[str, Any], schema: dict[str, Any], rule: Any, value: Any, at: str) -> Iterator[str]:
    for number, item in enumerate(value if isinstance(value, list) else []):
        if number >= len(schema.get("prefixItems", [])):
            yield from _violations(document, rule, item, f"{at}[{number}]")


def _first_items(document: dict[str, Any], _schema: Any, rule: list[Any], value: Any, at: str) -> Iterator[str]:
    for number, (inner, item) in enumerate(zip(rule, value if isinstance(value, list) else (), strict=False)):
        yield from _violations(document, inner, item, f"{at}[{number}]")


def _bound(holds: Callable[[Any, Any], bool]) -> Callable[..., Iterator[str]]:
    def check(_document: Any, _schema: Any, rule: Any, value: Any, at: str) -> Iterator[str]:
        if not holds(value, rule):
            yield f"{at}: {value!r} breaks {rule!r}"

    return check


_RULES: dict[str, Callable[..., Iterator[str]]] = {
    "$ref": _reference,
    "type": _type,
    "anyOf": _any_of,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "prefixItems": _first_items,
    "enum": _bound(lambda value, rule: value in rule),
    "const": _bound(lambda value, rule: value == rule),
    "minItems": _bound(lambda value, rule: not isinstance(value, list) or len(value) >= rule),
    "maxItems": _bound(lambda value, rule: not isinstance(value, list) or len(value) <= rule),
    "minLength": _bound(lambda value, rule: len(value) >= rule),
    "maxLength": _bound(lambda value, rule: len(value) <= rule),
    "minimum": _bound(lambda value, rule: value >= rule),
    "maximum": _bound(lambda value, rule: value <= rule),
    "pattern": _bound(lambda value, rule: re.search(rule, value) is not None),
}
