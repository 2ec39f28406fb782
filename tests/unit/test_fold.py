"""The warranty: live state, replayed state and history are the same, at every offset, for any life."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.change import Key, Kind
from projections.cliques import recompute
from projections.digest import EMPTY, advance, term
from projections.fold import Fold, Now, snapshot_key
from projections.links import Links
from schemas.canonical import Document, decode_document, encode
from schemas.events import (
    ConnectionTested,
    Entry,
    EnvironmentDefined,
    EnvironmentRemoved,
    Event,
    FetchFailed,
    ListenerStateChanged,
    NotificationReceived,
    ObjectMissed,
    ObjectsSeen,
    Payload,
    ScanCancelled,
    ScanFinished,
    ScanRequested,
    ScanStarted,
    ScheduleDefined,
    ScheduleRemoved,
    SnapshotTaken,
)
from streams.comparison import compare, visible
from streams.history import Version
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.moments import Moment
from streams.verify import verify
from streams.worker import Worker, stored
from tests.unit.stories import ENVIRONMENTS, scope, stories

State = dict[Key, bytes]


@contextmanager
def engine() -> Iterator[tuple[Journal, LocalHistory]]:
    memory = Path("/dev/shm")  # noqa: S108 - hundreds of small logs: where there is such a disk, spare the real one
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        journal, history = Journal(LocalLog(Path(folder))), LocalHistory(Path(folder))
        yield journal, history
        history.close()
        journal.close()


def replays(entries: list[Entry], environment: str) -> Iterator[tuple[int, State]]:
    """Yield each offset with the state of a fold from nothing up to it."""
    fold = Fold(environment)
    for entry in entries:
        fold.apply(entry)
        yield entry.offset, dict(fold.everything())


def live(journal: Journal, history: LocalHistory, events: list[Event], cuts: set[int]) -> None:
    """Write the events one by one, folding as they come; at each cut the worker dies and another begins."""
    worker = Worker(journal, history)
    for number, event in enumerate(events):
        journal.append([event])
        if number in cuts:
            worker = Worker(journal, history)
        worker.catch_up(event.environment)


@settings(max_examples=60)
@given(stories(), st.sets(st.integers(0, 40), max_size=6))
def test_the_history_at_every_offset_is_the_replay_up_to_it(events: list[Event], cuts: set[int]) -> None:
    with engine() as (journal, history):
        live(journal, history, events, cuts)
        for environment in ENVIRONMENTS:
            entries = list(journal.read(environment))
            for offset, state in replays(entries, environment):
                assert dict(stored(history, environment, offset)) == state


@settings(max_examples=40)
@given(stories())
def test_a_history_verifies_and_its_digest_is_that_of_everything_in_it(events: list[Event]) -> None:
    with engine() as (journal, history):
        live(journal, history, events, set())
        for environment in journal.environments():
            verdict = verify(journal, history, environment)
            position = history.position(environment)
            assert verdict.problem is None
            everything = dict(stored(history, environment, position.offset))
            assert position.digest == sum(term(key, value) for key, value in everything.items()) % (1 << 256)


@settings(max_examples=40)
@given(stories(), st.data())
def test_a_comparison_names_exactly_the_keys_whose_visible_values_differ(
    events: list[Event], data: st.DataObject
) -> None:
    with engine() as (journal, history):
        live(journal, history, events, set())
        environment = data.draw(st.sampled_from(journal.environments()))
        states = dict(replays(list(journal.read(environment)), environment))
        a, b = (data.draw(st.sampled_from(sorted(states))) for _ in range(2))
        found = {change.key: change for change in compare(history, environment, Moment(a, 0), Moment(b, 0))}
        for key in states[a].keys() | states[b].keys():
            if key.kind.value in ("object", "link", "clique"):
                before, after = (visible(key.kind, Version(0, states[m].get(key))) for m in (a, b))
                assert (key in found) == (before != after)


@settings(max_examples=40)
@given(stories())
def test_an_event_applied_twice_counts_once(events: list[Event]) -> None:
    with engine() as (journal, _):
        for event in events:
            journal.append([event])
        for environment in journal.environments():
            once, twice = Fold(environment), Fold(environment)
            digest = EMPTY
            for entry in journal.read(environment):
                changes = once.apply(entry)
                digest = advance(digest, changes)
                assert twice.apply(entry) == changes
                assert twice.apply(entry) == []
            assert list(once.everything()) == list(twice.everything())


@settings(max_examples=60)
@given(stories())
def test_links_and_cliques_kept_by_increments_are_those_of_a_full_recomputation(events: list[Event]) -> None:
    """Cliques alone wait while an open scan goes on: they are then those of the last event that made them."""
    with engine() as (journal, _):
        for event in events:
            journal.append([event])
        for environment in journal.environments():
            fold, scan, cliques = Fold(environment), None, {}
            for entry in journal.read(environment):
                fold.apply(entry)
                again = Links()
                again.rebuild(fold.inventory)
                assert list(again) == list(fold.links)
                scan, waits = open_scan(scan, entry.event.payload)
                if not waits:
                    made = recompute(Now(fold.inventory, again), fold.cliques.chosen)
                    cliques = {key: encode(document) for key, document in made.items()}
                assert fold.cliques.stored() == cliques


def open_scan(scan: str | None, payload: Payload) -> tuple[str | None, bool]:
    """Answer the scan that is open after an event, and whether the event is one of those that it goes on with."""
    match payload:
        case ScanStarted():
            return payload.scan_id, False
        case ScanFinished():
            return None if payload.scan_id == scan else scan, False
        case ObjectsSeen() | FetchFailed():
            return scan, payload.scan_id == scan
    return scan, False


@settings(max_examples=40)
@given(stories(), st.integers(0, 40))
def test_a_fold_restored_at_any_event_goes_on_as_one_never_interrupted(events: list[Event], cut: int) -> None:
    with engine() as (journal, _):
        for event in events:
            journal.append([event])
        for environment in journal.environments():
            fold, entries = Fold(environment), list(journal.read(environment))
            for entry in entries[:cut]:
                fold.apply(entry)
            again = restored(fold, entries)
            for entry in entries[cut:]:
                assert again.apply(entry) == fold.apply(entry)
            assert list(again.everything()) == list(fold.everything())


def restored(fold: Fold, entries: list[Entry]) -> Fold:
    """Answer a fold that begins again from everything that was in another."""
    again = Fold.restore(fold.environment, fold.offset, fold.everything())
    for entry in entries:
        if fold.resume_from <= entry.offset <= fold.offset:
            again.note(entry)
    return again


# -- when cliques are made -----------------------------------------------------------------------------------


def instance_with_a_vnic(scan: str = "s") -> list[ObjectsSeen]:
    """Answer what a scan sees of an instance on a network, in the order seen."""
    port: Document = {"network_id": "n", "mac_address": "m", "device_id": "i", "binding:host_id": "h"}
    documents: list[tuple[str, str, Document]] = [
        ("network", "n", {"provider:network_type": "vxlan"}),
        ("port", "p", port),
        ("instance", "i", {"host": "h", "network": ["n"]}),
        ("vnic", "h-tap", {"host": "h", "device": "tap", "instance_id": "i", "mac_address": "m"}),
    ]
    return [
        ObjectsSeen(scan, scope(kind, None), kind, "region", "r", [object_id], [encode(document)])
        for kind, object_id, document in documents
    ]


def lives(*payloads: Payload) -> list[Entry]:
    """Answer entries of one environment with these payloads."""
    return [Entry(n, n, Event(str(n), "lab", "scan", n, None, payload)) for n, payload in enumerate(payloads)]


STARTED = ScanStarted("s", "bundle:b", b"{}")
FINISHED = ScanFinished("s", "completed", [])
FINISHED_ZERO = ScanFinished("0", "completed", [])
NOTIFIED = NotificationReceived("m", "port.create.end", "network.c", "neutron", "notifications.info", b"{}")
FAILED = FetchFailed("s", scope("vnic", "h"), "vnic", "h", "virsh list", "timed out")


def test_a_request_waits_until_the_scan_of_its_id_begins_and_keeps_what_it_said() -> None:
    fold = Fold("lab")
    seen = []
    for entry in lives(ScanRequested("host", "h1", "fan"), ScanStarted("0", "bundle:b", b"{}"), FINISHED_ZERO):
        fold.apply(entry)
        document = decode_document(fold.records[Key(Kind.SCAN, "scan", "0")])
        seen.append((document["status"], document["object"], document["reason"], document["requested_by"]))
    assert seen == [(status, ["host", "h1"], "fan", "scan") for status in ("pending", "running", "completed")]


def test_a_request_that_is_taken_back_is_cancelled_and_a_scan_that_runs_goes_on_until_it_says_its_end() -> None:
    fold = Fold("lab")
    for entry in lives(
        ScanRequested(None, None, ""), ScanCancelled("0", "too late"), STARTED, ScanCancelled("s", "enough")
    ):
        fold.apply(entry)
    taken_back, running = (decode_document(fold.records[Key(Kind.SCAN, "scan", name)]) for name in ("0", "s"))
    assert (taken_back["status"], taken_back["cancelled"]) == ("cancelled", {"by": "scan", "reason": "too late"})
    assert (running["status"], running["cancelled"]) == ("running", {"by": "scan", "reason": "enough"})


def test_an_object_that_was_looked_for_alone_and_is_not_there_goes_with_all_below_it_and_no_other() -> None:
    everywhere, below = scope("host", None), scope("pnic", "h1")
    sight: list[Payload] = [
        STARTED,
        ObjectsSeen("s", everywhere, "host", "region", "r", ["h1", "h2"], [b"{}", b"{}"]),
        ObjectsSeen("s", below, "host_pnic", "host", "h1", ["h1-eth0"], [b"{}"]),
        FINISHED,
    ]
    for status, left in (("aborted", {"h1", "h2", "h1-eth0"}), ("completed", {"h2"})):
        look: list[Payload] = [
            ScanStarted("t", "b", b"{}"),
            ObjectMissed("t", everywhere, "host", "h1"),
            ScanFinished("t", status, []),
        ]
        fold = Fold("lab")
        for entry in lives(*sight, *look):
            fold.apply(entry)
        assert {obj.id for kind in fold.inventory.types() for obj in fold.inventory.of_type(kind)} == left


def test_a_schedule_knows_its_last_scan_and_a_scan_its_schedule_even_when_it_is_done_again() -> None:
    fold = Fold("lab")
    daily = ScheduleDefined("night", None, "daily", "UTC", "host", "h1", None, None, None, "")
    request = ScanRequested("host", "h1", "schedule night")
    told: list[tuple[str, str | None, Payload]] = [
        ("d", None, daily),
        ("s", "d", request),
        ("again", "s", request),
        ("other", "x", request),
    ]
    for number, (name, cause, payload) in enumerate(told):
        fold.apply(Entry(number, number, Event(name, "lab", "operator", number, cause, payload)))
    schedule = decode_document(fold.records[Key(Kind.SCHEDULE, "schedule", "night")])
    assert (schedule["id"], schedule["object"], schedule["every"]) == ("d", ["host", "h1"], "daily")
    assert (schedule["last_scan"], schedule["last_at"]) == ("s", 1)
    scans = {name: decode_document(fold.records[Key(Kind.SCAN, "scan", name)]) for name in ("s", "again", "other")}
    assert {name: scan.get("schedule") for name, scan in scans.items()} == {
        "s": "night",
        "again": "night",
        "other": None,
    }
    assert {name: scan["cause"] for name, scan in scans.items()} == {"s": "d", "again": "s", "other": "x"}


def test_a_schedule_is_replaced_by_one_of_its_name_and_is_gone_when_it_is_removed() -> None:
    fold = Fold("lab")
    key = Key(Kind.SCHEDULE, "schedule", "night")
    seen = []
    for every in ("daily", "weekly", None):
        word = ScheduleDefined("night", None, every, "UTC", None, None, None, None, None, "")
        payload = ScheduleRemoved("night", "") if every is None else word
        (entry,) = lives(payload)
        changes = fold.apply(Entry(fold.offset + 1, 0, entry.event))
        seen.append([(change.key, change.after is None) for change in changes])
    assert seen == [[(key, False)], [(key, False)], [(key, True)]]
    assert fold.apply(Entry(9, 0, lives(ScheduleRemoved("night", ""))[0].event)) == []


def test_an_environment_that_is_removed_keeps_what_is_known_and_is_back_when_it_is_described_again() -> None:
    fold = Fold("lab")
    key = Key(Kind.ENVIRONMENT, "environment", "lab")
    removed = []
    defined = EnvironmentDefined(b'{"cloud":"a"}')
    for entry in lives(defined, EnvironmentRemoved("sold"), defined):
        fold.apply(entry)
        document = decode_document(fold.records[key])
        removed.append((document["settings"], document.get("removed")))
    assert removed == [({"cloud": "a"}, None), ({"cloud": "a"}, {"at": 1, "note": "sold"}), ({"cloud": "a"}, None)]


def test_an_environment_says_how_its_sources_and_its_listener_are_at_each_moment() -> None:
    fold = Fold("lab")
    key = Key(Kind.ENVIRONMENT, "environment", "lab")
    tried = ConnectionTested(False, b'[{"passed":false,"source":"api"}]')
    known = []
    for entry in lives(tried, ListenerStateChanged("running", "x"), ListenerStateChanged("stopped", "")):
        fold.apply(entry)
        document = decode_document(fold.records[key])
        known.append((document["tested"], document.get("listener")))
    tested = {"at": 0, "passed": False, "results": [{"passed": False, "source": "api"}]}
    assert known == [
        (tested, None),
        (tested, {"state": "running", "cause": "x", "since": 1}),
        (tested, {"state": "stopped", "cause": "", "since": 2}),
    ]


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        (FINISHED, True),
        (ScanStarted("t", "bundle:b", b"{}"), True),
        (NOTIFIED, True),
        (ObjectsSeen("another", scope("host", None), "host", "region", "r", ["h"], [b"{}"]), True),
        (SnapshotTaken("a", 0, ""), True),
        (ScanFinished("another", "completed", []), True),
        (FAILED, False),
        (ObjectsSeen("s", scope("host", None), "host", "region", "r", ["h"], [b"{}"]), False),
    ],
)
def test_cliques_wait_while_a_scan_goes_on_and_no_longer(after: Payload, shown: bool) -> None:
    fold = Fold("lab")
    *scan, last = lives(STARTED, *instance_with_a_vnic(), after)
    made = [change for entry in scan for change in fold.apply(entry)]
    assert "instance-vnic" in {change.key.type for change in made}
    assert fold.cliques.stored() == {}
    shows = [(c.key.type, c.before, c.offset) for c in fold.apply(last) if c.key.kind is Kind.CLIQUE]
    assert shows == ([("instance", None, last.offset)] if shown else [])


def test_outside_a_scan_cliques_show_at_once() -> None:
    fold = Fold("lab")
    for entry in lives(*instance_with_a_vnic()):
        fold.apply(entry)
    assert [key.type for key in fold.cliques.stored()] == ["instance"]


def test_what_could_not_be_looked_at_stays_as_it_was_known() -> None:
    fold = Fold("lab")
    seen: list[Document] = [{"os": "a", "x": 1}, {"unseen": ["os"], "x": 2}, {"x": 2}]
    known: list[Document] = [{"os": "a", "x": 1}, {"os": "a", "x": 2}, {"x": 2}]
    for offset, document in enumerate(seen):
        payload = ObjectsSeen("s", scope("host", None), "host", "region", "r", ["h"], [encode(document)])
        fold.apply(Entry(offset, 0, Event(str(offset), "lab", "scan", 0, None, payload)))
        host = fold.inventory.get("host", "h")
        assert host is not None
        assert host.document == known[offset]


def test_a_document_that_is_not_canonical_json_is_kept_as_if_it_were() -> None:
    fold = Fold("lab")
    written = [b'{"b": 1, "a": 2}', b'{"a":2,"b":1}', b'{"a":0,"b":1,"a":2}']
    made = []
    for offset, document in enumerate(written):
        payload = ObjectsSeen("s", scope("host", None), "host", "region", "r", ["h"], [document])
        made.append(fold.apply(Entry(offset, 0, Event(str(offset), "lab", "scan", 0, None, payload))))
    assert [len(changes) for changes in made] == [1, 0, 0]
    again = Fold.restore("lab", fold.offset, fold.everything())
    assert list(again.everything()) == list(fold.everything())


def test_a_snapshot_keeps_the_moment_it_was_given_first() -> None:
    fold = Fold("lab")
    for offset, at in enumerate((5, 7)):
        fold.apply(Entry(offset, 0, Event(str(offset), "lab", "operator", 0, None, SnapshotTaken("a", at, ""))))
    assert decode_document(fold.records[snapshot_key("a")])["at_offset"] == 5
