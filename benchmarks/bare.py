"""The least that any replay costs: a bare loop that reads, decodes every document, and sets a dict."""

import io
from collections.abc import Iterable, Sequence
from typing import Any, cast

import fastavro
import msgspec

from benchmarks.estate import Estate
from benchmarks.ticks import Clock
from schemas.codec import parsed_schema

_HEADER = 10
"""Bytes before an envelope: marker and fingerprint."""


class Bare:
    """What such a loop knows by now."""

    name = "a bare loop: read, decode envelope, payload and documents, set a dict"

    def __init__(self) -> None:
        """Know nothing."""
        self.state: dict[tuple[str, str], object] = {}

    def take(self, records: Iterable[bytes]) -> None:
        """Take in events as the log holds them."""
        for record in records:
            envelope = _read("Envelope", record[_HEADER:])
            payload = _read(envelope["payload_type"], envelope["payload"])
            if envelope["payload_type"] == "ObjectsSeen":
                for object_id, document in zip(payload["ids"], payload["documents"], strict=True):
                    self.state[payload["object_type"], object_id] = msgspec.json.decode(document)
            elif envelope["payload_type"] == "NotificationReceived":
                self.state[payload["event_type"], payload["message_id"]] = msgspec.json.decode(payload["body"])

    @classmethod
    def upto(cls, estate: Estate, offsets: Sequence[int], clock: Clock) -> list[float]:
        """Answer the seconds of a replay from the first event up to each offset; the log is read from memory."""
        bare, took, found = cls(), 0.0, dict.fromkeys(offsets, 0.0)
        last = max(offsets)
        for offset, _, record in estate.records():
            start = clock()
            bare.take((record,))
            took += clock() - start
            if offset in found:
                found[offset] = took
            if offset == last:
                break
        return [found[offset] for offset in offsets]


def _read(name: str, data: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", fastavro.schemaless_reader(io.BytesIO(data), parsed_schema(name), None))
