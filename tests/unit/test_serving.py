"""What serves the scans of an environment goes on after trouble, and asks for what is due once the log takes it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from calipso import managing, scanning, serving
from calipso.scanning import Described
from calipso.serving import Serving
from calipso.settings import Settings
from calipso.wiring import Engine, event, now
from schemas.canonical import encode
from schemas.errors import CalipsoError, LogFull
from schemas.events import (
    EnvironmentDefined,
    EnvironmentRemoved,
    Event,
    FetchFailed,
    Payload,
    ScanFinished,
    ScanRequested,
    ScanStarted,
    ScheduleDefined,
)
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.local_log import LocalLog
from streams.questions import Questions
from streams.worker import Worker

HOURLY = ScheduleDefined("h", None, "1h", "UTC", None, None, None, None, None, "")
DEFINED = EnvironmentDefined(encode({}))


class RefusingLog(LocalLog):
    """A log that fails in a way that can be chosen."""

    refuses: Exception | None = None

    def append(self, environment: str, values: Sequence[bytes]) -> list[int]:
        """Append, or fail."""
        if self.refuses is not None:
            raise self.refuses
        return super().append(environment, values)


@contextmanager
def engine_on(log: LocalLog, folder: Path) -> Iterator[Engine]:
    """Yield an engine on a log of our own."""
    journal, history = Journal(log), LocalHistory(folder)
    worker = Worker(journal, history)
    engine = Engine(Settings(folder), journal, history, worker, Questions(journal, history, worker, now))
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def log(tmp_path: Path) -> RefusingLog:
    return RefusingLog(tmp_path)


@pytest.fixture
def engine(log: RefusingLog, tmp_path: Path) -> Iterator[Engine]:
    with engine_on(log, tmp_path) as engine:
        yield engine


def tell(engine: Engine, *payloads: Payload, environment: str = "lab") -> list[Event]:
    events = [event(environment, payload, "operator") for payload in payloads]
    engine.journal.append(events)
    return events


def payloads(engine: Engine) -> list[Payload]:
    return [entry.event.payload for entry in engine.journal.read("lab")]


def requests(engine: Engine) -> int:
    return sum(isinstance(payload, ScanRequested) for payload in payloads(engine))


def serve(engine: Engine) -> Serving:
    return Serving(engine, "lab", Described(), 0)


def test_what_is_due_is_asked_for_again_after_the_log_refused_it(engine: Engine, log: RefusingLog) -> None:
    tell(engine, DEFINED, HOURLY)
    served = serve(engine)
    log.refuses = LogFull("no space")
    with pytest.raises(LogFull):
        served.step()
    log.refuses = None
    served.step()
    served.step()
    assert requests(engine) == 1


@contextmanager
def running(served: Serving) -> Iterator[None]:
    """Run it in a thread of its own, which must then end."""
    thread = threading.Thread(target=served.run)
    thread.start()
    try:
        yield
    finally:
        served.end()
        thread.join(30)
    assert not thread.is_alive()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_environment_is_served_on_after_an_error_that_is_not_ours(
    engine: Engine, log: RefusingLog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serving, "TROUBLE_SECONDS", 0.05)
    tell(engine, DEFINED, HOURLY)
    log.refuses = RuntimeError("out of paper")
    served = serve(engine)
    with running(served):
        until(lambda: managing._trouble_of(served, threading.current_thread()) != "")
        log.refuses = None
        until(lambda: requests(engine) == 1 and not served.trouble)
    assert "lab: RuntimeError: out of paper" in capsys.readouterr().err


def test_a_scan_that_cannot_begin_ends_with_the_reason_whatever_it_is(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def source_of(*_: object) -> object:
        raise OSError("too many open files")

    monkeypatch.setattr(scanning, "source_of", source_of)
    tell(engine, DEFINED, ScanRequested(None, None, ""))
    serve(engine).step()
    *_, failed, finished = payloads(engine)
    assert isinstance(failed, FetchFailed)
    assert failed.reason == "OSError: too many open files"
    assert isinstance(finished, ScanFinished)
    assert finished.status == "failed"


@pytest.mark.parametrize("removed", [False, True])
def test_what_broke_off_is_asked_for_again_unless_the_environment_is_removed(engine: Engine, *, removed: bool) -> None:
    (asked,) = tell(engine, ScanRequested(None, None, ""))
    tell(engine, ScanStarted(asked.id, "cloud:x", b"{}"), ScanFinished(asked.id, "aborted", []))
    tell(engine, *([EnvironmentRemoved("")] if removed else []))
    served = serve(engine)
    served._ask_again(served._look())
    assert requests(engine) == (1 if removed else 2)


def test_an_environment_that_cannot_be_read_does_not_keep_others_from_being_served(
    engine: Engine, log: RefusingLog
) -> None:
    log.append("a", [b"no event"])
    tell(engine, DEFINED, environment="lab")
    with pytest.raises(CalipsoError):
        engine.questions.past("a")
    served: dict[str, tuple[Serving, threading.Thread]] = {}
    ill = managing._begin(engine, (), Described(), 0, "1h", served)
    for one, thread in served.values():
        one.end()
        thread.join(30)
    assert list(served) == ["lab"]
    assert len(ill) == 1
    assert ill[0].startswith("a: ")
