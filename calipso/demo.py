"""The demo: a small real cloud, recorded twice with changes between, and what one can ask about it."""

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from calipso import scanning, show, writing
from calipso.reading import settings_of
from calipso.settings import Settings
from calipso.wiring import Engine, opened
from schemas.canonical import Document
from schemas.errors import Conflict

SNAPSHOTS = ("sunday", "monday")


def demo(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="[ENV]", help="Name of a fresh environment.")] = "demo",
) -> None:
    """Scan a small recorded cloud twice, show what changed between, and say what to ask next."""
    settings: Settings = settings_of(context)
    with opened(settings) as engine, resources.as_file(resources.files("calipso") / "demo_bundles") as bundles:
        if engine.journal.head(environment) >= 0:
            raise Conflict(
                f"environment {environment} is there already: name another one (calipso demo NAME), "
                f"or begin anew by deleting {settings.folder}"
            )
        for name in SNAPSHOTS:
            _look(engine, environment, bundles / name)
        answer = engine.questions.diff(environment, f"@{SNAPSHOTS[0]}", f"@{SNAPSHOTS[1]}")
        instance = _moved_instance(answer)
    show.the_diff(answer, ["objects"])
    _what_next(environment, instance)


def _look(engine: Engine, environment: str, bundle: Path) -> None:
    result = scanning.scan(engine, environment, bundle, None, [])
    writing.take_snapshot(engine, environment, bundle.name, "latest", "demo")
    show.line(f"{bundle.name}: {sum(result['objects'].values())} objects seen, scan {result['status']}")


def _moved_instance(answer: Document) -> str:
    """Answer the name of the instance whose host changed."""
    changed = (item for item in answer["objects"]["changed"] if item["type"] == "instance")
    return next(str(item["name"]) for item in changed if any(f["field"] == "host" for f in item["fields"]))


def _what_next(environment: str, instance: str) -> None:
    a, b = (f"@{name}" for name in SNAPSHOTS)
    show.line("\nAsk next:")
    for command, what in (
        (f"clique {environment} instance {instance}", "what it hangs on, from its vNIC to the wire"),
        (f"impact {environment} host compute-2", "what is lost if this host goes"),
        (f"history {environment} instance {instance}", "every state it has been in"),
        (f"diff {environment} {a} {b} --json", "all of it: objects, links, cliques, each with its cause"),
        (f"tree {environment} --at {a} --depth 4", "the cloud as it stood then"),
        (f"search {environment} 10.1.0.", "whose address is this"),
        (f"verify {environment}", "prove that history is what the log says"),
        ("up", "the same over HTTP"),
    ):
        show.line(f"  calipso {command:<52} {what}")
