"""The application: every route, every error, one description. All it needs is handed in."""

import threading
import time
import uuid
from collections.abc import Callable
from importlib.metadata import version

from fastapi import FastAPI

from api import alerts, bisect, changes, drift, environments, futures, health, links, objects, reading, records, scans
from api.asked import Desk
from api.bodies import BoundedBodies
from api.describe import INTRODUCTION, DescribedApi
from api.problems import answer_problems
from schemas.alert import Alert
from schemas.events import Event
from streams.inbox import Taken
from streams.questions import Questions


def now() -> int:
    """Answer the time of the system's clock, microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def create_app(
    questions: Questions,
    append: Callable[[Event], int],
    accept: Callable[[Alert], Taken],
    *,
    clock: Callable[[], int] = now,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> FastAPI:
    """Answer `questions` over HTTP.

    `append` puts an event on the log and answers its offset; only taking a snapshot calls it. `accept` takes an alert
    in, as `Inbox.accept` does. `clock` says when, `new_id` names events.
    """
    app = DescribedApi(
        title="Calipso",
        version=version("calipso"),
        description=INTRODUCTION,
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere, where an operator's network may not reach
        redoc_url=None,
    )
    app.state.desk = Desk(questions, append, accept, clock, new_id, threading.Lock(), threading.Lock())
    app.add_middleware(BoundedBodies)
    for module in (environments, objects, links, changes, drift, bisect, futures, records, scans, alerts, health):
        app.include_router(module.router, prefix="/v1")
    app.include_router(health.meanings)
    app.include_router(reading.router)
    answer_problems(app)
    return app
