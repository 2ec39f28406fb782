"""Answers on a terminal: tables, trees and short lines for a person, JSON for a program."""

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from schemas.canonical import Document

out = Console()
err = Console(stderr=True)

_STYLES = {"added": "green", "removed": "red", "changed": "yellow"}
_WIDEST = 120
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def as_json(answer: object) -> None:
    """Print an answer as indented JSON, the same for a terminal and for a pipe."""
    out.print(json.dumps(answer, indent=2, ensure_ascii=False), markup=False, highlight=False, soft_wrap=True)


def line(text: str) -> None:
    """Print one line of text as it is."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def trouble(text: str) -> None:
    """Print one line about what went wrong, on standard error."""
    err.print(f"calipso: {text}", markup=False, highlight=False, soft_wrap=True, style="red")


def moment(answer: Document) -> None:
    """Say of what moment the answer speaks."""
    out.print(
        f"[bold]{escape(answer['environment'])}[/] at offset {answer['offset']}, {answer['time']}", highlight=False
    )


def table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table; long cells fold rather than vanish."""
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(escape(short(cell)) for cell in row))
    out.print(grid)


def short(value: object) -> str:
    """Answer a value as a person reads it in a cell."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return ", ".join(str(item) for item in value)
    return json.dumps(value, ensure_ascii=False)


def counts(answer: Document) -> None:
    """Print how many objects of each type there are."""
    table(["TYPE", "OBJECTS"], sorted(answer.items()))


def the_object(answer: Document) -> None:
    """Print one object: where it stands, its attributes, its links."""
    out.print(f"[bold]{escape(answer['type'])} {escape(answer['name'])}[/]  {escape(answer['id'])}", highlight=False)
    line(f"  {answer['name_path']}")
    if answer["since"]:
        line(f"  as it is since {cause(answer['since'])}")
    rows = [(name, value) for name, value in sorted(answer["attributes"].items()) if value not in (None, "", [], {})]
    table(["ATTRIBUTE", "VALUE"], rows)
    if answer["links"]:
        out.print()
        links(answer["links"])


def links(found: Iterable[Document]) -> None:
    """Print links, one a row."""
    rows = (
        (link["type"], link.get("source_id"), link.get("target_id"), link.get("name"), link.get("state"))
        for link in found
    )
    table(["LINK", "FROM", "TO", "NAME", "STATE"], rows)


def the_tree(answer: Document) -> None:
    """Print the tree of objects and folders."""
    root = Tree(_label(answer["tree"]))
    _branch(root, answer["tree"]["children"])
    out.print(root)


def _branch(parent: Tree, children: list[Document]) -> None:
    for child in children:
        _branch(parent.add(_label(child)), child["children"])


def _label(node: Document) -> str:
    name = escape(node["name"])
    if node["type"].endswith("_folder"):
        return f"[dim]{name} ({len(node['children'])})[/]" if node["children"] else f"[dim]{name}[/]"
    return f"{name} [dim]{node['type']}[/]"


def the_clique(answer: Document) -> None:
    """Print a clique: its members and the links among them."""
    focal = answer["focal"]
    bounds = ", ".join(f"{k}={short(v)}" for k, v in answer["constraints"].items())
    out.print(f"[bold]clique of {escape(focal['type'])} {escape(focal['name'])}[/]", highlight=False)
    line(f"  recipe {answer['clique_type']}; bounded by {bounds}")
    table(["TYPE", "NAME", "HOST", "ID"], ((n["type"], n["name"], n["host"], n["id"]) for n in answer["nodes"]))
    out.print()
    links(answer["links"])


def the_impact(answer: Document) -> None:
    """Print what depends on an object."""
    own = answer["object"]
    found = answer["dependents"]
    out.print(f"[bold]{len(found)} objects depend on {escape(own['type'])} {escape(own['name'])}[/]", highlight=False)
    for group in ("instances", "networks", "projects", "hosts"):
        if answer[group]:
            line(f"  {group}: {', '.join(answer[group])}")
    rows = ((d["distance"], d["type"], d["name"], d["host"], _lost(d), d["because"]) for d in found)
    table(["STEPS", "TYPE", "NAME", "HOST", "LOSES", "BECAUSE"], rows)


def _lost(dependent: Document) -> str:
    return "all" if dependent["whole"] else short(dependent["lost_networks"]) or "a share"


def the_diff(answer: Document, kinds: Iterable[str]) -> None:
    """Print a comparison: what came, what went, what changed with its cause."""
    a, b = answer["from"], answer["to"]
    head = f"[bold]{escape(answer['environment'])}[/] from offset {a['offset']} ({a['time']})"
    out.print(f"{head} to offset {b['offset']} ({b['time']})", highlight=False)
    for kind in kinds:
        _diff_kind(kind, answer[kind])


def _diff_kind(kind: str, found: Document) -> None:
    sizes = ", ".join(f"{len(found[how])} {how}" for how in _SIGNS)
    out.print(f"\n[bold]{kind}[/]: {sizes}", highlight=False)
    for how, sign in _SIGNS.items():
        for item in found[how]:
            name = f"{item['type']} {item['name']}" + (f"  {item['id']}" if item["name"] != item["id"] else "")
            fields = item.get("fields", [])
            causes = {field["cause"]["offset"]: field["cause"] for field in fields}
            own = item.get("cause") or (next(iter(causes.values())) if len(causes) == 1 else None)
            after = f"  [dim]{escape(cause(own))}[/]" if own else ""
            out.print(f"[{_STYLES[how]}]{sign} {escape(name)}[/]{after}", highlight=False, soft_wrap=True)
            for field in fields:
                line(f"    {field_line(field)}" + ("" if own else f"  ({cause(field['cause'])})"))


def field_line(field: Document) -> str:
    """Answer a changed field in one line."""
    before, after = (clipped(short(field[side])) for side in ("before", "after"))
    return f"{field['field']}: {before} -> {after}"


def clipped(text: str) -> str:
    """Answer a text that fits a line; what is cut off shows as an ellipsis (--json has it whole)."""
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def cause(found: Document) -> str:
    """Answer an event in a few words."""
    return f"offset {found['offset']}, {found['source']} {found['event']} {found['time']}"


def the_history(answer: Document) -> None:
    """Print the versions of one object."""
    for version in answer["versions"]:
        how = version["change"]
        text = f"{_SIGNS[how]} {how}  {cause(version['cause'])}"
        out.print(f"[{_STYLES[how]}]{escape(text)}[/]", highlight=False)
        for field in version["fields"]:
            line(f"    {field_line(field)}")


def events(found: Iterable[Document]) -> None:
    """Print events in the order of the log."""
    rows = ((e["offset"], e["time"], e["source"], e["event"], e["summary"]) for e in found)
    table(["OFFSET", "LOGGED", "SOURCE", "EVENT", "WHAT"], rows)
