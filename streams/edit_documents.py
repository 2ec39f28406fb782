"""Edits as JSON that a person writes: `{event, payload}` with more of an event where wanted, or `{patch}`.

It is the shape in which `calipso events --payload --json` lists events, so that one can be listed, changed and handed
back. What a listing says of an event besides (offset, time, summary) may stand there and means nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.alert import EARLIEST, LATEST
from schemas.canonical import Document
from schemas.codec import PAYLOADS
from schemas.errors import BadInput
from schemas.events import Event, Payload
from schemas.redaction import redact_event
from schemas.spelling import read_payload
from streams.edits import Addition, Alteration, Edits

SOURCE: Final = "what-if"
"""Who saw an added event, if it does not say."""

_LISTED: Final = {"offset", "time", "summary"}
_ENVELOPE: Final = {"id", "source", "cause", "occurred_at"}
_LONGEST_OFFSET: Final = 18
"""Digits, as of a moment."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_edits(
    environment: str,
    *,
    drop: Iterable[int | str] = (),
    drop_kinds: Iterable[str] = (),
    drop_sources: Iterable[str] = (),
    alter: Mapping[int, object] | None = None,
    add: Sequence[object] = (),
) -> Edits:
    """Answer edits: `drop` names events by offset or id; `alter` and `add` as of the functions below."""
    words = list(drop)
    for kind in drop_kinds:
        if kind not in PAYLOADS:
            raise BadInput(f"event {kind}: there is none (known: {', '.join(sorted(PAYLOADS))})")
    return Edits(
        drop=frozenset(int(word) for word in words if _is_offset(word)),
        drop_ids=frozenset(str(word) for word in words if not _is_offset(word)),
        drop_kinds=frozenset(drop_kinds),
        drop_sources=frozenset(drop_sources),
        alter=read_alterations(alter or {}),
        add=read_additions(add, environment),
    )


def _is_offset(word: int | str) -> bool:
    is_offset = isinstance(word, int) or (word.isascii() and word.isdigit())
    if isinstance(word, str) and is_offset and len(word) > _LONGEST_OFFSET:
        raise BadInput(f"drop: a number of {len(word)} digits is no offset")
    return is_offset


def read_alteration(document: object) -> Alteration:
    """Answer an alteration: `{"event", "payload"}`, its envelope stays that of the event; or `{"patch"}`."""
    known = _known(document, {"event", "payload", "patch"} | _LISTED | _ENVELOPE)
    if "patch" in known:
        if "payload" in known or not isinstance(known["patch"], dict):
            raise BadInput("patch: an object, and no payload beside it, was expected")
        return Alteration(patch=known["patch"])
    return Alteration(payload=_payload(known))


def read_addition(document: object, environment: str, number: int) -> Addition:
    """Answer an added event: `{"event", "payload"}`, and if wanted `after`, `id`, `source`, `cause`, `occurred_at`."""
    known = _known(document, {"event", "payload", "after"} | _LISTED | _ENVELOPE)
    after = known.get("after")
    if after is not None and (not isinstance(after, int) or isinstance(after, bool)):
        raise BadInput("after: an offset was expected")
    occurred_at = _time(known.get("occurred_at"))
    event = Event(
        _text(known, "id") or f"what-if-{number}",
        environment,
        _text(known, "source") or SOURCE,
        occurred_at or 0,
        _text(known, "cause"),
        _payload(known),
    )
    return Addition(redact_event(event), after, timed=occurred_at is not None)


def read_additions(documents: Sequence[object], environment: str) -> list[Addition]:
    """Answer added events, in order; BadInput names which of them is none, counted from 1."""
    found = []
    for number, document in enumerate(documents, 1):
        try:
            found.append(read_addition(document, environment, number))
        except BadInput as error:
            raise BadInput(f"added event {number}: {error}") from error
    return found


def read_alterations(documents: Mapping[int, object]) -> dict[int, Alteration]:
    """Answer alterations by the offset of their event; BadInput names which of them is none."""
    found = {}
    for offset, document in documents.items():
        try:
            found[offset] = read_alteration(document)
        except BadInput as error:
            raise BadInput(f"event at offset {offset}, altered: {error}") from error
    return found


def _known(document: object, names: set[str]) -> Document:
    if not isinstance(document, dict):
        raise BadInput(f"an object was expected, not {type(document).__name__}")
    for name in sorted(document.keys() - names):
        raise BadInput(f"{name}: there is no such part of an event (known: {', '.join(sorted(names))})")
    return document


def _payload(document: Document) -> Payload:
    for name in ("event", "payload"):
        if name not in document:
            raise BadInput(f"{name} is missing (calipso events --payload --json shows how an event is written)")
    return read_payload(str(document["event"]), document["payload"])


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise BadInput(f"{name}: a text was expected, not {type(value).__name__}")
    return value


def _time(value: object) -> int | None:
    """Answer microseconds since 1970: as they are, or from an ISO time; without a zone that is UTC."""
    if value is None:
        return None
    found = value if isinstance(value, int) and not isinstance(value, bool) else _of_iso(value)
    if not EARLIEST <= found < LATEST:
        raise BadInput("occurred_at: no time from 2000 to 9999, in microseconds since 1970 or as an ISO time")
    return found


def _of_iso(value: object) -> int:
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadInput(f"occurred_at {value!r}: no ISO time, and no microseconds since 1970") from None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (when - _EPOCH) // timedelta(microseconds=1)
