"""A bisection finds the event that broke an expectation; a walk finds every flip, and looks only where it must."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.canonical import Document
from schemas.errors import BadInput, NotFound
from schemas.events import Event
from streams.bisection import Bisection, bisect, broke
from streams.expectation import parse
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.worker import Worker
from tests.unit.api_demo import ENV, V1, Demo, demo
from tests.unit.stories import ENVIRONMENTS, stories

EXPECTED = (
    "instance i1 exists",
    "instance i1.network contains n1 or host h1.os == a",
    "count vnic >= 2 and not count network == 0",
    "links instance i2 == 1",
    "path instance i1 -> host_pnic h1-eth1",
    "path instance i1 -> instance i2",
    "clique instance i1 contains vedge agent-h1",
    "clique network n1 contains instance i1",
    "aggregate again exists or vnic again.name == again",
)


@given(stories(), st.sampled_from(EXPECTED))
def test_flips_are_those_of_looking_at_every_offset(story: list[Event], text: str) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(Journal(LocalLog(Path(folder)))) as journal:
        for event in story:
            journal.append([event])
        with closing(LocalHistory(Path(folder))) as history:
            Worker(journal, history).catch_up_all()
            for environment in ENVIRONMENTS:
                _check(
                    Bisection(history, environment, parse(text)), text, journal.head(environment), history, environment
                )


def _check(search: Bisection, text: str, head: int, history: LocalHistory, environment: str) -> None:
    everywhere = [_holds(Bisection(history, environment, parse(text)), offset) for offset in range(head + 1)]
    if None in everywhere or head < 0:
        return
    found = [(flip.offset, flip.holds) for flip in search.flips(0, head)]
    expected = [(at, everywhere[at]) for at in range(1, head + 1) if everywhere[at] != everywhere[at - 1]]
    assert found == expected
    if everywhere[0] and not everywhere[head]:
        assert (search.failure(0, head).offset, False) in expected


def _holds(search: Bisection, offset: int) -> bool | None:
    """Answer whether it holds, None where a name is ambiguous."""
    try:
        return search.at(offset).holds
    except NotFound:
        return None


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        for status in ("ACTIVE", "ERROR", "ACTIVE", "SHUTOFF"):
            opened.see(("instance", "i-web", "host", "node-1", {"name": "web", "host": "node-1", "status": status}))
        opened.worker.catch_up(ENV)
        yield opened


def ask(asked: Demo, text: str, first: str | None = None, last: str = "latest", *, every: bool = False) -> Document:
    begin = None if first is None else asked.questions.moment(ENV, first)
    return bisect(asked.history, ENV, parse(text), begin, asked.questions.moment(ENV, last), every=every)


WEB = "instance web.status == ACTIVE"


def test_a_failure_is_told_with_its_event_and_what_that_changed(asked: Demo) -> None:
    answer = ask(asked, WEB, "@as-designed")
    (flip,) = answer["flips"]
    assert (answer["from"]["holds"], answer["to"]["holds"], broke(answer)) == (True, False, True)
    assert (flip["holds"], flip["cause"]["event"], flip["cause"]["source"]) == (False, "ObjectsSeen", "scan")
    (change,) = flip["changes"]
    assert (change["type"], change["id"], change["name"], change["change"]) == ("instance", "i-web", "web", "changed")
    assert {"field": "status", "before": "ACTIVE", "after": "SHUTOFF"} in change["fields"]


def test_every_flip_is_listed_oldest_first(asked: Demo) -> None:
    answer = ask(asked, WEB, every=True)
    assert [flip["holds"] for flip in answer["flips"]] == [False, True, False, True, False]
    offsets = [flip["cause"]["offset"] for flip in answer["flips"]]
    head = asked.journal.head(ENV)
    assert offsets == sorted(offsets)
    assert offsets[1:] == [head - 3, head - 2, head - 1, head]


def test_a_failure_that_mended_is_seen_by_a_walk_only(asked: Demo) -> None:
    mended = str(asked.journal.head(ENV) - 1)
    assert not broke(ask(asked, WEB, "@as-designed", mended))
    assert broke(ask(asked, WEB, "@as-designed", mended, every=True))


def test_without_a_first_moment_it_begins_where_it_held_first(asked: Demo) -> None:
    added = asked.questions.history_of(ENV, "instance", "i-web")["versions"][0]["cause"]["offset"]
    assert ask(asked, WEB)["from"]["offset"] == added
    with pytest.raises(NotFound, match="never held up to offset"):
        ask(asked, "count trunk > 0")


def test_what_cannot_be_bisected_is_refused(asked: Demo) -> None:
    with pytest.raises(BadInput, match="does not hold at offset 0 already"):
        ask(asked, WEB, "0")
    with pytest.raises(BadInput, match="lies behind"):
        ask(asked, WEB, "latest", "0")
    assert [flip["holds"] for flip in ask(asked, WEB, "0", "@as-designed", every=True)["flips"]] == [True]


def test_a_name_of_several_says_at_which_moment(asked: Demo) -> None:
    asked.see(("instance", "i-twin", "host", "node-1", {"name": "web", "host": "node-1"}))
    with pytest.raises(NotFound, match=rf"demo at offset {asked.journal.head(ENV)}: instance web: there are 2"):
        ask(asked, WEB, "@as-designed")


def test_a_walk_looks_only_where_something_it_read_changed(asked: Demo) -> None:
    assert ask(asked, "instance i-web.status == ACTIVE", "@as-designed", every=True)["evaluations"] < 9
    assert ask(asked, "host node-1 exists", "@as-designed", every=True)["evaluations"] == 2


def test_the_api_answers_the_same(asked: Demo) -> None:
    answer = asked.get(f"{V1}/bisect", expect=WEB, every=True)
    assert answer == {"expect": WEB, **ask(asked, WEB, every=True)}
    assert asked.ask(f"{V1}/bisect", params={"expect": "nix"}).status_code == 400
    assert asked.ask(f"{V1}/bisect").status_code == 422
