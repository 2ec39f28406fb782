"""Avro's binary encoding of our schemas, compiled once a schema into plain functions.

Source: Apache Avro specification, "Binary Encoding". Only what our schemas use is known: record, string, bytes,
fixed, long, int, boolean, double, array, and a union of null with one other type. For these shapes it beats the
general libraries (one call into them costs more than a small event), it builds our classes directly, and a value
that breaks the contract is named by its path. Tests hold its bytes against the reference implementation's.
"""

import struct
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from schemas.errors import BadInput, BadSchema

Schema = dict[str, Any] | list[Any] | str
"""A schema as JSON; a text is a primitive type or the name of a record or fixed defined before."""

Append = Callable[[bytes], None]

Write = Callable[[Any, Append], None]
"""Hand the value's bytes over piece by piece; _Mismatch if the value is of another type."""

Read = Callable[[bytes, int], tuple[Any, int]]
"""Answer the value that stands at a position, and the position after it."""

ReadBlock = Callable[[bytes, int, int, list[Any]], int]
"""Append as many items as said from a position on, and answer the position after them."""

Classes = dict[str, Callable[..., Any]]
"""What builds an object of a record, by the record's name; it takes the fields in their order."""


class _Mismatch(Exception):
    """A value is not of its schema's type; the path to it grows on the way up."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(f"{expected} was expected, not {type(value).__name__}")
        self.path = ""


def compile_writer(schema: Schema) -> Callable[[Any], bytes]:
    """Answer a function from an object whose attributes are the record's fields to bytes; it raises BadSchema."""
    write = _writer(schema, {})
    name = schema["name"] if isinstance(schema, dict) else str(schema)

    def to_bytes(value: object) -> bytes:
        pieces: list[bytes] = []
        try:
            write(value, pieces.append)
        except _Mismatch as error:
            raise BadSchema(f"{name}{error.path}: {error}") from error
        return b"".join(pieces)

    return to_bytes


def compile_reader(schema: Schema, classes: Classes) -> Callable[[bytes, int], Any]:
    """Answer a function from bytes and a position to an object of the record's class.

    It raises BadInput for bytes that are no such record, and for bytes left over after it.
    """
    read = _reader(schema, classes, {})

    def from_bytes(data: bytes, position: int) -> Any:  # noqa: ANN401 - an object of one of the classes
        try:
            value, end = read(data, position)
        except IndexError as error:
            raise BadInput("it ends too early") from error
        except UnicodeDecodeError as error:
            raise BadInput(f"a text is not UTF-8 ({error.reason})") from error
        if end != len(data):
            raise BadInput(f"{len(data) - end} bytes follow that belong to nothing")
        return value

    return from_bytes


def _varint(number: int) -> bytes:
    """Answer the variable-length zig-zag of a signed 64-bit integer."""
    rest = (number << 1) ^ (number >> 63)
    pieces = bytearray()
    while rest > 127:
        pieces.append(rest & 127 | 128)
        rest >>= 7
    pieces.append(rest)
    return bytes(pieces)


_VARINTS = [_varint(number) for number in range(4096)]
"""Nearly every length is one of these."""


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    byte = data[position]
    position += 1
    number = byte & 127
    shift = 7
    while byte > 127:
        if shift > 63:
            raise BadInput("a number is longer than 64 bits")
        byte = data[position]
        position += 1
        number |= (byte & 127) << shift
        shift += 7
    if number >> 64:
        raise BadInput("a number is longer than 64 bits")
    return (number >> 1) ^ -(number & 1), position


def _read_slice(data: bytes, position: int) -> tuple[bytes, int]:
    size = data[position]
    if size < 128 and not size & 1:
        size >>= 1
        position += 1
    else:
        size, position = _read_varint(data, position)
    end = position + size
    if size < 0 or end > len(data):
        raise BadInput(f"a length of {size} where {len(data) - position} bytes are left")
    return data[position:end], end


def _read_slices(data: bytes, position: int, count: int, items: list[bytes]) -> int:
    """Append `count` slices to items; the loop of _read_slice with its calls unfolded, since most bytes pass here."""
    limit = len(data)
    for _ in range(count):
        size = data[position]
        second = data[position + 1] if size > 127 else 0
        if size & 1 or second > 127:
            size, position = _read_varint(data, position)
        elif size > 127:
            size = (size & 127 | second << 7) >> 1
            position += 2
        else:
            size >>= 1
            position += 1
        end = position + size
        if size < 0 or end > limit:
            raise BadInput(f"a length of {size} where {limit - position} bytes are left")
        items.append(data[position:end])
        position = end
    return position


def _write_string(value: object, append: Append) -> None:
    if not isinstance(value, str):
        raise _Mismatch("a text", value)
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise _Mismatch("a text without half characters (lone surrogates)", value) from error
    size = len(encoded)
    append(_VARINTS[size] if size < 4096 else _varint(size))
    append(encoded)


def _write_bytes(value: object, append: Append) -> None:
    if not isinstance(value, bytes):
        raise _Mismatch("bytes", value)
    size = len(value)
    append(_VARINTS[size] if size < 4096 else _varint(size))
    append(value)


def _write_integer(bits: int) -> Write:
    limit = 1 << (bits - 1)

    def write(value: object, append: Append) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not -limit <= value < limit:
            raise _Mismatch(f"an integer of {bits} bits", value)
        append(_varint(value))

    return write


def _write_boolean(value: object, append: Append) -> None:
    if not isinstance(value, bool):
        raise _Mismatch("true or false", value)
    append(b"\1" if value else b"\0")


def _write_double(value: object, append: Append) -> None:
    if not isinstance(value, float):
        raise _Mismatch("a float", value)
    append(struct.pack("<d", value))


def _read_string(data: bytes, position: int) -> tuple[str, int]:
    piece, position = _read_slice(data, position)
    return piece.decode(), position


def _read_strings(data: bytes, position: int, count: int, items: list[str]) -> int:
    pieces: list[bytes] = []
    position = _read_slices(data, position, count, pieces)
    items.extend([piece.decode() for piece in pieces])
    return position


def _read_int(data: bytes, position: int) -> tuple[int, int]:
    number, position = _read_varint(data, position)
    if not -(1 << 31) <= number < 1 << 31:
        raise BadInput("a number is longer than 32 bits")
    return number, position


def _read_boolean(data: bytes, position: int) -> tuple[bool, int]:
    if data[position] > 1:
        raise BadInput("neither true nor false")
    return data[position] == 1, position + 1


def _read_double(data: bytes, position: int) -> tuple[float, int]:
    piece, position = _fixed_reader(8)(data, position)
    return struct.unpack("<d", piece)[0], position


_WRITERS: dict[str, Write] = {
    "string": _write_string,
    "bytes": _write_bytes,
    "long": _write_integer(64),
    "int": _write_integer(32),
    "boolean": _write_boolean,
    "double": _write_double,
}

_READERS: dict[str, Read] = {
    "string": _read_string,
    "bytes": _read_slice,
    "long": _read_varint,
    "int": _read_int,
    "boolean": _read_boolean,
    "double": _read_double,
}


def _writer(schema: Schema, named: dict[str, Write]) -> Write:
    match schema:
        case str() if schema in _WRITERS or schema in named:
            return _WRITERS.get(schema) or named[schema]
        case {"type": "record", "name": str(name), "fields": list(fields)}:
            named[name] = _record_writer([(field["name"], _writer(field["type"], named)) for field in fields])
            return named[name]
        case {"type": "fixed", "name": str(name), "size": int(size)}:
            named[name] = _fixed_writer(size)
            return named[name]
        case {"type": "array", "items": items}:
            return _array_writer(_writer(items, named))
        case ["null", other] | [other, "null"]:
            return _optional_writer(_writer(other, named), schema.index("null"))
    raise BadSchema(f"a type that the codec does not know: {schema}")


def _reader(schema: Schema, classes: Classes, named: dict[str, Read]) -> Read:
    match schema:
        case str() if schema in _READERS or schema in named:
            return _READERS.get(schema) or named[schema]
        case {"type": "record", "name": str(name), "fields": list(fields)}:
            readers = [_reader(field["type"], classes, named) for field in fields]
            named[name] = _record_reader(readers, classes[name])
            return named[name]
        case {"type": "fixed", "name": str(name), "size": int(size)}:
            named[name] = _fixed_reader(size)
            return named[name]
        case {"type": "array", "items": items}:
            return _array_reader(_block_reader(items, classes, named))
        case ["null", other] | [other, "null"]:
            return _optional_reader(_reader(other, classes, named), schema.index("null"))
    raise BadSchema(f"a type that the codec does not know: {schema}")


def _record_writer(fields: list[tuple[str, Write]]) -> Write:
    names = [name for name, _ in fields]
    values_of = attrgetter(*names, names[0])  # one more, so that it is a tuple for a single field too

    def write(value: object, append: Append) -> None:
        try:
            values = values_of(value)
        except AttributeError as error:
            raise _Mismatch(f"a record with {', '.join(names)}", value) from error
        for (name, write_field), item in zip(fields, values, strict=False):
            try:
                write_field(item, append)
            except _Mismatch as error:
                error.path = f".{name}{error.path}"
                raise

    return write


def _record_reader(readers: list[Read], build: Callable[..., Any]) -> Read:
    def read(data: bytes, position: int) -> tuple[Any, int]:
        values = []
        for read_field in readers:
            value, position = read_field(data, position)
            values.append(value)
        return build(*values), position

    return read


def _fixed_writer(size: int) -> Write:
    def write(value: object, append: Append) -> None:
        if not isinstance(value, bytes) or len(value) != size:
            raise _Mismatch(f"{size} bytes", value)
        append(value)

    return write


def _fixed_reader(size: int) -> Read:
    def read(data: bytes, position: int) -> tuple[bytes, int]:
        end = position + size
        if end > len(data):
            raise BadInput("it ends too early")
        return data[position:end], end

    return read


def _array_writer(write_item: Write) -> Write:
    def write(value: object, append: Append) -> None:
        if not isinstance(value, list):
            raise _Mismatch("a list", value)
        if value:
            append(_varint(len(value)))
        for index, item in enumerate(value):
            try:
                write_item(item, append)
            except _Mismatch as error:
                error.path = f"[{index}]{error.path}"
                raise
        append(b"\0")

    return write


def _array_reader(read_block: ReadBlock) -> Read:
    def read(data: bytes, position: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        count, position = _read_varint(data, position)
        while count:
            if count < 0:  # a block that also says its size in bytes, so that readers may skip it
                count = -count
                _, position = _read_varint(data, position)
            position = read_block(data, position, count, items)
            count, position = _read_varint(data, position)
        return items, position

    return read


def _block_reader(items: Schema, classes: Classes, named: dict[str, Read]) -> ReadBlock:
    if items == "bytes":
        return _read_slices
    if items == "string":
        return _read_strings
    read_item = _reader(items, classes, named)

    def read_block(data: bytes, position: int, count: int, items: list[Any]) -> int:
        for _ in range(count):
            item, position = read_item(data, position)
            items.append(item)
        return position

    return read_block


def _optional_writer(write_other: Write, null_branch: int) -> Write:
    null, other = _VARINTS[null_branch], _VARINTS[1 - null_branch]

    def write(value: object, append: Append) -> None:
        if value is None:
            append(null)
        else:
            append(other)
            write_other(value, append)

    return write


def _optional_reader(read_other: Read, null_branch: int) -> Read:
    def read(data: bytes, position: int) -> tuple[Any, int]:
        branch, position = _read_varint(data, position)
        if branch not in (0, 1):
            raise BadInput(f"a union has no branch {branch}")
        return (None, position) if branch == null_branch else read_other(data, position)

    return read
