"""Noise is what the rules name, and nothing else; each rule gives its reason."""

import copy
from importlib import resources
from typing import Any

import pytest

from projections.noise import EVERY, paths, strip, stripped
from schemas.canonical import Document, decode_document, encode
from schemas.errors import BadInput
from schemas.vocabulary import OBJECT_TYPES

RULES = decode_document(resources.files("projections").joinpath("noise.json").read_bytes())
BY_TYPE = {name: rules for name, rules in RULES.items() if name != "comment"}
EACH = [(name, path) for name, rules in BY_TYPE.items() for path, _ in rules]


def test_each_rule_is_of_a_known_type_and_names_a_path_and_a_reason() -> None:
    assert BY_TYPE.keys() <= {EVERY, *OBJECT_TYPES}
    for rules in BY_TYPE.values():
        for path, reason in rules:
            assert reason.strip()
            assert all(path.split("."))
            assert path.split(".")[-1] != EVERY, "a rule that removes whatever there is"


def test_no_rule_stands_twice() -> None:
    everywhere = {path for path, _ in BY_TYPE[EVERY]}
    for name, rules in BY_TYPE.items():
        own = [path for path, _ in rules]
        assert len(own) == len(set(own))
        assert name == EVERY or everywhere.isdisjoint(own)


def within(path: list[str], *, lists: bool) -> Any:
    """Answer a document with a value at a path, and another one beside each of its steps."""
    if not path:
        return "noise"
    inner = within(path[1:], lists=lists)
    if path[0] == EVERY:
        return [inner, copy.deepcopy(inner)] if lists else {"one": inner, "two": copy.deepcopy(inner)}
    return {path[0]: inner, f"{path[0]}_beside": "kept"}


def without(path: list[str], document: Any) -> Any:
    """Answer the document with nothing at the path: what a rule should leave."""
    if path[0] == EVERY:
        items = document.items() if isinstance(document, dict) else enumerate(document)
        left = {key: without(path[1:], inner) for key, inner in items}
        return left if isinstance(document, dict) else list(left.values())
    if len(path) == 1:
        return {key: inner for key, inner in document.items() if key != path[0]}
    return {**document, path[0]: without(path[1:], document[path[0]])}


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.parametrize(("object_type", "path"), EACH)
def test_each_rule_removes_what_it_names_and_nothing_beside_it(object_type: str, path: str, lists: bool) -> None:
    document = within(path.split("."), lists=lists)
    wanted, raw = without(path.split("."), copy.deepcopy(document)), encode(document)
    named = "host" if object_type == EVERY else object_type
    strip(named, document)
    assert document == wanted
    assert stripped(named, raw) == encode(wanted)


@pytest.mark.parametrize(("object_type", "path"), [rule for rule in EACH if rule[0] != EVERY])
def test_a_rule_of_one_type_leaves_the_others_alone(object_type: str, path: str) -> None:
    document = within(path.split("."), lists=False)
    strip("no such type", document)
    assert document == within(path.split("."), lists=False)
    assert tuple(path.split(".")) in paths(object_type)


@pytest.mark.parametrize("document", [{}, {"services": None}, {"services": []}, {"services": {"x": 1, "y": None}}])
def test_a_document_without_what_a_rule_names_stays_as_it_is(document: Document) -> None:
    before = copy.deepcopy(document)
    strip("host", document)
    assert document == before
    assert stripped("host", encode(document)) == encode(before)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"services":}', b'{"a":\xff}'])
def test_what_is_no_document_has_no_noise_to_remove(raw: bytes) -> None:
    with pytest.raises(BadInput):
        stripped("host", raw)
