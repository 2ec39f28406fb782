"""A comparison names what differs between two moments, each field with the event that gave it its later value."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.canonical import Document, encode
from schemas.events import ObjectsSeen, ScanFinished, ScanStarted, Scope
from streams.comparison import differs
from streams.local_history import LocalHistory
from tests.unit.api_demo import ENV, Demo, demo

PROJECTS = Scope("projects", "environment", ENV)
OTHERS = Scope("projects again", "environment", ENV)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        yield opened


def see(asked: Demo, attributes: Document, scope: Scope = PROJECTS, parent: str = ENV) -> int:
    """Tell what project p is now, and answer the offset of that."""
    document = encode({"name": "p", **attributes})
    return asked.tell(ObjectsSeen("-", scope, "project", "environment", parent, ["p"], [document]))[0]


def go(asked: Demo) -> int:
    """Let project p go, and answer the offset at which it is gone."""
    started, finished = ScanStarted("gone", "bundle:x", b"{}"), ScanFinished("gone", "completed", [PROJECTS])
    return asked.tell(started, finished)[-1]


def compared(asked: Demo, a: int, b: int) -> dict[str, Any]:
    answer = asked.questions.diff(ENV, str(a), str(b))
    return {
        how: [
            (field["field"], field["before"], field["after"], field["cause"]["offset"])
            for item in answer["objects"][how]
            if item["id"] == "p"
            for field in item.get("fields") or [{"field": "", "before": 0, "after": 0, "cause": item["cause"]}]
        ]
        for how in ("added", "removed", "changed")
    }


NOTHING: dict[str, Any] = {"added": [], "removed": [], "changed": []}


def test_a_field_is_blamed_on_the_event_that_gave_it_its_later_value(asked: Demo) -> None:
    first = see(asked, {"a": 1, "b": {"c": 1, "d": 1}})
    second = see(asked, {"a": 2, "b": {"c": 1, "d": 1}})
    third = see(asked, {"a": 3, "b": {"c": 2, "d": 1}})
    last = see(asked, {"a": 3, "b": {"c": 2, "d": 1}, "e": 1})
    assert compared(asked, first, last)["changed"] == [
        ("a", 1, 3, third),
        ("b.c", 1, 2, third),
        ("e", None, 1, last),
    ]
    assert compared(asked, first, second)["changed"] == [("a", 1, 2, second)]


def test_a_field_whose_surroundings_went_and_came_is_blamed_on_their_coming(asked: Demo) -> None:
    first = see(asked, {"b": {"c": 1, "d": 1}})
    see(asked, {"b": None})
    came = see(asked, {"b": {"c": 2, "d": 1}})
    last = see(asked, {"b": {"c": 2, "d": 1}, "x": 1})
    assert compared(asked, first, last)["changed"] == [("b.c", 1, 2, came), ("x", None, 1, last)]


def test_a_field_that_came_back_to_what_it_was_is_no_difference(asked: Demo) -> None:
    first, _, last = see(asked, {"a": 1}), see(asked, {"a": 2}), see(asked, {"a": 1})
    assert compared(asked, first, last) == NOTHING


def test_an_object_that_went_and_came_again_is_blamed_on_its_coming(asked: Demo) -> None:
    first = see(asked, {"a": 1})
    gone = go(asked)
    again = see(asked, {"a": 2})
    last = see(asked, {"a": 2, "b": 1})
    assert compared(asked, first, last)["changed"] == [("a", 1, 2, again), ("b", None, 1, last)]
    assert compared(asked, gone, last)["added"] == [("", 0, 0, again)]
    assert compared(asked, first, gone)["removed"] == [("", 0, 0, gone)]


def test_what_came_and_went_between_the_moments_is_no_difference(asked: Demo) -> None:
    before = asked.journal.head(ENV)
    see(asked, {})
    assert compared(asked, before, go(asked)) == NOTHING


def test_the_other_way_round_the_same_is_told_backwards(asked: Demo) -> None:
    first = see(asked, {"a": 1})
    last = see(asked, {"a": 2})
    assert compared(asked, last, first)["changed"] == [("a", 2, 1, last)]
    assert compared(asked, last, first - 1) == {**NOTHING, "removed": [("", 0, 0, first)]}
    assert not differs(asked.questions.diff(ENV, str(last), str(last)))


def test_who_saw_an_object_is_no_difference_and_where_it_stands_is(asked: Demo) -> None:
    first = see(asked, {})
    second = see(asked, {}, OTHERS)
    assert compared(asked, first, second) == NOTHING
    third = see(asked, {}, OTHERS, "elsewhere")
    assert compared(asked, first, third)["changed"] == [
        ("parent", f"environment {ENV}", "environment elsewhere", third),
    ]


def test_an_object_is_as_it_is_since_a_person_could_see_it_so(asked: Demo) -> None:
    first = see(asked, {})
    see(asked, {}, OTHERS)
    asked.tell(ScanStarted("x", "bundle:x", b"{}"))
    assert asked.questions.object(asked.questions.past(ENV), "project", "p")["since"]["offset"] == first


def test_a_truth_value_is_another_value_than_a_number(asked: Demo) -> None:
    first, last = see(asked, {"a": 1, "b": [0]}), see(asked, {"a": True, "b": [False]})
    assert [field for field, *_ in compared(asked, first, last)["changed"]] == ["a", "b"]


def test_a_comparison_costs_what_changed_and_not_what_exists(asked: Demo, tmp_path: Path) -> None:
    asked.worker.catch_up(ENV)

    def cost(first: int, last: int) -> int:
        """Answer how many questions the history was asked."""
        history = LocalHistory(tmp_path)
        told: list[str] = []
        history._db.set_trace_callback(told.append)
        asked.questions.history = history
        asked.questions.diff(ENV, str(first), str(last))
        history.close()
        return len(told)

    first, last = see(asked, {"a": 1}), see(asked, {"a": 2})
    before = cost(first, last)
    for number in range(30):
        asked.see(("project", f"more-{number}", "environment", ENV, {"name": "more"}))
    assert cost(first, last) == before
    assert cost(first, asked.journal.head(ENV)) >= before + 30
