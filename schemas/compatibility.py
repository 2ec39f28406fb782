"""Whether what one schema wrote can be read by another: Avro's schema resolution, decided without any data.

Source: Apache Avro specification, "Schema Resolution". Stricter than it in two places: every branch of a writer's
union must be readable (the specification lets reading fail when the datum comes), and bytes do not become a text
(they need not be UTF-8).
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any] | list[Any] | str
"""A schema as JSON."""

PROMOTIONS: dict[str, tuple[str, ...]] = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
}
"""A writer's primitive type and the reader's to which it widens."""

_NAMED = ("record", "enum", "fixed")


def reading_problems(writer: Schema, reader: Schema) -> list[str]:
    """Answer why the reader cannot read all that the writer may write, a line each with its path; empty if it can."""
    return list(_Resolution(writer, reader).problems(writer, reader, _root_name(writer)))


def compatibility_problems(older: Schema, newer: Schema) -> list[str]:
    """Answer why older and newer cannot read each other, a line each; empty if each can read the other's data."""
    return [
        *(f"newer cannot read older: {problem}" for problem in reading_problems(older, newer)),
        *(f"older cannot read newer: {problem}" for problem in reading_problems(newer, older)),
    ]


def _root_name(schema: Schema) -> str:
    return _simple(schema["name"]) if isinstance(schema, dict) and "name" in schema else _kind(schema)


def _simple(name: str) -> str:
    return name.rpartition(".")[2]


def _kind(schema: Schema) -> str:
    if isinstance(schema, list):
        return "union"
    return str(schema["type"]) if isinstance(schema, dict) else schema


def _text(schema: Schema) -> str:
    if isinstance(schema, list):
        return "[" + ", ".join(_text(branch) for branch in schema) + "]"
    if isinstance(schema, dict) and "name" in schema:
        return f"{_kind(schema)} {_simple(schema['name'])}"
    return _kind(schema)


class _Resolution:
    """One comparison: the names that each side defines, and the pairs under comparison (types may be recursive)."""

    def __init__(self, writer: Schema, reader: Schema) -> None:
        self._writer_names = dict(_definitions(writer))
        self._reader_names = dict(_definitions(reader))
        self._open: set[tuple[str, str]] = set()

    def problems(self, writer: Schema, reader: Schema, path: str) -> Iterator[str]:
        writer = _resolve(writer, self._writer_names)
        reader = _resolve(reader, self._reader_names)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.problems(branch, reader, f"{path}<{_text(branch)}>")
        elif isinstance(reader, list):
            yield from self._into_union(writer, reader, path)
        elif not _matches(writer, reader):
            yield f"{path}: {_text(writer)} is not read as {_text(reader)}"
        elif isinstance(writer, dict) and isinstance(reader, dict):
            yield from self._inside(writer, reader, path)

    def _into_union(self, writer: Schema, reader: list[Any], path: str) -> Iterator[str]:
        """The first branch that matches is taken, even if a later one would fit better inside."""
        for branch in reader:
            candidate = _resolve(branch, self._reader_names)
            if _matches(writer, candidate):
                yield from self.problems(writer, candidate, path)
                return
        yield f"{path}: {_text(writer)} is not read as any of {_text(reader)}"

    def _inside(self, writer: dict[str, Any], reader: dict[str, Any], path: str) -> Iterator[str]:
        match writer["type"]:
            case "record":
                yield from self._record(writer, reader, path)
            case "enum":
                yield from _enum(writer, reader, path)
            case "array":
                yield from self.problems(writer["items"], reader["items"], f"{path}[]")
            case "map":
                yield from self.problems(writer["values"], reader["values"], f"{path}{{}}")

    def _record(self, writer: dict[str, Any], reader: dict[str, Any], path: str) -> Iterator[str]:
        pair = (writer["name"], reader["name"])
        if pair in self._open:
            return
        self._open.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            names = [field["name"], *field.get("aliases", [])]
            source = next((written[name] for name in names if name in written), None)
            if source is not None:
                yield from self.problems(source["type"], field["type"], f"{path}.{field['name']}")
            elif "default" not in field:
                yield f"{path}.{field['name']}: the writer has no such field and the reader no default"
        self._open.discard(pair)


def _matches(writer: Schema, reader: Schema) -> bool:
    """Whether resolution takes the pair at all; what is inside is not looked at."""
    kind = _kind(writer)
    if kind != _kind(reader):
        return _kind(reader) in PROMOTIONS.get(kind, ())
    if kind not in _NAMED or not isinstance(writer, dict) or not isinstance(reader, dict):
        return True
    names = {_simple(reader["name"]), *map(_simple, reader.get("aliases", []))}
    same_size = kind != "fixed" or writer["size"] == reader["size"]
    return _simple(writer["name"]) in names and same_size


def _enum(writer: dict[str, Any], reader: dict[str, Any], path: str) -> Iterator[str]:
    unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
    if unknown and "default" not in reader:
        yield f"{path}: the reader does not know the symbol {', '.join(unknown)} and has no default"


def _resolve(schema: Schema, names: dict[str, Schema]) -> Schema:
    """Answer what a name stands for; a primitive type spelled as an object is that type."""
    if isinstance(schema, dict) and len(schema) == 1:
        schema = schema["type"]
    return names.get(_simple(schema), schema) if isinstance(schema, str) else schema


def _definitions(schema: Schema) -> Iterator[tuple[str, Schema]]:
    if isinstance(schema, list):
        for branch in schema:
            yield from _definitions(branch)
    elif isinstance(schema, dict):
        if schema["type"] in _NAMED:
            yield _simple(schema["name"]), schema
        for inner in (schema.get("items"), schema.get("values"), *map(_type_of, schema.get("fields", []))):
            if inner is not None:
                yield from _definitions(inner)


def _type_of(field: dict[str, Any]) -> Any:  # noqa: ANN401 - a schema is an object, a list or a text
    return field["type"]
