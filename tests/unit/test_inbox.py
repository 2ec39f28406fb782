"""The inbox: every alert that keeps the contract is on the log once, and anything else is bad input, told why."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.alert import LARGEST_ALERT, Alert, check, encode_alert
from schemas.errors import BadAlert, BadInput, LogError, NotFound, RequestFailed
from schemas.events import AlertReceived, EnvironmentDefined, Event
from streams.inbox import Inbox, Taken, event_of
from streams.journal import Journal
from streams.local_log import LocalLog
from streams.summaries import summary
from tests.unit.alerts import ALERT, ENVIRONMENTS, NOON, SECOND, alerts, framed, opened, received, record

ROOT = Path(__file__).parents[2]
DAY = 24 * 3600 * SECOND


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with opened(tmp_path) as journal:
        yield journal


@pytest.fixture
def inbox(journal: Journal) -> Inbox:
    return Inbox(journal)


# What is taken


def test_an_alert_becomes_an_event_of_its_environment(journal: Journal, inbox: Inbox) -> None:
    offset = inbox.take(*record(ALERT))
    (entry,) = received(journal)
    assert entry.offset == offset
    event = entry.event
    assert (event.environment, event.source, event.occurred_at, event.cause) == ("zed", "nfv-monitor", NOON, None)
    assert event.payload == AlertReceived(
        "a-1", "instance", "i-web", "packet-loss", "Error", "11 % lost", b'{"loss":11}'
    )
    assert summary(event.payload) == "Error: packet-loss of instance i-web: 11 % lost"
    about_all = event_of(replace(ALERT, object_type=None, object_id=None, text="")).payload
    assert summary(about_all) == "Error: packet-loss of the environment"


def test_secrets_do_not_reach_the_log(journal: Journal, inbox: Inbox, tmp_path: Path) -> None:
    details = json.dumps({"login": {"password": "hunter2-Zq8"}}).encode()
    said = replace(ALERT, text="ran with --password=hunter2-Zq8", source="http://m:hunter2-Zq8@h", details=details)
    inbox.take(*record(said))
    (entry,) = received(journal)
    assert "hunter2-Zq8" not in repr(entry)
    assert inbox.take(*record(said)) is None
    assert all(b"hunter2-Zq8" not in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


def test_details_become_canonical(journal: Journal, inbox: Inbox) -> None:
    inbox.take(*record(replace(ALERT, details=b' { "b" : 1, "a":\n2}')))
    assert received(journal)[0].event.payload.details == b'{"a":2,"b":1}'  # type: ignore[union-attr]  # an alert


@given(alerts())
def test_an_alert_that_keeps_the_contract_is_taken_whatever_it_says(alert: Alert) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as journal:
        offset = Inbox(journal).take(*record(alert))
        (entry,) = received(journal, alert.environment)
        assert (entry.offset, entry.event.payload.alert_id) == (offset, alert.id)  # type: ignore[union-attr]  # an alert


# What is refused

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"id": ""}, "id is empty"),
    ({"id": " \t"}, "id is empty"),
    ({"source": ""}, "source is empty"),
    ({"check": "x" * 1001}, "check has 1001 characters, the most is 1000"),
    ({"object_id": None}, "an object is named by both object_type and object_id"),
    ({"object_type": None}, "an object is named by both object_type and object_id"),
    ({"object_id": ""}, "object_id is empty"),
    ({"object_type": "instnace"}, "object_type 'instnace' is none of aggregate, "),
    ({"status": "ok"}, "status 'ok' is none of OK, Warning, Error, Unknown"),
    ({"status": "Fatal"}, "status 'Fatal' is none of"),
    ({"occurred_at": NOON // 1000}, "occurred_at 1793534400000 is no time in microseconds"),
    ({"occurred_at": NOON * 1000}, "is no time in microseconds"),
    ({"occurred_at": -1}, "is no time in microseconds"),
    ({"details": b""}, "details: "),
    ({"details": b"[1]"}, "details: a JSON object was expected, not list"),
    ({"details": b"{'a': 1}"}, "details: not JSON"),
    ({"details": b'{"a":' * 100_000 + b"1" + b"}" * 100_000}, "details: JSON that is nested too deep|the most is"),
    ({"details": b'{"\xff":1}'}, "details: not JSON"),
    ({"text": "x" * LARGEST_ALERT}, f"the most is {LARGEST_ALERT}"),
    ({"environment": "xena"}, "environment 'xena': nothing is known of it"),
    ({"status": "Fatal", "id": ""}, "id is empty; status 'Fatal'"),
]


@pytest.mark.parametrize(("changed", "told"), WRONG)
def test_an_alert_that_breaks_the_contract_is_refused_with_the_reason(
    journal: Journal, inbox: Inbox, changed: dict[str, Any], told: str
) -> None:
    bad = replace(ALERT, **changed)
    values = framed(bad)
    with pytest.raises(BadAlert, match=told) as caught:
        inbox.take(bad.environment.encode(), values)
    assert len(str(caught.value)) < 1000
    assert [journal.head(name) for name in ENVIRONMENTS] == [0, 0]
    assert journal.environments() == sorted(ENVIRONMENTS)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (b"zed", None, "the record is empty"),
        (b"zed", b"", "the record is empty"),
        (None, encode_alert(ALERT), "has no key"),
        (b"yoga", encode_alert(ALERT), "has the key b'yoga', and its environment is 'zed'"),
        (b"zed", b'{"id": "a-1"}', "starts with 7b22: neither"),
        (b"zed", b"\0", "starts with 00: neither"),
        (b"zed", encode_alert(ALERT)[:-1], "Alert cannot be decoded"),
        (b"zed", encode_alert(ALERT) + b"x", "1 bytes follow that belong to nothing"),
        (b"zed", b"\xc3\x01" + bytes(8) + encode_alert(ALERT)[10:], "fingerprint 0000000000000000.* no released"),
        (b"zed", codec.encode(event_of(ALERT)), "no released version of Alert"),
        (b"zed", framed(ALERT) + b"x", "for no schema registry is set"),
        (b"zed", bytes(LARGEST_ALERT + 1), "has 524289 bytes, the most is 524288"),
    ],
)
def test_bytes_that_are_no_alert_are_refused_with_the_reason(
    inbox: Inbox, key: bytes | None, value: bytes | None, told: str
) -> None:
    with pytest.raises(BadAlert, match=told):
        inbox.take(key, value)


ODD = st.binary(max_size=60)
PREFIXES = st.sampled_from([b"", b"\xc3\x01", b"\xc3\x01" + codec.schema_fingerprint("Alert"), b"\0", b"\0\0\0\0\7"])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    value = draw(st.sampled_from([encode_alert(ALERT), framed(ALERT)]))
    at = draw(st.integers(0, len(value)))
    return value[:at] + draw(st.binary(max_size=6)) + value[at + draw(st.integers(0, 6)) :]


@given(st.lists(st.tuples(st.sampled_from([b"zed", None]) | ODD, st.builds(bytes.__add__, PREFIXES, ODD) | damaged())))
@settings(max_examples=150)
def test_any_bytes_are_one_event_more_or_a_repeat_or_bad_input(records: list[tuple[bytes | None, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as journal:
        inbox = Inbox(journal)
        for key, value in records:
            before = journal.head("zed"), journal.head("yoga")
            try:
                taken = inbox.take(key, value)
            except BadAlert:
                taken = None
            after = journal.head("zed"), journal.head("yoga")
            assert sum(after) - sum(before) == (taken is not None)
            assert taken in (None, *after)
        assert journal.environments() == sorted(ENVIRONMENTS)


# Repeats


@given(st.data())
@settings(max_examples=80)
def test_alerts_in_any_order_with_repeats_and_restarts_are_there_once_each(drawn: st.DataObject) -> None:
    ids = st.sampled_from("abcdef")
    sent = drawn.draw(st.lists(alerts(ids), min_size=1, max_size=8))
    deliveries = drawn.draw(st.lists(st.sampled_from(sent), max_size=30))
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as journal:
        inboxes = [Inbox(journal), Inbox(journal)]
        fresh = []
        for alert in deliveries:
            which = drawn.draw(st.sampled_from(["first", "second", "restarted"]))
            inbox = Inbox(journal) if which == "restarted" else inboxes[which == "second"]
            if inbox.take(*record(alert)) is not None:
                fresh.append(alert)
        names = [(alert.environment, alert.source, alert.id) for alert in fresh]
        assert len(names) == len(set(names))
        assert set(names) == {(alert.environment, alert.source, alert.id) for alert in deliveries}
        stored = [entry.event.id for name in ENVIRONMENTS for entry in received(journal, name)]
        assert sorted(stored) == sorted(event_of(alert).id for alert in fresh)


def test_a_repeat_is_answered_with_the_offset_of_the_first(inbox: Inbox) -> None:
    first = inbox.accept(ALERT)
    assert first == Taken(1, repeat=False)
    inbox.accept(replace(ALERT, id="a-2"))
    assert inbox.accept(ALERT) == Taken(1, repeat=True)


def test_the_same_id_of_another_source_or_environment_is_another_alert(inbox: Inbox) -> None:
    others = [ALERT, replace(ALERT, source="sensu"), replace(ALERT, environment="yoga"), replace(ALERT, id="a-2")]
    assert not any(inbox.accept(alert).repeat for alert in others)
    assert all(inbox.accept(alert).repeat for alert in others)


def test_the_id_of_the_event_never_changes() -> None:
    """What is on the logs of users was named so: another name would let every repeat in once more."""
    assert event_of(ALERT).id == "b6ff0379-44af-5611-837a-c0c3e78fa435"
    assert event_of(replace(ALERT, occurred_at=NOON + 1, text="again", status="OK")).id == event_of(ALERT).id


class Slow:
    """A clock that the test sets."""

    time = NOON

    def __call__(self) -> int:
        return self.time


def test_an_old_alert_that_is_delivered_again_is_known_though_the_log_went_on_for_days(tmp_path: Path) -> None:
    clock = Slow()
    with opened(tmp_path, clock) as journal:
        old = [replace(ALERT, id=str(number)) for number in range(3)]
        for alert in old:
            Inbox(journal).accept(alert)
        for day in range(1, 7):
            clock.time = NOON + day * DAY
            journal.append([Event("x", "zed", "operator", NOON, None, EnvironmentDefined(b"{}"))])
        inbox = Inbox(journal)
        assert not inbox.accept(replace(ALERT, id="new", occurred_at=clock.time)).repeat
        assert all(inbox.accept(alert).repeat for alert in old)
        assert inbox.accept(replace(ALERT, id="new", occurred_at=clock.time)).repeat


def test_only_so_many_alerts_are_remembered(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.inbox.MOST_REMEMBERED", 10)
    inbox = Inbox(journal)
    sent = [replace(ALERT, id=str(number)) for number in range(30)]
    for alert in sent:
        assert not inbox.accept(alert).repeat
    for taking in (inbox, Inbox(journal)):
        assert all(taking.accept(alert).repeat for alert in sent[-10:])
        assert sum(map(len, (memory.offsets for memory in taking._memories.values()))) == 10


def test_threads_that_bring_the_same_alerts_take_each_once(journal: Journal, inbox: Inbox) -> None:
    sent = [replace(ALERT, id=str(number)) for number in range(20)]

    def work(alerts_: list[Alert]) -> None:
        for alert in alerts_:
            inbox.take(*record(alert))

    threads = [threading.Thread(target=work, args=(part,)) for part in (sent, sent[::-1], sent[10:] + sent[:10])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(received(journal)) == 20


KILLED = """
import os, signal, sys
from pathlib import Path
from streams.inbox import Inbox
from tests.unit.alerts import ALERT, opened, record
from dataclasses import replace
with opened(Path(sys.argv[1])) as journal:
    inbox = Inbox(journal)
    append = journal.append
    def then_die(events):
        append(events)
        os.kill(os.getpid(), signal.SIGKILL)
    inbox.take(*record(ALERT))
    journal.append = then_die
    inbox.take(*record(replace(ALERT, id="a-2")))
"""


def test_what_was_appended_before_a_kill_is_a_repeat_after_it(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, timeout=60, env=os.environ)
    assert ran.returncode == -signal.SIGKILL
    with opened(tmp_path) as journal:
        assert Inbox(journal).take(*record(replace(ALERT, id="a-2"))) is None
        assert len(received(journal)) == 2


def test_a_log_that_cannot_be_written_is_no_fault_of_the_alert(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        inbox = Inbox(journal)
        journal.close()
        with pytest.raises(LogError):
            inbox.take(*record(ALERT))


def test_an_environment_under_whose_key_no_event_stands_does_not_exist(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    log.append("zed", [b"garbage"])
    journal = Journal(log, bury=lambda *_: None)
    with pytest.raises(NotFound, match="'zed': nothing is known of it"):
        Inbox(journal).accept(ALERT)
    journal.close()


# Schemas of others


class Shelf:
    """A registry of a test: schemas by id."""

    def __init__(self, **schemas: Any) -> None:
        self.schemas = schemas

    def schema(self, number: int) -> str:
        if number == 99:
            raise RequestFailed("GET http://registry/schemas/ids/99: ConnectionError")
        if number not in self.schemas.get("known", {}):
            raise NotFound(f"the schema registry knows no schema of id {number}")
        return str(self.schemas["known"][number])


def test_without_a_registry_a_framed_record_is_read_as_the_released_alert(inbox: Inbox) -> None:
    assert inbox.take(b"zed", framed(ALERT, 1)) == 1
    assert inbox.take(*record(ALERT)) is None


def written(schema: dict[str, Any], value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue()


LEAN: dict[str, Any] = {
    "type": "record",
    "name": "Alert",
    "namespace": "com.example",
    "fields": [
        {"name": "status", "type": "string"},
        {"name": "check", "type": "string"},
        {"name": "occurred_at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "source", "type": "string"},
        {"name": "environment", "type": "string"},
        {"name": "id", "type": "string"},
        {"name": "mood", "type": ["null", "string"]},
    ],
}


def test_a_monitors_own_schema_is_resolved_to_ours(journal: Journal) -> None:
    value = {
        "status": "OK",
        "check": "fan",
        "occurred_at": NOON,
        "source": "m",
        "environment": "zed",
        "id": "1",
        "mood": "glad",
    }
    inbox = Inbox(journal, Shelf(known={7: json.dumps(LEAN)}))
    assert inbox.take(b"zed", b"\0\0\0\0\7" + written(LEAN, value)) == 1
    assert received(journal)[0].event.payload == AlertReceived("1", None, None, "fan", "OK", "", b"{}")


@pytest.mark.parametrize(
    ("number", "schema", "told"),
    [
        (7, "no JSON", "no Avro schema"),
        (7, "[]", "no Avro schema of a record"),
        (7, '{"type":"record","name":"Alert"}', "no Avro schema"),
        (7, '{"type":"record","name":"Alert","fields":[]}', "cannot be read as Alert: Alert.id: the writer has no"),
        (7, '"string"', "no Avro schema of a record"),
        (8, "{}", "the schema registry knows no schema of id 8"),
    ],
)
def test_a_schema_that_cannot_be_read_as_ours_is_bad_input(
    journal: Journal, number: int, schema: str, told: str
) -> None:
    with pytest.raises(BadAlert, match=told):
        Inbox(journal, Shelf(known={7: schema})).take(b"zed", framed(ALERT, number))


def test_a_registry_that_does_not_answer_is_no_fault_of_the_alert(journal: Journal) -> None:
    with pytest.raises(RequestFailed):
        Inbox(journal, Shelf()).take(b"zed", framed(ALERT, 99))


SCRAPS = st.sampled_from([None, 7, "", "long", "Alert", "fixed", [], {}, ["null"], {"type": "Alert"}, ["null", "null"]])


def bent(draw: st.DrawFn, schema: Any) -> Any:
    """Answer a schema with something in it that is gone or is something else."""
    if isinstance(schema, dict | list) and schema and draw(st.integers(0, 3)):
        place = draw(st.sampled_from(sorted(schema) if isinstance(schema, dict) else range(len(schema))))
        copy: Any = dict(schema) if isinstance(schema, dict) else list(schema)
        if draw(st.integers(0, 4)):
            copy[place] = bent(draw, copy[place])
        else:
            del copy[place]
        return copy
    return draw(SCRAPS)


@given(st.composite(lambda draw: bent(draw, json.loads(codec.schema_text("Alert"))))())
@settings(max_examples=200)
def test_whatever_a_registry_says_of_an_alert_it_is_taken_or_refused(schema: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as journal:
        inbox = Inbox(journal, Shelf(known={7: json.dumps(schema)}))
        with suppress(BadAlert):
            assert inbox.take(b"zed", framed(ALERT)) == 1


def test_with_a_registry_the_body_must_be_of_its_schema_to_the_last_byte(journal: Journal) -> None:
    inbox = Inbox(journal, Shelf(known={7: codec.schema_text("Alert")}))
    for bad in (framed(ALERT) + b"x", framed(ALERT)[:-1]):
        with pytest.raises(BadAlert, match="Alert cannot be decoded"):
            inbox.take(b"zed", bad)
    assert inbox.take(b"zed", framed(ALERT)) == 1


def test_an_alert_with_a_field_of_a_wrong_type_is_not_encoded() -> None:
    with pytest.raises(BadAlert, match=r"Alert\.occurred_at: an integer of 64 bits was expected, not float"):
        encode_alert(replace(ALERT, occurred_at=1.5))  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(BadInput, match="half characters"):
        encode_alert(replace(ALERT, text="\ud800"))
    check(ALERT)
