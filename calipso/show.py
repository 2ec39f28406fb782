"""Answers on a terminal: tables, trees and short lines for a person."""

from collections.abc import Iterable, Mapping

from rich.text import Text
from rich.tree import Tree

from calipso.terminal import clipped, line, out, pieces, table
from calipso.values import changes, printable, rows, short
from schemas.canonical import Document

STYLES = {"added": "green", "removed": "red", "changed": "yellow"}
SIGNS = {"added": "+", "removed": "-", "changed": "~"}


_BY_ID = ("host_pnic", "vnic")
"""Devices are named alike on many hosts; their ids say the host."""


def label(object_type: str, object_id: str, name: str) -> str:
    """Answer what to call an object among others of its type."""
    return object_id if object_type in _BY_ID else name


def moment(answer: Document) -> None:
    """Say of what moment the answer speaks."""
    pieces((answer["environment"], "bold"), (f" at offset {answer['offset']}, {answer['time']}", ""))


def counts(answer: Mapping[str, int]) -> None:
    """Print how many objects of each type there are."""
    table(["TYPE", "OBJECTS"], sorted(answer.items()))


def objects(found: Iterable[Document], names: Mapping[tuple[str, str], str]) -> None:
    """Print objects by name, each with the name of what it is under."""
    cells = ((o["name"], o["id"], f"{o['parent']['type']} {names[_parent(o)]}") for o in found)
    table(["NAME", "ID", "UNDER"], sorted(cells))


def _parent(obj: Document) -> tuple[str, str]:
    return obj["parent"]["type"], obj["parent"]["id"]


def the_object(answer: Document) -> None:
    """Print one object: where it stands, its attributes, its links."""
    pieces((f"{answer['type']} {answer['name']}", "bold"), (f"  {answer['id']}", ""))
    line(f"  {answer['name_path']}")
    if answer["since"]:
        line(f"  as it is since {cause(answer['since'])}")
    known = ((name, value) for name, value in sorted(answer["attributes"].items()) if value not in (None, "", [], {}))
    table(["ATTRIBUTE", "VALUE"], [row for name, value in known for row in rows(name, value)])
    if answer["links"]:
        line("")
        ends = ((link, _other_end(link, answer)) for link in answer["links"])
        table(["LINK", "WITH", "STATE", "NAME"], ((k["type"], end, k["state"], k["name"]) for k, end in ends))


def _other_end(link: Document, obj: Document) -> str:
    own = (link["source_type"], link["source_id"]) == (obj["type"], obj["id"])
    return str(link["target_id"] if own else link["source_id"])


def the_tree(answer: Document) -> None:
    """Print the tree of objects and folders."""
    root = Tree(_label(answer["tree"]))
    _branch(root, answer["tree"]["children"])
    out.print(root, soft_wrap=True)


def _branch(parent: Tree, children: list[Document]) -> None:
    for child in children:
        _branch(parent.add(_label(child)), child["children"])


def _label(node: Document) -> Text:
    name = printable(node["name"])
    if node["type"].endswith("_folder"):
        return Text(f"{name} ({len(node['children'])})" if node["children"] else name, style="dim")
    return Text.assemble(name, (f" {node['type']}", "dim"))


def the_clique(answer: Document) -> None:
    """Print a clique: its members and the links among them."""
    focal = answer["focal"]
    pieces((f"clique of {focal['type']} {focal['name']}", "bold"), (f", by the recipe {answer['clique_type']}", ""))
    names = {(n["type"], n["id"]): label(n["type"], n["id"], n["name"]) for n in answer["nodes"]}
    for name, value in answer["constraints"].items():
        bounds = value if isinstance(value, list) else [value]
        line(f"  within {name} {', '.join(str(names.get((name, bound), bound)) for bound in bounds)}")
    table(["TYPE", "NAME", "ID"], ((n["type"], n["name"], n["id"]) for n in answer["nodes"]))
    line("")
    ends = (
        (names[k["source_type"], k["source_id"]], names[k["target_type"], k["target_id"]], k["state"], k["name"])
        for k in answer["links"]
    )
    table(["FROM", "TO", "STATE", "LINK"], ends)


def the_impact(answer: Document) -> None:
    """Print what depends on an object."""
    own = answer["object"]
    found = answer["dependents"]
    pieces((f"{len(found)} objects depend on {own['type']} {own['name']}", "bold"))
    for group in ("instances", "networks", "projects", "hosts"):
        if answer[group]:
            line(f"  {group}: {', '.join(answer[group])}")
    if found:
        cells = ((d["distance"], d["type"], d["name"], d["host"], _lost(d), d["because"]) for d in found)
        table(["STEPS", "TYPE", "NAME", "HOST", "LOSES", "BECAUSE"], cells, cut=True)


def _lost(dependent: Document) -> str:
    if dependent["whole"]:
        return "all"
    return short(dependent["lost_networks"]) if dependent["lost_networks"] else "a share"


def the_history(answer: Document, asked: str) -> None:
    """Print the versions of one object, asked for by id or name."""
    pieces((f"{answer['type']} {asked}", "bold"), ("" if asked == answer["id"] else f"  {answer['id']}", ""))
    for version in answer["versions"]:
        how = version["change"]
        line(f"{SIGNS[how]} {how}  {cause(version['cause'])}", STYLES[how])
        for field in version["fields"]:
            for text in changes(field["field"], field["before"], field["after"]):
                clipped(f"    {text}")


def cause(found: Document) -> str:
    """Answer an event in a few words."""
    return f"#{found['offset']} {found['event']} of {found['source']}, {seconds(found['time'])}"


def seconds(time: str | None) -> str:
    """Answer an ISO time without its fractions."""
    return "-" if time is None else f"{time.partition('.')[0]}Z"


def events(found: Iterable[Document]) -> None:
    """Print events in the order of the log."""
    cells = ((e["offset"], seconds(e["time"]), e["event"], e["summary"]) for e in found)
    table(["OFFSET", "LOGGED", "EVENT", "WHAT"], cells, cut=True)
