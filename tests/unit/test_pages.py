"""Pages: whatever events come, the edited pages are those of the state, and nothing else is on them."""

from hypothesis import given

from projections.change import Change, Key, Kind
from projections.fold import Fold
from schemas.canonical import encode
from schemas.events import Entry, Event
from streams.pages import (
    Page,
    Reached,
    belongs_to,
    edited,
    edits,
    packed,
    packed_position,
    page_of,
    pages,
    position_of,
    position_page,
    things_of,
)
from tests.unit.stories import stories

ENV = "cloud"


@given(stories())
def test_edited_pages_are_those_of_the_state(events: list[Event]) -> None:
    fold, held = Fold(ENV), dict[Page, bytes]()
    for offset, event in enumerate(events):
        for page, things in edits(ENV, fold.apply(Entry(offset, offset, event))).items():
            content = edited(held.pop(page, None), things)
            if content is not None:
                held[page] = content
    assert held == {page: packed(things) for page, things in pages(ENV, fold.everything()).items()}
    assert sorted(thing for content in held.values() for thing in things_of(content)) == list(fold.everything())


@given(stories())
def test_the_edits_of_several_events_are_those_of_each(events: list[Event]) -> None:
    fold = Fold(ENV)
    changes: list[Change] = []
    for offset, event in enumerate(events):
        changes += fold.apply(Entry(offset, offset, event))
    held = {page: edited(None, things) for page, things in edits(ENV, changes).items()}
    must = {page: packed(things) for page, things in pages(ENV, fold.everything()).items()}
    assert {page: content for page, content in held.items() if content is not None} == must


def test_an_object_that_moves_leaves_its_page() -> None:
    key = Key(Kind.OBJECT, "instance", "i")
    here, there = (encode({"document": {}, "parent": ["host", host], "scope": ["x", "y", "z"]}) for host in ("a", "b"))
    assert edits(ENV, [Change(key, here, there, 1)]) == {
        page_of(ENV, key, here): {key: None},
        page_of(ENV, key, there): {key: there},
    }
    back = [Change(key, here, there, 1), Change(key, there, here, 2)]
    assert edits(ENV, back) == {page_of(ENV, key, here): {key: here}, page_of(ENV, key, there): {key: None}}


def test_children_of_a_type_under_a_parent_share_a_page() -> None:
    value = encode({"document": {}, "parent": ["host", "a"], "scope": ["x", "y", "z"]})
    of = [
        page_of(ENV, Key(Kind.OBJECT, kind, id_), value) for kind, id_ in (("vnic", "1"), ("vnic", "2"), ("port", "1"))
    ]
    assert of[0] == of[1] != of[2]


def test_pages_of_another_environment_are_told_apart_by_their_whole_name() -> None:
    page = position_page("cloud-2")
    assert belongs_to("cloud-2", page.key)
    assert not belongs_to("cloud", page.key)


def test_a_position_comes_back() -> None:
    reached = Reached(7, 2**255)
    assert position_of(packed_position(reached)) == reached
    assert position_of(None) is None
