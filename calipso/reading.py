"""The reading commands: each asks one question and shows the answer."""

from enum import StrEnum
from typing import Annotated

import typer

from calipso import show
from calipso.settings import Settings
from calipso.wiring import opened
from projections.inventory import Ref
from schemas.errors import BadInput
from streams.comparison import differs
from streams.questions import Page, reflects
from streams.verify import verify as verify_history

Environment = Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")]
Type = Annotated[str, typer.Argument(metavar="TYPE", help="Object type, such as instance.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id, or name if only one object has it.")]
At = Annotated[str, typer.Option("--at", metavar="MOMENT", help="offset, latest, ISO time, -2h or @snapshot")]
Json = Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")]
Moment = Annotated[str, typer.Argument(metavar="MOMENT", help="offset, latest, ISO time, -2h or @snapshot")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many (default: all).")]


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
    with opened(settings_of(context)) as engine:
        past = engine.questions.past(environment, moment)
        page = engine.questions.objects(past, object_type)
        answer = {**reflects(past), "objects": page.items}
    if json:
        return show.as_json(answer)
    show.moment(answer)
    if object_type is None:
        counts: dict[str, int] = {}
        for obj in page.items:
            counts[obj["type"]] = counts.get(obj["type"], 0) + 1
        return show.counts(counts)
    rows = ((o["name"], o["id"], f"{o['parent']['type']} {o['parent']['id']}") for o in page.items)
    return show.table(["NAME", "ID", "UNDER"], rows)


def show_object(
    context: typer.Context,
    environment: Environment,
    object_type: Type,
    object_id: Id,
    at: At = "latest",
    json: Json = False,
) -> None:
    """Show one object: its place, attributes and links."""
    with opened(settings_of(context)) as engine:
        past = engine.questions.past(environment, at)
        answer = engine.questions.object(past, object_type, object_id)
    if json:
        return show.as_json(answer)
    show.moment(answer)
    return show.the_object(answer)


def tree(
    context: typer.Context,
    environment: Environment,
    object_type: Annotated[str | None, typer.Argument(metavar="[TYPE", help="Begin at an object: its type")] = None,
    object_id: Annotated[str | None, typer.Argument(metavar="ID]", help="and its id or name.")] = None,
    at: At = "latest",
    depth: Annotated[int | None, typer.Option("--depth", min=1, help="Levels of objects to show.")] = None,
    json: Json = False,
) -> None:
    """Show the tree of objects, from the environment or from one object down."""
    if (object_type is None) != (object_id is None):
        raise BadInput("tree: name both the type and the id of the object to begin at, or neither")
    root = None if object_type is None or object_id is None else Ref(object_type, object_id)
    with opened(settings_of(context)) as engine:
        answer = engine.questions.tree(engine.questions.past(environment, at), root, depth)
    if json:
        return show.as_json(answer)
    show.moment(answer)
    return show.the_tree(answer)


def clique(
    context: typer.Context,
    environment: Environment,
    object_type: Type,
    object_id: Id,
    at: At = "latest",
    json: Json = False,
) -> None:
    """Show the dependency graph around an object, from it to its networks or back."""
    with opened(settings_of(context)) as engine:
        answer = engine.questions.clique(engine.questions.past(environment, at), object_type, object_id)
    if json:
        return show.as_json(answer)
    show.moment(answer)
    return show.the_clique(answer)


def impact(
    context: typer.Context,
    environment: Environment,
    object_type: Type,
    object_id: Id,
    at: At = "latest",
    json: Json = False,
) -> None:
    """Show every object, host, project and network that depends on an object."""
    with opened(settings_of(context)) as engine:
        answer = engine.questions.impact(engine.questions.past(environment, at), object_type, object_id)
    if json:
        return show.as_json(answer)
    show.moment(answer)
    return show.the_impact(answer)


def diff(
    context: typer.Context,
    environment: Environment,
    a: Moment,
    b: Moment,
    only: Annotated[list[Part] | None, typer.Option("--only", help="Only this part (may be repeated).")] = None,
    json: Json = False,
) -> None:
    """Show what differs between two moments. Exit code: 0 nothing, 1 something, 2 trouble."""
    with opened(settings_of(context)) as engine:
        answer = engine.questions.diff(environment, a, b)
    if json:
        show.as_json(answer)
    else:
        show.the_diff(answer, only or list(Part))
    raise typer.Exit(1 if differs(answer) else 0)


def history(
    context: typer.Context, environment: Environment, object_type: Type, object_id: Id, json: Json = False
) -> None:
    """Show every version of an object: what changed, when, by which event."""
    with opened(settings_of(context)) as engine:
        answer = engine.questions.history_of(environment, object_type, object_id)
    if json:
        return show.as_json(answer)
    show.moment(answer)
    return show.the_history(answer)


def events(
    context: typer.Context,
    environment: Environment,
    after: Annotated[int, typer.Option("--after", help="Begin behind this offset.")] = -1,
    upto: Annotated[str, typer.Option("--upto", metavar="MOMENT", help="End at this moment.")] = "latest",
    kind: Annotated[str | None, typer.Option("--kind", help="Only events of a kind, such as ScanStarted.")] = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Show the events of the log in order: scans, notifications, snapshots."""
    with opened(settings_of(context)) as engine:
        found, following, moment = engine.questions.events(environment, after, upto, limit, kind)
    if json:
        return show.as_json({"environment": environment, "offset": moment.offset, "events": found, "next": following})
    show.events(found)
    if following is not None:
        show.line(f"more: calipso events {environment} --after {following}")
    return None


def snapshots(context: typer.Context, environment: Environment, json: Json = False) -> None:
    """Show the named moments of an environment."""
    with opened(settings_of(context)) as engine:
        answer = engine.questions.snapshots(environment)
    if json:
        return show.as_json(answer)
    rows = ((f"@{s['name']}", s["at_offset"], s["taken_at"], s["note"]) for s in answer["snapshots"])
    return show.table(["SNAPSHOT", "OFFSET", "TAKEN", "NOTE"], rows)


def environments(context: typer.Context, json: Json = False) -> None:
    """Show the environments that the log knows."""
    with opened(settings_of(context)) as engine:
        answer = engine.questions.environments()
    if json:
        return show.as_json({"environments": answer})
    rows = ((e["name"], e["offset"], e["time"], sum(e["objects"].values()), _scan(e["last_scan"])) for e in answer)
    return show.table(["ENVIRONMENT", "OFFSET", "TIME", "OBJECTS", "LAST SCAN"], rows)


def _scan(scan: dict[str, str] | None) -> str | None:
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
    with opened(settings_of(context)) as engine:
        past = engine.questions.past(environment, at)
        page: Page = engine.questions.search(past, text, limit)
    more = page.next is not None
    if json:
        return show.as_json({**reflects(past), "objects": page.items, "more": more})
    show.moment(reflects(past))
    show.table(["TYPE", "NAME", "ID", "FOUND IN"], ((o["type"], o["name"], o["id"], o["found_in"]) for o in page.items))
    if more:
        show.line(f"more than {limit} found: raise --limit")
    return None


def verify(context: typer.Context, environment: Environment, json: Json = False) -> None:
    """Replay the log from its first event and prove that the history says the same."""
    with opened(settings_of(context)) as engine:
        engine.questions.moment(environment)
        verdict = verify_history(engine.journal, engine.history, environment)
    if json:
        show.as_json({name: getattr(verdict, name) for name in verdict.__slots__})
    elif verdict.problem is None:
        show.line(f"{environment}: {verdict.events} events, {verdict.changes} changes up to offset {verdict.offset}")
        show.line(f"history equals the replay, digest {verdict.digest}")
    else:
        show.trouble(f"{environment}: the history differs at offset {verdict.problem_offset}: {verdict.problem}")
    raise typer.Exit(0 if verdict.problem is None else 2)


def settings_of(context: typer.Context) -> Settings:
    """Answer the settings that the program's entry read."""
    settings = context.obj
    assert isinstance(settings, Settings)  # noqa: S101 - set by the program's entry, for the type checker
    return settings
