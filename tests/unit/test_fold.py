"""The warranty: live state, replayed state and history are the same, at every offset, for any life."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.change import Key
from projections.digest import EMPTY, advance, term
from projections.fold import Fold, snapshot_key
from schemas.canonical import Document, decode_document, encode
from schemas.events import Entry, Event, ObjectsSeen, SnapshotTaken
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


@settings(max_examples=30)
@given(stories())
def test_links_and_cliques_kept_by_increments_are_those_of_a_full_recomputation(events: list[Event]) -> None:
    with engine() as (journal, _):
        for event in events:
            journal.append([event])
        for environment in journal.environments():
            fold = Fold(environment)
            for entry in journal.read(environment):
                fold.apply(entry)
                again = Fold.restore(environment, fold.offset, fold.everything())
                again.links.rebuild(again.inventory)
                assert list(again.everything()) == list(fold.everything())


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
