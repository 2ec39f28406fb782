"""The command line. Exit codes: 0 done, 1 differences (diff only), 2 trouble."""

import os
import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

from calipso import __version__, demo, reading, show, writing
from calipso.settings import DEFAULT_LOG, read
from schemas.errors import CalipsoError

TROUBLE = 2


class _Program(TyperGroup):
    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer.Context is what typer hands in
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # else it would end with 1, which diff keeps for "there are differences"
            show.trouble("interrupted")
            raise typer.Exit(TROUBLE) from None


app = typer.Typer(
    cls=_Program,
    name="calipso",
    help="What did my virtual network look like then, what changed, why, and what does it touch?",
    epilog=f"CALIPSO_LOG says where the data lives (default {DEFAULT_LOG}).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

_ASKING = "Ask"
_LOOKING = "Look at a cloud"
_RUNNING = "Run"


@app.callback()
def _program(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        show.line(f"calipso {__version__}")
        raise typer.Exit
    context.obj = read(os.environ)


app.command("scan", rich_help_panel=_LOOKING)(writing.scan)
app.command("record", rich_help_panel=_LOOKING)(writing.record)
app.command("listen", rich_help_panel=_LOOKING)(writing.listen)
app.command("snapshot", rich_help_panel=_LOOKING)(writing.snapshot)
app.command("at", rich_help_panel=_ASKING)(reading.at)
app.command("show", rich_help_panel=_ASKING)(reading.show_object)
app.command("tree", rich_help_panel=_ASKING)(reading.tree)
app.command("clique", rich_help_panel=_ASKING)(reading.clique)
app.command("impact", rich_help_panel=_ASKING)(reading.impact)
app.command("diff", rich_help_panel=_ASKING)(reading.diff)
app.command("history", rich_help_panel=_ASKING)(reading.history)
app.command("events", rich_help_panel=_ASKING)(reading.events)
app.command("snapshots", rich_help_panel=_ASKING)(reading.snapshots)
app.command("environments", rich_help_panel=_ASKING)(reading.environments)
app.command("search", rich_help_panel=_ASKING)(reading.search)
app.command("verify", rich_help_panel=_ASKING)(reading.verify)
app.command("demo", rich_help_panel=_RUNNING)(demo.demo)
app.command("up", rich_help_panel=_RUNNING)(writing.up)


def main() -> None:
    """Run the program and end with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run one command and answer its exit code; what Calipso refuses is one line on standard error."""
    try:
        app(words)
    except SystemExit as done:
        return int(done.code or 0)
    except CalipsoError as error:
        show.trouble(" ".join(str(error).split()))
        return TROUBLE
    return 0
