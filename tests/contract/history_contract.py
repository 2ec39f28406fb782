"""What every history promises: to be run on each engine by a subclass that gives the fixture `history`."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from projections.change import Change, Key, Kind
from projections.inventory import Ref
from schemas.canonical import encode
from streams.history import History, Position, Span, Step, Version

ENV = "cloud"


def key(record_id: str, record_type: str = "port") -> Key:
    """Name a record, whose value may be any bytes."""
    return Key(Kind.SNAPSHOT, record_type, record_id)


def obj(object_id: str) -> Key:
    """Name an object, whose value says its parent."""
    return Key(Kind.OBJECT, "port", object_id)


def value(parent: Ref, **attributes: object) -> bytes:
    return encode({"document": attributes, "parent": list(parent), "scope": ["port", "region", "r"]})


def link_value(source: Ref, target: Ref) -> bytes:
    ends = {"source_type": source.type, "source_id": source.id, "target_type": target.type, "target_id": target.id}
    return encode(ends)


def step(offset: int, *changes: tuple[Key, bytes | None]) -> Step:
    made = [Change(k, None, v, offset) for k, v in changes]
    return Step(offset, offset * 1000, offset * 500, "scan", f"event-{offset}", "ObjectsSeen", offset * 7, made)


def write(history: History, *steps: Step, environment: str = ENV) -> None:
    """Write steps that follow whatever is there, each change with the value before it."""
    reach = history.position(environment).offset
    written = chained(steps, lambda changed: history.get(environment, changed, reach))
    assert history.write(environment, written, reached(steps[-1]), reach)


def chained(steps: Sequence[Step], known: Callable[[Key], Version | None] = lambda _: None) -> list[Step]:
    """Answer the steps, each change with the value before it, which is `known` or of an earlier step."""
    values: dict[Key, bytes | None] = {}

    def before(changed: Key) -> bytes | None:
        if changed not in values:
            version = known(changed)
            values[changed] = None if version is None else version.value
        return values[changed]

    made = []
    for one in steps:
        changes = [change._replace(before=before(change.key)) for change in one.changes]
        values.update((change.key, change.after) for change in changes)
        made.append(replace(one, changes=changes))
    return made


def reached(last: Step, fold_version: int = 1) -> Position:
    return Position(last.offset, last.offset + 1, last.digest, fold_version)


NET = Ref("network", "n1")
OTHER = Ref("network", "n2")


class HistoryContract:
    """The promises of streams.history.History."""

    def test_an_empty_history_reaches_nowhere_and_holds_nothing(self, history: History) -> None:
        assert history.position(ENV).offset == -1
        assert history.get(ENV, key("a"), 99) is None
        assert list(history.all(ENV, Kind.SNAPSHOT, 99)) == []
        assert history.links(ENV, NET, 99) == []
        assert history.changed(ENV, -1, 99) == []
        assert history.environments() == []

    def test_a_value_holds_from_its_offset_to_the_next_version(self, history: History) -> None:
        write(history, step(3, (key("a"), b"1")), step(7, (key("a"), b"2")), step(9, (key("a"), None)))
        at = {offset: history.get(ENV, key("a"), offset) for offset in (2, 3, 6, 7, 8, 9)}
        assert at == {2: None, 3: Version(3, b"1"), 6: Version(3, b"1"), 7: (7, b"2"), 8: (7, b"2"), 9: None}

    def test_what_went_may_come_again(self, history: History) -> None:
        write(history, step(1, (key("a"), b"1")), step(2, (key("a"), None)), step(5, (key("a"), b"3")))
        assert [history.get(ENV, key("a"), at) is not None for at in (1, 2, 4, 5)] == [True, False, False, True]
        assert history.versions(ENV, key("a"), -1, 9) == [(1, b"1"), (2, None), (5, b"3")]
        assert history.versions(ENV, key("a"), 1, 2) == [(2, None)]

    def test_all_is_sorted_by_type_and_id_and_can_begin_behind_a_key(self, history: History) -> None:
        keys = [key("b"), key("a"), key("z", "host"), key("c")]
        write(history, step(0, *((k, b"1") for k in keys)), step(1, (key("c"), None)))
        assert [item.key for item in history.all(ENV, Kind.SNAPSHOT, 1)] == [key("z", "host"), key("a"), key("b")]
        assert [item.key for item in history.all(ENV, Kind.SNAPSHOT, 0, type="port", after=key("a"))] == [
            key("b"),
            key("c"),
        ]
        assert [item.key for item in history.all(ENV, Kind.SNAPSHOT, 1, after=key("z", "host"))] == [key("a"), key("b")]

    def test_kinds_are_apart(self, history: History) -> None:
        clique = Key(Kind.CLIQUE, "port", "a")
        write(history, step(0, (key("a"), b"record"), (clique, b"clique")))
        assert history.get(ENV, clique, 0) == (0, b"clique")
        assert [item.key for item in history.all(ENV, Kind.CLIQUE, 0)] == [clique]

    def test_children_are_those_of_the_moment(self, history: History) -> None:
        write(history, step(0, (obj("a"), value(NET))), step(1, (obj("a"), value(OTHER))), step(2, (obj("a"), None)))
        found = {
            (parent.id, at): [item.key.id for item in history.children(ENV, parent, at)]
            for parent in (NET, OTHER)
            for at in (0, 1, 2)
        }
        assert found == {
            ("n1", 0): ["a"],
            ("n2", 0): [],
            ("n1", 1): [],
            ("n2", 1): ["a"],
            ("n1", 2): [],
            ("n2", 2): [],
        }

    def test_links_are_found_at_both_ends(self, history: History) -> None:
        instance, vnic = Ref("instance", "i"), Ref("vnic", "v")
        link = Key(Kind.LINK, "instance-vnic", "i|v")
        write(history, step(0, (link, link_value(instance, vnic))), step(1, (link, None)))
        assert [item.key for item in history.links(ENV, instance, 0)] == [link]
        assert [item.key for item in history.links(ENV, vnic, 0)] == [link]
        assert history.links(ENV, vnic, 1) == []

    def test_spans_tell_of_each_changed_key_what_it_was_and_became(self, history: History) -> None:
        write(history, step(1, (key("a"), b"1"), (key("c"), b"1")), step(2, (key("b"), b"2"), (key("a"), b"2")))
        write(history, step(4, (key("a"), None)), step(6, (key("a"), b"4"), (key("c"), b"2")))
        assert list(history.spans(ENV, 1, 4)) == [
            Span(key("a"), Version(1, b"1"), [Version(2, b"2"), Version(4, None)]),
            Span(key("b"), None, [Version(2, b"2")]),
        ]
        assert list(history.spans(ENV, 4, 9)) == [
            Span(key("a"), None, [Version(6, b"4")]),
            Span(key("c"), Version(1, b"1"), [Version(6, b"2")]),
        ]
        assert list(history.spans(ENV, 4, 4)) == []
        assert list(history.spans("nowhere", -1, 9)) == []

    def test_changed_names_each_key_once_and_only_inside_the_bounds(self, history: History) -> None:
        write(history, step(1, (key("a"), b"1")), step(4, (key("a"), b"2"), (key("b"), b"1")), step(6, (key("c"), b"")))
        assert history.changed(ENV, 1, 4) == [key("a"), key("b")]
        assert history.changed(ENV, 0, 6) == [key("a"), key("b"), key("c")]
        assert history.changed(ENV, 4, 4) == []

    def test_the_event_behind_an_offset_is_known(self, history: History) -> None:
        write(history, step(1, (key("a"), b"1")), step(4))
        blame = history.blame(ENV, 4)
        assert blame is not None
        assert (blame.offset, blame.logged_at, blame.occurred_at) == (4, 4000, 2000)
        assert (blame.source, blame.event_id, blame.event, blame.digest) == ("scan", "event-4", "ObjectsSeen", 28)
        assert history.blame(ENV, 2) is None
        assert [found.offset for found in history.checkpoints(ENV)] == [1, 4]
        assert [[found.offset for found in history.checkpoints(ENV, at)] for at in (0, 1, 4)] == [[1, 4], [4], []]

    def test_the_changes_of_a_step_come_with_their_values(self, history: History) -> None:
        write(history, step(1, (key("b"), b"1"), (key("a"), None)), step(2, (key("a"), b"2")))
        assert history.step_changes(ENV, 1) == [(key("a"), (1, None)), (key("b"), (1, b"1"))]

    def test_a_step_written_twice_counts_once(self, history: History) -> None:
        first, second = step(1, (key("a"), b"1")), step(2, (key("a"), b"2"))
        write(history, first)
        write(history, first, second)
        write(history, first)
        assert history.position(ENV) == Position(2, 3, 14, 1)
        assert history.versions(ENV, key("a"), -1, 9) == [(1, b"1"), (2, b"2")]

    def test_steps_that_do_not_follow_what_is_there_are_not_taken(self, history: History) -> None:
        late = step(9, (key("a"), b"9"))
        assert not history.write(ENV, [late], reached(late), 5)
        assert history.position(ENV).offset == -1
        write(history, step(1, (key("a"), b"1")), step(5, (key("a"), b"5")))
        assert history.write(ENV, [late], reached(late), 5)
        write_again = step(10, (key("a"), b"10"))
        history.forget(ENV)
        assert not history.write(ENV, [write_again], reached(write_again), 9)
        assert history.versions(ENV, key("a"), -1, 99) == []

    def test_steps_of_another_fold_version_are_not_taken(self, history: History) -> None:
        write(history, step(1, (key("a"), b"1")))
        newer = step(2, (key("a"), b"2"))
        assert not history.write(ENV, [newer], reached(newer, fold_version=2), 1)
        assert history.position(ENV) == reached(step(1))

    def test_all_can_begin_behind_a_key_of_another_type(self, history: History) -> None:
        keys = [key("a", "host"), key("b", "port"), key("c", "vnic")]
        write(history, step(0, *((k, b"1") for k in keys)))
        found = {
            (wanted, after.type): [item.key for item in history.all(ENV, Kind.SNAPSHOT, 0, type=wanted, after=after)]
            for wanted in ("host", "port", "vnic")
            for after in keys
        }
        assert {at: names for at, names in found.items() if names} == {
            ("port", "host"): [keys[1]],
            ("vnic", "host"): [keys[2]],
            ("vnic", "port"): [keys[2]],
        }

    def test_environments_are_apart_and_one_can_be_forgotten(self, history: History) -> None:
        write(history, step(1, (obj("a"), value(NET))))
        write(history, step(5, (key("a"), b"other")), environment="lab")
        assert history.environments() == [ENV, "lab"]
        history.forget(ENV)
        assert history.environments() == ["lab"]
        assert history.get(ENV, obj("a"), 9) is None
        assert history.children(ENV, NET, 9) == []
        assert history.get("lab", key("a"), 9) == (5, b"other")
        write(history, step(1, (key("a"), b"again")))
        assert history.get(ENV, key("a"), 9) == (1, b"again")

    def test_a_write_that_fails_leaves_nothing_behind(self, history: History) -> None:
        write(history, step(1, (key("a"), b"1")))
        broken = step(2, (key("b"), b"1"), (key("b"), b"2"))
        with pytest.raises(Exception):  # noqa: B017 - each engine refuses a key changed twice in its own way
            write(history, broken)
        assert history.position(ENV).offset == 1
        assert history.get(ENV, key("b"), 9) is None

    def test_what_is_folded_anew_is_seen_when_it_reaches_as_far(self, history: History) -> None:
        write(history, step(1, (key("a"), b"1")), step(4, (key("a"), b"4"), (obj("o"), value(NET))))
        draft = history.fresh(ENV)
        assert draft.position(ENV).offset == -1
        write(draft, step(1, (key("b"), b"1")))
        assert draft.get(ENV, key("b"), 9) == (1, b"1")
        assert history.get(ENV, key("b"), 9) is None
        assert history.environments() == [ENV]
        assert not history.adopt(ENV)
        assert history.get(ENV, key("a"), 9) == (4, b"4")
        write(draft, step(5, (key("b"), b"5")))
        assert history.adopt(ENV)
        assert history.position(ENV) == reached(step(5))
        assert history.versions(ENV, key("b"), -1, 9) == [(1, b"1"), (5, b"5")]
        assert history.get(ENV, key("a"), 9) is None
        assert history.children(ENV, NET, 9) == []
        assert draft.position(ENV).offset == -1
        assert not history.adopt(ENV)
        write(history, step(6, (key("b"), None)))
        assert history.get(ENV, key("b"), 6) is None
        draft.close()

    def test_a_draft_that_was_left_goes_on_where_it_was(self, history: History) -> None:
        write(history, step(1, (key("a"), b"1")), step(4, (key("a"), b"4")))
        first = history.draft(ENV)
        assert first.position(ENV).offset == -1
        write(first, step(1, (key("b"), b"1")))
        first.close()
        again = history.draft(ENV)
        assert again.position(ENV) == reached(step(1))
        write(again, step(5, (key("b"), b"5")))
        assert history.adopt(ENV)
        assert history.versions(ENV, key("b"), -1, 9) == [(1, b"1"), (5, b"5")]
        assert again.position(ENV).offset == -1
        again.close()

    def test_a_draft_begins_with_nothing_and_is_no_environment(self, history: History) -> None:
        first = history.fresh(ENV)
        write(first, step(1, (key("a"), b"1")))
        second = history.fresh(ENV)
        assert [draft.get(ENV, key("a"), 9) for draft in (first, second)] == [None, None]
        assert history.environments() == []
        write(second, step(2, (key("c"), b"2")))
        assert first.get(ENV, key("c"), 2) == (2, b"2")
        assert history.adopt(ENV)
        assert history.environments() == [ENV]
        first.close()
        second.close()
