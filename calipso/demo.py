"""The demo: a small real cloud, recorded twice with changes between, and what one can ask about it."""

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from calipso import difference, writing
from calipso.reading import names_of, settings_of
from calipso.settings import Settings
from calipso.terminal import line
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
                f"or begin anew by deleting {settings.place}"
            )
        for name in SNAPSHOTS:
            _look(engine, environment, bundles / name)
        answer = engine.questions.diff(environment, f"@{SNAPSHOTS[0]}", f"@{SNAPSHOTS[1]}")
        difference.the_diff(answer, ["objects"], names_of(engine, answer))
    _what_next(environment, _moved_instance(answer))


def _look(engine: Engine, environment: str, bundle: Path) -> None:
    from calipso import scanning  # here, for no reading command should wait for what looks at clouds

    result = scanning.scan(engine, environment, scanning.Described(bundle))
    writing.take_snapshot(engine, environment, bundle.name, "latest", "demo")
    line(f"{bundle.name}: {sum(result['objects'].values())} objects seen, scan {result['status']}")


def _moved_instance(answer: Document) -> str:
    """Answer the name of the instance whose host changed."""
    changed = (item for item in answer["objects"]["changed"] if item["type"] == "instance")
    return next(str(item["name"]) for item in changed if any(f["field"] == "host" for f in item["fields"]))


def _what_next(environment: str, instance: str) -> None:
    a, b = (f"@{name}" for name in SNAPSHOTS)
    line("")
    line("Ask next:")
    for command, what in (
        (f"clique {environment} instance {instance}", "its way from vNIC to wire"),
        (f"impact {environment} host compute-2", "what is lost with this host"),
        (f"history {environment} instance {instance}", "what became of it"),
        (f"diff {environment} {a} {b} --json", "every detail, for a program"),
        (f"tree {environment} --at {a} --depth 2", "the cloud on sunday"),
        (f"search {environment} 10.1.0.", "whose addresses these are"),
        (f"verify {environment}", "proof that history is true"),
        ("up", "the same answers over HTTP"),
    ):
        line(f"  calipso {command:<38}  {what}")
