"""The command that tells which plug-ins are installed."""

from calipso.reading import Json
from calipso.terminal import as_json, line, table
from schemas.plugins import installed


def plugins(json: Json = False) -> None:
    """List what other distributions add: types of objects, fetchers, rules, clique types, handlers, listeners."""
    found = installed()
    if json:
        return as_json({"plugins": [plugin._asdict() for plugin in found]})
    if not found:
        return line("no plug-in is installed")
    return table(("ADDS", "NAME", "OF", "VERSION"), [tuple(plugin) for plugin in found])
