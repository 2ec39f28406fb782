"""The command `bisect`: which event broke what should hold."""

from typing import Annotated

import typer

from calipso.reading import MOMENT, Environment, Json, age_or_moment, settings_of
from calipso.show import SIGNS, STYLES, cause
from calipso.terminal import as_json, clipped, line, pieces
from calipso.values import changes
from calipso.wiring import existing
from schemas.canonical import Document
from streams import bisection
from streams.expectation import parse


def _begin(text: str | None) -> str | None:
    return None if text is None else age_or_moment(text)


def bisect(
    context: typer.Context,
    environment: Environment,
    expect: Annotated[
        str, typer.Option("--expect", metavar="EXPECTATION", help="What should hold, such as 'instance web-1 exists'.")
    ],
    first: Annotated[
        str | None,
        typer.Argument(metavar="FROM", help=f"{MOMENT}; where it held first if left out", callback=_begin),
    ] = None,
    second: Annotated[str, typer.Argument(metavar="TO", help=MOMENT, callback=age_or_moment)] = "latest",
    every: Annotated[
        bool, typer.Option("--all", metavar="", help="Every time that it broke or held again, oldest first.")
    ] = False,
    json: Json = False,
) -> None:
    """Find the event that broke what should hold. Exit code: 0 it holds, 1 it broke, 2 trouble."""
    expectation = parse(expect)
    with existing(settings_of(context)) as engine:
        begin = None if first is None else engine.questions.moment(environment, first)
        end = engine.questions.moment(environment, second)
        answer = {
            "expect": expect,
            **bisection.bisect(engine.history, environment, expectation, begin, end, every=every),
        }
    if json:
        as_json(answer)
    else:
        _tell(answer)
    raise typer.Exit(1 if bisection.broke(answer) else 0)


def _tell(answer: Document) -> None:
    pieces((answer["environment"], "bold"), (f": {answer['expect']}", ""))
    for side in ("from", "to"):
        end = answer[side]
        holds = "holds" if end["holds"] else "does not hold"
        line(f"  {side:<4} offset {end['offset']}, {end['time']}: {holds}")
    for flip in answer["flips"]:
        line("")
        how, style = ("holds", "green") if flip["holds"] else ("broke", "red")
        pieces((how, f"bold {style}"), (f"  {cause(flip['cause'])}", ""))
        for change in flip["changes"]:
            _tell_change(change)
    line("")
    line(_how(answer), "dim")


def _how(answer: Document) -> str:
    if answer["every"]:
        return "every change of what it looks at was looked at" + ("" if answer["flips"] else ": it never flipped")
    if answer["flips"]:
        return "the first failure found by bisection; if it broke several times, --all lists each"
    return "it holds at both moments; --all looks at every change between them"


def _tell_change(change: Document) -> None:
    how = change["change"]
    named = change["id"] if change["name"] == change["id"] else f"{change['name']}  {change['id']}"
    what = "clique of " if change["kind"] == "clique" else ""
    line(f"  {SIGNS[how]} {what}{change['type']} {named}", STYLES[how])
    for field in change["fields"]:
        for text in changes(field["field"], field["before"], field["after"]):
            clipped(f"      {text}")
