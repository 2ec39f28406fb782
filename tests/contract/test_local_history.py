"""The embedded history keeps the promises of a history, and says so when its file is no history."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from projections.change import Key, Kind
from projections.inventory import Ref
from schemas.canonical import decode_document
from schemas.errors import HistoryError
from streams import anchors, hot, local_history, local_rows, local_writing
from streams.history import KeyVersion, Step, Version
from streams.local_history import FILE, FORMAT, LocalHistory
from tests.contract.history_contract import ENV, NET, HistoryContract, key, obj, reached, step, value, write
from tests.contract.lives import KEYS, REFS, answers, go_on, life


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
    "spans": lambda h: list(h.spans(ENV, 1, 5)),
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
    # an index of what is due; what was asked for; what holds the state of the file, of which one row is read
    small = ("SCAN crowds USING INDEX crowded", "SCAN json_each", "SCAN sqlite_schema")
    scans = [plan for plan in plans if plan.startswith("SCAN") and not plan.startswith(small)]
    assert scans == (
        ["SCAN environments USING COVERING INDEX sqlite_autoindex_environments_1"] * (name == "environments")
    )
    assert name in SORTED or not [plan for plan in plans if "TEMP B-TREE" in plan]
    history.close()


@pytest.fixture
def many_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let anchors be made after every few changes, in chunks of two, and pages be of two."""
    monkeypatch.setattr(local_rows, "is_due", lambda _live, moved: moved >= 5)
    monkeypatch.setattr(local_writing, "CROWDED", "moved >= 3")
    monkeypatch.setattr(anchors, "_ITEMS", 2)
    monkeypatch.setattr(local_history, "_FEW", 2)
    monkeypatch.setattr(hot, "MOST", 3)


def rows(history: LocalHistory, table: str) -> int:
    of_keys = f"WHERE key != {local_rows.ANCHORED}" if table == "edges" else ""
    ((found,),) = history._db.execute(f"SELECT count(*) FROM {table} {of_keys}").fetchall()  # noqa: S608 - fixed words
    return int(found)


@pytest.mark.usefixtures("many_anchors")
@pytest.mark.parametrize("number", range(12))
def test_every_answer_is_what_the_steps_say_however_many_anchors_there_are(tmp_path: Path, number: int) -> None:
    steps = life(number, 120)
    history = LocalHistory(tmp_path)
    go_on(history, steps, batch=1 + number % 4)
    assert rows(history, "anchors") > 0
    assert rows(history, "edge_anchors") > 0
    for at in range(steps[-1].offset + 2):
        there = state(steps, at)
        for kind in Kind:
            found = sorted(item for item in there if item.key.kind is kind)
            assert list(history.all(ENV, kind, at)) == found
            for after in KEYS:
                behind = [item for item in found if item.key > after._replace(kind=kind)]
                assert list(history.all(ENV, kind, at, after=after._replace(kind=kind))) == behind
            for each in KEYS:
                named = each._replace(kind=kind)
                assert history.get(ENV, named, at) == {item.key: item.version for item in found}.get(named)
        for ref in REFS:
            assert history.links(ENV, ref, at) == [item for item in there if ref in standing(item, Kind.LINK)]
            assert history.children(ENV, ref, at) == [item for item in there if ref in standing(item, Kind.OBJECT)]
    history.close()


def state(steps: list[Step], at: int) -> list[KeyVersion]:
    """Answer what there is after the event at an offset, sorted: the plain way."""
    values: dict[Key, Version] = {}
    for one in steps:
        values.update((c.key, Version(c.offset, c.after)) for c in one.changes if c.offset <= at)
    return sorted(KeyVersion(key, version) for key, version in values.items() if version.value is not None)


def standing(item: KeyVersion, kind: Kind) -> list[Ref]:
    if item.key.kind is not kind or item.version.value is None:
        return []
    found = decode_document(item.version.value)
    if kind is Kind.OBJECT:
        return [Ref(*found["parent"])]
    return [Ref(found[f"{end}_type"], found[f"{end}_id"]) for end in ("source", "target")]


@pytest.mark.usefixtures("many_anchors")
def test_an_environment_folded_anew_has_the_same_answers_and_leaves_nothing_behind(tmp_path: Path) -> None:
    steps = life(3, 120)
    moments = [step.offset for step in steps[::20]]
    history = LocalHistory(tmp_path)
    go_on(history, steps, 3)
    before = answers(history, moments)
    sizes = {table: rows(history, table) for table in ("versions", "keys", "edges", "groups", "steps")}
    draft = history.fresh(ENV)
    go_on(draft, steps, 7)
    assert history.adopt(ENV)
    assert answers(history, moments) == before
    assert {table: rows(history, table) for table in sizes} == sizes
    history.forget(ENV)
    tables = [name for (name,) in history._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    assert {name: rows(history, name) for name in tables if name != "sqlite_sequence"} == {
        name: 0 for name in tables if name != "sqlite_sequence"
    }
    draft.close()
    history.close()


def test_a_write_that_fails_when_it_is_committed_can_be_tried_again(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    write(history, step(1, (obj("a"), value(NET))))
    history._db.executescript(
        "PRAGMA foreign_keys = ON; CREATE TEMP TABLE one (id INTEGER PRIMARY KEY);"
        "CREATE TEMP TABLE other (id REFERENCES one DEFERRABLE INITIALLY DEFERRED);"
        "CREATE TEMP TRIGGER full AFTER INSERT ON steps BEGIN INSERT INTO other VALUES (7); END;"
    )
    many = [(obj(f"n{number}"), value(NET, number=number, text="long " * 30)) for number in range(100)]
    with pytest.raises(HistoryError, match="constraint"):
        write(history, step(2, *many))
    history._db.execute("DROP TRIGGER full")
    write(history, step(2, *reversed(many)))
    for key_, expected in many:
        assert history.get(ENV, key_, 2) == (2, expected)
    assert len(list(history.all(ENV, Kind.OBJECT, 2))) == 101
    history.close()


def test_a_long_answer_is_of_one_state_though_another_process_begins_the_environment_anew(tmp_path: Path) -> None:
    reader, writer = LocalHistory(tmp_path), LocalHistory(tmp_path)
    things = [(obj(f"p{number:04}"), value(NET)) for number in range(900)]
    write(writer, step(1, *things))
    asks: list[Callable[[], Iterator[Key]]] = [
        lambda: (item.key for item in reader.all(ENV, Kind.OBJECT, 1)),
        lambda: (item.key for item in reader.all(ENV, Kind.OBJECT, 1, type="port")),
        lambda: (span.key for span in reader.spans(ENV, -1, 1)),
    ]
    for ask in asks:
        answer = ask()
        found = [next(answer)]
        draft = writer.fresh(ENV)
        write(draft, step(1, *things))
        assert writer.adopt(ENV)
        draft.close()
        assert [*found, *answer] == [key_ for key_, _ in things]
    reader.close()
    writer.close()


def test_what_is_there_before_and_after_is_found_at_any_moment_between(tmp_path: Path) -> None:
    reader, writer = LocalHistory(tmp_path), LocalHistory(tmp_path)
    things = [(obj(f"p{number:04}"), value(NET, text="long " * 30)) for number in range(100)]
    write(writer, step(1, *things))
    for _ in range(3):
        assert reader.get(ENV, obj("p0001"), 1) is not None
    draft = writer.fresh(ENV)
    write(draft, step(1, *things))
    assert writer.adopt(ENV)
    for key_, expected in things:
        assert reader.get(ENV, key_, 1) == (1, expected)
    draft.close()
    reader.close()
    writer.close()


def test_what_is_kept_in_memory_is_dropped_when_another_process_begins_the_environment_anew(tmp_path: Path) -> None:
    reader, writer = LocalHistory(tmp_path), LocalHistory(tmp_path)
    write(writer, step(1, (obj("a"), value(NET))))
    assert reader.get(ENV, obj("a"), 1) == (1, value(NET))
    assert [item.key for item in reader.children(ENV, NET, 1)] == [obj("a")]
    writer.forget(ENV)
    write(writer, step(1, (obj("b"), value(NET))))
    time.sleep(hot._TRUSTED)
    assert reader.get(ENV, obj("a"), 1) is None
    assert [item.key for item in reader.children(ENV, NET, 1)] == [obj("b")]
    reader.close()
    writer.close()


def test_no_more_is_kept_in_memory_than_the_limit(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    history._hot = hot.Hot(history._environment_number, limit=5000)
    write(history, step(1, *((obj(f"p{number}"), value(NET)) for number in range(100))))
    for _ in range(2):
        for number in range(100):
            assert history.get(ENV, obj(f"p{number}"), 1) == (1, value(NET))
            assert len(history._hot.of(ENV).versions) <= 5000 / hot._ENTRY
    history.close()


def test_a_change_whose_value_before_is_not_there_is_refused(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    one = step(1, (key("a"), b"2"))
    claimed = replace(one, changes=[one.changes[0]._replace(before=b"1")])
    with pytest.raises(HistoryError, match="not there"):
        history.write(ENV, [claimed], reached(one), -1)
    assert history.position(ENV).offset == -1
    history.close()


@pytest.mark.parametrize("packed", [b"\x01\xff\xff", b"\x01", b"\x01\x00", b"\x01\x00\xe0" + b"\x7f" * 8 + b"\x01"])
def test_a_value_that_cannot_be_unpacked_is_named(tmp_path: Path, packed: bytes) -> None:
    history = LocalHistory(tmp_path)
    write(history, step(1, (key("a"), b"long " * 100)))
    history._db.execute("UPDATE versions SET value = ?", (packed,))
    with pytest.raises(HistoryError, match="value of a is damaged"):
        history.get(ENV, key("a"), 1)
    history.close()


@pytest.mark.usefixtures("many_anchors")
def test_an_anchor_that_cannot_be_unpacked_is_an_error(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    write(history, step(1, *((key(str(number)), b"1") for number in range(9))))
    assert rows(history, "anchors") > 1
    history._db.execute("UPDATE anchors SET packed = x'00'")
    with pytest.raises(HistoryError, match="anchor of the history is damaged"):
        list(history.all(ENV, Kind.SNAPSHOT, 1))
    history.close()


@pytest.mark.usefixtures("many_anchors")
def test_an_anchor_that_does_not_begin_where_it_says_is_an_error(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    write(history, step(1, *((key(str(number)), b"1") for number in range(9))))
    history._db.execute("UPDATE anchors SET first = '11' WHERE first = '0'")
    with pytest.raises(HistoryError, match="does not begin where it says"):
        list(history.all(ENV, Kind.SNAPSHOT, 1))
    history.close()


def test_values_that_begin_like_compressed_ones_come_back(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    values = [b"\x01", b"", b"\x01" * 5000, b"x" * 127, b"x" * 128, bytes(range(256)) * 300]
    write(history, step(1, *((key(str(number)), one) for number, one in enumerate(values))))
    assert [item.version.value for item in history.all(ENV, Kind.SNAPSHOT, 1)] == values
    history.close()


def test_what_is_there_costs_the_same_whatever_came_and_went(tmp_path: Path) -> None:
    """Twenty children at a time, one replaced at each step: the oldest, middle and newest cost alike."""
    history = LocalHistory(tmp_path)
    steps = [step(0, *((obj(f"p{number:05}"), value(NET)) for number in range(20)))]
    steps += [step(at, (obj(f"p{at + 19:05}"), value(NET)), (obj(f"p{at - 1:05}"), None)) for at in range(1, 3000)]
    for start in range(0, 3000, 100):
        write(history, *steps[start : start + 100])

    def cost(ask: Callable[[], object]) -> int:
        counted = iter(range(10**9))
        history._db.set_progress_handler(lambda: next(counted) < 0, 10)
        ask()
        history._db.set_progress_handler(None, 0)
        return next(counted)

    moments = [30, 1500, 2999]
    for at in moments:
        assert [item.key.id for item in history.children(ENV, NET, at)] == [f"p{n:05}" for n in range(at, at + 20)]
        assert len(list(history.all(ENV, Kind.OBJECT, at))) == 20
    children = [cost(lambda at=at: history.children(ENV, NET, at)) for at in moments]  # type: ignore[misc]
    everything = [cost(lambda at=at: list(history.all(ENV, Kind.OBJECT, at))) for at in moments]  # type: ignore[misc]
    assert max(children) <= 3 * min(children)
    assert max(everything) <= 3 * min(everything)
    history.close()


def test_a_question_about_long_ago_costs_what_one_about_now_does(tmp_path: Path) -> None:
    history = LocalHistory(tmp_path)
    for offset in range(0, 2000, 100):
        write(history, *(step(at, (obj("a"), value(NET, number=at))) for at in range(offset, offset + 100)))

    def cost(at: int) -> int:
        """Answer how many tens of instructions of the database's machine the answers take, read from the file."""
        history._hot.clear()
        counted = iter(range(10**9))
        history._db.set_progress_handler(lambda: next(counted) < 0, 10)
        assert history.get(ENV, obj("a"), at) is not None
        assert len(history.children(ENV, NET, at)) == 1
        history._db.set_progress_handler(None, 0)
        return next(counted)

    assert cost(3) <= 2 * cost(1999) + 2
    assert cost(1999) <= 2 * cost(3) + 2
    history.close()
