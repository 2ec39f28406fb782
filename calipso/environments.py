"""The command that looks after environments: what each is, how it is reached, and how its sources answer."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from calipso import definition, described, show
from calipso.reading import At, Json, settings_of
from calipso.terminal import as_json, line, pieces, table
from calipso.values import changes, rows
from calipso.wiring import Engine, event, existing, opened
from producers import rules
from producers.settings import EnvironmentSettings
from schemas.canonical import Document, encode
from schemas.errors import BadInput, BadSettings, Conflict, NotFound
from schemas.events import ConnectionTested, EnvironmentRemoved

_TIMEOUT = 20.0
_WRITE = "env: write env add NAME, env list, env show NAME, env test NAME or env remove NAME"


def env(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="add, list, show, test or remove.")],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of the environment.")] = None,
    define: Annotated[
        Path | None,
        typer.Option("--define", metavar="FILE", help="TOML that describes it whole (docs/environment.md)."),
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why it is removed.")] = "",
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", min=1, max=600, help=f"Of each trial of env test [{_TIMEOUT:g}]."),
    ] = None,
    at: At = "latest",
    json: Json = False,
    **said: Any,  # noqa: ANN401 - the options of calipso/described.py, each a text, a number, a list or a yes
) -> None:
    """Describe an environment or change that, show it, try its sources, or end looking after it."""
    settings = settings_of(context)
    given = {"define": define, "note": note or None, "timeout": timeout, "at": None if at == "latest" else at}
    _refuse_unfit(action, name, {**said, **given})
    match action, name:
        case "add", str():
            with opened(settings) as engine:
                return _tell_added(add(engine, name, define, said), json=json)
        case "list", None:
            with existing(settings) as engine:
                return _tell_list(engine.questions.environments(at), json=json)
        case "show", str():
            with existing(settings) as engine:
                return _tell(engine.questions.environment(name, at), json=json)
        case "test", str():
            with existing(settings) as engine:
                result = test(engine, name, timeout or _TIMEOUT)
            _tell_tested(result, json=json)
            raise typer.Exit(0 if result["passed"] else 2)
        case "remove", str():
            with existing(settings) as engine:
                remove(engine, name, note)
            return line(f"{name}: removed; what is known of it stays, and can be asked about")
    raise BadInput(_WRITE)


_TAKES = {
    "add": {"define", *(key.name for key in described.KEYS)},
    "list": {"at"},
    "show": {"at"},
    "test": {"timeout"},
    "remove": {"note"},
}
"""The options of each action, beside --json."""


def _refuse_unfit(action: str, name: str | None, said: dict[str, object]) -> None:
    if action not in _TAKES or (name is None) != (action == "list"):
        raise BadInput(_WRITE)
    for option, value in said.items():
        if value not in (None, []) and option not in _TAKES[action]:
            raise BadInput(f"env {action}: does not take --{option.replace('_', '-')}")


def _with_keys(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command an option for each key that can be said in one."""
    own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
    keyed = [
        inspect.Parameter(key.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(key))
        for key in described.KEYS
    ]
    command.__signature__ = inspect.Signature(own + keyed)  # type: ignore[attr-defined]  # what inspect looks at first
    command.__annotations__ |= {parameter.name: parameter.annotation for parameter in keyed}
    return command


def _option(key: described.Key) -> object:
    if key.kind is bool:
        return Annotated[bool | None, typer.Option(f"{key.option}/--no-{key.option[2:]}", help=key.help)]
    kind: Any = list[str] | None if key.kind is list else key.kind | None
    return Annotated[kind, typer.Option(key.option, metavar=key.metavar, help=key.help)]


_with_keys(env)


def add(engine: Engine, name: str, define: Path | None, said: dict[str, object]) -> Document:
    """Describe an environment, or change how it is described; answer what that changed.

    What a file says is all of it; options alone change what they name. Raises BadSettings, naming the key.
    """
    definition.check_name(name)
    before = definition.described(engine, name)
    if define is not None:
        base, source = EnvironmentSettings.load(define), str(define)
    else:
        base, source = before or EnvironmentSettings(), f"environment {name}"
    settings = EnvironmentSettings.from_document(described.completed(base.to_document(), said), source)
    rules.check(settings, source)
    rules.check_sources(settings, source)
    back = definition.is_removed(engine, name)
    written = definition.write(engine, name, settings)
    return {
        "environment": name,
        "change": "unchanged" if not written else "added" if before is None else "back" if back else "changed",
        "fields": _differences({} if before is None else before.to_document(), settings.to_document()),
        "settings": settings.to_document(),
    }


def _differences(before: Document, after: Document) -> list[Document]:
    """Answer the keys whose values differ, each by its way; what is not said is None."""
    old, new = dict(_said("", before)), dict(_said("", after))
    different = (key for key in sorted(old | new) if old.get(key) != new.get(key))
    return [{"field": key, "before": old.get(key), "after": new.get(key)} for key in different]


def _said(prefix: str, settings: Document) -> Iterator[tuple[str, object]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _said(f"{prefix}{key}.", value)
        elif value not in (None, []):
            yield f"{prefix}{key}", value


def remove(engine: Engine, name: str, note: str) -> None:
    """Say that nobody looks after it any more. NotFound if there is none, Conflict if that was said already."""
    if engine.journal.head(name) < 0:
        known = ", ".join(engine.journal.environments()) or "none"
        raise NotFound(f"environment {name}: there is none of that name (known: {known})")
    if definition.is_removed(engine, name):
        raise Conflict(f"environment {name}: was removed already")
    engine.journal.append([event(name, EnvironmentRemoved(note), definition.OPERATOR)])
    engine.worker.catch_up(name)


def test(engine: Engine, name: str, seconds: float) -> Document:
    """Try every source that the settings name, write down how that went, and answer it."""
    settings = definition.known(engine, name)
    if settings is None:
        raise NotFound(f"environment {name}: is not described: calipso env add {name} --define FILE")
    from producers.trials import try_all  # here, for no other action should wait for what talks to clouds

    results = [one.document() for one in try_all(name, settings, seconds)]
    if not results:
        raise BadSettings(f"environment {name}: its settings name no source: calipso env add {name} --define FILE")
    passed = all(result["passed"] for result in results)
    engine.journal.append([event(name, ConnectionTested(passed, encode(results)), definition.OPERATOR)])
    engine.worker.catch_up(name)
    return {"environment": name, "passed": passed, "results": results}


def _tell_tested(answer: Document, *, json: bool) -> None:
    if json:
        return as_json(answer)
    tell_results(answer["results"])
    return line(f"{answer['environment']}: {_passed(answer)}")


_CHANGES = {"added": "added", "changed": "changed", "back": "looked after again", "unchanged": "nothing changed"}


def _tell_added(answer: Document, *, json: bool) -> None:
    if json:
        return as_json(answer)
    line(f"{answer['environment']}: {_CHANGES[answer['change']]}")
    for field in answer["fields"]:
        for text in changes(field["field"], field["before"], field["after"]):
            line(f"  {text}")
    return None


def _tell_list(found: list[Document], *, json: bool) -> None:
    if json:
        return as_json({"environments": found})
    columns = ["ENVIRONMENT", "CLOUD", "DISTRIBUTION", "DRIVERS", "LISTENER", "TESTED", "LAST SCAN"]
    return table(columns, map(_row, found))


def _row(answer: Document) -> tuple[object, ...]:
    settings = {**answer["detected"], **{k: v for k, v in answer["settings"].items() if v}}
    distribution = " ".join(filter(None, (settings.get("distribution"), settings.get("distribution_version"))))
    scan = answer["last_scan"]
    removed = answer["removed"]
    return (
        answer["environment"],
        settings.get("cloud"),
        distribution or None,
        settings.get("mechanism_drivers"),
        _listener(answer),
        None if answer["tested"] is None else _passed(answer["tested"]),
        f"removed {show.seconds(removed['at'])}" if removed else scan and scan["status"],
    )


def _passed(tested: Document) -> str:
    failed = sum(not result["passed"] for result in tested["results"])
    return "all well" if tested["passed"] else f"{failed} of {len(tested['results'])} failed"


def _listener(answer: Document) -> str:
    if answer["listener"] is not None:
        return str(answer["listener"]["state"])
    return "wanted" if answer["settings"].get("listen") and not answer["removed"] else "-"


def _tell(answer: Document, *, json: bool) -> None:
    if json:
        return as_json(answer)
    show.moment(answer)
    removed, listener, tested, scan = (answer[part] for part in ("removed", "listener", "tested", "last_scan"))
    if removed:
        line(f"  removed {show.seconds(removed['at'])}{_because(removed['note'])}", "red")
    if listener:
        line(f"  listener {listener['state']} since {show.seconds(listener['since'])}{_because(listener['cause'])}")
    elif answer["settings"].get("listen") and not removed:
        line("  listener wanted, none ran yet: calipso listen --all")
    if scan:
        line(f"  last scan {scan['status']}, {show.seconds(scan['started_at'])}, of {scan['origin']}")
    said = [row for part in ("settings", "detected") for row in _settings(part, answer[part])]
    table(["", "SETTING", "VALUE"], said)
    if tested:
        line("")
        line(f"sources tried {show.seconds(tested['at'])}: {_passed(tested)}")
        tell_results(tested["results"])
    return None


def _because(text: str) -> str:
    return f": {text}" if text else ""


def _settings(part: str, settings: Document) -> list[tuple[str, str, str]]:
    found = ((name, value) for name, value in settings.items() if value not in (None, "", [], {}, False))
    return [(part, *row) for name, value in found for row in rows(name, value)]


def tell_results(results: list[Document]) -> None:
    """Print how each source answered, and how to mend what did not."""
    for result in results:
        sign, style = ("ok    ", "green") if result["passed"] else ("failed", "red")
        named = f"{result['source']} {result['target']}".rstrip()
        pieces((sign, style), (f"  {named}: {result['text']}", ""))
        if result["remedy"]:
            line(f"          {result['remedy']}", "dim")
