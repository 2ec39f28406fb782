"""The command `what-if`: what would be otherwise if some events had been."""

from pathlib import Path
from typing import Annotated

import typer

from calipso.bar import folding
from calipso.difference import Names, the_differences
from calipso.reading import MOMENT, Environment, Json, Part, age_or_moment, names_of, settings_of
from calipso.terminal import as_json, line, pieces
from calipso.wiring import existing
from schemas.canonical import Document, decode, decode_document
from schemas.errors import BadInput
from streams.comparison import differs
from streams.edit_documents import read_edits


def _begin(text: str | None) -> str | None:
    return None if text is None else age_or_moment(text)


def what_if(
    context: typer.Context,
    environment: Environment,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="MOMENT", help=f"Where it goes otherwise: {MOMENT} [before the first event named]"
        ),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", metavar="EVENT", help="An offset or id: it had not been (repeatable).")
    ] = None,
    drop_kinds: Annotated[
        list[str] | None,
        typer.Option("--drop-event-type", metavar="EVENT", help="None such as NotificationReceived (repeatable)."),
    ] = None,
    drop_sources: Annotated[
        list[str] | None, typer.Option("--drop-source", metavar="SOURCE", help="None that it saw (repeatable).")
    ] = None,
    alter: Annotated[
        list[str] | None,
        typer.Option(
            "--alter", metavar="OFFSET=WHAT", help="It had said what a FILE or a patch in {} says (repeatable)."
        ),
    ] = None,
    add: Annotated[
        Path | None, typer.Option("--add", metavar="FILE", help="Events that had been, too: JSON, one a line.")
    ] = None,
    upto: Annotated[str, typer.Option("--upto", metavar="MOMENT", help="Compare at this moment.")] = "latest",
    only: Annotated[
        list[Part] | None,
        typer.Option("--only", metavar="PART", help="objects, links or cliques, in full (repeatable)."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what would be otherwise if events had been. Writes nothing. Exit code: 0 nothing, 1 something, 2 trouble."""
    edits = read_edits(
        environment,
        drop=drop or (),
        drop_kinds=drop_kinds or (),
        drop_sources=drop_sources or (),
        alter=dict(_alteration(text) for text in alter or ()),
        add=[] if add is None else _events(add),
    )
    with existing(settings_of(context)) as engine:
        engine.questions.moment(environment)  # a long folding shows itself
        with folding(f"imagining {environment}") as progress:
            answer = engine.questions.what_if(environment, edits, begin, upto, progress)
        if json:
            as_json(answer)
        else:
            _tell(answer, only or [Part.OBJECTS], names_of(engine, answer, ("upto", "from")))
    raise typer.Exit(1 if differs(answer) else 0)


def _alteration(text: str) -> tuple[int, object]:
    """Answer offset and document of `OFFSET=FILE` or `OFFSET={...}`."""
    offset, _, what = text.partition("=")
    if not (offset.isascii() and offset.isdigit()) or not what:
        raise BadInput(f"--alter {text}: write OFFSET=FILE, or OFFSET={{...}} with a patch of what the event says")
    if not what.lstrip().startswith("{"):
        return int(offset), _said(Path(what))
    try:
        return int(offset), {"patch": decode_document(what.encode())}
    except BadInput as error:
        raise BadInput(f"--alter {text}: {error}") from error


def _said(path: Path) -> object:
    """Answer the one event of a file: by itself, or in an answer of `calipso events --payload`."""
    try:
        found = decode_document(_read(path))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    events = found.get("events", [found])
    if not isinstance(events, list) or len(events) != 1:
        raise BadInput(f"{path}: one event was expected")
    return events[0]


def _events(path: Path) -> list[object]:
    """Answer the events of a file: JSON, one a line, or an answer of `calipso events --payload`."""
    text = _read(path)
    try:
        whole = decode(text)
    except BadInput:
        whole = None
    if isinstance(whole, dict) and isinstance(whole.get("events"), list):
        return list(whole["events"])
    found: list[object] = []
    for number, one in enumerate(text.splitlines(), 1):
        try:
            found += [decode(one)] if one.strip() else []
        except BadInput as error:
            raise BadInput(f"{path}, line {number}: {error}") from error
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error


def _tell(answer: Document, parts: list[Part], names: Names) -> None:
    pieces((answer["environment"], "bold"), (" as it would be", ""))
    for side in ("from", "upto"):
        line(f"  {side:<4} offset {answer[side]['offset']}, {answer[side]['time']}")
    edits = ", ".join(f"{answer[how]} {how}" for how in ("dropped", "altered", "added"))
    line(f"  {answer['events']} events folded: {edits}")
    own = {(item["type"], item["id"]): item["name"] for how in ("added", "changed") for item in answer["objects"][how]}

    def name(object_type: str, object_id: str) -> str:
        known = names(object_type, object_id)
        return known if known != object_id else own.get((object_type, object_id), object_id)

    the_differences(answer, parts, name)
