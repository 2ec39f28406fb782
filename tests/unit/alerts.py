"""Alerts for tests, and a log with environments that they may be about."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from schemas import codec
from schemas.alert import SCHEMA, STATUSES, Alert, encode_alert
from schemas.canonical import encode
from schemas.events import AlertReceived, Entry, EnvironmentDefined, Event
from schemas.vocabulary import OBJECT_TYPES
from streams.journal import Journal
from streams.local_log import LocalLog

NOON = 1_793_534_400_000_000  # 2026-11-01T12:00Z
SECOND = 1_000_000
ENVIRONMENTS = ("zed", "yoga")

ALERT = Alert(
    "a-1", "zed", "nfv-monitor", NOON, "instance", "i-web", "packet-loss", "Error", "11 % lost", b'{"loss":11}'
)

_names = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=33), min_size=1, max_size=20).filter(str.strip)
_objects = st.tuples(st.sampled_from(sorted(OBJECT_TYPES)), _names) | st.just((None, None))
_details = st.dictionaries(st.text(max_size=5), st.none() | st.integers(0, 99) | st.text(max_size=9), max_size=3)


@st.composite
def alerts(draw: st.DrawFn, ids: st.SearchStrategy[str] = _names) -> Alert:
    """Draw an alert that keeps the contract."""
    object_type, object_id = draw(_objects)
    return Alert(
        draw(ids),
        draw(st.sampled_from(ENVIRONMENTS)),
        draw(st.sampled_from(["nfv-monitor", "sensu"])),
        NOON + draw(st.integers(-(10**13), 10**13)),
        object_type,
        object_id,
        draw(_names),
        draw(st.sampled_from(STATUSES)),
        draw(st.text(max_size=20).filter(lambda text: text.isprintable())),
        codec_details(draw(_details)),
    )


def codec_details(document: dict[str, Any]) -> bytes:
    """Answer a JSON object as bytes."""
    return encode(document)


def record(alert: Alert) -> tuple[bytes, bytes]:
    """Answer key and value of a record of the inbox topic."""
    return alert.environment.encode(), encode_alert(alert)


def framed(alert: Alert, number: int = 7, **changed: Any) -> bytes:
    """Answer the alert with the framing of a schema registry."""
    body = codec.encode_record(SCHEMA, asdict(replace(alert, **changed)))[10:]
    return struct.pack(">bI", 0, number) + body


@contextmanager
def opened(folder: Path, clock: Any = None) -> Iterator[Journal]:
    """Yield a journal in which each environment of ENVIRONMENTS has one event."""
    journal = Journal(LocalLog(folder, clock=clock or (lambda: NOON)))
    for name in ENVIRONMENTS:
        if journal.head(name) < 0:
            journal.append([Event(f"defined {name}", name, "operator", NOON, None, EnvironmentDefined(b"{}"))])
    yield journal
    journal.close()


def received(journal: Journal, environment: str = "zed") -> list[Entry]:
    """Answer the alerts on the log."""
    return [entry for entry in journal.read(environment) if isinstance(entry.event.payload, AlertReceived)]
