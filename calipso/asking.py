"""The commands that ask for scans, take that back, and say what became of it."""

import time
from typing import Annotated, Final

import typer

from calipso.progress import progress_of
from calipso.reading import At, Environment, Json, settings_of
from calipso.terminal import as_json, line, table
from calipso.values import interval
from calipso.wiring import Engine, event, existing, opened
from calipso.words import Define, From
from projections.schedule import CALENDAR, length
from schemas.canonical import Document
from schemas.errors import BadInput, Conflict
from schemas.events import ScanCancelled, ScanFinished, ScanRequested
from streams.agenda import is_open
from streams.locks import environment_lock
from streams.moments import iso

OPERATOR = "operator"
PATIENCE: Final = 5.0
"""Seconds that the end of a scan that was told to is waited for."""
_LOOK: Final = 0.2


def request(engine: Engine, environment: str, wanted: tuple[str, str] | None, reason: str) -> str:
    """Ask for a scan of everything, or of one object and what is below it; answer the scan's id."""
    from calipso.aiming import named  # here, for no reading command should wait for what scans

    ref = named(engine.questions.past(environment), wanted)
    asked = event(environment, ScanRequested(ref and ref.type, ref and ref.id, reason), OPERATOR)
    engine.journal.append([asked])
    engine.worker.catch_up(environment)
    return asked.id


def cancel(
    context: typer.Context,
    environment: Environment,
    scan: Annotated[str, typer.Argument(metavar="SCAN", help="Its id, the beginning of it, or latest.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = "",
) -> None:
    """Take back the request for a scan, or have one end that runs: it then removes nothing."""
    with existing(settings_of(context)) as engine:
        found = engine.questions.scan(engine.questions.past(environment), scan)
        if not is_open(found):
            raise Conflict(f"scan {found['name'][:8]} of {environment} is over: {found['status']}")
        engine.journal.append([event(environment, ScanCancelled(found["name"], reason), OPERATOR)])
        engine.worker.catch_up(environment)
        told = _end(engine, environment, found["name"]) if found["status"] == "running" else "is taken back"
    line(f"{environment}: scan {found['name'][:8]} {told}")


def _end(engine: Engine, environment: str, scan_id: str) -> str:
    """Answer what became of a scan that ran and was told to end, for which it has some seconds."""
    # A scan onto a topic may run on another machine, whose lock cannot be seen from here.
    if engine.settings.kafka is None and _close(engine, environment, scan_id):
        return "had broken off"
    deadline = time.monotonic() + PATIENCE
    while (status := _status_of(engine, environment, scan_id)) == "running" and time.monotonic() < deadline:
        time.sleep(_LOOK)
    return "is told to end, and has not yet" if status == "running" else f"has ended: {status}"


def _close(engine: Engine, environment: str, scan_id: str) -> bool:
    """Write down the end of a scan whose process on this machine is gone without; answer whether it is."""
    try:
        with environment_lock(engine.settings.folder, environment, "cancelling"):
            if _status_of(engine, environment, scan_id) != "running":
                return False  # it has ended meanwhile
            engine.journal.append([event(environment, ScanFinished(scan_id, "aborted", []), OPERATOR)])
            engine.worker.catch_up(environment)
            return True
    except Conflict:
        return False


def _status_of(engine: Engine, environment: str, scan_id: str) -> str:
    return str(engine.questions.scan(engine.questions.past(environment), scan_id)["status"])


def scans(context: typer.Context, environment: Environment, at: At = "latest", json: Json = False) -> None:
    """List the scans that wait, run and have ended, in the order in which they became known."""
    settings = settings_of(context)
    with existing(settings) as engine:
        answer = engine.questions.scans(environment, at)
        for scan in answer["scans"]:
            running = scan["status"] == "running" and at == "latest"
            scan["progress"] = progress_of(settings.folder, environment, scan["name"]) if running else None
    if json:
        return as_json(answer)
    rows = ((s["name"][:8], _what(s), _status(s), _when(s), _why(s)) for s in answer["scans"])
    return table(("SCAN", "OF", "STATUS", "SINCE", "ASKED FOR BY"), rows)


def _what(one: Document) -> str:
    return " ".join(one["object"]) if one.get("object") else "everything"


def _status(scan: Document) -> str:
    told = scan["progress"]
    if told is not None:
        return f"running, {told['done']} of {told['fetches']} fetches"
    return (
        f"{scan['status']}, to be ended" if scan["status"] == "running" and "cancelled" in scan else str(scan["status"])
    )


def _when(scan: Document) -> str:
    return str(scan.get("finished_at") or scan.get("started_at") or scan["requested_at"])


def _why(scan: Document) -> str:
    who = scan.get("requested_by", "-")
    return f"{who}: {scan['reason']}" if scan.get("reason") else str(who)


def targets(context: typer.Context, environment: Environment, at: At = "latest", json: Json = False) -> None:
    """List what is to be looked at again, because a notification told that it changed and not to what."""
    with existing(settings_of(context)) as engine:
        past = engine.questions.past(environment, at)
        found = engine.questions.targets(past)
    if json:
        return as_json({"environment": environment, "offset": past.moment.offset, "targets": found})
    if not found:
        return line(f"{environment}: nothing waits")
    rows = ((one["type"], one["id"], iso(one["asked_at"]), f"#{one['offset']}", one["because"]) for one in found)
    return table(("TYPE", "ID", "SINCE", "EVENT", "BECAUSE OF"), rows)


def manage(
    context: typer.Context,
    environments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ENV", help="Only these; without any, all on the log."),
    ] = None,
    define: Define = None,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="INTERVAL", help="See to it that each has such a schedule."),
    ] = None,
    bundle: From = None,
    settle: Annotated[
        str, typer.Option("--settle", metavar="INTERVAL", help="How long targets wait for more of their kind.")
    ] = "10s",
    check: Annotated[bool, typer.Option("--check", help="Say whether the manager that runs here is well.")] = False,
) -> None:
    """Do the scans that are asked for, scheduled, or called for by notifications, until interrupted."""
    from calipso import managing  # here, for no other command should wait for what looks at clouds
    from calipso.scanning import Described

    settings = settings_of(context)
    names = sorted(set(environments or ()))
    if check:
        return line(f"manager: {managing.check(settings.folder, names)}")
    if define is not None and len(names) != 1:
        raise BadInput("--define is of one environment: name it")
    if every is not None and every not in CALENDAR:
        length(every)  # refuses what is no interval
    with opened(settings) as engine:
        if define is not None:
            managing.describe(engine, names[0], define)
        return managing.manage(engine, names, Described(bundle), interval(settle), every)
