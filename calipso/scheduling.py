"""The command that has scans asked for again and again."""

from typing import Annotated

import typer

from calipso.reading import Environment, Json, settings_of
from calipso.terminal import as_json, line, table
from calipso.wiring import Engine, event, existing, now
from calipso.words import Object
from projections.fold import schedule_key
from projections.schedule import check
from schemas.canonical import Document
from schemas.errors import BadInput, NotFound
from schemas.events import ScheduleDefined, ScheduleRemoved
from streams.moments import from_iso

OPERATOR = "operator"
_HOW = "write: schedule add ENV NAME --every daily, schedule list ENV, or schedule remove ENV NAME"


def schedule(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="add, list or remove.")],
    environment: Environment,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Of the schedule.")] = "",
    cron: Annotated[
        str | None, typer.Option("--cron", metavar="FIELDS", help="When, as cron says it: '0 3 * * 0'.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="INTERVAL", help="hourly, daily ... yearly, or 90s, 15m, 2h, 3d."),
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Of hours and days.")] = "UTC",
    wanted: Object = None,
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", metavar="PATTERN", help="Name the moment after each: 'sunday-{date}'.")
    ] = None,
    begins: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Not before (ISO 8601).")] = None,
    ends: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Not after (ISO 8601).")] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")] = "",
    json: Json = False,
) -> None:
    """Have scans asked for again and again; calipso manage does them."""
    with existing(settings_of(context)) as engine:
        match action, name:
            case "list", "":
                _show(engine.questions.schedules(engine.questions.past(environment)), environment, json=json)
            case "remove", str() if name:
                remove(engine, environment, name, note)
                line(f"{environment}: schedule {name} is removed")
            case "add", str() if name:
                zone = _time(begins), _time(ends)
                payload = ScheduleDefined(
                    name, cron, every, timezone, *_object(engine, environment, wanted), snapshot, *zone, note
                )
                _add(engine, environment, payload)
            case _:
                raise BadInput(
                    "write: schedule add ENV NAME --every daily, schedule list ENV, schedule remove ENV NAME"
                )


def _add(engine: Engine, environment: str, payload: ScheduleDefined) -> None:
    check(payload, now())
    engine.journal.append([event(environment, payload, OPERATOR)])
    past = engine.questions.past(environment)
    kept = next(one for one in engine.questions.schedules(past) if one["name"] == payload.name)
    line(f"{environment}: schedule {payload.name}, next scan {kept['next_at']}")


def remove(engine: Engine, environment: str, name: str, note: str) -> None:
    """End a schedule. Raises NotFound."""
    past = engine.questions.past(environment)
    if past.record(schedule_key(name)) is None:
        known = ", ".join(one["name"] for one in engine.questions.schedules(past)) or "none"
        raise NotFound(f"schedule {name}: {environment} has none of that name (there: {known})")
    engine.journal.append([event(environment, ScheduleRemoved(name, note), OPERATOR)])
    engine.worker.catch_up(environment)


def _object(engine: Engine, environment: str, wanted: tuple[str, str] | None) -> tuple[str | None, str | None]:
    from calipso.aiming import named  # here, for no other command should wait for what scans

    ref = named(engine.questions.past(environment), wanted)
    return (None, None) if ref is None else (ref.type, ref.id)


def _time(text: str | None) -> int | None:
    try:
        return None if text is None else from_iso(text)
    except (ValueError, OverflowError):
        raise BadInput(
            f"{text!r} is no time: write 2026-11-22T03:00 (UTC), or with a zone 2026-11-22T03:00+01:00"
        ) from None


def _show(found: list[Document], environment: str, *, json: bool) -> None:
    if json:
        return as_json({"environment": environment, "schedules": found})
    if not found:
        return line(f"{environment}: no schedules")
    rows = ((one["name"], _when(one), _what(one), _last(one), one["next_at"] or "over") for one in found)
    return table(("NAME", "WHEN", "WHAT", "LAST", "NEXT"), rows)


def _when(one: Document) -> str:
    when = f"each {one['every']}" if one["cron"] is None else f"{one['cron']} {one['timezone']}"
    bounds = [f"{word} {one[name]}" for word, name in (("from", "begins_at"), ("until", "ends_at")) if one[name]]
    return ", ".join([when, *bounds])


def _what(one: Document) -> str:
    what = " ".join(one["object"]) if one["object"] else "everything"
    return f"{what}, @{one['snapshot']}" if one["snapshot"] else what


def _last(one: Document) -> str:
    return "never" if one["last_at"] is None else f"{one['last_at']} {one['last_status'] or ''}".strip()
