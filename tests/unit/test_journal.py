"""The journal: what goes in comes out, redacted, typed, in order; what cannot be read says where it stands."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from schemas import canonical, codec
from schemas.errors import BadInput, BadSchema, LogCorrupt, LogTooNew
from schemas.events import Entry, Event, ObjectsSeen, Scope, SnapshotTaken
from streams.journal import Journal
from streams.local_log import LocalLog

SECRET = "hunter2-Zq8"


def snapshot(environment: str = "zed", name: str = "as-designed") -> Event:
    return Event(f"id of {name}", environment, "operator", 7, None, SnapshotTaken(name, 3, "a note"))


def seen(document: dict[str, object]) -> Event:
    scope = Scope("instances", "host", "compute-1")
    payload = ObjectsSeen("scan-1", scope, "instance", "host", "compute-1", ["i-1"], [canonical.encode(document)])
    return Event("id of seen", "zed", "scan", 8, "id of cause", payload)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LocalLog]:
    log = LocalLog(tmp_path, clock=iter(range(100, 1000, 100)).__next__)
    yield log
    log.close()


def test_events_come_back_as_they_went_in_with_their_place_and_time(log: LocalLog) -> None:
    journal = Journal(log)
    events = [snapshot(), seen({"name": "web"})]
    assert journal.append(events) == [0, 1]
    assert journal.append([snapshot(name="later")]) == [2]
    assert list(journal.read("zed")) == [
        Entry(0, 100, events[0]),
        Entry(1, 100, events[1]),
        Entry(2, 200, snapshot(name="later")),
    ]


def test_a_secret_never_reaches_the_log(log: LocalLog) -> None:
    Journal(log).append([seen({"name": "web", "adminPass": SECRET, "user_data": SECRET})])
    log.close()
    stored = b"".join(path.read_bytes() for path in log.path.parent.iterdir())
    assert b"web" in stored
    assert SECRET.encode() not in stored


def test_one_append_takes_events_of_one_environment(log: LocalLog) -> None:
    journal = Journal(log)
    with pytest.raises(BadInput, match="several environments in one append: yoga, zed"):
        journal.append([snapshot("zed"), snapshot("yoga")])
    assert journal.environments() == []


def test_an_event_that_breaks_its_schema_keeps_its_whole_append_out(log: LocalLog) -> None:
    journal = Journal(log)
    broken = replace(snapshot(), payload=SnapshotTaken("name", "three", "note"))  # type: ignore[arg-type]  # the fault is the test
    with pytest.raises(BadSchema, match="SnapshotTaken"):
        journal.append([snapshot(), broken])
    assert journal.head("zed") == -1


def test_no_events_are_no_append(log: LocalLog) -> None:
    assert Journal(log).append([]) == []


def test_a_read_keeps_its_bounds(log: LocalLog) -> None:
    journal = Journal(log)
    journal.append([snapshot(name=name) for name in "abcd"])
    assert [entry.offset for entry in journal.read("zed", after=0, upto=2)] == [1, 2]
    entries = journal.read("zed", after=2)
    journal.append([snapshot(name="e")])
    assert [entry.offset for entry in entries] == [3]


def test_the_questions_of_the_log_are_answered_by_the_log(log: LocalLog) -> None:
    journal = Journal(log)
    journal.append([snapshot(), snapshot()])
    journal.append([snapshot("yoga")])
    assert journal.head("zed") == 1
    assert [journal.offset_at("zed", time) for time in (99, 100)] == [-1, 1]
    assert [journal.time_of("zed", offset) for offset in (-1, 0, 9)] == [None, 100, 100]
    assert journal.environments() == ["yoga", "zed"]


@pytest.mark.parametrize(
    ("value", "error"),
    [(b"no event", LogCorrupt), (b"\xc3\x01" + bytes(8), LogTooNew), (b"", LogCorrupt)],
)
def test_an_event_that_cannot_be_decoded_is_named_by_its_place(
    log: LocalLog, value: bytes, error: type[Exception]
) -> None:
    journal = Journal(log)
    journal.append([snapshot()])
    log.append("zed", [value])
    entries = journal.read("zed")
    assert next(entries).offset == 0
    with pytest.raises(error, match=r"^environment 'zed', offset 1: ") as raised:
        next(entries)
    assert type(raised.value) is error


def test_envelopes_are_those_of_the_events_that_are_read(log: LocalLog) -> None:
    journal = Journal(log)
    journal.append([snapshot(name="a"), snapshot(name="b")])
    log.append("zed", [b"garbage"])
    journal.append([snapshot(name="c")])
    passing = Journal(log, lambda *_: None)
    names = [(offset, envelope.id) for offset, envelope in passing.envelopes("zed")]
    assert names == [(0, "id of a"), (1, "id of b"), (3, "id of c")]
    assert [offset for offset, _ in passing.envelopes("zed", 0, 1)] == [1]
    found = journal.envelopes("zed", 1)
    with pytest.raises(LogCorrupt, match="environment 'zed', offset 2: not an event"):
        next(found)


def buried(log: LocalLog) -> tuple[Journal, list[tuple[str, int, str]]]:
    """Answer a journal that takes what is no event out of the way, and what it took."""
    found: list[tuple[str, int, str]] = []
    return Journal(log, lambda environment, record, why: found.append((environment, record.offset, why))), found


def test_where_others_write_what_is_no_event_is_buried_and_read_past(log: LocalLog) -> None:
    journal, found = buried(log)
    journal.append([snapshot()])
    log.append("zed", [b"hello", codec.encode(snapshot("yoga")), codec.encode(snapshot())[:-1], b"\xc3\x01" + bytes(9)])
    journal.append([snapshot(name="later")])
    assert [entry.offset for entry in journal.read("zed")] == [0, 5]
    assert [(environment, offset) for environment, offset, _ in found] == [("zed", n) for n in (1, 2, 3, 4)]
    assert "not an event" in found[0][2]
    assert "environment 'yoga'" in found[1][2]
    assert "unknown to this version" in found[3][2]


def test_an_event_of_another_environment_is_damage_where_nobody_else_writes(log: LocalLog) -> None:
    log.append("zed", [codec.encode(snapshot("yoga"))])
    with pytest.raises(LogCorrupt, match="environment 'zed', offset 0: an event of environment 'yoga'"):
        list(Journal(log).read("zed"))


def test_a_payload_of_a_newer_version_is_never_passed_over(log: LocalLog) -> None:
    journal, found = buried(log)
    known = codec.schema_fingerprint("SnapshotTaken")
    log.append("zed", [codec.encode(snapshot()).replace(known, bytes(8))])
    with pytest.raises(LogTooNew, match=r"environment 'zed', offset 0: .*unknown to this version"):
        list(journal.read("zed"))
    assert found == []


def test_an_environment_without_any_event_is_none(log: LocalLog) -> None:
    journal, _ = buried(log)
    log.append("nowhere", [b"hello"])
    journal.append([snapshot()])
    assert journal.environments() == ["zed"]
    log.append("nowhere", [codec.encode(snapshot("nowhere"))])
    assert journal.environments() == ["nowhere", "zed"]
