"""A verification finds every way in which a history can be other than its log says, where it first is so."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from projections.fold import object_key
from projections.inventory import Ref
from schemas.canonical import encode
from schemas.events import ObjectsSeen, Payload, ScanFinished, ScanStarted, Scope
from streams.local_history import FILE, LocalHistory
from streams.verify import Verdict, verify
from tests.unit.api_demo import ENV, Demo, demo


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        opened.worker.catch_up(ENV)
        yield opened


def verdict(asked: Demo) -> Verdict:
    return verify(asked.journal, asked.history, ENV)


_WEB = (
    "(SELECT k.id FROM keys k JOIN groups g ON g.id = k.grp "
    "WHERE g.kind = 'object' AND g.type = 'instance' AND k.key = 'i-web')"
)
_OLD = (
    "(SELECT k.id FROM keys k JOIN groups g ON g.id = k.grp "
    "WHERE g.kind = 'object' AND g.type = 'instance' AND k.key = 'i-old')"
)

TAMPERED = {
    "a byte of a value": (
        "UPDATE versions SET value = :misspelt WHERE key = {web} AND offset = {offset}",
        "object instance i-web is kept otherwise",
    ),
    "a version is gone": ("DELETE FROM versions WHERE key = {web} AND offset = {offset}", "changes|kept otherwise"),
    "a removal is gone": ("DELETE FROM versions WHERE key = {old} AND value IS NULL", "changes|kept otherwise"),
    "a version more": (
        "INSERT INTO versions (key, offset, grp, value) SELECT id, {before}, grp, x'7b7d' FROM keys WHERE id = {web}",
        "changes|kept otherwise",
    ),
    "a version where no event is": (
        "INSERT INTO versions (key, offset, grp, value) SELECT id, -3, grp, x'7b7d' FROM keys WHERE id = {web}",
        "without an event",
    ),
    "a step is gone": ("DELETE FROM steps WHERE offset = {offset}", "does not have the event"),
    "the last step is gone": ("DELETE FROM steps WHERE offset = {head}", "does not have the event"),
    "a step more": (
        "INSERT INTO steps SELECT environment, -1, logged_at, occurred_at, source, event_id, event, digest FROM steps "
        "WHERE offset = 1",
        "an event that the log has not",
    ),
    "a digest": ("UPDATE steps SET digest = x'00' WHERE offset = {offset}", "digest 0000"),
    "the event's id": ("UPDATE steps SET event_id = 'x' WHERE offset = {offset}", "the history has event x"),
    "who saw the event": ("UPDATE steps SET source = 'x' WHERE offset = {offset}", "source of the event is x"),
    "when it was logged": ("UPDATE steps SET logged_at = 1 WHERE offset = {offset}", "logged_at of the event is 1"),
    "the key has another name": ("UPDATE keys SET key = 'i-wab' WHERE id = {web}", "i-wa?e?b is kept otherwise"),
    "the key is of no kind": (
        "UPDATE groups SET kind = 'x' WHERE kind = 'object' AND type = 'instance'",
        "key of no known kind",
    ),
    "a value that cannot be unpacked": (
        "UPDATE versions SET value = x'01ff' WHERE key = {web} AND offset = {offset}",
        "is damaged",
    ),
    "an object is not found at its parent": ("DELETE FROM edges WHERE key = {web}", "is not found at host node-1"),
    "a link is not found at its end": (
        "DELETE FROM edges WHERE link AND at = (SELECT k.id FROM keys k JOIN groups g ON g.id = k.grp "
        "WHERE g.kind = 'object' AND g.type = 'vnic' AND k.key = 'node-1-tap10000000-00')",
        "is not found at vnic node-1-tap10000000-00",
    ),
    "from where to fold on": ("UPDATE environments SET resume_from = 3", "folded on from another state"),
    "the digest to fold on from": ("UPDATE environments SET digest = x'00'", "folded on from another state"),
}

FIRST_WRONG = {
    "a byte of a value": "added",
    "a version is gone": "added",
    "a removal is gone": "removed",
    "a version more": "before",
    "a version where no event is": "minus one",
    "the last step is gone": "head",
    "a step more": "minus one",
    "the key has another name": "added",
    "an object is not found at its parent": "added",
    "a link is not found at its end": "linked",
    "from where to fold on": "head",
    "the digest to fold on from": "head",
}
"""The offset at which it is first seen; `added`, where the web server was, if none is named."""


def places(asked: Demo) -> dict[str, int]:
    def versions(kind: str, name: str) -> list[int]:
        with closing(sqlite3.connect(asked.history._file)) as db:
            found = db.execute(
                "SELECT v.offset FROM versions v JOIN keys k ON k.id = v.key JOIN groups g ON g.id = k.grp "
                "WHERE g.kind = ? AND k.key = ? ORDER BY 1",
                (kind, name),
            )
            return [offset for (offset,) in found]

    added = versions("object", "i-web")[0]
    return {
        "added": added,
        "before": added - 1,
        "removed": versions("object", "i-old")[-1],
        "linked": versions("link", "i-web|node-1-tap10000000-00")[0],
        "head": asked.journal.head(ENV),
        "minus one": -1,
    }


def misspelt(asked: Demo, at: int) -> bytes:
    """Answer the web server's value with one letter changed, as it may stand in the rows."""
    version = asked.history.get(ENV, object_key(Ref("instance", "i-web")), at)
    assert version is not None
    assert version.value is not None
    assert b"ACTIVE" in version.value
    return version.value.replace(b"ACTIVE", b"ACTIVF")


def test_an_untouched_history_verifies(asked: Demo) -> None:
    found = verdict(asked)
    assert found.problem is None
    assert (found.events, found.offset) == (asked.journal.head(ENV) + 1, asked.journal.head(ENV))


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_is_found_where_it_first_differs(asked: Demo, tmp_path: Path, what: str) -> None:
    at = places(asked)
    statement, problem = TAMPERED[what]
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        done = db.execute(
            statement.format(web=_WEB, old=_OLD, offset=at["added"], before=at["before"], head=at["head"]),
            {"misspelt": misspelt(asked, at["added"])} if ":misspelt" in statement else {},
        )
        assert done.rowcount > 0
    found = verdict(asked)
    assert found.problem is not None
    assert found.problem_offset == at[FIRST_WRONG.get(what, "added")]
    assert re.search(problem, found.problem)


def scan(number: int, names: list[str], word: str) -> Iterator[Payload]:
    """Yield a scan that finds networks of these names below a project, and nothing else there."""
    scan_id, scope = f"again-{number}", Scope("networks", "project", "p-shop")
    yield ScanStarted(scan_id, "cloud:x", b"{}")
    found = [encode({"name": name, "said": word}) for name in names]
    yield ObjectsSeen(scan_id, scope, "network", "project", "p-shop", names, found)
    yield ScanFinished(scan_id, "completed", [scope])


def test_what_stands_at_an_object_is_looked_at_behind_its_newest_anchor(asked: Demo, tmp_path: Path) -> None:
    for number in range(2):
        asked.tell(*scan(2 * number, [f"n-{name}" for name in range(40)], "here"), *scan(2 * number + 1, [], "gone"))
    asked.see(("project", "p-new", "environment", ENV, {"name": "new"}))  # behind the last move, in one batch with it
    asked.worker.catch_up(ENV)
    assert verdict(asked).problem is None
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        done = db.execute(
            f"UPDATE edge_anchors SET keys = json_array({_WEB}) "  # noqa: S608 - fixed words
            "WHERE link = 0 AND offset = (SELECT max(offset) FROM edge_anchors)"
        )
        assert done.rowcount == 1
    with closing(LocalHistory(tmp_path)) as again:
        found = verify(asked.journal, again, ENV)
    assert re.search("i-web is found at project p-shop", found.problem or "")


def test_a_history_that_the_log_has_moved_on_from_verifies_up_to_where_it_reaches(asked: Demo) -> None:
    reached = asked.history.position(ENV).offset
    asked.see(("project", "p-new", "environment", ENV, {"name": "new"}))
    assert verdict(asked).problem is None
    assert verdict(asked).offset == reached


def test_an_environment_that_was_never_folded_verifies_as_nothing(asked: Demo) -> None:
    found = verify(asked.journal, asked.history, "nowhere")
    assert (found.events, found.offset, found.problem) == (0, -1, None)
