"""The API on a real port: it is asked, worked beside, and stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from api.server import Background, serve
from schemas.errors import BadSettings, Conflict, HistoryError
from tests.unit.api_demo import ENV, V1, Demo, demo

PATIENCE = 20


@contextmanager
def _served(demo: Demo, background: Background | None = None) -> Iterator[str]:
    """Yield the URL of the served API; when the block ends, stop it and hand on what it raises."""
    told: Queue[str] = Queue()
    stop = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        done: Future[None] = beside.submit(serve, demo.app, port=0, background=background, stop=stop, ready=told.put)
        try:
            yield told.get(timeout=PATIENCE)
        finally:
            stop.set()
            done.result(PATIENCE)


def _get(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:  # noqa: S310 - http on loopback
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path) as opened:
        yield opened


def test_the_api_is_served_on_loopback_until_it_is_stopped(asked: Demo) -> None:
    with _served(asked) as url:
        assert url.startswith("http://127.0.0.1:")
        status, found = _get(f"{url}{V1}/objects/instance/i-web?at=@as-designed")
        assert (status, found["attributes"]["status"]) == (200, "ACTIVE")
        status, problem = _get(f"{url}{V1}/objects/instance/none")
        assert (status, problem["type"]) == (404, "/problems/not-found")
    with pytest.raises(OSError, match="refused"):
        _get(f"{url}/v1/health")


def test_bytes_that_are_no_text_do_no_harm(asked: Demo) -> None:
    with _served(asked) as url:
        port = int(url.rpartition(":")[2])
        for target in (b"/v1/environments/demo?at=\xff%fe", b"/%ff%00\xfe", b"/v1/environments/%00/tree"):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as raw:
                raw.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                head, _, body = raw.makefile("rb").read().partition(b"\r\n\r\n")
            assert head.split()[1] in {b"400", b"404"}, head
            assert b"application/problem+json" not in head or json.loads(body)["detail"]
        assert _get(f"{url}/v1/health")[0] == 200


def test_a_worker_beside_folds_what_arrives(asked: Demo) -> None:
    def follow(stop: threading.Event) -> None:
        while not stop.wait(0.02):
            asked.worker.catch_up_all()

    with _served(asked, follow) as url:
        asked.see(("region", "RegionTwo", "environment", ENV, {"name": "RegionTwo"}))
        deadline = time.monotonic() + PATIENCE
        while _get(f"{url}/v1/health")[1]["status"] != "ok":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert asked.history.position(ENV).offset == asked.journal.head(ENV)


def test_the_worker_is_stopped_with_the_server(asked: Demo) -> None:
    ended = threading.Event()

    def work(stop: threading.Event) -> None:
        stop.wait()
        ended.set()

    with _served(asked, work) as url:
        assert _get(f"{url}/v1/health")[0] == 200
        assert not ended.is_set()
    assert ended.is_set()


def test_a_worker_that_fails_stops_the_server_with_its_error(asked: Demo) -> None:
    def fail(_stop: threading.Event) -> None:
        raise HistoryError("the disk is gone")

    with pytest.raises(HistoryError, match="the disk is gone"):
        serve(asked.app, port=0, background=fail)


def test_a_port_that_is_taken_is_a_conflict_in_one_line(asked: Demo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Conflict, match=rf"^port {port} of 127\.0\.0\.1 is in use by another program$"):
            serve(asked.app, port=port)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no.such.host.invalid", 0), ("127.0.0.1", 70000)])
def test_an_address_that_is_none_of_ours_is_named(asked: Demo, host: str, port: int) -> None:
    with pytest.raises(BadSettings, match=f"cannot listen.*{host}"):
        serve(asked.app, host, port)


def test_many_ask_at_once_while_events_arrive_and_all_see_one_past(asked: Demo) -> None:
    with _served(asked) as url, ThreadPoolExecutor(8) as crowd:
        for number in range(12):
            asked.see(("project", f"p-{number}", "environment", ENV, {"name": f"p-{number}"}))
            waiting = [crowd.submit(_get, f"{url}{V1}/objects?type=project") for _ in range(8)]
            found = [future.result() for future in waiting]
            assert [(status, len(answer["items"])) for status, answer in found] == [(200, number + 2)] * 8
    digest = asked.history.position(ENV).digest
    asked.worker.rebuild(ENV)
    assert asked.history.position(ENV).digest == digest


_PROGRAM = """
import sys
from pathlib import Path
from api.server import serve
from tests.unit.api_demo import demo

def work(stop):
    stop.wait()
    print("worker ended", flush=True)

with demo(Path(sys.argv[1])) as opened:
    serve(opened.app, port=0, background=work, ready=lambda url: print(url, flush=True))
print("served", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_what_runs_beside_it(tmp_path: Path, number: signal.Signals) -> None:
    words = [sys.executable, "-c", _PROGRAM, str(tmp_path)]
    root = Path(__file__).parents[2]
    path = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root, env=path) as run:
        assert run.stdout is not None
        url = run.stdout.readline().strip()
        assert _get(f"{url}/v1/health")[0] == 200
        run.send_signal(number)
        out, err = run.communicate(timeout=PATIENCE)
    assert (out.splitlines(), err, run.returncode) == (["worker ended", "served"], "", 0)
