"""Environments on the command line: described, changed, removed, and asked about at any moment."""

from pathlib import Path

import pytest

from tests.e2e.conftest import BEFORE
from tests.e2e.program import Program

LAB = """
cloud = "lab"
distribution = "Kolla"
[ssh]
user = "root"
[bus]
url = "amqp://calipso@192.0.2.20:5672/"
password = "env:LAB_BUS_PASSWORD"
"""


@pytest.fixture
def described(program: Program, tmp_path: Path) -> Program:
    """Give a program that knows one environment."""
    define = tmp_path / "lab.toml"
    define.write_text(LAB)
    assert program.run("env", "add", "lab", "--define", str(define)).out.startswith("lab: added\n")
    return program


def test_a_change_says_what_changed_and_the_past_stays_as_it_was(described: Program) -> None:
    changed = described.run("env", "add", "lab", "--listen", "--ssh-port", "2222", "--mechanism-driver", "OVN")
    assert changed.out.splitlines() == [
        "lab: changed",
        "  listen: no -> yes",
        "  mechanism_drivers: + OVN",
        "  ssh.port: 22 -> 2222",
    ]
    assert described.run("env", "add", "lab", "--listen").out == "lab: nothing changed\n"
    now, then = (described.run("env", "show", "lab", "--at", at, "--json").answer for at in ("latest", "0"))
    assert (now["settings"]["ssh"]["port"], then["settings"]["ssh"]["port"]) == (2222, 22)
    assert (now["settings"]["listen"], then["settings"]["listen"]) == (True, False)


def test_a_removed_environment_keeps_its_past_and_is_looked_after_again_when_described(program: Program) -> None:
    program.scan("lab", BEFORE)
    program.run("env", "remove", "lab", "--note", "sold to a friend")
    shown = program.run("env", "show", "lab").out
    assert "sold to a friend" in shown
    assert program.run("at", "lab", "--type", "instance", "--json").answer["objects"]
    assert "removed" in program.run("env", "list").out
    refused = program.refused("scan", "lab", "--from", str(BEFORE))
    assert "was removed" in refused
    assert "env add lab" in refused
    assert "removed already" in program.refused("env", "remove", "lab")
    back = program.run("env", "add", "lab", "--cloud", "lab", "--ssh-user", "root")
    assert back.out.startswith("lab: looked after again\n")
    assert program.run("env", "show", "lab", "--json").answer["removed"] is None
    assert program.run("env", "show", "lab", "--at", "latest", "--json").answer["settings"]["cloud"] == "lab"
    program.scan("lab", BEFORE)


def test_the_list_speaks_of_the_moment_that_is_asked_for(described: Program) -> None:
    described.run("env", "add", "other", "--bus", "kafka://192.0.2.21:9092")
    answer = described.run("env", "list", "--json").answer["environments"]
    assert [one["name"] for one in answer] == ["lab", "other"]
    assert described.run("env", "list", "--at", "2020-01-01", "--json").answer == {"environments": []}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("env", "add", "new"), "'cloud' is missing"),
        (("env", "add", "new", "--cloud", "c"), "'ssh.user' is missing"),
        (("env", "add", "lab", "--bus-password", "planted"), "'bus.password' is a secret"),
        (("env", "add", "lab", "--bus", "amqp://me:planted@host"), "'bus.url' is written amqp://"),
        (("env", "add", "lab", "--monitor"), "'monitoring' is missing"),
        (("env", "add", "lab", "--type-driver", "wlan"), "'type_drivers' has 'wlan'"),
        (("env", "add", "a/b", "--cloud", "c"), "a name has no spaces or slashes"),
        (("env", "list", "lab"), "env: write env add NAME"),
        (("env", "shew", "lab"), "env: write env add NAME"),
        (("env", "show", "nix"), "there is none of that name"),
        (("env", "remove", "nix"), "there is none of that name"),
        (("env", "show", "lab", "--note", "x"), "env show: does not take --note"),
        (("env", "list", "--listen"), "env list: does not take --listen"),
        (("env", "add", "lab", "--at", "-1h"), "env add: does not take --at"),
    ],
)
def test_what_cannot_be_is_refused_naming_it_and_writes_nothing(
    described: Program, words: tuple[str, ...], reason: str
) -> None:
    refused = described.refused(*words)
    assert reason in refused
    assert "planted" not in refused
    assert len(described.run("events", "lab", "--json").answer["events"]) == 1
    assert [one["name"] for one in described.run("env", "list", "--json").answer["environments"]] == ["lab"]
