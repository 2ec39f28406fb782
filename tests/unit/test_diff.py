"""Two documents differ in the fields that are named, and in no other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.diff import diff, field_name
from schemas.canonical import Document, encode

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, "", "a", "a.b", "\\"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["", "a", "a.b", "\\"]), inner, max_size=3)
    ),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(st.sampled_from(["", "a", "a.b", "b\\", "c"]), VALUES, max_size=4)


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": [0]}, {"a": [False]}, [("a", [0], [False])]),
        ({"a": {"b": 1.0}}, {"a": {"b": 1}}, [("a.b", 1.0, 1)]),
        ({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, [("a.b", 1, 2), ("a.c", None, 3)]),
        ({"a": {"b": 1}}, {"a": 1}, [("a", {"b": 1}, 1)]),
        ({"a": {}}, {}, [("a", {}, None)]),
        ({"a.b": 1, "a": {"b": 1}}, {"a.b": 2, "a": {"b": 1}}, [("a\\.b", 1, 2)]),
        ({"z": 1, "a": [1, 2]}, {"z": 2, "a": [2, 1]}, [("a", [1, 2], [2, 1]), ("z", 1, 2)]),
    ],
)
def test_objects_are_entered_lists_are_whole_and_the_fields_are_sorted(
    before: Document, after: Document, fields: list[tuple[str, object, object]]
) -> None:
    found = [tuple(change) for change in diff(before, after)]
    assert encode(found) == encode(fields)  # as JSON: to Python 1 is true


@given(DOCUMENTS, DOCUMENTS)
def test_documents_without_a_difference_are_one_json(before: Document, after: Document) -> None:
    assert (diff(before, after) == []) == (encode(before) == encode(after))


@given(DOCUMENTS, DOCUMENTS)
def test_the_way_back_names_the_same_fields_the_other_way_round(before: Document, after: Document) -> None:
    forth, back = diff(before, after), diff(after, before)
    assert [(c.field, c.before, c.after) for c in forth] == [(c.field, c.after, c.before) for c in back]


@given(
    st.lists(st.text(alphabet="a.\\", max_size=3), min_size=1),
    st.lists(st.text(alphabet="a.\\", max_size=3), min_size=1),
)
def test_two_paths_never_share_a_name(one: list[str], other: list[str]) -> None:
    assert (field_name(tuple(one)) == field_name(tuple(other))) == (one == other)
