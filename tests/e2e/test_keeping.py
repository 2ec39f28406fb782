"""Listeners of several environments on a real message bus: started, ended and begun again as the log says."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from schemas.events import ListenerStateChanged, NotificationReceived, Payload
from streams.journal import Journal
from streams.local_log import LocalLog
from tests.e2e.bus import declare, publish, until
from tests.e2e.program import Program
from tests.servers.rabbitmq import RabbitMq


def message(number: int) -> dict[str, Any]:
    """Answer a notification as oslo.messaging wraps it."""
    inner = {
        "message_id": str(uuid4()),
        "event_type": "port.update.end",
        "publisher_id": f"network.{number}",
        "timestamp": "2026-11-25 12:00:00.000001",
        "payload": {"number": number},
    }
    body = {"oslo.version": "2.0", "oslo.message": json.dumps(inner)}
    return {"exchange": "neutron", "routing_key": "notifications.info", "body": body}


class Keeping:
    """`calipso listen --all` as a process, on environments whose buses are virtual hosts of one broker."""

    def __init__(self, program: Program, rabbitmq: RabbitMq) -> None:
        self.program = program
        self.rabbitmq = rabbitmq
        self.out = program.folder.parent / "listeners.out"
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, name: str, vhost: str = "", *words: str) -> None:
        """Describe an environment and mark it; its queue is of this test alone."""
        queue = f"{self.program.folder.parent.name}-{name}"
        where = ("--bus", f"{self.rabbitmq.url}{vhost}", "--bus-password", "env:BUS_PASSWORD", "--bus-queue", queue)
        self.program.run("env", "add", name, *where, "--bus-exchange", "neutron", "--listen", *words)

    def start(self, **environ: str) -> None:
        """Start it."""
        words = [sys.executable, "-m", "calipso", "listen", "--all"]
        environ = self.program.environ(BUS_PASSWORD=self.rabbitmq.PASSWORD, **environ)
        with self.out.open("ab") as out:
            self._process = subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def said(self) -> str:
        """Answer all that it ever said."""
        return self.out.read_text() if self.out.exists() else ""

    @property
    def pid(self) -> int:
        """Answer the number of the process."""
        assert self._process is not None
        return self._process.pid

    def children(self) -> list[int]:
        """Answer the numbers of the listeners."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def stop(self) -> int:
        """Tell it to end; answer its exit code."""
        assert self._process is not None
        process, self._process = self._process, None
        process.terminate()
        return process.wait(timeout=60)

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def events(self, name: str) -> list[Payload]:
        """Answer what the log has of an environment."""
        journal = Journal(LocalLog(self.program.folder, read_only=True))
        found = [entry.event.payload for entry in journal.read(name)]
        journal.close()
        return found

    def states(self, name: str) -> list[str]:
        """Answer the states of a listener, in order."""
        return [event.state for event in self.events(name) if isinstance(event, ListenerStateChanged)]

    def heard(self, name: str) -> list[str]:
        """Answer who published what was heard, sorted."""
        found = [event for event in self.events(name) if isinstance(event, NotificationReceived)]
        return sorted(event.publisher_id for event in found)

    def wait_for(self, name: str, *states: str) -> None:
        """Wait until the newest states of a listener are these."""
        until(lambda: self.states(name)[-len(states) :] == list(states), lambda: f"{self.states(name)} {self.said()}")


@pytest.fixture
def keeping(program: Program, rabbitmq: RabbitMq) -> Iterator[Keeping]:
    """Give one that is not started, and the cloud's exchange."""
    declare(rabbitmq, "neutron")
    keeping = Keeping(program, rabbitmq)
    yield keeping
    keeping.kill()


def test_two_environments_on_two_virtual_hosts_are_heard_apart_and_one_that_is_unmarked_stops(
    keeping: Keeping, rabbitmq: RabbitMq
) -> None:
    vhost = f"other-{uuid4()}"
    rabbitmq.add_virtual_host(vhost)
    declare(rabbitmq, "neutron", vhost=vhost)
    keeping.add("east")
    keeping.add("west", vhost)
    keeping.program.run("env", "add", "south", "--bus", rabbitmq.url, "--bus-password", "env:BUS_PASSWORD")
    keeping.start()
    keeping.wait_for("east", "running")
    keeping.wait_for("west", "running")
    publish(rabbitmq, [message(1)])
    publish(rabbitmq, [message(2)], vhost)
    until(lambda: keeping.heard("east") == ["network.1"] and keeping.heard("west") == ["network.2"], keeping.said)
    until(lambda: "west running" in keeping.program.run("listen", "--all", "--check", code=None).out, keeping.said)
    keeping.program.run("env", "add", "west", "--no-listen")
    keeping.wait_for("west", "running", "stopped")
    until(lambda: len(keeping.children()) == 1, keeping.said)
    shown = keeping.program.run("env", "show", "west").out
    assert "listener stopped" in shown
    publish(rabbitmq, [message(3)], vhost)
    publish(rabbitmq, [message(4)])
    until(lambda: len(keeping.heard("east")) == 2, keeping.said)
    assert keeping.heard("west") == ["network.2"]
    keeping.program.run("env", "add", "west", "--listen")
    keeping.wait_for("west", "running", "stopped", "running")
    until(lambda: keeping.heard("west") == ["network.2", "network.3"], keeping.said)
    keeping.program.run("env", "remove", "east")
    keeping.wait_for("east", "running", "stopped")
    assert keeping.stop() == 0
    assert keeping.states("west") == ["running", "stopped", "running", "stopped"]
    assert keeping.states("south") == []
    assert "no listener runs" in keeping.program.refused("listen", "--all", "--check")


def test_a_listener_that_is_killed_comes_back_and_its_death_is_on_the_log(keeping: Keeping, rabbitmq: RabbitMq) -> None:
    keeping.add("lab")
    keeping.start()
    keeping.wait_for("lab", "running")
    (first,) = keeping.children()
    os.kill(first, signal.SIGKILL)
    keeping.wait_for("lab", "running", "retrying", "running")
    (second,) = keeping.children()
    assert second != first
    (died,) = [e for e in keeping.events("lab") if isinstance(e, ListenerStateChanged) and e.state == "retrying"]
    assert "SIGKILL" in died.cause
    publish(rabbitmq, [message(1)])
    until(lambda: keeping.heard("lab") == ["network.1"], keeping.said)
    assert keeping.stop() == 0
    assert keeping.states("lab") == ["running", "retrying", "running", "stopped"]


def test_while_the_broker_is_away_the_listener_tries_on_and_says_so_once(keeping: Keeping, rabbitmq: RabbitMq) -> None:
    keeping.add("lab")
    keeping.start()
    keeping.wait_for("lab", "running")
    rabbitmq.stop()
    try:
        keeping.wait_for("lab", "running", "retrying")
        until(lambda: keeping.program.run("listen", "--all", "--check", code=None).code == 2, keeping.said)
        assert "lab retrying" in keeping.program.refused("listen", "--all", "--check")
        time.sleep(3)
        assert keeping.states("lab") == ["running", "retrying"]
    finally:
        rabbitmq.start()
    keeping.wait_for("lab", "running", "retrying", "running")
    assert keeping.stop() == 0


def test_what_keeps_a_listener_from_starting_is_an_error_with_its_cause(keeping: Keeping) -> None:
    keeping.add("lab", "", "--bus-password", "env:NOT_THERE")
    keeping.start()
    keeping.wait_for("lab", "error")
    (said,) = [event for event in keeping.events("lab") if isinstance(event, ListenerStateChanged)]
    assert "the secret env:NOT_THERE is empty or not set" in said.cause
    until(lambda: keeping.said().count("it is begun again in") >= 3, keeping.said)
    assert keeping.states("lab") == ["error"]
    keeping.add("lab")  # mended: begun anew at once
    keeping.wait_for("lab", "error", "running")
    assert keeping.stop() == 0


def test_one_keeper_is_enough_and_its_listeners_do_not_outlive_it(keeping: Keeping) -> None:
    keeping.add("lab")
    keeping.start()
    keeping.wait_for("lab", "running")
    assert "kept already" in keeping.program.refused("listen", "--all")
    (child,) = keeping.children()
    keeping.kill()
    keeping.wait_for("lab", "running", "stopped")
    until(lambda: not Path(f"/proc/{child}").exists(), keeping.said)


def test_words_that_contradict_each_other_are_refused(program: Program) -> None:
    assert "not both" in program.refused("listen", "lab", "--all")
    assert "not both" in program.refused("listen", "--define", "x.toml")
