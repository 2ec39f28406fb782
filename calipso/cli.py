"""The command line. Exit codes: 0 done, 1 it differs, broke or was missed, 2 trouble, 141 a pipe was left."""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from calipso import (
    asking,
    bisecting,
    collector,
    demo,
    drifting,
    environments,
    imagining,
    letters,
    plugged,
    reading,
    scheduling,
    stats,
    terminal,
    working,
    writing,
)
from calipso.settings import DEFAULT_LOG, read
from schemas.errors import CalipsoError

TROUBLE = 2
BROKEN_PIPE = 141
"""What a shell says of a program that SIGPIPE ended; 1 would be an answer of diff or bisect."""


class _Program(TyperGroup):
    """The command line; its commands end with its exit codes."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer.Context is what typer hands in
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            terminal.trouble("interrupted")
            raise typer.Exit(TROUBLE) from None
        except BrokenPipeError:
            terminal.hush()
            raise typer.Exit(BROKEN_PIPE) from None


class _Command(TyperCommand):
    """A command whose usage is written as manuals write it: ENV, not {ENV}."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # as above
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


app = typer.Typer(
    cls=_Program,
    name="calipso",
    help="What did my virtual network look like then, what changed, why, and what does it touch?",
    epilog=f"CALIPSO_LOG says where the data lives (default {DEFAULT_LOG}). Begin with: calipso demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_ASKING = "Ask"
_LOOKING = "Look at a cloud"
_RUNNING = "Run"
_COMMANDS: tuple[tuple[str, str, Callable[..., None], str], ...] = (
    (_ASKING, "diff", reading.diff, "diff lab @sunday latest"),
    (_ASKING, "drift", drifting.drift, "drift lab --since -7d"),
    (_ASKING, "bisect", bisecting.bisect, "bisect lab -2h latest --expect 'instance web-1.status == ACTIVE'"),
    (_ASKING, "what-if", imagining.what_if, "what-if lab --drop 111"),
    (_ASKING, "clique", reading.clique, "clique lab instance web-1"),
    (_ASKING, "impact", reading.impact, "impact lab host compute-2 --at -2h"),
    (_ASKING, "history", reading.history, "history lab instance web-1"),
    (_ASKING, "search", reading.search, "search lab 10.1.0.24"),
    (_ASKING, "at", reading.at, "at lab -2h --type instance"),
    (_ASKING, "show", reading.show_object, "show lab instance web-1 --at @sunday"),
    (_ASKING, "tree", reading.tree, "tree lab host compute-2 --depth 1"),
    (_ASKING, "events", reading.events, "events lab --after @sunday --event NotificationReceived"),
    (_ASKING, "snapshots", reading.snapshots, "snapshots lab"),
    (_ASKING, "environments", reading.environments, "environments"),
    (_ASKING, "verify", reading.verify, "verify lab"),
    (_ASKING, "stats", stats.stats, "stats lab"),
    (_LOOKING, "env", environments.env, "env add lab --define lab.toml"),
    (_LOOKING, "scan", writing.scan, "scan lab --define lab.toml"),
    (_LOOKING, "scans", asking.scans, "scans lab"),
    (_LOOKING, "cancel", asking.cancel, "cancel lab latest"),
    (
        _LOOKING,
        "schedule",
        scheduling.schedule,
        "schedule add lab nightly --cron '0 3 * * *'",
    ),
    (_LOOKING, "targets", asking.targets, "targets lab"),
    (_LOOKING, "record", writing.record, "record lab --to lab-tuesday"),
    (_LOOKING, "listen", writing.listen, "listen --all"),
    (_LOOKING, "snapshot", writing.snapshot, "snapshot lab sunday --note 'before the upgrade'"),
    (_RUNNING, "dead", letters.dead, "dead show 7"),
    (_RUNNING, "demo", demo.demo, "demo"),
    (_RUNNING, "manage", asking.manage, "manage"),
    (_RUNNING, "up", writing.up, "up --port 8080"),
    (_RUNNING, "plugins", plugged.plugins, "plugins"),
    (_RUNNING, "rebuild", writing.rebuild, "rebuild lab"),
    (_RUNNING, "worker", working.worker, "worker --name worker-1"),
)
# Only these take an age (-2h) as a word of its own, which is no option.
_WITH_AGES = ("at", "bisect", "diff")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # here, for it takes a tenth of a second that no command should wait

        terminal.line(f"calipso {version('calipso')}")
        raise typer.Exit


@app.callback()
def _program(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", metavar="", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    context.obj = read(os.environ)


for _panel, _name, _function, _example in _COMMANDS:
    app.command(
        _name,
        cls=_Command,
        rich_help_panel=_panel,
        epilog=f"Such as: calipso {_example}",
        context_settings={"ignore_unknown_options": _name in _WITH_AGES},
    )(_function)


def main() -> None:
    """Run the program and end with its exit code."""
    collector.seldom()
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run one command and answer its exit code; what Calipso refuses is one line on standard error."""
    try:
        return int(app(words, prog_name="calipso", standalone_mode=False) or 0)
    except SystemExit as done:  # only the writer of help ends so: 1 when the reader of a pipe left
        return BROKEN_PIPE if done.code == 1 else int(done.code or 0)
    except TyperException as misused:
        return _misused(misused)
    except CalipsoError as error:
        terminal.trouble(str(error))
        return TROUBLE


def _misused(error: TyperException) -> int:
    context: typer.Context | None = getattr(error, "ctx", None)
    text = error.format_message()
    if text:  # without words at all, the help was printed
        hint = "" if context is None else f" (see {context.command_path} --help)"
        terminal.trouble(f"{text.rstrip('.')}{hint}")
    return TROUBLE
