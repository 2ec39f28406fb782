"""A watch on a history that is folded while it grows: when the state of each event could be asked for."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from calipso.settings import read
from calipso.wiring import Engine, existing
from projections.inventory import Ref
from schemas.events import NotificationReceived
from streams.past import Past

OFTEN = 0.1
"""Seconds between two looks."""


class Watch:
    """Folds what is new as any question does, and notes when that was done."""

    def __init__(self, engine: Engine, environment: str) -> None:
        """Begin with what is new from now on."""
        self._engine = engine
        self._environment = environment
        self._reached = engine.questions.moment(environment).offset
        self._lock = threading.Lock()
        self.ages: dict[int, tuple[str, float]] = {}
        """Of each notification: its type, and seconds from when it was sent until its state could be asked for."""

    def look(self) -> Past:
        """Answer the present, after noting what is new in it."""
        with self._lock:
            past = self._engine.questions.past(self._environment)
            now = time.time()
            for entry in self._engine.journal.read(self._environment, after=self._reached, upto=past.moment.offset):
                if isinstance(entry.event.payload, NotificationReceived):
                    self.ages[entry.offset] = (
                        entry.event.payload.event_type,
                        now - entry.event.occurred_at / 1_000_000,
                    )
            self._reached = past.moment.offset
            return past

    def shows(self, kind: str, id_: str, attributes: dict[str, Any] | None) -> str | None:
        """Answer what differs from what is expected of an object, None if nothing does."""
        obj = self.look().get(Ref(kind, id_))
        if obj is None or attributes is None:
            return (
                None if obj is None and attributes is None else f"{kind} {id_} is {'not ' if obj is None else ''}there"
            )
        wrong = {name: (obj.get(name), value) for name, value in attributes.items() if obj.get(name) != value}
        return f"{kind} {id_}: {wrong}" if wrong else None


@contextmanager
def watching(folder: Path, environment: str) -> Iterator[Watch]:
    """Yield a watch that looks by itself, often."""
    ended = threading.Event()
    with existing(read({"CALIPSO_LOG": f"local:{folder}"})) as engine:
        watch = Watch(engine, environment)

        def look() -> None:
            while not ended.wait(OFTEN):
                watch.look()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield watch
        finally:
            ended.set()
            thread.join()
