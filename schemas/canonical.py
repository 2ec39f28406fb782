"""Canonical JSON: one value, one sequence of bytes, so that equal documents are equal bytes."""

from typing import Any, cast

import msgspec

from schemas.errors import BadInput

Document = dict[str, Any]
"""A JSON object: text keys; values are null, bool, int, float, text, list or object."""

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder()
_splitter = msgspec.json.Decoder(dict[str, msgspec.Raw])


def encode(value: object) -> bytes:
    """Answer the value as UTF-8 JSON, keys sorted at every depth, no spaces."""
    return _encoder.encode(value)


def decode(data: bytes) -> Any:  # noqa: ANN401 - JSON is any of six shapes
    """Answer the value of UTF-8 JSON; BadInput if it is none."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not JSON: {error}") from error
    except RecursionError as error:
        raise BadInput("not JSON that can be read: nested too deeply") from error


def decode_document(data: bytes) -> Document:
    """Answer a JSON object; BadInput if it is not JSON or not an object."""
    value = decode(data)
    if not isinstance(value, dict):
        raise BadInput(f"a JSON object was expected, not {type(value).__name__}")
    return value


def split(data: bytes) -> Document:
    """Answer the values of a JSON object, each left as the JSON that it is: `decode` and `encode` take them.

    BadInput if it is not JSON or not an object; what stands inside a value is looked at when that is decoded.
    """
    try:
        return cast(Document, _splitter.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not a JSON object: {error}") from error
    except RecursionError as error:
        raise BadInput("not JSON that can be read: nested too deeply") from error
