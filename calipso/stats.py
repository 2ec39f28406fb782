"""The command `stats`: what log and history hold, how fast they grow, and what disk that will take."""

import typer

from calipso.reading import Environment, Json, settings_of
from calipso.terminal import as_json, line, pieces, table
from calipso.wiring import existing
from schemas.canonical import Document

_STEPS = ("B", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000


def stats(context: typer.Context, environment: Environment, json: Json = False) -> None:
    """Show what log and history hold, how fast they grow, and what disk a year of it takes."""
    with existing(settings_of(context)) as engine:
        answer = engine.questions.statistics(environment)
    if json:
        as_json(answer)
    else:
        _tell(answer)


def _tell(answer: Document) -> None:
    pieces((answer["environment"], "bold"), (f" at offset {answer['offset']}, {answer['time']}", ""))
    now, log, history = answer["now"], answer["log"], answer["history"]
    line(f"  {now['objects']} objects, {now['links']} links, {now['cliques']} cliques")
    line(f"  log      {log['events']} events since {answer['oldest']}, {size(log['bytes'])} ({_file(log)})")
    changes = "changes not counted" if history["changes"] is None else f"{history['changes']} changes"
    ratio = history["bytes_per_log_byte"]
    more = "" if ratio is None else f", {ratio:g} bytes per byte of the log"
    line(f"  history  {changes}, {size(history['file_bytes'])}{more}")
    line("")
    cells = ((e["event"], e["events"], size(e["bytes"]), size(e["bytes_per_event"])) for e in answer["events"])
    table(["EVENT", "EVENTS", "BYTES", "AN EVENT"], cells)
    line("")
    growth = answer["growth"]
    rows = ((name, growth[part]) for part, name in (("last_week", "last week"), ("whole_life", "whole life")))
    table(["GROWTH", "DAYS", "EVENTS A DAY", "LOG A DAY", "LOG A YEAR", "WITH HISTORY"], map(_growth, rows))


def _file(log: Document) -> str:
    if log["file_bytes"] is None:
        return "the brokers know its disk"
    shared = "" if log["environments"] == 1 else f" of {log['environments']} environments"
    return f"file{shared} {size(log['file_bytes'])}"


def _growth(row: tuple[str, Document]) -> tuple[object, ...]:
    name, of = row
    years = (None if of[part] is None else of[part] * _THOUSAND**3 for part in ("log_gb_per_year", "gb_per_year"))
    a_day = None if of["events_per_day"] is None else f"{of['events_per_day']:g}"
    return name, f"{of['days']:g}", a_day, size(of["bytes_per_day"]), *map(size, years)


def size(count: float | None) -> str | None:
    """Answer bytes as a person says them, in steps of a thousand: 12.3 MB."""
    if count is None:
        return None
    step = 0
    while count >= _THOUSAND - 0.5 and step < len(_STEPS) - 1:
        count, step = count / _THOUSAND, step + 1
    return f"{count:.0f} {_STEPS[step]}" if step == 0 else f"{count:.3g} {_STEPS[step]}"
