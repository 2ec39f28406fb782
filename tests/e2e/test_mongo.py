"""The program with its history on a MongoDB: a setting, nothing else."""

from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from projections.change import Kind
from projections.inventory import Ref
from streams.history import History
from streams.local_history import LocalHistory
from streams.mongo_client import Database
from streams.mongo_history import MongoHistory
from tests.e2e.program import Program
from tests.servers.mongo import MongoServer

QUESTIONS = (
    ("verify", "demo", "--json"),
    ("diff", "demo", "@sunday", "@monday", "--json"),
    ("tree", "demo", "--at", "@sunday"),
    ("search", "demo", "10.1.0.", "--json"),
    ("impact", "demo", "host", "compute-2", "--json"),
    ("environments", "--json"),
)


@pytest.fixture
def name() -> str:
    return f"calipso-{uuid4().hex}"


@pytest.fixture
def settings(mongo: MongoServer, name: str) -> dict[str, Any]:
    """Answer the variable that puts the history into a database of its own."""
    return {"CALIPSO_HISTORY": f"{mongo.uri}/{name}"}


def told(history: History) -> dict[str, object]:
    """Answer what a history says of the demo to every question, at some of its moments."""
    latest = history.position("demo").offset
    at_all = range(0, latest + 1, 40)
    found = {at: [item for kind in Kind for item in history.all("demo", kind, at)] for at in (*at_all, latest)}
    keys = [item.key for item in found[latest]]
    refs = [Ref(key.type, key.id) for key in keys if key.kind is Kind.OBJECT]
    return {
        "position": history.position("demo"),
        "environments": history.environments(),
        "all": found,
        "of a type": [list(history.all("demo", Kind.OBJECT, latest, type="vnic", after=key)) for key in keys[::200]],
        "get": [history.get("demo", key, at) for key in keys[::20] for at in at_all],
        "links": [history.links("demo", ref, at) for ref in refs[::10] for at in (100, latest)],
        "children": [history.children("demo", ref, at) for ref in refs[::10] for at in (100, latest)],
        "versions": [history.versions("demo", key, -1, latest) for key in keys[::10]],
        "changed": [history.changed("demo", at, at + 40) for at in at_all],
        "blame": [history.blame("demo", at) for at in at_all],
        "checkpoints": list(history.checkpoints("demo")),
        "step_changes": [history.step_changes("demo", at) for at in at_all],
    }


def test_the_demo_answers_the_same_from_either_history(
    mongo: MongoServer, name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    program = Program(tmp_path / "embedded")
    program.run("demo")
    for words in QUESTIONS:
        assert program.run(*words, code=None) == program.run(*words, code=None, **settings), words
    here = LocalHistory(program.folder)
    with closing(here), closing(MongoHistory(Database(mongo.uri, name))) as there:
        assert told(there) == told(here)


def test_a_rebuild_says_the_same_and_leaves_readers_what_they_had(settings: dict[str, Any], tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    for more in ({}, settings):
        program.run("demo", *(["again"] if more else []), **more)
        environment = "again" if more else "demo"
        digest = program.run("verify", environment, "--json", **more).answer["digest"]
        ended = program.run("rebuild", environment, **more)
        assert ended.out.startswith(f"{environment}: folded anew up to offset ")
        assert ended.out.strip().endswith(f"digest {digest}")
        assert program.run("verify", environment, "--json", **more).answer["digest"] == digest
    refused = program.refused("rebuild", "elsewhere", **settings)
    assert refused == "calipso: environment elsewhere is not on the log (there: again, demo)"
    assert "there is no data" in Program(tmp_path / "none").refused("rebuild", "demo", **settings)


def test_a_broken_history_is_put_right_by_a_rebuild(
    mongo: MongoServer, name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    program = Program(tmp_path / "data")
    program.run("demo", **settings)
    with closing(Database(mongo.uri, name)) as database:
        database.delete("history_versions", {"offset": 20})
        assert "differs at offset 20" in program.run("verify", "demo", code=2, **settings).err
        program.run("rebuild", "demo", **settings)
        assert program.run("verify", "demo", "--json", **settings).answer["problem"] is None
        assert len(database.find("inventory", {"environment": "demo", "type": "instance"})) > 1


def test_a_server_that_is_gone_is_told_in_one_line(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.run("demo")
    away = "mongodb://127.0.0.1:1/topology?serverSelectionTimeoutMS=200"
    told = program.refused("environments", CALIPSO_HISTORY=away)
    assert told.startswith("calipso: MongoDB, database topology of 127.0.0.1:1: ")
