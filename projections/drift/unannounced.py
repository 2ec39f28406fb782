"""What OpenStack never announces, and why: facts of which no notification could have told, by `unannounced.json`."""

from functools import cache
from importlib import resources
from typing import Any

from schemas.canonical import Document, decode_document


@cache
def table() -> dict[str, list[Document]]:
    """Answer the rows of each type: {reason, fields?, what?, when?}.

    A row speaks of the fields it names, of every fact if it names none; of the kinds of change in `what` (create,
    delete, change), if it has some; and of objects whose attributes begin as `when` says.
    """
    found: dict[str, Any] = decode_document(
        resources.files("projections.drift").joinpath("unannounced.json").read_bytes()
    )
    return {name: rows for name, rows in found.items() if name != "comment"}


@cache
def conditions(object_type: str) -> tuple[str, ...]:
    """Answer the attributes that the rows of a type look at, sorted."""
    return tuple(sorted({name for row in table().get(object_type, []) for name in row.get("when", {})}))


def reason(object_type: str, what: str, field: str | None, of: Document) -> str | None:
    """Answer why a fact of an object with the attributes `of` is not announced; None: it should have been."""
    for row in table().get(object_type, []):
        if _speaks(row, what, field) and _is(row.get("when", {}), of):
            return str(row["reason"])
    return None


def _speaks(row: Document, what: str, field: str | None) -> bool:
    return ("fields" not in row or field in row["fields"]) and ("what" not in row or what in row["what"])


def _is(wanted: Document, of: Document) -> bool:
    return all(str(of.get(name) or "").startswith(begin) for name, begin in wanted.items())
