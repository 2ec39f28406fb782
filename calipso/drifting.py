"""The command `drift`: what scans had to correct of what notifications had led to believe."""

from typing import Annotated

import typer

from calipso.reading import MOMENT, Environment, Json, settings_of
from calipso.show import seconds
from calipso.terminal import as_json, clipped, line, pieces, table
from calipso.values import changes
from calipso.wiring import existing
from schemas.canonical import Document
from streams.drift import drift as drift_of
from streams.questions import check_object_type


def drift(
    context: typer.Context,
    environment: Environment,
    since: Annotated[
        str | None, typer.Option("--since", metavar="MOMENT", help=f"{MOMENT}; from the first event if left out.")
    ] = None,
    object_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this type.")] = None,
    json: Json = False,
) -> None:
    """Show what scans found that no notification had told. Exit code: 0 all explained, 1 not all, 2 trouble."""
    check_object_type(object_type)
    with existing(settings_of(context)) as engine:
        after = None if since is None else engine.questions.moment(environment, since)
        upto = engine.questions.moment(environment)
        answer = drift_of(engine.history, environment, after, upto, object_type)
    if json:
        as_json(answer)
    else:
        _tell(answer)
    raise typer.Exit(1 if answer["unexplained"] else 0)


def _tell(answer: Document) -> None:
    pieces((answer["environment"], "bold"))
    for side in ("from", "to"):
        end = answer[side]
        line(f"  {side:<4} {'the first event' if end is None else 'offset {offset}, {time}'.format(**end)}")
    for event_type, times in sorted(answer["not_understood"].items()):
        line(f"  {times} notifications {event_type} changed nothing: nobody knows the type, or they did not keep to it")
    if not answer["scores"]:
        return line("nothing changed between two scans that covered it")
    table(
        ["TYPE", "SOURCE", "CHANGED", "KNOWN", "COMPLETE", "OF WHAT IT CAN TELL", "P50", "P99"],
        map(_score, answer["scores"]),
    )
    explained = len(answer["lines"]) - answer["unexplained"]
    line("")
    pieces((f"missed: {answer['unexplained']}", "bold"), (f", and {explained} that no notification tells", ""))
    for item in sorted(answer["lines"], key=lambda item: item["reason"] is not None):
        _line(item)
    return None


def _score(score: Document) -> tuple[object, ...]:
    share, of_knowable = (_percent(score[name]) for name in ("completeness", "completeness_of_knowable"))
    ages = (_age(score["freshness_seconds"][name]) for name in ("p50", "p99"))
    return score["type"], score["source"], score["changed"], score["known"], share, of_knowable, *ages


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"


def _age(age: float | None) -> str | None:
    return None if age is None else f"{age:.3f} s"


def _line(item: Document) -> None:
    between = f"after #{item['after']['offset']} ({seconds(item['after']['time'])}, {item['source']})"
    found = f"found at #{item['before']['offset']} ({seconds(item['before']['time'])})"
    line(f"{item['type']} {item['name']}  {item['id']}: missed {item['kind']}, {between}, {found}")
    if item["field"] is not None:
        for text in changes(item["field"], item["believed"], item["found"]):
            clipped(f"    {text}")
    if item["reason"] is not None:
        line(f"    not announced: {item['reason']}")
