"""The documentation is true: what there is is documented, and what is documented is there."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from calipso.cli import BROKEN_PIPE, TROUBLE, app
from producers.settings import (
    BusSettings,
    DatabaseSettings,
    EnvironmentSettings,
    HostAddress,
    MonitoringSettings,
    SshSettings,
)
from schemas.errors import BadInput
from schemas.events import Payload

ROOT = Path(__file__).parents[2]
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
COMMANDS = (ROOT / "docs" / "commands.md").read_text()
ENVIRONMENT = (ROOT / "docs" / "environment.md").read_text()
SOURCES = [path for floor in ("calipso", "producers", "api", "streams") for path in (ROOT / floor).rglob("*.py")]


def program() -> TyperGroup:
    """Answer the program as Typer built it."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def commands() -> dict[str, TyperCommand]:
    """Answer its commands by name."""
    return {name: command for name, command in program().commands.items() if isinstance(command, TyperCommand)}


def section(command: str) -> str:
    """Answer what docs/commands.md says of a command."""
    found = re.search(rf"^### `calipso {command}\b.*?(?=^##|\Z)", COMMANDS, re.MULTILINE | re.DOTALL)
    return "" if found is None else found.group()


def code(text: str) -> Iterator[str]:
    """Yield the lines of code blocks, fenced and indented, and what stands in backticks."""
    fenced = re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for block in fenced:
        yield from block.splitlines()
    yield from (line.strip() for line in re.findall(r"^ {4}\S.*", rest, re.MULTILINE))
    yield from re.findall(r"`([^`\n]+)`", rest)


def command_lines(path: Path) -> list[list[str]]:
    """Answer the words behind each `calipso` that a page shows."""
    pieces = (piece.strip() for line in code(path.read_text()) for piece in line.removeprefix("$ ").split("&&"))
    return [shlex.split(piece, comments=True)[1:] for piece in pieces if re.match(r"(\S*/)?calipso( |$)", piece)]


SHOWN = sorted({(path.name, *words) for path in DOCS for words in command_lines(path)})


def parse(words: tuple[str, ...]) -> None:
    """Parse words as the program does, without running anything."""
    if not words or words[0].startswith("-"):
        assert set(words) <= {option for param in program().params for option in param.opts} | {"--help"}
        return
    name, *rest = words
    if name != "COMMAND" and rest != ["--help"]:
        commands()[name].make_context(name, list(rest), parent=typer.Context(program()))


def test_the_pages_show_commands() -> None:
    assert {name for name, *_ in SHOWN} >= {"README.md", "commands.md", "environment.md", "api.md"}
    assert len(SHOWN) > 30


@pytest.mark.parametrize("shown", SHOWN, ids=" ".join)
def test_a_command_line_that_is_shown_can_be_typed(shown: tuple[str, ...]) -> None:
    _, *words = shown
    parse(tuple(words))


@pytest.mark.parametrize("words", [("nix",), ("diff", "demo", "1"), ("scan", "lab", "--colour"), ("--nix",)])
def test_a_wrong_command_line_would_be_found(words: tuple[str, ...]) -> None:
    with pytest.raises((KeyError, AssertionError, TyperException)):
        parse(words)


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_documented_with_each_argument_and_option(name: str) -> None:
    text = section(name)
    assert text, f"docs/commands.md has no section on {name}"
    heading = text.splitlines()[0]
    for param in commands()[name].params:
        if param.param_type_name == "argument":
            assert re.search(rf"\b{str(param.metavar).strip('[]')}\b", heading), f"{name} {param.metavar}"
        else:
            assert any(re.search(rf"`{option}\b", text) for option in param.opts), f"{name} {param.opts}"


def test_no_command_or_option_is_documented_that_is_not_there() -> None:
    assert set(re.findall(r"^### `calipso ([\w-]+)", COMMANDS, re.MULTILINE)) == set(commands())
    for name, command in commands().items():
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        assert set(re.findall(r"`(--[a-z-]+)", section(name))) <= known | {"--help"}


def test_every_example_of_a_help_can_be_typed() -> None:
    for name, command in commands().items():
        words = shlex.split(str(command.epilog).removeprefix("Such as: calipso "))
        assert words[0] == name
        parse(tuple(words))


def test_every_exit_code_is_documented() -> None:
    table = COMMANDS.partition("| exit code |")[2].partition("\n\n")[0]
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == {0, 1, TROUBLE, BROKEN_PIPE}


def test_every_kind_of_event_is_documented() -> None:
    assert all(f"`{payload.__name__}`" in section("events") for payload in get_args(Payload))


@pytest.mark.parametrize(
    "table", [EnvironmentSettings, SshSettings, HostAddress, BusSettings, DatabaseSettings, MonitoringSettings]
)
def test_every_key_of_an_environment_is_documented(table: type) -> None:
    shown = set(re.findall(r"^(\w+) = |^\[(?:\w+\.)*(\w+)|`(\w+) = ", ENVIRONMENT, re.MULTILINE))
    names = {name for found in shown for name in found} | set(re.findall(r"\[ssh\.(\w+)\.", ENVIRONMENT))
    assert {field.name for field in fields(table)} <= names


def test_the_environment_that_is_shown_is_one() -> None:
    (shown,) = re.findall(r"^```toml\n(.*?)^```", ENVIRONMENT, re.MULTILINE | re.DOTALL)
    settings = EnvironmentSettings.from_document(tomllib.loads(shown))
    assert settings.cloud == "lab"
    assert settings.ssh is not None
    with pytest.raises(BadInput):
        EnvironmentSettings.from_document(tomllib.loads(f"colour = 1\n{shown}"))


def test_every_environment_variable_is_documented() -> None:
    text = "".join(path.read_text() for path in [*SOURCES, ROOT / "tests" / "recordings.py"])
    used = set(re.findall(r'"((?:CALIPSO|OS)_[A-Z_]+)"', text))
    assert used >= {"CALIPSO_LOG", "CALIPSO_RECORDINGS", "OS_CLIENT_CONFIG_FILE"}
    documented = COMMANDS + (ROOT / "README.md").read_text()
    assert {name for name in used if f"`{name}" not in documented} == set()


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    for name in re.findall(r"`((?:calipso|producers|api|streams|projections|schemas|docs)/[\w./]*)`", page.read_text()):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", [page for page in DOCS if page.parent.name == "docs"], ids=lambda path: path.name)
def test_every_page_is_reached_from_the_readme(page: Path) -> None:
    assert f"](docs/{page.name})" in (ROOT / "README.md").read_text()
