"""docs/extending.md from start to end: its files are written, built, installed, and do what it shows."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "extending.md").read_text()
BUNDLE = ROOT / "tests" / "data" / "linux-bridge"
NAMED = re.compile(r"^`([^`\n]+)`\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^    \$ (calipso .*)\n((?:    .*\n)*)", re.MULTILINE)

_TARGETS = """
import os
from calipso.settings import read
from calipso.wiring import opened
with opened(read(os.environ)) as engine:
    engine.worker.catch_up("lab")
    print(*(row["id"] for row in engine.questions.targets(engine.questions.past("lab"))))
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A folder where the reader of the tutorial works."""

    folder: Path

    @property
    def path(self) -> str:
        """Answer where Python finds the plug-in, beside what it finds anyway."""
        return os.pathsep.join(filter(None, [str(self.folder / "installed"), os.environ.get("PYTHONPATH")]))

    def write(self) -> None:
        """Write the files of the tutorial, and the bundle that it changes."""
        shutil.copytree(BUNDLE, self.folder / "BUNDLE")
        for name, text in NAMED.findall(TUTORIAL):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        said = (self.folder / "BUNDLE" / "cli" / "lxb-1" / "lldp.txt").read_text()
        empty = f"{said.splitlines()[0]}\n# exit 0\n"
        for host in ("lxb-2", "lxb-ctl"):
            (self.folder / "BUNDLE" / "cli" / host / "lldp.txt").write_text(empty)

    def install(self, source: str = "calipso-lldp") -> None:
        """Build the distribution and install it into a folder of its own, without any network."""
        words = ["install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--upgrade"]
        target = ["--target", str(self.folder / "installed"), str(self.folder / source)]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", *words, *target],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, command: str, *, plugged: bool = True) -> Ended:
        """Run a command of Calipso, with or without the plug-in."""
        more = {"PYTHONPATH": self.path} if plugged else {}
        data = {"CALIPSO_LOG": f"local:{self.folder / 'data'}", "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, "-m", "calipso", *command.split()[1:]],
            cwd=self.folder,
            env={**os.environ, **data, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def targets(self) -> list[str]:
        """Answer the hosts that notifications ask to look at again, as a process with the plug-in sees them."""
        data = {"CALIPSO_LOG": f"local:{self.folder / 'data'}", "PYTHONPATH": self.path}
        words = [sys.executable, "-c", _TARGETS]
        done = subprocess.run(
            words, env={**os.environ, **data}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def change(self, name: str, before: str, after: str) -> None:
        """Change one of the installed files."""
        path = self.folder / "installed" / "calipso_lldp" / name
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)  # which tells a change by second and size


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a place where the tutorial was followed as far as the installation."""
    found = Place(tmp_path)
    found.write()
    found.install()
    return found


def words(text: str) -> str:
    """Answer a text with single blanks."""
    return " ".join(text.split())


def test_the_tutorial_does_what_it_shows(place: Place) -> None:
    shown = SHOWN.findall(TUTORIAL)
    assert len(shown) == 6
    for command, expected in shown:
        ended = place.run(command)
        assert ended.code == 0, ended.err
        for line in filter(None, map(words, expected.splitlines())):
            assert line in words(ended.out), f"{command}: {line!r} is not in\n{ended.out}"
    node = '"switch_port",\n      "id": "lxb-1-eth0"'
    assert words(node) in words(place.run("calipso clique lab instance web-1 --json").out)
    assert place.targets() == ["lxb-1"]
    assert place.run("calipso verify lab").code == 0


def test_a_history_is_folded_anew_when_the_plug_in_comes_goes_or_changes(place: Place) -> None:
    assert place.run("calipso scan lab --from BUNDLE").code == 0
    with_it = place.run("calipso impact lab switch_port lxb-1-eth0").out
    assert "web-1" in with_it
    without = place.run("calipso clique lab instance web-1 --json", plugged=False)
    assert (without.code, "switch_port" in without.out) == (0, False)
    assert "switch_port" in place.run("calipso clique lab instance web-1 --json").out
    project = place.folder / "calipso-lldp" / "pyproject.toml"
    project.write_text(project.read_text().replace('"1.0"', '"1.1"'))
    rule = place.folder / "calipso-lldp" / "calipso_lldp" / "rule.py"
    rule.write_text(rule.read_text().replace('str(port.get("name"))', '"wired to"'))
    shutil.rmtree(place.folder / "installed")
    place.install()
    assert "wired to" in place.run("calipso clique lab instance web-1 --json").out


@pytest.mark.parametrize(
    ("file", "before", "after", "reason"),
    [
        (
            "rule.py",
            'Rule("host_pnic-switch_port"',
            'Rule("host_pnic-port"',
            "joins links of the type 'host_pnic-port'",
        ),
        ("rule.py", "RULE = Rule(", "RULES = Rule(", "cannot be loaded: AttributeError"),
        ("rule.py", "from projections.link import", "from projections.links_of_old import", "ModuleNotFoundError"),
        ("object_type.py", '"switch_port", ("host",)', '"switch_port", ("rack",)', "there is no type rack"),
        ("object_type.py", 'ObjectType("switch_port"', 'ObjectType("port"', "calls itself 'port'"),
        ("clique_types.py", '"host_pnic-switch_port"', '"host_pnic-switchport"', "is not two types of objects"),
        ("handler.py", '"lldp.neighbour.moved"', '"port.update"', "Calipso itself handles port.update"),
    ],
)
def test_a_plug_in_that_is_broken_is_named_in_one_line(
    place: Place, file: str, before: str, after: str, reason: str
) -> None:
    place.change(file, before, after)
    ended = place.run("calipso environments")
    assert ended.code == 2
    assert len(ended.err.strip().splitlines()) == 1, ended.err
    assert reason in ended.err
    assert "switch_port" in ended.err or "calipso-lldp 1.0" in ended.err


@pytest.mark.parametrize("module", ["object_type", "fetcher", "rule", "clique_types", "handler", "listener"])
def test_a_module_of_a_plug_in_may_be_the_first_that_is_imported(place: Place, module: str) -> None:
    """As its own tests do; all of Calipso may follow."""
    told = f"import calipso_lldp.{module}, calipso.cli, producers.plan; producers.plan.load_plan()"
    more = {"PYTHONPATH": place.path}
    words = [sys.executable, "-c", told]
    done = subprocess.run(words, env={**os.environ, **more}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_entry_of_the_plan_that_is_wrong_is_named(place: Place) -> None:
    place.change("fetcher.py", '"under": "host"', '"under": "rack"')
    ended = place.run("calipso scan lab --from BUNDLE")
    assert ended.code == 2
    assert "entry 'switch-port': there is no object type 'rack' to look under" in ended.err


def test_a_fetcher_that_breaks_is_a_failure_that_names_it_and_the_scan_goes_on(place: Place) -> None:
    place.change(
        "fetcher.py", "    for nic, port in parse(", '    raise RuntimeError("boom")\n    for nic, port in parse('
    )
    ended = place.run("calipso scan lab --from BUNDLE")
    assert "completed_with_errors" in ended.out
    assert "plug-in switch_ports of calipso-lldp 1.0 (calipso.fetchers): RuntimeError: boom" in ended.err


def test_a_host_that_does_not_answer_the_new_question_is_a_failure(place: Place) -> None:
    (place.folder / "BUNDLE" / "cli" / "lxb-1" / "lldp.txt").unlink()
    ended = place.run("calipso scan lab --from BUNDLE")
    assert "switch-port" in ended.err
    assert "does not hold 'lldpcli -f keyvalue show neighbors' of host lxb-1" in words(ended.err)


def test_a_listener_that_is_not_there_is_told_with_those_that_are(place: Place) -> None:
    ended = place.run("calipso listen lab --with lines:moved.txt")
    assert (ended.code, "listener lines: there is none (known: lldp-lines)" in ended.err) == (2, True)
    first = place.run("calipso listen lab --with lldp-lines:moved.txt")
    again = place.run("calipso listen lab --with lldp-lines:moved.txt")
    assert "1 notifications written" in first.out
    assert "0 notifications written, 1 were there already" in again.out
