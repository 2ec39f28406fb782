"""A verification in segments comes to what one replay of the whole log comes to, whatever is damaged."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from multiprocessing import parent_process
from pathlib import Path

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import streams.hot
import streams.local_history
import streams.local_rows
import streams.local_writing
import streams.worker
from projections.change import Kind
from schemas.errors import HistoryError, LogCorrupt
from schemas.events import Event
from streams.anchors import chunks, unchunked
from streams.history import History
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.segments import cut, verify_in_parallel
from streams.verify import Verdict, joined, segments, verified, verify
from streams.worker import Worker
from tests.unit.api_demo import ENV, Demo, demo, the_past
from tests.unit.stories import stories
from tests.unit.test_fold import engine

TABLES = ("environments", "groups", "dictionaries", "keys", "versions", "edges", "anchors", "edge_anchors", "steps")
LOOKED_AT_AS_A_WHOLE = ("anchors", "groups", "dictionaries", "keys", "environments")
"""What one event alone may not show to be damaged: only everything that there is does, where the log is cut."""


def in_segments(journal: Journal, history: History, environment: str, cuts: list[int]) -> Verdict:
    """Answer the verdict on all segments, each taken up from the history, in the order of processes that end last."""
    position = history.position(environment)
    parts = segments(position, cuts)
    verdicts = [verified(journal, history, environment, part) for part in reversed(parts)]
    return joined(verdicts[::-1])


@contextmanager
def many_anchors() -> Iterator[None]:
    """Let small histories have what large ones have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.local_history, "_FEW", 1)
        patch.setattr(streams.hot, "MOST", 1)
        patch.setattr(streams.worker, "BATCH", 3)
        patch.setattr(streams.local_rows, "is_due", lambda _live, moved: moved >= 2)
        patch.setattr(streams.local_writing, "CROWDED", "moved >= 2")
        yield


@settings(max_examples=40, deadline=None)
@given(stories(), st.data())
def test_an_untouched_history_verifies_in_any_segments(events: list[Event], data: st.DataObject) -> None:
    with many_anchors(), engine() as (journal, history):
        for event in events:
            journal.append([event])
        Worker(journal, history).catch_up_all()
        for environment in journal.environments():
            head = journal.head(environment)
            cuts = data.draw(st.lists(st.integers(0, head), max_size=4))
            found = in_segments(journal, history, environment, cuts)
            assert found == verify(journal, history, environment)
            assert (found.problem, found.events, found.offset) == (None, head + 1, head)
            assert set(cut(history, environment, 4)) <= set(range(head))


@settings(max_examples=100, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(stories(), st.data())
def test_one_damaged_row_is_found_at_the_offset_at_which_one_replay_finds_it(
    events: list[Event], data: st.DataObject
) -> None:
    with many_anchors(), engine() as (journal, history):
        for event in events:
            journal.append([event])
        Worker(journal, history).catch_up_all()
        environment = data.draw(st.sampled_from(journal.environments()))
        head = journal.head(environment)
        table = damage(history, data)
        cuts = sorted(data.draw(st.sets(st.integers(0, head - 1), max_size=4))) if head > 0 else []
        with closing(LocalHistory(history._folder)) as again:  # which remembers nothing of before
            whole = verify(journal, again, environment, cuts=cuts)
            plain = verify(journal, again, environment)
        with closing(LocalHistory(history._folder)) as again:
            found = in_segments(journal, again, environment, cuts)
        assert (found.problem is None) == (whole.problem is None)
        assert (found.problem_offset, found.events, found.offset) == (whole.problem_offset, whole.events, whole.offset)
        if table not in LOOKED_AT_AS_A_WHOLE:
            assert found.problem_offset == plain.problem_offset
        elif plain.problem_offset is not None:
            assert found.problem_offset is not None
            assert found.problem_offset <= plain.problem_offset


def damage(history: LocalHistory, data: st.DataObject) -> str:
    """Delete one row of the history or change one column of it; answer of which table."""
    with closing(sqlite3.connect(history._file)) as db, db:
        sizes = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608
        table = data.draw(st.sampled_from([table for table, size in sizes.items() if size]))
        number = data.draw(st.integers(0, sizes[table] - 1))
        cursor = db.execute(f"SELECT * FROM {table} LIMIT 1 OFFSET ?", (number,))  # noqa: S608
        columns = [column for column, *_ in cursor.description]
        row = cursor.fetchone()
        where = " AND ".join(f"{column} IS ?" for column in columns)
        if data.draw(st.booleans()):
            db.execute(f"DELETE FROM {table} WHERE {where}", row)  # noqa: S608
            return table
        place = data.draw(st.integers(0, len(columns) - 1))
        try:
            db.execute(f"UPDATE {table} SET {columns[place]} = ? WHERE {where}", (other(row[place]), *row))  # noqa: S608
        except sqlite3.IntegrityError:
            assume(False)
    return table


def other(value: object) -> object:
    """Answer a value that is not the same, of the same kind."""
    match value:
        case int():
            return value + 1
        case str():
            return value + "x"
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:] if value else b"x"
    return b"{}"


def test_what_is_damaged_where_a_type_is_written_down_is_found_there(tmp_path: Path) -> None:
    with many_anchors(), demo(tmp_path) as asked:
        asked.worker.catch_up(ENV)
        anchored = {anchor.offset for anchor in asked.history.anchors(ENV) if anchor.kind is Kind.OBJECT}
        with closing(sqlite3.connect(tmp_path / "history.db")) as db, db:
            rows = db.execute(
                "SELECT a.id, a.offset, a.packed FROM anchors a JOIN groups g ON g.id = a.grp WHERE g.kind = 'object' "
                "ORDER BY a.offset"
            ).fetchall()
            assert {offset for _, offset, _ in rows} == anchored
            number, at, packed = next(row for row in rows if len(unchunked(Kind.OBJECT, "any", row[2])) > 1)
            for left in chunks(unchunked(Kind.OBJECT, "any", packed)[:-1]):  # one thing less
                db.execute("UPDATE anchors SET packed = ? WHERE id = ?", (left.packed, number))
        assert at < asked.journal.head(ENV) - 1
        for found in (
            verify(asked.journal, asked.history, ENV),
            in_segments(asked.journal, asked.history, ENV, [at]),
            in_segments(asked.journal, asked.history, ENV, [at + 1]),
        ):
            assert (found.problem_offset, found.offset, found.events) == (at, at, at + 1)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        for _ in range(3):
            opened.tell(*the_past())
        opened.worker.catch_up(ENV)
        yield opened


@contextmanager
def door(folder: Path) -> Iterator[tuple[Journal, History]]:
    """Open a folder's log and history, in whatever process."""
    with closing(Journal(LocalLog(folder, read_only=True))) as journal, closing(LocalHistory(folder)) as history:
        yield journal, history


def test_a_log_is_cut_where_no_scan_is_open(asked: Demo) -> None:
    starts = [step.offset for step in asked.history.checkpoints(ENV) if step.event == "ScanStarted"]
    ends = [step.offset for step in asked.history.checkpoints(ENV) if step.event == "ScanFinished"]
    cuts = cut(asked.history, ENV, 4)
    assert len(cuts) == 3
    assert not any(start <= at < end for at in cuts for start, end in zip(starts, ends, strict=True))
    assert cut(asked.history, "nowhere", 4) == []


def test_one_long_scan_is_cut_all_the_same(tmp_path: Path) -> None:
    with demo(tmp_path) as opened:
        opened.worker.catch_up(ENV)
        assert len(cut(opened.history, ENV, 8)) > 3
        assert in_segments(opened.journal, opened.history, ENV, cut(opened.history, ENV, 8)).problem is None


def test_processes_find_what_one_finds_and_tell_how_far_they_are(asked: Demo, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    verdict = verify_in_parallel(partial(door, tmp_path), ENV, 2, lambda *reach: told.append(reach), worth=10)
    assert verdict == verify(asked.journal, asked.history, ENV)
    total = asked.journal.head(ENV) + 1
    assert told[-1] == (total, total)
    assert told == sorted(told)

    late, early = total - 3, 5
    for offset in (late, early):
        with closing(sqlite3.connect(tmp_path / "history.db")) as db, db:
            db.execute("UPDATE steps SET source = 'x' WHERE offset = ?", (offset,))
        found = verify_in_parallel(partial(door, tmp_path), ENV, 2, worth=10)
        assert (found.problem_offset, found.problem) == (offset, "source of the event is x, the log has scan")
        assert found.events == offset + 1


def test_a_log_that_is_damaged_is_told_as_by_one(asked: Demo, tmp_path: Path) -> None:
    asked.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.execute("UPDATE records SET value = x'00' WHERE key % 65536 = 100")
    with pytest.raises(LogCorrupt, match="offset 100 is damaged"):
        verify_in_parallel(partial(door, tmp_path), ENV, 2, worth=10)


@contextmanager
def deadly(folder: Path) -> Iterator[tuple[Journal, History]]:
    """As `door`, and the death of every process but this one."""
    if parent_process() is not None:
        os._exit(9)
    with door(folder) as opened:
        yield opened


@pytest.mark.usefixtures("asked")
def test_a_process_that_dies_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="environment demo: a process of the verification was killed"):
        verify_in_parallel(partial(deadly, tmp_path), ENV, 2, worth=10)


def test_a_short_log_is_verified_in_this_process(asked: Demo, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    verdict = verify_in_parallel(partial(door, tmp_path), ENV, 8, lambda *reach: told.append(reach))
    total = asked.journal.head(ENV) + 1
    assert (verdict.problem, told[0], told[-1]) == (None, (1, total), (total, total))
