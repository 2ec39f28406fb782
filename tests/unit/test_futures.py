"""Another future is what the fold makes of an edited log; the difference to the real one names the event behind it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.change import Key
from projections.fold import Fold
from schemas.canonical import Document, encode
from schemas.errors import BadInput, HistoryError, NotFound
from schemas.events import (
    Entry,
    Event,
    FetchFailed,
    NotificationReceived,
    ObjectsSeen,
    ScanFinished,
    ScanRequested,
    ScanStarted,
    Scope,
)
from schemas.spelling import read_payload, spelled
from streams.comparison import COMPARED, comparison, differs, visible
from streams.edit_documents import read_additions, read_alterations
from streams.edits import Addition, Alteration, Edit, EditedStream, Edits, merged
from streams.futures import compare, future, what_if
from streams.history import Version
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.moments import Moment
from streams.worker import Worker
from tests.unit.api_demo import ENV, V1, Demo, demo
from tests.unit.stories import stories
from tests.unit.test_fold import engine

Seen = dict[Key, Document]


def seen(fold: Fold) -> Seen:
    """Answer what a person sees of a state."""
    found = ((key, visible(key.kind, Version(0, value))) for key, value in fold.everything() if key.kind in COMPARED)
    return {key: document for key, document in found if document is not None}


def replayed(environment: str, entries: list[Entry]) -> Seen:
    fold = Fold(environment)
    for entry in entries:
        fold.apply(entry)
    return seen(fold)


def told(journal: Journal, events: list[Event]) -> None:
    for event in events:
        journal.append([event])


@st.composite
def edits(draw: st.DrawFn, offsets: list[int], fork: int, others: list[Event]) -> Edits:
    """Draw edits of the events at some offsets, with others to put between or in their place."""
    kinds = st.sampled_from(["ObjectsSeen", "ScanStarted", "ScanFinished", "NotificationReceived"])
    dropped = draw(st.frozensets(st.sampled_from(offsets))) if offsets else frozenset()
    places = st.none() | st.sampled_from([fork, *offsets])
    left = sorted(set(offsets) - dropped)
    altered = draw(st.sets(st.sampled_from(left), max_size=3)) if left else set()
    return Edits(
        drop=dropped,
        drop_kinds=draw(st.frozensets(kinds, max_size=1)),
        alter={offset: Alteration(payload=draw(st.sampled_from(others)).payload) for offset in altered},
        add=[Addition(draw(st.sampled_from(others)), draw(places)) for _ in range(draw(st.integers(0, 3)))],
    )


@settings(max_examples=60, deadline=None)
@given(stories(), stories(12), st.data())
def test_a_future_is_the_replay_of_the_edited_log_from_its_beginning(
    events: list[Event], others: list[Event], data: st.DataObject
) -> None:
    with engine() as (journal, history), engine() as (edited_journal, _):
        told(journal, events)
        Worker(journal, history).catch_up_all()
        environment = data.draw(st.sampled_from(journal.environments()))
        entries = list(journal.read(environment))
        fork = data.draw(st.sampled_from(entries))
        end = data.draw(st.sampled_from([entry for entry in entries if entry.offset >= fork.offset]))
        between = [entry.offset for entry in entries if fork.offset < entry.offset <= end.offset]
        others = [replace(event, environment=environment) for event in others]
        wanted = data.draw(edits(between, fork.offset, others))
        a, b = Moment(fork.offset, fork.logged_at), Moment(end.offset, end.logged_at)
        found = future(journal, history, environment, wanted, a, b)

        before = [entry.event for entry in entries if entry.offset <= fork.offset]
        behind = [entry for entry in entries if fork.offset < entry.offset <= end.offset]
        stream = [one.entry.event for one in EditedStream(wanted, fork.offset, fork.logged_at).of(behind)]
        told(edited_journal, [*before, *stream])  # a log that was told so from its beginning
        would = replayed(environment, list(edited_journal.read(environment)))
        assert seen(found.fold) == would

        is_so = replayed(environment, entries[: end.offset + 1])
        changes = {change.key: change for change in compare(history, environment, found, a, b)}
        for key in is_so.keys() | would.keys():
            assert (key in changes) == (is_so.get(key) != would.get(key))
            if key in changes:
                assert (changes[key].before, changes[key].after) == (is_so.get(key), would.get(key))


@settings(max_examples=30, deadline=None)
@given(stories(), st.data())
def test_without_edits_the_future_is_the_real_one(events: list[Event], data: st.DataObject) -> None:
    with engine() as (journal, history):
        told(journal, events)
        Worker(journal, history).catch_up_all()
        environment = data.draw(st.sampled_from(journal.environments()))
        fork = data.draw(st.integers(0, journal.head(environment)))
        end = data.draw(st.integers(fork, journal.head(environment)))
        answer = what_if(journal, history, environment, Edits(), Moment(fork, 0), Moment(end, 0))
        assert not differs(answer)
        assert (answer["events"], answer["dropped"]) == (end - fork, 0)


@settings(max_examples=30, deadline=None)
@given(stories(), st.data())
def test_without_all_that_happened_the_future_is_the_comparison_backwards(
    events: list[Event], data: st.DataObject
) -> None:
    with engine() as (journal, history):
        told(journal, events)
        Worker(journal, history).catch_up_all()
        environment = data.draw(st.sampled_from(journal.environments()))
        fork = data.draw(st.integers(0, journal.head(environment)))
        a, b = Moment(fork, 0), Moment(journal.head(environment), 0)
        answer = what_if(journal, history, environment, Edits(drop_sources=frozenset(["scan"])), a, b)
        assert answer["events"] == 0
        backwards = comparison(history, environment, b, a)
        more = {"future": "real", "edit": Edit.DROPPED, "added": None}
        for name in COMPARED.values():
            for how in ("added", "removed"):
                assert answer[name][how] == [_with(item, more) for item in backwards[name][how]]
            assert answer[name]["changed"] == [
                {**item, "fields": [_with(field, more) for field in item["fields"]]}
                for item in backwards[name]["changed"]
            ]


def _with(item: Document, more: Document) -> Document:
    return {**item, "cause": {**item["cause"], **more}}


# -- what an operator asks ---------------------------------------------------------------------------------------


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        opened.worker.catch_up(ENV)
        yield opened


def at(asked: Demo, kind: str, number: int = -1) -> int:
    """Answer the offset of an event of a kind: of sightings, that of instances."""
    found = [e.offset for e in asked.journal.read(ENV) if type(e.event.payload).__name__ == kind]
    return found[number]


def instances_seen(asked: Demo) -> int:
    """Answer the offset at which the second scan saw the instances."""
    return [
        e.offset
        for e in asked.journal.read(ENV)
        if isinstance(e.event.payload, ObjectsSeen) and "i-web" in e.event.payload.ids
    ][-1]


def ask(asked: Demo, edits: Edits, fork: str = "@as-designed", end: str = "latest") -> Document:
    a, b = asked.questions.moment(ENV, fork), asked.questions.moment(ENV, end)
    return what_if(asked.journal, asked.history, ENV, edits, a, b)


def instances(answer: Document, how: str) -> list[str]:
    return [item["id"] for item in answer["objects"][how] if item["type"] == "instance"]


def test_the_event_that_is_left_out_is_named_with_what_would_be_otherwise(asked: Demo) -> None:
    offset = at(asked, "ScanFinished")
    answer = ask(asked, Edits(drop=frozenset([offset])))
    (old,) = [item for item in answer["objects"]["added"] if item["type"] == "instance"]
    assert (old["id"], old["cause"]["offset"], old["cause"]["future"]) == ("i-old", offset, "real")
    assert (old["cause"]["edit"], old["cause"]["event"]) == ("dropped", "ScanFinished")
    assert (answer["dropped"], answer["events"]) == (1, answer["upto"]["offset"] - answer["from"]["offset"] - 1)
    assert instances(answer, "removed") == instances(answer, "changed") == []


def test_an_event_can_be_dropped_by_its_id_kind_or_source(asked: Demo) -> None:
    offset = at(asked, "ScanFinished")
    by_offset = ask(asked, Edits(drop=frozenset([offset])))
    name = next(asked.journal.read(ENV, after=offset - 1)).event.id
    assert ask(asked, Edits(drop_ids=frozenset([name]))) == by_offset
    assert ask(asked, Edits(drop_kinds=frozenset(["ScanFinished"]))) == by_offset
    assert ask(asked, Edits(drop_sources=frozenset(["scan"])))["events"] == 0


def test_an_altered_attribute_is_blamed_on_the_altered_event(asked: Demo) -> None:
    offset = instances_seen(asked)
    alter = read_alterations({offset: {"patch": {"i-web": {"status": "ERROR"}}}})
    answer = ask(asked, Edits(alter=alter))
    (changed,) = answer["objects"]["changed"]
    (status,) = changed["fields"]
    assert (changed["id"], status["field"], status["before"], status["after"]) == (
        *("i-web", "status", "SHUTOFF", "ERROR"),
    )
    assert (status["cause"]["offset"], status["cause"]["future"], status["cause"]["edit"]) == (
        *(offset, "what-if", "altered"),
    )


def test_an_object_can_be_taken_out_of_what_was_seen(asked: Demo) -> None:
    offset = instances_seen(asked)
    answer = ask(asked, Edits(alter=read_alterations({offset: {"patch": {"i-web": None}}})))
    assert instances(answer, "removed") == ["i-web"]
    (gone,) = [item for item in answer["objects"]["removed"] if item["type"] == "instance"]
    assert (gone["cause"]["event"], gone["cause"]["edit"], gone["cause"]["future"]) == ("ScanFinished", None, "what-if")
    assert [item["type"] for item in answer["cliques"]["removed"]] == ["instance"]


def an_event(asked: Demo, offset: int) -> Document:
    """Answer an event as the list of events writes it."""
    (found,), _, _ = asked.questions.events(ENV, offset - 1, str(offset), payload=True)
    return found


def test_an_event_that_was_listed_can_be_changed_and_handed_back(asked: Demo) -> None:
    offset = instances_seen(asked)
    listed = an_event(asked, offset)
    assert not differs(ask(asked, Edits(alter=read_alterations({offset: listed}))))
    listed["payload"]["documents"][0]["status"] = "PAUSED"
    answer = ask(asked, Edits(alter=read_alterations({offset: listed})))
    assert [f["after"] for item in answer["objects"]["changed"] for f in item["fields"]] == ["PAUSED"]


def test_an_added_event_stands_where_it_says_and_is_named(asked: Demo) -> None:
    listed = an_event(asked, instances_seen(asked))
    listed["payload"] |= {"scan_id": "-", "ids": ["i-more"], "documents": [{"name": "more", "host": "node-1"}]}
    for after in (None, instances_seen(asked)):
        added = read_additions([{"event": "ObjectsSeen", "payload": listed["payload"], "after": after}], ENV)
        answer = ask(asked, Edits(add=added), end=str(at(asked, "ScanFinished") - 1))
        (more,) = answer["objects"]["added"]
        cause = more["cause"]
        assert (more["id"], answer["added"], cause["added"], cause["edit"]) == ("i-more", 1, 1, "added")
        assert cause["offset"] == (answer["from"]["offset"] if after is None else after)
        assert (cause["source"], cause["event_id"]) == ("what-if", "what-if-1")


def test_an_added_event_is_redacted_as_one_that_is_appended() -> None:
    body = {"event_type": "x", "_context_auth_token": "secret"}
    payload = spelled(NotificationReceived("m", "x", "p", "e", "r", encode(body)))
    (added,) = read_additions([{"event": "NotificationReceived", "payload": payload}], ENV)
    assert "secret" not in repr(added)


@pytest.mark.parametrize(
    ("edits", "error", "says"),
    [
        (lambda _: Edits(drop=frozenset([1])), BadInput, "event at offset 1: not behind the fork at offset"),
        (lambda _: Edits(drop=frozenset([999])), BadInput, r"event at offset 999: behind offset \d+"),
        (lambda _: Edits(drop_ids=frozenset(["nix"])), NotFound, "event nix: there is none of that id"),
        (
            lambda d: Edits(drop=frozenset([instances_seen(d)]), alter={instances_seen(d): Alteration(patch={})}),
            BadInput,
            "either drop it or alter it",
        ),
        (
            lambda d: Edits(alter={instances_seen(d): Alteration(patch={"nix": {}})}),
            BadInput,
            r"event at offset \d+: it did not see instance nix \(it saw i-web\)",
        ),
        (
            lambda d: Edits(alter={instances_seen(d): Alteration(patch={"i-web": 5})}),
            BadInput,
            r"ObjectsSeen.documents\[0\]: an object was expected",
        ),
        (
            lambda d: Edits(alter={instances_seen(d): Alteration(patch={"i-web": {"network": 5}})}),
            BadInput,
            r"event at offset \d+.*: cannot be folded in this future",
        ),
        (
            lambda d: Edits(add=[Addition(next(d.journal.read(ENV)).event, 2)]),
            BadInput,
            "added event 1: offset 2 is not between",
        ),
    ],
)
def test_edits_that_do_not_fit_are_refused_by_name(
    asked: Demo, edits: Callable[[Demo], Edits], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        ask(asked, edits(asked))


def test_a_fork_behind_its_end_is_refused(asked: Demo) -> None:
    with pytest.raises(BadInput, match="lies behind"):
        ask(asked, Edits(), "latest", "0")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"event": "ObjectsSeen"}, "added event 1: payload is missing"),
        ({"payload": {}}, "added event 1: event is missing"),
        ({"event": "Nix", "payload": {}}, "event Nix: there is none"),
        ({"event": "SnapshotTaken", "payload": {"name": "x", "note": ""}}, "SnapshotTaken.at_offset: is missing"),
        ({"event": "SnapshotTaken", "payload": {"name": "x", "note": "", "at_offset": "1"}}, "at_offset: an integer"),
        ({"event": "SnapshotTaken", "payload": [], "after": 1}, "SnapshotTaken: an object was expected, not list"),
        ({"event": "SnapshotTaken", "payload": {}, "colour": 1}, "colour: there is no such part"),
        ({"event": "EnvironmentDefined", "payload": {"settings": 5}}, "settings: an object was expected, not int"),
        ({"event": "EnvironmentRemoved", "payload": {"note": ""}, "after": "x"}, "after: an offset"),
        ({"event": "EnvironmentRemoved", "payload": {"note": ""}, "occurred_at": "x"}, "no ISO time"),
        ({"event": "EnvironmentRemoved", "payload": {"note": ""}, "source": 5}, "source: a text"),
        (5, "added event 1: an object was expected, not int"),
    ],
)
def test_what_is_no_event_is_refused_by_name(document: object, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_additions([document], ENV)


@pytest.mark.parametrize("document", [{"patch": 5}, {"patch": {}, "payload": {}}, {}, {"payload": {}}])
def test_what_is_no_alteration_is_refused(document: Document) -> None:
    with pytest.raises(BadInput, match="event at offset 7, altered"):
        read_alterations({7: document})


@given(stories())
def test_an_event_is_read_as_it_was_spelled(events: list[Event]) -> None:
    for event in events:
        document = json.loads(json.dumps(spelled(event.payload)))
        assert read_payload(type(event.payload).__name__, document) == event.payload


def test_a_merge_patch_enters_objects_takes_away_by_null_and_replaces_the_rest() -> None:
    value = {"a": {"b": 1, "c": [1]}, "d": 5}
    assert merged(value, {"a": {"b": None, "c": {"e": 1}}, "f": {"g": None, "h": 2}}) == {
        "a": {"c": {"e": 1}},
        "d": 5,
        "f": {"h": 2},
    }
    assert merged(value, 7) == 7


def test_a_history_that_is_damaged_at_the_fork_is_refused(asked: Demo) -> None:
    class Damaged(LocalHistory):
        def all(self, *words: Any, **more: Any) -> Iterator[Any]:
            return iter(list(super().all(*words, **more))[1:])

    history = Damaged(asked.history._folder)
    fork, end = asked.questions.moment(ENV, "@as-designed"), asked.questions.moment(ENV)
    with pytest.raises(HistoryError, match=rf"offset {fork.offset} is not what its digest says"):
        what_if(asked.journal, history, ENV, Edits(), fork, end)
    history.close()


def test_nothing_is_written_and_only_what_lies_behind_the_fork_is_read(asked: Demo) -> None:
    reads = []

    class Watching(Journal):
        def read(self, environment: str, after: int = -1, upto: int | None = None) -> Iterator[Entry]:
            reads.append(after)
            return super().read(environment, after, upto)

    fork, end = asked.questions.moment(ENV, "@as-designed"), asked.questions.moment(ENV)
    before = asked.journal.head(ENV), asked.history.position(ENV)
    edits = Edits(drop=frozenset([instances_seen(asked)]))
    assert differs(what_if(Watching(asked.log), asked.history, ENV, edits, fork, end))
    assert reads == [fork.offset]
    assert (asked.journal.head(ENV), asked.history.position(ENV)) == before


DEFINED = {"event": "EnvironmentDefined", "payload": {"settings": {"uplinks": ["eth*"]}}}


def test_the_api_answers_the_same(asked: Demo) -> None:
    offset = at(asked, "ScanFinished")
    body: dict[str, Any] = {"from": "@as-designed", "drop": [offset]}
    response = asked.ask(f"{V1}/what-if", "POST", json=body)
    assert response.status_code == 200, response.text
    assert response.json() == ask(asked, Edits(drop=frozenset([offset])))
    altered = {"alter": {str(instances_seen(asked)): {"patch": {"i-web": {"status": "ERROR"}}}}}
    found = asked.ask(f"{V1}/what-if", "POST", json=altered).json()
    assert found["from"]["offset"] == instances_seen(asked) - 1
    assert len(found["objects"]["changed"]) == 1
    assert asked.ask(f"{V1}/what-if", "POST", json={"from": "0", "drop": [0]}).status_code == 400
    assert asked.ask(f"{V1}/what-if", "POST", json={"from": "0", "add": [5]}).status_code == 422
    assert asked.ask(f"{V1}/what-if", "POST", json={"from": "0", "alter": {"x": {}}}).status_code in (400, 422)
    assert asked.ask(f"{V1}/what-if", "POST", json={}).status_code == 400


def test_one_future_is_imagined_at_a_time(asked: Demo) -> None:
    body = {"from": "@as-designed", "drop": [at(asked, "ScanFinished")]}
    with asked.app.state.desk.imagining:
        refused = asked.ask(f"{V1}/what-if", "POST", json=body)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/busy")
    assert int(refused.headers["retry-after"]) > 0
    for changed in ({"from": "@none"}, {}):  # one that fails lets the next in, too
        answer = asked.ask(f"{V1}/what-if", "POST", json=body | changed)
        assert answer.status_code == (404 if changed else 200)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"drop": ["9" * 5000]}, "drop: a number of 5000 digits"),
        ({"add": [{**DEFINED, "occurred_at": 10**30}]}, "added event 1: occurred_at"),
        ({"add": [{**DEFINED, "occurred_at": "0001-01-01T00:00+14:00"}]}, "added event 1: occurred_at"),
    ],
)
def test_numbers_that_nothing_can_hold_are_refused_by_the_field(asked: Demo, body: dict[str, Any], said: str) -> None:
    response = asked.ask(f"{V1}/what-if", "POST", json={"from": "@as-designed", **body})
    assert (response.status_code, said in response.json()["detail"]) == (400, True), response.text


def test_a_failure_of_a_scan_that_never_began_is_kept_with_the_request_for_it(asked: Demo) -> None:
    request = asked.append_event(Event("scan-9", ENV, "operator", 0, None, ScanRequested(None, None, "")))
    scope = Scope("vconnectors", "host", "node-1")
    begun, _, _ = asked.tell(
        ScanStarted("scan-9", "bundle:demo", encode({"mechanism_drivers": ["OVS"], "type_drivers": "vxlan"})),
        FetchFailed("scan-9", scope, "vconnector", "node-1", "brctl show", "timed out"),
        ScanFinished("scan-9", "completed_with_errors", []),
    )
    assert not differs(ask(asked, Edits(drop=frozenset([begun])), str(request)))


def test_scans_that_were_begun_and_are_told_to_end_only_in_another_future_do_end(asked: Demo) -> None:
    finished = ScanFinished("scan-2", "aborted", [])
    document = {"event": "ScanFinished", "payload": spelled(finished), "after": at(asked, "ScanStarted")}
    answer = ask(asked, Edits(add=read_additions([document], ENV)))
    assert instances(answer, "added") == ["i-old"]
