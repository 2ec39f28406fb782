"""The embedded history keeps the promises of a history, and says so when its file is no history."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from projections.change import Kind
from schemas.errors import HistoryError
from streams.local_history import FILE, FORMAT, LocalHistory
from tests.contract.history_contract import ENV, NET, HistoryContract, key, obj, step, value, write


class TestLocalHistory(HistoryContract):
    @pytest.fixture
    def history(self, tmp_path: Path) -> Iterator[LocalHistory]:
        history = LocalHistory(tmp_path)
        yield history
        history.close()


def test_a_history_opened_again_is_the_same(tmp_path: Path) -> None:
    first = LocalHistory(tmp_path)
    write(first, step(1, (key("a"), b"1")))
    first.close()
    second = LocalHistory(tmp_path)
    assert second.get(ENV, key("a"), 1) == (1, b"1")
    second.close()


def test_a_file_that_is_no_history_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, and long enough to be looked at as one" * 20)
    with pytest.raises(HistoryError, match=r"history\.db.*delete it"):
        LocalHistory(tmp_path)


def test_a_reader_sees_whole_steps_while_another_writes(tmp_path: Path) -> None:
    writer, reader = LocalHistory(tmp_path), LocalHistory(tmp_path, read_only=True)
    for offset in range(1, 30):
        write(writer, step(offset, (key("a"), b"%d" % offset), (key("b"), b"%d" % offset)))
        at = reader.position(ENV).offset
        values = {item.version.value for item in reader.all(ENV, Kind.SNAPSHOT, at)}
        assert values == {b"%d" % at}
    reader.close()
    writer.close()


def test_a_history_of_an_older_format_is_begun_anew(tmp_path: Path) -> None:
    older = LocalHistory(tmp_path)
    write(older, step(1, (key("a"), b"1")))
    older._db.execute("CREATE TABLE changes (environment INTEGER)")
    older._db.execute(f"PRAGMA user_version={FORMAT - 1}")
    older.close()
    history = LocalHistory(tmp_path)
    assert history.environments() == []
    assert history.get(ENV, key("a"), 1) is None
    write(history, step(1, (key("a"), b"1")))
    history.close()


def test_a_history_of_a_newer_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    newer = LocalHistory(tmp_path)
    write(newer, step(1, (key("a"), b"1")))
    newer._db.execute(f"PRAGMA user_version={FORMAT + 1}")
    with pytest.raises(HistoryError, match=f"format {FORMAT + 1}"):
        LocalHistory(tmp_path)
    newer._db.execute(f"PRAGMA user_version={FORMAT}")
    assert newer.get(ENV, key("a"), 1) == (1, b"1")
    newer.close()


def test_a_history_opened_while_another_writes_does_not_wait(tmp_path: Path) -> None:
    writer = LocalHistory(tmp_path)
    with writer._writing():
        LocalHistory(tmp_path).close()
    writer.close()


def test_a_forgetting_that_fails_can_be_tried_again(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    write(history, step(1, (key("a"), b"1")))
    history._db.execute("CREATE TEMP TRIGGER full BEFORE DELETE ON steps BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(HistoryError, match="no room"):
        history.forget(ENV)
    assert history.get(ENV, key("a"), 1) == (1, b"1")
    history._db.execute("DROP TRIGGER full")
    history.forget(ENV)
    assert history.environments() == []
    history.close()


QUESTIONS: dict[str, Callable[[LocalHistory], object]] = {
    "position": lambda h: h.position(ENV),
    "get": lambda h: h.get(ENV, key("b"), 5),
    "all": lambda h: list(h.all(ENV, Kind.SNAPSHOT, 5)),
    "all of a type": lambda h: list(h.all(ENV, Kind.SNAPSHOT, 5, type="port")),
    "all behind a key": lambda h: list(h.all(ENV, Kind.SNAPSHOT, 5, after=key("b"))),
    "all of a type behind a key": lambda h: list(h.all(ENV, Kind.SNAPSHOT, 5, type="port", after=key("b"))),
    "links": lambda h: h.links(ENV, NET, 5),
    "children": lambda h: h.children(ENV, NET, 5),
    "versions": lambda h: h.versions(ENV, key("b"), 1, 5),
    "changed": lambda h: h.changed(ENV, 1, 5),
    "blame": lambda h: h.blame(ENV, 5),
    "checkpoints": lambda h: list(h.checkpoints(ENV)),
    "step_changes": lambda h: h.step_changes(ENV, 5),
    "environments": lambda h: h.environments(),
    "write": lambda h: write(h, step(9, (obj("z"), value(NET)))),
    "forget": lambda h: h.forget(ENV),
}
SORTED = {"links", "children", "changed"}
"""Questions whose answer is put in order when it is found: it is as small as what it tells."""


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_answered_by_an_index_and_in_order(tmp_path: Path, name: str) -> None:
    history = LocalHistory(tmp_path)
    write(history, step(1, (key("a"), b"1"), (key("b"), b"1")), step(5, (obj("a"), value(NET))))
    asked: list[str] = []
    history._db.set_trace_callback(asked.append)
    QUESTIONS[name](history)
    history._db.set_trace_callback(None)
    statements = [s for s in asked if s.startswith(("SELECT", "INSERT", "DELETE", "UPDATE"))]
    assert statements
    plans = [row[3] for s in statements for row in history._db.execute(f"EXPLAIN QUERY PLAN {s}")]
    scans = [plan for plan in plans if plan.startswith("SCAN")]
    assert scans == (
        ["SCAN environments USING COVERING INDEX sqlite_autoindex_environments_1"] * (name == "environments")
    )
    assert name in SORTED or not [plan for plan in plans if "TEMP B-TREE" in plan]
    history.close()


def test_a_question_about_long_ago_costs_what_one_about_now_does(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    for offset in range(0, 2000, 100):
        write(history, *(step(at, (obj("a"), value(NET, number=at))) for at in range(offset, offset + 100)))

    def cost(at: int) -> int:
        """Answer how many tens of instructions of the database's machine the answers take."""
        counted = iter(range(10**9))
        history._db.set_progress_handler(lambda: next(counted) < 0, 10)
        assert history.get(ENV, obj("a"), at) is not None
        assert len(history.children(ENV, NET, at)) == 1
        history._db.set_progress_handler(None, 0)
        return next(counted)

    assert cost(3) <= 2 * cost(1999) + 2
    assert cost(1999) <= 2 * cost(3) + 2
    history.close()
