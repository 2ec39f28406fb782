"""The reading commands: each asks one question and shows the answer."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, get_args

import typer

from calipso import difference, show
from calipso.bar import folding
from calipso.settings import Settings
from calipso.terminal import as_json, line, table, trouble
from calipso.wiring import Engine, existing, looked_into
from projections.inventory import Ref
from projections.tree import name_of
from schemas.canonical import Document
from schemas.errors import BadInput
from schemas.events import Payload
from streams.comparison import differs
from streams.moments import iso
from streams.past import Past
from streams.questions import Page, reflects
from streams.segments import verify_in_parallel

MOMENT = "offset, latest, ISO time, age (-2h) or @snapshot"


def age_or_moment(text: str) -> str:
    """Refuse an option that does not exist: commands that take ages such as -2h let every option through to here."""
    if text.startswith("--"):
        raise typer.BadParameter(f"no such option: {text}")
    return text


Environment = Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")]
Type = Annotated[str, typer.Argument(metavar="TYPE", help="Object type, such as instance.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id, or name if only one object has it.")]
At = Annotated[str, typer.Option("--at", metavar="MOMENT", help=MOMENT)]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print the whole answer as JSON.")]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many (default: all).")]
First = Annotated[str, typer.Argument(metavar="FROM", help=MOMENT, callback=age_or_moment)]
Second = Annotated[str, typer.Argument(metavar="TO", help=MOMENT, callback=age_or_moment)]
Moment = Annotated[str, typer.Argument(metavar="MOMENT", help=MOMENT, callback=age_or_moment)]


class Part(StrEnum):
    """A part of a comparison."""

    OBJECTS = "objects"
    LINKS = "links"
    CLIQUES = "cliques"


def at(
    context: typer.Context,
    environment: Environment,
    moment: Moment = "latest",
    object_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this type.")] = None,
    json: Json = False,
) -> None:
    """Show what an environment held at a moment."""
    with existing(settings_of(context)) as engine:
        past = engine.questions.past(environment, moment)
        page = engine.questions.objects(past, object_type)
        answer = {**reflects(past), "objects": page.items}
        names = {} if json else _parents(past, page.items)
    if json:
        return as_json(answer)
    show.moment(answer)
    if object_type is None:
        return show.counts(Counter(obj["type"] for obj in page.items))
    return show.objects(page.items, names)


def _parents(past: Past, found: list[Document]) -> dict[tuple[str, str], str]:
    """Answer the name of each parent, its id where it is no object."""
    refs = {Ref(obj["parent"]["type"], obj["parent"]["id"]) for obj in found}
    known = {ref: past.get(ref) for ref in refs}
    return {(ref.type, ref.id): ref.id if obj is None else name_of(obj) for ref, obj in known.items()}


def show_object(
    context: typer.Context,
    environment: Environment,
    object_type: Type,
    object_id: Id,
    at: At = "latest",
    json: Json = False,
) -> None:
    """Show one object: its place, attributes and links."""
    with existing(settings_of(context)) as engine:
        past = engine.questions.past(environment, at)
        answer = engine.questions.object(past, object_type, object_id)
    _tell(answer, show.the_object, json=json)


def tree(
    context: typer.Context,
    environment: Environment,
    object_type: Annotated[str | None, typer.Argument(metavar="TYPE", help="Begin at an object: its type,")] = None,
    object_id: Annotated[str | None, typer.Argument(metavar="ID", help="and its id or name.")] = None,
    at: At = "latest",
    depth: Annotated[int | None, typer.Option("--depth", metavar="N", min=1, help="Levels of objects to show.")] = None,
    json: Json = False,
) -> None:
    """Show the tree of objects, from the environment or from one object down."""
    if (object_type is None) != (object_id is None):
        raise BadInput("tree: name both the type and the id of the object to begin at, or neither")
    root = None if object_type is None or object_id is None else Ref(object_type, object_id)
    with existing(settings_of(context)) as engine:
        answer = engine.questions.tree(engine.questions.past(environment, at), root, depth)
    _tell(answer, show.the_tree, json=json)


def clique(
    context: typer.Context,
    environment: Environment,
    object_type: Type,
    object_id: Id,
    at: At = "latest",
    json: Json = False,
) -> None:
    """Show what an object hangs on, link by link: from its vNIC to the wire, or from the wire back."""
    with existing(settings_of(context)) as engine:
        answer = engine.questions.clique(engine.questions.past(environment, at), object_type, object_id)
    _tell(answer, show.the_clique, json=json)


def impact(
    context: typer.Context,
    environment: Environment,
    object_type: Type,
    object_id: Id,
    at: At = "latest",
    json: Json = False,
) -> None:
    """Show what depends on an object: instances, networks, projects, hosts and all that lies between."""
    with existing(settings_of(context)) as engine:
        answer = engine.questions.impact(engine.questions.past(environment, at), object_type, object_id)
    _tell(answer, show.the_impact, json=json)


def diff(
    context: typer.Context,
    environment: Environment,
    first: First,
    second: Second,
    only: Annotated[
        list[Part] | None,
        typer.Option("--only", metavar="PART", help="objects, links or cliques, in full (repeatable)."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what differs between two moments, and by which event. Exit code: 0 nothing, 1 something, 2 trouble."""
    with existing(settings_of(context)) as engine:
        answer = engine.questions.diff(environment, first, second)
        if json:
            as_json(answer)
        else:
            difference.the_diff(answer, only or [Part.OBJECTS], names_of(engine, answer))
    raise typer.Exit(1 if differs(answer) else 0)


def names_of(engine: Engine, answer: Document, moments: Sequence[str] = ("to", "from")) -> Callable[[str, str], str]:
    """Answer what labels an object that a comparison mentions: by its later name, by its id if it has none."""
    sides = [engine.questions.past(answer["environment"], str(answer[side]["offset"])) for side in moments]

    def name(object_type: str, object_id: str) -> str:
        found = (past.get(Ref(object_type, object_id)) for past in sides)
        return next((show.label(*obj.ref, name_of(obj)) for obj in found if obj is not None), object_id)

    return name


def history(
    context: typer.Context,
    environment: Environment,
    object_type: Type,
    object_id: Id,
    at: At = "latest",
    json: Json = False,
) -> None:
    """Show every version of an object up to a moment: what changed, when, by which event."""
    with existing(settings_of(context)) as engine:
        answer = engine.questions.history_of(environment, object_type, object_id, at)
    if json:
        return as_json(answer)
    show.moment(answer)
    return show.the_history(answer, object_id)


def events(
    context: typer.Context,
    environment: Environment,
    after: Annotated[str | None, typer.Option("--after", metavar="MOMENT", help="Begin behind this moment.")] = None,
    upto: Annotated[str, typer.Option("--upto", metavar="MOMENT", help="End with this moment.")] = "latest",
    kind: Annotated[
        str | None, typer.Option("--event", metavar="EVENT", help="Only events such as ScanStarted.")
    ] = None,
    limit: Limit = None,
    payload: Annotated[
        bool, typer.Option("--payload", metavar="", help="All that each event says, too: as JSON, for what-if.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what happened, in order: scans, notifications, snapshots."""
    check_event(kind)
    with existing(settings_of(context)) as engine:
        begin = -1 if after is None else engine.questions.moment(environment, after).offset
        found, following, end = engine.questions.events(environment, begin, upto, limit, kind, payload=payload)
    if json or payload:
        moment = {"environment": environment, "offset": end.offset, "time": iso(end.time)}
        return as_json({**moment, "events": found, "next": following})
    show.events(found)
    if following is not None:
        line(f"more: calipso events {environment} --after {following}")
    return None


def check_event(kind: str | None) -> None:
    """Refuse an event that does not exist."""
    known = sorted(payload.__name__ for payload in get_args(Payload))
    if kind is not None and kind not in known:
        raise BadInput(f"event {kind}: there is none (known: {', '.join(known)})")


def snapshots(context: typer.Context, environment: Environment, json: Json = False) -> None:
    """List the moments that have a name."""
    with existing(settings_of(context)) as engine:
        answer = engine.questions.snapshots(environment)
    if json:
        return as_json(answer)
    if not answer["snapshots"]:
        return line(f"none yet: calipso snapshot {environment} NAME gives a moment a name")
    rows = ((f"@{s['name']}", s["at_offset"], s["taken_at"], s["note"]) for s in answer["snapshots"])
    return table(["SNAPSHOT", "OFFSET", "TAKEN", "NOTE"], rows)


def environments(context: typer.Context, json: Json = False) -> None:
    """List the environments, each with its newest scan."""
    with existing(settings_of(context)) as engine:
        answer = engine.questions.environments()
    if json:
        return as_json({"environments": answer})
    rows = ((e["name"], e["offset"], e["time"], sum(e["objects"].values()), _scan(e["last_scan"])) for e in answer)
    return table(["ENVIRONMENT", "OFFSET", "TIME", "OBJECTS", "LAST SCAN"], rows)


def _scan(scan: Document | None) -> str | None:
    return None if scan is None else f"{scan['origin']} {scan['status']}"


def search(
    context: typer.Context,
    environment: Environment,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Name, address, MAC, id ... or a part of it.")],
    at: At = "latest",
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Find objects by anything that they hold: name, address, MAC, id."""
    with existing(settings_of(context)) as engine:
        past = engine.questions.past(environment, at)
        page: Page = engine.questions.search(past, text, limit)
    more = page.next is not None
    if json:
        return as_json({**reflects(past), "objects": page.items, "more": more})
    show.moment(reflects(past))
    if not page.items:
        return line(f"no object holds {text!r}")
    table(["TYPE", "NAME", "ID", "FOUND IN"], ((o["type"], o["name"], o["id"], o["found_in"]) for o in page.items))
    if more:
        line(f"more than {limit} found: raise --limit")
    return None


def verify(
    context: typer.Context,
    environment: Environment,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Processes at once (default: one a core).")
    ] = None,
    json: Json = False,
) -> None:
    """Prove that the history is what the log says, by replaying the log from its first event."""
    settings = settings_of(context)
    with existing(settings) as engine:
        engine.questions.moment(environment)
    count = len(os.sched_getaffinity(0)) if jobs is None else jobs
    with folding(f"verifying {environment}") as progress:
        verdict = verify_in_parallel(partial(looked_into, settings), environment, count, progress)
    if json:
        as_json({name: getattr(verdict, name) for name in verdict.__slots__})
    elif verdict.problem is None:
        line(f"{environment}: history equals the replay of its log up to offset {verdict.offset}")
        line(f"{verdict.events} events, {verdict.changes} changes")
        line(f"digest {verdict.digest}")
    else:
        trouble(f"{environment}: the history differs at offset {verdict.problem_offset}: {verdict.problem}")
    raise typer.Exit(0 if verdict.problem is None else 2)


def _tell(answer: Document, tell: Callable[[Document], None], *, json: bool) -> None:
    """Print an answer about one moment: whole as JSON, or that moment and then what a person reads."""
    if json:
        return as_json(answer)
    show.moment(answer)
    return tell(answer)


def settings_of(context: typer.Context) -> Settings:
    """Answer the settings that the program's entry read."""
    settings = context.obj
    assert isinstance(settings, Settings)  # noqa: S101 - set by the program's entry, for the type checker
    return settings
