"""A real cloud through Kafka and a Faust worker: what the embedded mode says, the distributed one says."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from calipso.settings import read
from calipso.wiring import existing
from producers.alerts import Alert, AlertClient
from streams.inbox import Inbox
from streams.kafka_topic import inbox_topic
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from tests.e2e.program import Program
from tests.faults.runtime import RunningWorker, Runtime, waited
from tests.recordings import needs_recordings
from tests.servers.kafka import KafkaBroker
from tests.unit.api_demo import ask

ENV = "zed"
ROUTES = (
    "environments/zed",
    "environments/zed/tree?at=@monday",
    "environments/zed/objects?limit=1000",
    "environments/zed/objects?limit=1000&at=@monday",
    "environments/zed/links?limit=1000",
    "environments/zed/cliques?limit=1000",
    "environments/zed/diff?from=@monday&to=@tuesday",
    "environments/zed/search?text=10.",
    "environments/zed/events?limit=1000&from=@monday",
    "environments/zed/scans",
    "environments/zed/snapshots",
)


@pytest.fixture
def runtime(kafka: KafkaBroker, tmp_path: Path) -> Iterator[Runtime]:
    folder = tmp_path / "history"
    with closing(Runtime(kafka, tmp_path, f"local:{folder}", lambda: LocalHistory(folder))) as one:
        yield one


def copy(program: Program, runtime: Runtime, worker: RunningWorker) -> int:
    """Append what the embedded log holds, in the appends of a scan; answer the last offset.

    The first is waited for: a worker takes an environment that is new to it up in bulk.
    """
    with closing(LocalLog(program.folder, read_only=True)) as log:
        values = [record.value for record in log.read(ENV)]
    for start in range(0, len(values), 20):
        runtime.log.append(ENV, values[start : start + 20])
        waited(lambda: worker.asked(f"/tables/{ENV}")["_status"] == 200, worker.said)
    return len(values) - 1


def answers(environ: dict[str, str]) -> dict[str, Any]:
    """Ask the API every route, without the moments at which a log took its events."""
    with existing(read(environ)) as engine:
        app = create_app(engine.questions, lambda _: -1, Inbox(engine.journal).accept)
        said = {route: ask(app, f"/v1/{route}") for route in ROUTES}
    assert {route: answer.status_code for route, answer in said.items()} == dict.fromkeys(ROUTES, 200)
    return {route: without_times(answer.text) for route, answer in said.items()}


def without_times(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "then", text)


@needs_recordings
def test_a_worker_makes_of_a_real_cloud_what_the_embedded_mode_makes_of_it(runtime: Runtime, two_days: Program) -> None:
    worker = runtime.worker()
    worker.follows(0)
    last = copy(two_days, runtime, worker)
    waited(lambda: (worker.asked(f"/tables/{ENV}") or {}).get("offset") == last, worker.said)
    here, there = two_days.run("verify", ENV, "--json"), two_days.run("verify", ENV, "--json", **runtime.environ)
    assert there.answer == here.answer
    assert here.answer["problem"] is None
    tables = worker.asked(f"/tables/{ENV}")
    assert tables["digest"] == here.answer["digest"]
    assert tables["right"]
    assert min(tables["inventory"], tables["links"], tables["cliques"]) > 10
    said, expected = answers(runtime.environ), answers(two_days.environ())
    for route in ROUTES:
        assert said[route] == expected[route], route
    figures = worker.figures()
    assert figures['calipso_worker_history_offset{environment="zed"}'] == last
    assert figures['calipso_worker_lag_records{partition="0"}'] == 0
    assert figures['calipso_worker_partition_state{partition="0",state="following"}'] == 1
    assert figures["calipso_worker_freshness_seconds_count"] > 0
    worker.stop()


def test_a_scan_is_in_the_tables_of_the_worker_within_a_moment(runtime: Runtime, program: Program) -> None:
    worker = runtime.worker()
    worker.follows(0)
    program.run("demo", **runtime.environ)
    told = program.run("verify", "demo", "--json", **runtime.environ).answer
    assert told["problem"] is None
    waited(lambda: (worker.asked("/tables/demo") or {}).get("digest") == told["digest"], worker.said)
    assert worker.asked("/tables/demo")["right"]
    assert worker.asked("/tables/nowhere")["_status"] == 404


def test_alerts_of_outside_monitors_reach_the_log_once_and_bad_ones_the_dead_letters(
    runtime: Runtime, program: Program
) -> None:
    program.run("demo", **runtime.environ)
    worker = runtime.worker()
    worker.follows(0)
    inbox = inbox_topic(runtime.topic)
    alert = Alert("a-1", "demo", "nfv-monitor", 1_700_000_000_000_000, "instance", "web-1", "latency", "Error", "slow")
    with AlertClient(runtime.bootstrap, inbox) as client:
        for _ in range(3):
            client.send(alert)
        client.send(replace(alert, id="a-2", environment="nowhere"))
        waited(lambda: worker.figures().get('calipso_worker_alerts_total{outcome="repeated"}') == 2, worker.said)
        worker.kill()
        worker.start()
        worker.follows(0)
        client.send(alert)
        waited(lambda: worker.figures().get('calipso_worker_alerts_total{outcome="repeated"}', 0) >= 1, worker.said)
    told = program.run("events", "demo", "--event", "AlertReceived", "--json", **runtime.environ).answer
    assert len(told["events"]) == 1
    with closing(runtime.dead()) as dead:
        waited(dead.list, worker.said)
        (letter,) = dead.list()
    assert "nowhere" in letter.reason
    waited(lambda: worker.asked("/tables/demo")["offset"] == runtime.log.head("demo"), worker.said)


def test_a_worker_without_kafka_is_refused_in_one_line(program: Program) -> None:
    assert "folds a log on Kafka" in program.refused("worker")
