"""Who has a scan end waits for it, and writes its end down himself only where he can see that its process is gone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from calipso import asking
from calipso.settings import KafkaSettings, Settings
from calipso.wiring import Engine, event, opened
from schemas.events import ScanFinished, ScanStarted
from streams.locks import environment_lock

TOPIC = KafkaSettings("nowhere:9092", "events")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Give one on whose log a scan runs."""
    with opened(Settings(tmp_path)) as engine:
        engine.journal.append([event("lab", ScanStarted("scan", "cloud:x", b"{}"), "scan")])
        yield engine


def finish(engine: Engine, status: str) -> None:
    engine.journal.append([event("lab", ScanFinished("scan", status, []), "scan")])


def ends(engine: Engine) -> list[tuple[str, str]]:
    """Answer the ends on the log, and who wrote them."""
    found = (entry.event for entry in engine.journal.read("lab"))
    return [(one.source, one.payload.status) for one in found if isinstance(one.payload, ScanFinished)]


@contextmanager
def living(engine: Engine) -> Iterator[None]:
    """Have a scan live in another thread, which ends itself in a moment."""
    holds = threading.Event()

    def scan() -> None:
        with environment_lock(engine.settings.folder, "lab", "scanning"):
            holds.set()
            threading.Event().wait(0.5)
            finish(engine, "aborted")

    thread = threading.Thread(target=scan)
    thread.start()
    holds.wait()
    yield
    thread.join()


def test_a_scan_whose_process_is_gone_is_ended(engine: Engine) -> None:
    assert asking._end(engine, "lab", "scan") == "had broken off"
    assert ends(engine) == [("operator", "aborted")]


def test_a_scan_on_a_topic_may_live_elsewhere_and_is_not_ended_by_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 0.0)
    elsewhere = replace(engine, settings=replace(engine.settings, kafka=TOPIC))
    assert asking._end(elsewhere, "lab", "scan") == "is told to end, and has not yet"
    assert ends(engine) == []


def test_the_end_of_a_scan_that_lives_is_waited_for(engine: Engine) -> None:
    with living(engine):
        assert asking._end(engine, "lab", "scan") == "has ended: aborted"
    assert ends(engine) == [("scan", "aborted")]


def test_a_scan_that_ended_just_now_ends_once(engine: Engine) -> None:
    finish(engine, "completed")
    assert asking._end(engine, "lab", "scan") == "has ended: completed"
    assert ends(engine) == [("scan", "completed")]
