"""The commands that look at a cloud or write the log, and the one that serves it."""

import threading
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from calipso import repeating
from calipso.bar import folding
from calipso.intake import inbox
from calipso.reading import At, Environment, Json, settings_of
from calipso.settings import Settings
from calipso.terminal import as_json, line
from calipso.values import interval
from calipso.wiring import Engine, event, existing, has_data, open_history, opened
from calipso.words import Define, From, Object
from projections.digest import text
from schemas.canonical import Document
from schemas.errors import BadInput, Conflict, NotFound
from schemas.events import Event, SnapshotTaken
from streams.worker import Worker

POLL_SECONDS = 0.5

Uplink = Annotated[
    list[str] | None,
    typer.Option("--uplink", metavar="PATTERN", help="NICs that lead out of a host, such as 'eth*' (repeatable)."),
]


def scan(
    context: typer.Context,
    environment: Environment,
    wanted: Object = None,
    bundle: From = None,
    define: Define = None,
    uplink: Uplink = None,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="INTERVAL", help="Scan again and again (90s, 15m, 1h, 1d), until interrupted."),
    ] = None,
    request: Annotated[bool, typer.Option("--request", help="Only ask for the scan: calipso manage does it.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is asked for.")] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Scan nothing: say whether the scanner that runs here (--every) is well.")
    ] = False,
    json: Json = False,
) -> None:
    """Look at a cloud, or one object of it, and write down what is there. Exit code: 0 all of it, 2 not all of it."""
    settings = settings_of(context)
    if check:
        return line(f"{environment}: {repeating.check(settings.folder, environment)}")
    if request:
        return _request(settings, environment, wanted, reason, json=json)
    seconds = None if every is None else interval(every)
    from calipso import scanning  # here, for no reading command should wait for what looks at clouds

    show = as_json if json else scanning.show_result
    with opened(settings) as engine:

        def once() -> Document:
            return scanning.scan(engine, environment, scanning.Described(bundle, define, uplink or ()), wanted)

        if seconds is not None:
            return repeating.every(seconds, environment, settings.folder, once, show)
        result = once()
    show(result)
    raise typer.Exit(scanning.exit_code(result))


def _request(settings: Settings, environment: str, wanted: tuple[str, str] | None, reason: str, *, json: bool) -> None:
    from calipso import asking  # here, as above

    with existing(settings) as engine:
        scan = asking.request(engine, environment, wanted, reason)
    return (
        as_json({"environment": environment, "scan": scan})
        if json
        else line(f"{environment}: scan {scan} is asked for")
    )


def record(
    context: typer.Context,
    environment: Environment,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder for the bundle.")],
    define: Define = None,
    uplink: Uplink = None,
) -> None:
    """Save what a live cloud answers to a scan, secrets removed, as a bundle. Exit code as of scan."""
    from calipso import scanning  # here, for no reading command should wait for what looks at clouds

    settings = settings_of(context)
    with opened(settings) if has_data(settings) else nullcontext() as engine:
        result = scanning.record(engine, environment, to, define, uplink or [])
    scanning.show_result(result)
    raise typer.Exit(0 if result["status"] == "completed" else 2)


def listen(
    context: typer.Context,
    environment: Annotated[
        str | None, typer.Argument(metavar="[ENV]", help="Name of the environment; without it, as with --all.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Recorded notifications, one JSON a line, instead of the bus."),
    ] = None,
    through: Annotated[
        str | None,
        typer.Option("--with", metavar="NAME:PLACE", help="What the listener of a plug-in hears, instead of the bus."),
    ] = None,
    define: Define = None,
    every: Annotated[
        bool,
        typer.Option("--all", metavar="", help="Keep a listener for each environment that is marked for it."),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Do not listen: say whether the listener that runs here is well.")
    ] = False,
) -> None:
    """Write what the cloud's message bus tells to the log, until interrupted; nothing is written twice."""
    from calipso import keeping, listening  # here, as above

    settings = settings_of(context)
    if environment is None or every:
        if environment is not None or file is not None or through is not None or define is not None:
            raise BadInput("listen: name an environment, or listen to all that are marked (--all), not both")
        if check:
            return line(keeping.check(settings.folder))
        with opened(settings) as engine:
            return keeping.keep(engine)
    if check:
        return line(f"{environment}: {listening.check(settings.folder, environment)}")
    with opened(settings) as engine:
        if file is not None:
            written, repeated = listening.from_file(engine, environment, file)
        elif through is not None:
            written, repeated = listening.from_plugin(engine, environment, through)
        else:
            return listening.from_bus(engine, environment, define)
    return line(f"{environment}: {written} notifications written, {repeated} were there already")


def snapshot(
    context: typer.Context,
    environment: Environment,
    name: Annotated[str, typer.Argument(metavar="NAME", help="To be written @NAME as a moment.")],
    at: At = "latest",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why it was taken.")] = "",
) -> None:
    """Give a moment a name."""
    with existing(settings_of(context)) as engine:
        taken = take_snapshot(engine, environment, name, at, note)
    line(f"@{name} is {environment} at offset {taken}")


def take_snapshot(engine: Engine, environment: str, name: str, at: str, note: str) -> int:
    """Append the snapshot and answer the offset it names; Conflict if the name is taken."""
    if not name or name.startswith("@") or name != name.strip():
        raise BadInput(f"snapshot {name!r}: a name begins with another character than @ or a space")
    moment = engine.questions.moment(environment, at)
    taken = {s["name"]: s["at_offset"] for s in engine.questions.snapshots(environment)["snapshots"]}
    if name in taken:
        raise Conflict(f"snapshot @{name}: {environment} has one of that name, of offset {taken[name]}")
    engine.journal.append([event(environment, SnapshotTaken(name, moment.offset, note), "operator")])
    engine.worker.catch_up(environment)
    return moment.offset


def rebuild(
    context: typer.Context,
    environment: Environment,
    restart: Annotated[
        bool, typer.Option("--restart", metavar="", help="Begin with the first event, also if one broke off.")
    ] = False,
) -> None:
    """Fold an environment's history anew from its log, while readers go on; one that broke off goes on where it was."""
    settings = settings_of(context)
    with existing(settings) as engine:
        if engine.journal.head(environment) < 0:
            known = ", ".join(engine.journal.environments()) or "none"
            raise NotFound(f"environment {environment} is not on the log (there: {known})")
        with closing(open_history(settings)) as history, folding(f"folding {environment}") as progress:
            worker = Worker(engine.journal, history)
            reached = worker.rebuild(
                environment, progress, restart=restart, began=lambda at: _going_on(environment, at)
            )
    line(f"{environment}: folded anew up to offset {reached.offset}, digest {text(reached.digest)}")


def _going_on(environment: str, at: int) -> None:
    if at >= 0:
        line(f"{environment}: going on behind offset {at}, where a rebuild broke off (--restart begins anew)")


def up(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=1, max=65535, help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve the answers over HTTP and keep them up to the log, until interrupted."""
    from api.app import create_app  # here, for no other command should wait for a web framework
    from api.server import serve

    with opened(settings_of(context)) as engine:

        def append(one: Event) -> int:
            return engine.journal.append([one])[0]

        def follow(stop: threading.Event) -> None:
            while not stop.wait(POLL_SECONDS):
                engine.worker.catch_up_all()

        app = create_app(engine.questions, append, inbox(engine.settings, engine.journal).accept)
        serve(app, host, port, background=follow, ready=_announce)


def _announce(url: str) -> None:
    line(f"API on {url}/v1, described on {url}/docs")
