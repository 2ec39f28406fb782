"""Rules of keeping listeners that need no bus: what the log says of them, and what is written of their state."""

import time
from pathlib import Path

import pytest

from calipso import listener_state
from calipso.child import Child, Ended
from calipso.keeping import _state
from calipso.listener_state import ListenerState, changed
from calipso.settings import Settings
from calipso.wanted import Following
from calipso.wiring import Engine, event, opened
from schemas.canonical import encode
from schemas.errors import LogError
from schemas.events import EnvironmentDefined, EnvironmentRemoved, Event, ListenerStateChanged, SnapshotTaken

BUS = {"url": "amqp://a@h"}


def said(written: list[Event]) -> list[tuple[str, str]]:
    return [(e.payload.state, e.payload.cause) for e in written if isinstance(e.payload, ListenerStateChanged)]


def test_a_state_is_written_when_it_changes_and_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_state, "_BRIEF", 0.0)
    written: list[Event] = []
    state = ListenerState("lab", written.extend)
    for how, cause in (("running", "a"), ("running", "a"), ("retrying", "x"), ("retrying", "y"), ("running", "a")):
        state.tell(how, cause)
    assert said(written) == [("running", "a"), ("retrying", "x"), ("running", "a")]


def test_states_in_turn_are_written_seldom_and_the_last_one_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Event] = []
    state = ListenerState("lab", written.extend)
    for _ in range(50):
        state.tell("running", "a")
        state.tell("retrying", "x")
    assert said(written) == [("running", "a")]
    monkeypatch.setattr(listener_state, "_BRIEF", 0.0)
    state.tell("retrying", "x")
    assert said(written) == [("running", "a"), ("retrying", "x")]


@pytest.mark.parametrize("final", ["stopped", "error"])
def test_a_final_state_is_written_at_once(final: str) -> None:
    written: list[Event] = []
    state = ListenerState("lab", written.extend)
    state.tell("running", "a")
    state.tell(final, "x")
    assert said(written) == [("running", "a"), (final, "x")]


def test_what_a_child_says_that_is_no_text_does_not_keep_the_rest_from_being_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    monkeypatch.setenv("CALIPSO_LOG", f"local:{tmp_path}/k\u00fchl")
    child = Child(["at", "lab"])
    child.start()
    deadline = time.monotonic() + 60
    while (ended := child.poll()) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ended is not None
    assert ended.code == 2
    assert f"there is no data in {tmp_path}/k\ufffdhl" in ended.said


def test_what_the_log_has_is_not_written_again() -> None:
    written: list[Event] = []
    ListenerState("lab", written.extend, ("running", "a")).tell("running", "a")
    assert written == []


def test_a_cause_that_stays_another_is_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Event] = []
    state = ListenerState("lab", written.extend)
    state.tell("retrying", "x")
    state.tell("retrying", "y")
    monkeypatch.setattr(listener_state, "_SELDOM", 0.0)
    state.tell("retrying", "y")
    assert said(written) == [("retrying", "x"), ("retrying", "y")]


def test_a_log_that_takes_nothing_is_asked_seldom_and_told_the_newest_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[Event] = []
    asked: list[int] = []
    full = True

    def append(events: list[Event]) -> None:
        asked.append(len(events))
        if full:
            raise LogError("no")
        written.extend(events)

    state = ListenerState("lab", append)
    state.tell("running", "a")
    state.tell("retrying", "b")
    assert asked == [1]
    full = False
    monkeypatch.setattr(listener_state, "_SELDOM", 0.0)
    state.tell("retrying", "b")
    assert said(written) == [("retrying", "b")]


@pytest.mark.parametrize(
    ("ended", "state"),
    [
        (Ended(0, told_to=True, said=""), ("stopped", "told to end")),
        (Ended(-9, told_to=True, said=""), ("stopped", "told to end; was ended by SIGKILL")),
        (Ended(-9, told_to=False, said="x"), ("retrying", "the listener was ended by SIGKILL")),
        (Ended(0, told_to=False, said=""), ("retrying", "the listener ended with exit code 0")),
        (Ended(1, told_to=False, said="boom"), ("retrying", "the listener ended with exit code 1: boom")),
        (Ended(2, told_to=False, said="no [bus]"), ("error", "the listener ended with exit code 2: no [bus]")),
    ],
)
def test_how_a_process_ended_says_the_state(ended: Ended, state: tuple[str, str]) -> None:
    assert _state(ended) == state


def define(engine: Engine, **settings: object) -> None:
    engine.journal.append([event("lab", EnvironmentDefined(encode(settings)), "operator")])


def test_the_log_says_who_is_to_be_listened_to_at_each_moment(tmp_path: Path) -> None:
    with opened(Settings(tmp_path)) as engine:
        define(engine, bus=BUS)
        following = Following(engine)
        assert following.look("lab").bus is None
        define(engine, bus=BUS, listen=True)
        assert following.look("lab").bus == BUS
        engine.journal.append([event("lab", SnapshotTaken("a", 0, ""), "operator"), changed("lab", "running", "x")])
        assert (following.look("lab").bus, following.look("lab").listener) == (BUS, ("running", "x"))
        engine.journal.append([event("lab", EnvironmentRemoved(""), "operator")])
        assert (following.look("lab").bus, following.look("lab").removed) == (None, True)
        define(engine, bus=BUS, listen=True)
        assert following.look("lab").bus == BUS
        later = Following(engine).look("lab")  # from the history
        assert later == following.look("lab")
