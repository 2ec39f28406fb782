"""The program with its log on Kafka: a setting, nothing else."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from streams import segments
from streams.kafka_log import KafkaLog
from streams.local_log import LocalLog
from tests.e2e.program import Program
from tests.servers.kafka import KafkaBroker

QUESTIONS = (
    ("verify", "demo", "--json"),
    ("diff", "demo", "@sunday", "@monday", "--json"),
    ("tree", "demo", "--at", "@sunday"),
    ("search", "demo", "10.1.0.", "--json"),
    ("impact", "demo", "host", "compute-2", "--json"),
    ("what-if", "demo", "--from", "@sunday", "--drop-source", "scan", "--json"),
    ("environments",),
)


@pytest.fixture
def settings(kafka: KafkaBroker, tmp_path: Path) -> dict[str, Any]:
    """Answer the variables that put the log into a topic of its own."""
    return {
        "CALIPSO_LOG": f"kafka://{kafka.bootstrap}/events-{uuid4()}",
        "CALIPSO_HISTORY": f"local:{tmp_path / 'history'}",
    }


def copied(folder: Path, environment: str, kafka: KafkaBroker, settings: dict[str, Any]) -> None:
    """Append what an embedded log holds to a topic."""
    source = LocalLog(folder, read_only=True)
    target = KafkaLog(kafka.bootstrap, settings["CALIPSO_LOG"].rpartition("/")[2])
    target.append(environment, [record.value for record in source.read(environment)])
    source.close()
    target.close()


def without_times(text: str) -> str:
    """Answer the text without the moments at which a log took its events."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "then", text)


def test_the_same_events_give_the_same_answers_from_either_log(
    kafka: KafkaBroker, settings: dict[str, Any], tmp_path: Path
) -> None:
    program = Program(tmp_path / "embedded")
    program.run("demo")
    copied(program.folder, "demo", kafka, settings)
    for words in QUESTIONS:
        here, there = program.run(*words, code=None), program.run(*words, code=None, **settings)
        assert (there.code, there.err) == (here.code, here.err)
        assert without_times(there.out) == without_times(here.out), words


def test_a_scan_goes_to_kafka_and_its_history_is_true(settings: dict[str, Any], tmp_path: Path) -> None:
    program = Program(tmp_path / "unused")
    assert "there is no data in topic events-" in program.refused("environments", **settings)
    program.run("demo", **settings)
    program.run("demo", "other", **settings)
    for environment in ("demo", "other"):
        assert program.run("verify", environment, "--json", **settings).answer["problem"] is None
    seen = [program.run("tree", environment, **settings).out.splitlines() for environment in ("demo", "other")]
    assert seen[0][2:] == seen[1][2:]  # behind the moment and the name
    assert len(seen[0]) > 50
    assert not program.folder.exists()


def test_offsets_with_gaps_are_cut_forked_and_counted_all_the_same(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments.verify_in_parallel, "__kwdefaults__", {"worth": 20})
    program = Program(tmp_path / "unused")
    for environment in ("demo", "other"):  # in one partition, one behind the other
        program.run("demo", environment, **settings)
    one = program.run("verify", "other", "--jobs", "1", **settings).out
    assert "history equals the replay" in one
    assert program.run("verify", "other", "--jobs", "3", **settings).out == one
    real = program.run("diff", "other", "latest", "@sunday", "--json", code=1, **settings).answer
    words = ("what-if", "other", "--from", "@sunday", "--drop-source", "scan", "--json")
    imagined = program.run(*words, code=1, **settings).answer
    for part in ("objects", "links", "cliques"):
        for how in ("added", "removed", "changed"):
            assert [one["id"] for one in imagined[part][how]] == [one["id"] for one in real[part][how]]
    figures = program.run("stats", "other", "--json", **settings).answer
    assert (figures["log"]["bytes"], figures["log"]["file_bytes"], figures["log"]["environments"]) == (None, None, 2)
    assert figures["log"]["events"] == sum(one["events"] for one in figures["events"]) == 167
    assert figures["history"]["changes"] > 100
    assert "the brokers know its disk" in program.run("stats", "other", **settings).out


def test_a_history_that_is_lost_is_told_again_by_the_log(settings: dict[str, Any], tmp_path: Path) -> None:
    program = Program(tmp_path / "unused")
    program.run("demo", **settings)
    told = program.run("verify", "demo", "--json", **settings)
    elsewhere = settings | {"CALIPSO_HISTORY": f"local:{tmp_path / 'fresh'}"}
    assert program.run("verify", "demo", "--json", **elsewhere) == told


def test_a_broker_that_is_gone_is_told_in_one_line(
    settings: dict[str, Any], tmp_path: Path, kafka: KafkaBroker
) -> None:
    program = Program(tmp_path / "unused")
    program.run("demo", **settings)
    kafka.stop()
    try:
        assert f"kafka {kafka.bootstrap}" in program.refused("environments", **settings)
    finally:
        kafka.start()
    assert program.run("environments", **settings).code == 0
