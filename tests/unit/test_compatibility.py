"""Compatibility: every schema can read, and be read by, each released version of it."""

import hashlib
import io
import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.compatibility import compatibility_problems, reading_problems

RELEASED = resources.files("schemas").joinpath("released")
MARKS: dict[str, dict[str, str]] = json.loads(RELEASED.joinpath("fingerprints.json").read_text("utf-8"))
FILES = {
    f"{version.name}/{file.name}": file
    for version in RELEASED.iterdir()
    if version.is_dir()
    for file in version.iterdir()
}
PRESENT = sorted(codec.RECORDS)


def present(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(codec.schema_text(name))
    return schema


def test_no_released_schema_has_disappeared_and_none_came_without_its_mark() -> None:
    assert set(FILES) == set(MARKS)
    assert {file for file in MARKS if file.startswith("v1/")} >= {f"v1/{name}.avsc" for name in PRESENT}


@pytest.mark.parametrize("file", MARKS)
def test_a_released_schema_is_never_edited(file: str) -> None:
    text = FILES[file].read_bytes()
    assert hashlib.sha256(text).hexdigest() == MARKS[file]["sha256"]
    assert codec.fingerprint_of(json.loads(text)).hex() == MARKS[file]["avro"]


@pytest.mark.parametrize("file", MARKS)
def test_the_present_schema_is_compatible_with_the_released_one_both_ways(file: str) -> None:
    released = json.loads(FILES[file].read_text("utf-8"))
    assert compatibility_problems(released, present(released["name"])) == []


def test_every_released_schema_is_known_to_the_codec_by_its_fingerprint() -> None:
    known = codec.released()
    assert {mark.hex() for mark in known} == {mark["avro"] for mark in MARKS.values()}


def record(*fields: dict[str, Any], name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, kind: Any = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def map_of(values: Any) -> dict[str, Any]:
    return {"type": "map", "values": values}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def fixed(size: int, name: str = "F") -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size}


SELF = record(field("next", ["null", "R"]))
SELF_LONGER = record(field("next", ["null", "R"]), field("more", "int"))
FULL_NAME = record(field("a"), name="R", namespace="calipso")

READABLE: list[tuple[str, Any, Any]] = [
    ("the same", record(field("a")), record(field("a"))),
    ("another order", record(field("a"), field("b", "int")), record(field("b", "int"), field("a"))),
    ("a field less", record(field("a"), field("b")), record(field("a"))),
    ("a field more with a default", record(field("a")), record(field("a"), field("b", "int", default=0))),
    ("another field by its alias", record(field("a")), record(field("b", aliases=["a"]))),
    ("another record by its alias", record(field("a")), record(field("a"), name="S", aliases=["R"])),
    ("another namespace", record(field("a")), FULL_NAME),
    ("int as long", "int", "long"),
    ("int as double", "int", "double"),
    ("long as float", "long", "float"),
    ("float as double", "float", "double"),
    ("a text as bytes", "string", "bytes"),
    ("an optional of what was not", "string", ["null", "string"]),
    ("a wider optional", ["null", "int"], ["null", "long"]),
    ("a union of one as what it is", ["string"], "string"),
    ("a promotion in an array", array("int"), array("long")),
    ("a promotion in a map", map_of("int"), map_of("long")),
    ("a symbol more", enum("A"), enum("A", "B")),
    ("a symbol less with a default", enum("A", "B"), enum("A", default="A")),
    ("the same size", fixed(8), fixed(8)),
    ("a record that holds itself", SELF, SELF),
    ("a record that holds itself, shorter", SELF_LONGER, SELF),
    ("a primitive spelled as an object", {"type": "int"}, "long"),
    ("a name used again", record(field("a", fixed(8)), field("b", "F")), record(field("b", fixed(8)))),
]

UNREADABLE: list[tuple[str, Any, Any, str]] = [
    (
        "a field more without a default",
        record(field("a")),
        record(field("a"), field("b")),
        "R.b: the writer has no such field and the reader no default",
    ),
    (
        "a renamed field",
        record(field("a")),
        record(field("b")),
        "R.b: the writer has no such field and the reader no default",
    ),
    ("a renamed record", record(field("a")), record(field("a"), name="S"), "R: record R is not read as record S"),
    ("another type", record(field("a")), record(field("a", "long")), "R.a: string is not read as long"),
    ("a narrower type", record(field("a", "long")), record(field("a", "int")), "R.a: long is not read as int"),
    ("bytes as a text", record(field("a", "bytes")), record(field("a")), "R.a: bytes is not read as string"),
    ("an int as a boolean", "int", "boolean", "int: int is not read as boolean"),
    (
        "an optional as what is not",
        record(field("a", ["null", "string"])),
        record(field("a")),
        "R.a<null>: null is not read as string",
    ),
    (
        "a branch less",
        record(field("a", ["null", "string", "int"])),
        record(field("a", ["null", "string"])),
        "R.a<int>: int is not read as any of [null, string]",
    ),
    (
        "an unknown symbol",
        record(field("a", enum("A", "B", "C"))),
        record(field("a", enum("A"))),
        "R.a: the reader does not know the symbol B, C and has no default",
    ),
    (
        "another size",
        record(field("a", fixed(8))),
        record(field("a", fixed(16))),
        "R.a: fixed F is not read as fixed F",
    ),
    ("an array as a map", array("int"), map_of("int"), "array: array is not read as map"),
    (
        "deep inside",
        record(field("covered", array(record(field("entry"), name="Scope")))),
        record(field("covered", array(record(field("entry", "int"), name="Scope")))),
        "R.covered[].entry: string is not read as int",
    ),
    ("inside a map", map_of("string"), map_of("int"), "map{}: string is not read as int"),
    (
        "a record that holds itself, longer",
        SELF,
        SELF_LONGER,
        "R.more: the writer has no such field and the reader no default",
    ),
    (
        "inside the branch of a union",
        record(field("a", ["null", record(field("x"), name="S")])),
        record(field("a", ["null", record(field("x", "int"), name="S")])),
        "R.a<record S>.x: string is not read as int",
    ),
    (
        "where a name is used again",
        record(field("a", fixed(8)), field("b", "F")),
        record(field("a", fixed(8)), field("b", "int")),
        "R.b: fixed F is not read as int",
    ),
]


@pytest.mark.parametrize(("writer", "reader"), [case[1:] for case in READABLE], ids=[c[0] for c in READABLE])
def test_what_the_specification_resolves_is_readable(writer: Any, reader: Any) -> None:
    assert reading_problems(writer, reader) == []


@pytest.mark.parametrize(
    ("writer", "reader", "problem"), [case[1:] for case in UNREADABLE], ids=[c[0] for c in UNREADABLE]
)
def test_what_cannot_be_read_is_named_by_its_path(writer: Any, reader: Any, problem: str) -> None:
    assert reading_problems(writer, reader) == [problem]


def test_every_problem_is_named_in_both_directions() -> None:
    older = record(field("a"), field("b", "int"), field("c", enum("A")))
    newer = record(field("a", "int"), field("c", enum("A", "B")))
    assert compatibility_problems(older, newer) == [
        "newer cannot read older: R.a: string is not read as int",
        "older cannot read newer: R.a: int is not read as string",
        "older cannot read newer: R.b: the writer has no such field and the reader no default",
        "older cannot read newer: R.c: the reader does not know the symbol B and has no default",
    ]


def without(name: str) -> Callable[[dict[str, Any]], None]:
    def change(schema: dict[str, Any]) -> None:
        schema["fields"] = [item for item in schema["fields"] if item["name"] != name]

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ScanFinished", without("status")),
        ("ObjectsSeen", lambda schema: schema["fields"].append(field("host"))),
        ("SnapshotTaken", lambda schema: schema["fields"][1].update(type="string")),
        ("SnapshotTaken", lambda schema: schema["fields"][1].update(name="offset")),
        ("FetchFailed", lambda schema: schema["fields"][3].update(type="string")),
        ("ScanFinished", lambda schema: schema["fields"][2]["type"]["items"]["fields"].pop()),
        ("Envelope", lambda schema: schema["fields"][6]["type"].update(size=16)),
        ("ScanStarted", lambda schema: schema.update(name="ScanBegun")),
    ],
)
def test_a_change_that_breaks_the_logs_of_users_is_caught(name: str, change: Callable[[dict[str, Any]], None]) -> None:
    changed = present(name)
    change(changed)
    assert compatibility_problems(present(name), changed) != []


Draw = Callable[..., Any]
"""What draws from a strategy, inside of a composite or of a test."""

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
WIDER = {"int": ["long", "double"], "long": ["float"], "float": ["double"], "string": ["bytes"]}


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3) -> Any:
    """A schema whose named types are all defined where they stand, each under its own name."""
    return _schema(draw, depth, [0])


def _schema(draw: Draw, depth: int, counter: list[int], union: bool = True) -> Any:
    kinds = ["primitive", "enum", "fixed"] + (["array", "map", "record", "record"] if depth else [])
    kind = draw(st.sampled_from(kinds + (["union"] if union and depth else [])))
    counter[0] += 1
    name = f"N{counter[0]}"
    match kind:
        case "enum":
            return {"type": "enum", "name": name, "symbols": draw(st.sampled_from([["A"], ["A", "B", "C"]]))}
        case "fixed":
            return {"type": "fixed", "name": name, "size": draw(st.integers(1, 3))}
        case "array":
            return array(_schema(draw, depth - 1, counter))
        case "map":
            return map_of(_schema(draw, depth - 1, counter))
        case "record":
            kinds = [_schema(draw, depth - 1, counter) for _ in range(draw(st.integers(0, 3)))]
            return record(*(field(f"f{i}", inner) for i, inner in enumerate(kinds)), name=name)
        case "union":
            return [*draw(st.sampled_from([["null"], ["null", "string"], ["int", "null"]])), _named(draw, counter)]
    return draw(st.sampled_from(PRIMITIVES))


def _named(draw: Draw, counter: list[int]) -> Any:
    counter[0] += 1
    name = f"N{counter[0]}"
    return record(field("x", _schema(draw, 1, counter)), name=name)


def evolved(draw: Draw, schema: Any, safe: bool, in_union: bool = False) -> Any:
    """The schema after changes that a reader survives, or (not safe) after any changes."""
    if isinstance(schema, list):
        branches = [evolved(draw, branch, safe, in_union=True) for branch in schema]
        return branches if safe or draw(st.booleans()) else branches[:-1]
    if isinstance(schema, str):
        if in_union:
            return schema
        changed = draw(st.sampled_from([schema, *(WIDER.get(schema, []) if safe else PRIMITIVES)]))
    else:
        changed = _evolved_inside(draw, schema, safe)
    if not in_union and changed != "null" and draw(st.integers(0, 4)) == 0:
        return ["null", changed]
    return changed


def _evolved_inside(draw: Draw, schema: dict[str, Any], safe: bool) -> dict[str, Any]:
    match schema["type"]:
        case "array":
            return array(evolved(draw, schema["items"], safe))
        case "map":
            return map_of(evolved(draw, schema["values"], safe))
        case "enum":
            symbols = draw(st.sampled_from([schema["symbols"], ["Z", *schema["symbols"]], *([] if safe else [["C"]])]))
            return {**schema, "symbols": symbols}
        case "fixed":
            return schema if safe else {**schema, "size": draw(st.integers(1, 3))}
    fields_ = [{**item, "type": evolved(draw, item["type"], safe)} for item in schema["fields"]]
    fields_ = draw(st.permutations(fields_))[: draw(st.integers(0, 4))]
    if draw(st.booleans()):
        fields_.append(field("added", "long", default=7))
    if not safe and draw(st.booleans()):
        fields_.append(field("bare", "long"))
    if fields_ and draw(st.booleans()):
        fields_[0] = {**fields_[0], "name": "renamed", "aliases": [fields_[0]["name"]]}
        if not safe and draw(st.booleans()):
            del fields_[0]["aliases"]
    return {**schema, "fields": fields_}


def datum(draw: Draw, schema: Any) -> Any:
    if isinstance(schema, list):
        return datum(draw, draw(st.sampled_from(schema)))
    match schema if isinstance(schema, str) else schema["type"]:
        case "record":
            return {item["name"]: datum(draw, item["type"]) for item in schema["fields"]}
        case "array":
            return [datum(draw, schema["items"]) for _ in range(draw(st.integers(0, 2)))]
        case "map":
            return {f"k{i}": datum(draw, schema["values"]) for i in range(draw(st.integers(0, 2)))}
        case "enum":
            return draw(st.sampled_from(schema["symbols"]))
        case "fixed":
            return b"x" * schema["size"]
        case str(kind):
            return draw(VALUES[kind])
    raise AssertionError(schema)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(1 << 31), (1 << 31) - 1),
    "long": st.integers(-(1 << 63), (1 << 63) - 1),
    "float": st.floats(width=32),
    "double": st.floats(),
    "bytes": st.binary(max_size=3) | st.just(b"\xff"),
    "string": st.text(max_size=3),
}


def read_by_fastavro(writer: Any, reader: Any, value: Any) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, writer, value)
    stream = io.BytesIO(out.getvalue())
    fastavro.schemaless_reader(stream, writer, reader)
    assert stream.read() == b""


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_changes_that_readers_survive_are_no_problem_and_fastavro_reads_the_data(drawn: st.DataObject) -> None:
    writer = drawn.draw(schemas())
    reader = evolved(drawn.draw, writer, safe=True)
    assert reading_problems(writer, reader) == []
    read_by_fastavro(writer, reader, datum(drawn.draw, writer))


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_whatever_is_called_readable_fastavro_reads(drawn: st.DataObject) -> None:
    writer = drawn.draw(schemas())
    reader = evolved(drawn.draw, writer, safe=False)
    if not reading_problems(writer, reader):
        read_by_fastavro(writer, reader, datum(drawn.draw, writer))
