"""Each command as its user meets it: answers, JSON, moments, names, exit codes, pipes and terminals."""

import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calipso.values import printable
from tests.e2e.program import Program

README = (Path(__file__).parents[2] / "README.md").read_text()
MOVED = "web-1"
ANSI = "\x1b["
READING: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "at": (("at", "demo"), {"environment", "offset", "time", "objects"}),
    "show": (
        ("show", "demo", "instance", MOVED),
        {"environment", "offset", "time", "type", "id", "name", "parent", "attributes", "links", "since"},
    ),
    "tree": (("tree", "demo"), {"environment", "offset", "time", "tree"}),
    "clique": (
        ("clique", "demo", "instance", MOVED),
        {"environment", "offset", "time", "focal", "clique_type", "constraints", "nodes", "links", "since"},
    ),
    "impact": (
        ("impact", "demo", "host", "compute-2"),
        {"environment", "offset", "time", "object", "dependents", "instances", "hosts", "projects", "networks"},
    ),
    "diff": (("diff", "demo", "@sunday", "@monday"), {"environment", "from", "to", "objects", "links", "cliques"}),
    "bisect": (
        ("bisect", "demo", "--expect", f"instance {MOVED}.host == compute-2"),
        {"expect", "environment", "from", "to", "every", "flips", "evaluations"},
    ),
    "history": (
        ("history", "demo", "instance", MOVED),
        {"environment", "offset", "time", "type", "id", "versions"},
    ),
    "events": (("events", "demo"), {"environment", "offset", "time", "events", "next"}),
    "snapshots": (("snapshots", "demo"), {"environment", "offset", "time", "snapshots"}),
    "environments": (("environments",), {"environments"}),
    "search": (("search", "demo", "10.1.0."), {"environment", "offset", "time", "objects", "more"}),
    "verify": (("verify", "demo"), {"environment", "events", "changes", "offset", "digest", "problem"}),
}
EXIT = {"bisect": 1, "diff": 1}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Give the demo's cloud. Only to be read."""
    program = Program(tmp_path_factory.mktemp("demo") / "data")
    program.run("demo")
    return program


def sunday(demo: Program) -> int:
    """Answer the offset of the demo's first snapshot."""
    found = demo.run("snapshots", "demo", "--json").answer["snapshots"]
    return next(int(s["at_offset"]) for s in found if s["name"] == "sunday")


# -- answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READING)
def test_json_is_all_that_stands_on_standard_output_and_nothing_on_standard_error(demo: Program, name: str) -> None:
    words, keys = READING[name]
    ended = demo.run(*words, "--json", code=EXIT.get(name, 0))
    assert keys <= ended.answer.keys()
    assert ended.err == ""


@pytest.mark.parametrize("words", re.findall(r"^\|.*`calipso (\w\S* demo[^`]*)` \|$", README, re.MULTILINE))
def test_what_the_readme_asks_of_the_demo_is_answered(demo: Program, words: str) -> None:
    ended = demo.run(*shlex.split(words), code=None)
    assert ended.code in (0, 1)
    assert ended.err == ""


@pytest.mark.parametrize("name", READING)
def test_a_pipe_gets_text_without_colours_and_without_trailing_blanks(demo: Program, name: str) -> None:
    ended = demo.run(*READING[name][0], code=EXIT.get(name, 0))
    assert ended.out.strip()
    assert ANSI not in ended.out
    assert ended.err == ""
    assert not re.search(r" $", ended.out, re.MULTILINE)


def test_a_pipe_gets_a_line_for_each_row_however_long(demo: Program) -> None:
    rows = demo.run("at", "demo", "--type", "port", COLUMNS="40").out.splitlines()[2:]
    ports = demo.run("at", "demo", "--type", "port", "--json").answer["objects"]
    assert sorted(row.split()[1] for row in rows) == sorted(port["id"] for port in ports)


def test_at_counts_the_objects_of_each_type(demo: Program) -> None:
    objects = demo.run("at", "demo", "--json").answer["objects"]
    instances = sum(obj["type"] == "instance" for obj in objects)
    assert re.search(rf"^instance +{instances}$", demo.run("at", "demo").out, re.MULTILINE)


def test_what_an_object_is_under_is_told_by_name(demo: Program) -> None:
    assert re.search(r"^web .* project demo$", demo.run("at", "demo", "--type", "network").out, re.MULTILINE)


def test_a_name_does_as_well_as_an_id(demo: Program) -> None:
    by_name = demo.run("show", "demo", "instance", MOVED, "--json").answer
    assert demo.run("show", "demo", "instance", by_name["id"], "--json").answer == by_name
    for command in ("clique", "impact", "history"):
        answers = [demo.run(command, "demo", "instance", word, "--json").answer for word in (MOVED, by_name["id"])]
        assert answers[0] == answers[1]
    assert demo.run("tree", "demo", "instance", MOVED, "--json").answer["tree"]["id"] == by_name["id"]


def test_a_name_that_many_have_is_refused_with_their_ids(demo: Program) -> None:
    assert "compute-1-eth1, compute-2-eth1" in demo.refused("show", "demo", "host_pnic", "eth1")


def test_values_are_shown_without_brackets_and_quotes(demo: Program) -> None:
    out = demo.run("show", "demo", "vedge", "compute-2-OVS").out
    assert '"' not in out
    assert "[" not in out
    assert re.search(r"^ports\.eth2 +bridge=br-prv, ", out, re.MULTILINE)


def test_a_clique_leads_from_its_object_to_the_wire(demo: Program) -> None:
    answer = demo.run("clique", "demo", "instance", MOVED, "--json").answer
    types = [node["type"] for node in answer["nodes"]]
    assert types == ["instance", "vnic", "vconnector", "vedge", "otep", "vconnector", "host_pnic", "network"]
    out = demo.run("clique", "demo", "instance", MOVED).out
    assert "within network web" in out
    assert re.search(r"^compute-1-eth1 +web +up +Segment-\d+$", out, re.MULTILINE)


def test_impact_names_what_is_lost(demo: Program) -> None:
    answer = demo.run("impact", "demo", "host", "compute-2", "--json").answer
    assert "web-9" in answer["instances"]
    assert f"  instances: {', '.join(answer['instances'])}\n" in demo.run("impact", "demo", "host", "compute-2").out


def test_search_says_where_the_text_stands(demo: Program) -> None:
    out = demo.run("search", "demo", "172.24.4.178").out
    assert re.search(rf"^instance +{MOVED} +\S+ +addresses\.web\.addr$", out, re.MULTILINE)
    assert "no object holds 'nowhere to be found'" in demo.run("search", "demo", "nowhere to be found").out
    limited = demo.run("search", "demo", "10.1.0.", "--limit", "2", "--json").answer
    assert (len(limited["objects"]), limited["more"]) == (2, True)


def test_a_tree_ends_at_its_depth(demo: Program) -> None:
    tree = demo.run("tree", "demo", "host", "compute-1", "--depth", "1", "--json").answer["tree"]
    objects = [node for folder in tree["children"] for node in folder["children"]]
    assert objects
    assert not any(node["children"] for node in objects)


# -- comparisons -------------------------------------------------------------------------------------------


def test_a_comparison_holds_both_moments_and_the_cause_of_each_change(demo: Program) -> None:
    answer = demo.run("diff", "demo", "@sunday", "@monday", "--json", code=1).answer
    assert answer["from"]["offset"] < answer["to"]["offset"]
    for part in ("objects", "links", "cliques"):
        assert answer[part].keys() == {"added", "removed", "changed"}
        for item in answer[part]["added"] + answer[part]["removed"]:
            assert {"offset", "source", "time"} <= item["cause"].keys()
        for field in (field for item in answer[part]["changed"] for field in item["fields"]):
            assert {"field", "before", "after", "cause"} <= field.keys()
            assert answer["from"]["offset"] < field["cause"]["offset"] <= answer["to"]["offset"]


def test_a_comparison_shows_objects_and_how_to_see_the_rest(demo: Program) -> None:
    answer = demo.run("diff", "demo", "@sunday", "@monday", "--json", code=1).answer
    out = demo.run("diff", "demo", "@sunday", "@monday", code=1).out
    assert f"objects: {', '.join(f'{len(what)} {how}' for how, what in answer['objects'].items())}\n" in out
    assert re.search(r"^links: .*\(to see them: --only links\)$", out, re.MULTILINE)
    for how, sign in (("added", "+"), ("removed", "-"), ("changed", "~")):
        for item in answer["objects"][how]:
            assert re.search(rf"^  {re.escape(sign)} .*{re.escape(item['id'])}(  #\d+)?$", out, re.MULTILINE), item
    assert "      host: compute-2 -> compute-1\n" in out
    assert "\ninstance-vnic\n" not in out


def test_a_part_of_a_comparison_is_shown_in_full(demo: Program) -> None:
    links = demo.run("diff", "demo", "@sunday", "@monday", "--only", "links", code=1).out
    assert re.search(r"^  \+ web-1 \| compute-1-tap\S+  #\d+$", links, re.MULTILINE)
    cliques = demo.run("diff", "demo", "@sunday", "@monday", "--only", "cliques", code=1).out
    assert re.search(r"^      \+ vedge compute-1-OVS$", cliques, re.MULTILINE)


def test_the_offsets_of_a_comparison_are_explained_and_lead_to_the_events(demo: Program) -> None:
    out = demo.run("diff", "demo", "@sunday", "@monday", code=1).out
    first, last = re.findall(r"^#(\d+) to #(\d+): scan, \S+Z$", out, re.MULTILINE)[0]
    events = demo.run("events", "demo", "--after", str(int(first) - 1), "--upto", last, "--json").answer["events"]
    assert {event["source"] for event in events} == {"scan"}


def test_the_exit_code_of_a_comparison_says_whether_anything_differs(demo: Program) -> None:
    assert "objects: no difference" in demo.run("diff", "demo", "@monday", "@monday", code=0).out
    demo.run("diff", "demo", "@monday", "@sunday", code=1)
    assert "@nix" in demo.refused("diff", "demo", "@nix", "@sunday")


def test_a_history_tells_each_version_with_its_cause(demo: Program) -> None:
    out = demo.run("history", "demo", "instance", MOVED).out
    assert re.search(r"^\+ added  #\d+ ObjectsSeen of scan, \S+Z$", out, re.MULTILINE)
    assert "    host: compute-2 -> compute-1\n" in out
    before = demo.run("history", "demo", "instance", MOVED, "--at", "@sunday", "--json").answer
    assert [version["change"] for version in before["versions"]] == ["added"]


# -- moments -----------------------------------------------------------------------------------------------


def test_a_moment_is_an_offset_latest_a_time_an_age_or_a_snapshot(demo: Program) -> None:
    offset = sunday(demo)
    at = demo.run("at", "demo", str(offset), "--json").answer
    assert demo.run("at", "demo", "@sunday", "--json").answer == at
    assert demo.run("at", "demo", at["time"], "--json").answer["offset"] <= offset
    latest = demo.run("at", "demo", "--json").answer
    for moment in ("latest", "-0.001s", datetime.now(UTC).isoformat(), "2999-01-01"):
        assert demo.run("at", "demo", moment, "--json").answer == latest


def test_an_age_is_no_option(demo: Program) -> None:
    assert demo.run("diff", "demo", "-0s", "-0s", "--json").answer["from"]["offset"] > sunday(demo)
    assert demo.run("show", "demo", "host", "compute-1", "--at", "-0s", "--json").answer["name"] == "compute-1"
    assert demo.run("events", "demo", "--after", "-0s", "--json").answer["events"] == []
    assert "nothing was known" in demo.refused("at", "demo", "-2w")
    assert "--bogus" in demo.refused("at", "demo", "--bogus")
    assert "-x" in demo.refused("diff", "demo", "-x", "latest")


@pytest.mark.parametrize("name", ["show", "tree", "clique", "impact", "history", "search"])
def test_the_past_is_asked_with_at(demo: Program, name: str) -> None:
    answer = demo.run(*READING[name][0], "--at", "@sunday", "--json").answer
    assert answer["offset"] == sunday(demo)


# -- events ------------------------------------------------------------------------------------------------


def test_events_come_in_order_in_pages_and_by_kind(demo: Program) -> None:
    everything = demo.run("events", "demo", "--json").answer["events"]
    assert [event["offset"] for event in everything] == sorted(event["offset"] for event in everything)
    first = demo.run("events", "demo", "--limit", "3", "--json").answer
    assert (first["events"], first["next"]) == (everything[:3], 2)
    assert "more: calipso events demo --after 2\n" in demo.run("events", "demo", "--limit", "3").out
    scans = demo.run("events", "demo", "--event", "ScanFinished", "--json").answer["events"]
    assert len(scans) == 2
    since = demo.run("events", "demo", "--after", "@sunday", "--json").answer["events"]
    assert since == [event for event in everything if event["offset"] > sunday(demo)]
    assert "SnapshotTaken" in demo.refused("events", "demo", "--event", "Snapshot")


def test_notifications_are_written_once(program: Program, tmp_path: Path) -> None:
    body = {"message_id": "1", "event_type": "port.create.end", "timestamp": "2026-11-22 10:00:00", "payload": {}}
    file = tmp_path / "stream.jsonl"
    file.write_text(f"{json.dumps({'body': body})}\n")
    assert "1 notifications written" in program.run("listen", "lab", "--from", str(file)).out
    assert "0 notifications written, 1 were there already" in program.run("listen", "lab", "--from", str(file)).out
    assert "port.create.end" in program.run("events", "lab").out


# -- names of moments --------------------------------------------------------------------------------------


def test_a_moment_gets_a_name_and_a_note(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "stream.jsonl"
    body = {"message_id": "1", "event_type": "x", "timestamp": "2026-11-22 10:00:00"}
    file.write_text(f"{json.dumps({'body': body})}\n")
    program.run("listen", "lab", "--from", str(file))
    assert "none yet" in program.run("snapshots", "lab").out
    assert program.run("snapshot", "lab", "before", "--note", "the upgrade").out == "@before is lab at offset 0\n"
    (taken,) = program.run("snapshots", "lab", "--json").answer["snapshots"]
    assert (taken["name"], taken["at_offset"], taken["note"]) == ("before", 0, "the upgrade")
    assert "has one of that name" in program.refused("snapshot", "lab", "before")


# -- nothing there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*READING, "snapshot"])
def test_without_data_one_line_says_what_to_do_and_no_folder_is_made(program: Program, name: str) -> None:
    words = READING[name][0] if name in READING else ("snapshot", "demo", "x")
    said = program.refused(*words)
    assert str(program.folder) in said
    assert "calipso scan" in said
    assert "calipso demo" in said
    assert not program.folder.exists()


def test_a_recording_needs_no_data_and_makes_none(program: Program, tmp_path: Path) -> None:
    assert "no cloud is named" in program.refused("record", "lab", "--to", str(tmp_path / "bundle"))
    assert not program.folder.exists()


def test_an_environment_that_does_not_exist_is_named_with_those_that_do(demo: Program) -> None:
    said = demo.refused("at", "nowhere")
    assert "nowhere" in said
    assert "demo" in said


def test_the_demo_overwrites_nothing(demo: Program) -> None:
    assert "calipso demo NAME" in demo.refused("demo")


def test_what_the_demo_proposes_to_ask_can_be_asked(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    proposed = re.findall(r"^  calipso (.+?)  ", program.run("demo").out.partition("Ask next:")[2], re.MULTILINE)
    assert len(proposed) > 5
    for words in map(shlex.split, proposed):
        if words != ["up"]:  # which runs until it is interrupted
            assert program.run(*words, code=EXIT.get(words[0], 0)).out


def test_the_answer_that_the_readme_shows_is_the_demos(demo: Program) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    question, *shown = re.search(r"    \$ calipso (diff .*?)\n\n\S", readme, re.DOTALL)[1].splitlines()  # type: ignore[index]  # without it the test fails
    answer = re.sub(r"#\d+", "#", demo.run(*question.split(), code=1).out).splitlines()
    for line in (line[4:] for line in shown if line[4:] not in ("", "...")):
        assert re.sub(r"#\d+", "#", line) in answer


# -- wrong words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("foo",), "foo"),
        (("at",), "ENV"),
        (("diff", "demo", "1"), "TO"),
        (("diff", "demo", "1", "2", "3"), "3"),
        (("show", "demo", "instance", "web-1", "--colour"), "--colour"),
        (("events", "demo", "--limit", "0"), "--limit"),
        (("diff", "demo", "1", "2", "--only", "ports"), "cliques"),
        (("up", "--port", "99999"), "--port"),
        (("tree", "demo", "instance"), "id"),
        (("scan",), "ENV"),
    ],
)
def test_wrong_words_are_one_line_that_leads_to_the_help(demo: Program, words: tuple[str, ...], named: str) -> None:
    said = demo.refused(*words)
    assert named in said
    assert words[0] == "tree" or "--help)" in said


@pytest.mark.parametrize("name", [*READING, "scan", "record", "listen", "snapshot", "demo", "up"])
def test_each_command_has_a_help_with_an_example(program: Program, name: str) -> None:
    out = program.run(name, "--help").out
    assert f"Usage: calipso {name} " in out
    assert f"Such as: calipso {name}" in out


def test_the_version_is_printed_without_any_data(program: Program) -> None:
    assert re.fullmatch(r"calipso \d+\.\d+\.\d+\n", program.run("--version").out)
    assert not program.folder.exists()


def test_without_words_the_help_is_shown(program: Program) -> None:
    ended = program.run(code=2)
    assert "calipso demo" in ended.out
    assert ended.err == ""


# -- pipes, terminals, interrupts --------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("tree", "demo"), ("at", "demo", "--json"), ("diff", "demo", "0", "latest")])
def test_a_reader_who_leaves_ends_the_program_quietly(demo: Program, words: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "calipso", *words],
            env=demo.environ(),
            stdout=nobody,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def on_a_terminal(demo: Program, *words: str, **environ: str) -> str:
    """Answer what a command shows on a terminal of 80 columns."""
    ours, its = pty.openpty()
    environ = {"TERM": "xterm-256color", "COLUMNS": "80", **environ}
    known = {name: text for name, text in demo.environ(**environ).items() if name != "NO_COLOR" or name in environ}
    process = subprocess.Popen([sys.executable, "-m", "calipso", *words], env=known, stdout=its, stderr=its)
    os.close(its)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    process.wait(60)
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("name", ["at", "clique", "impact", "events", "snapshots", "environments", "history"])
def test_no_line_is_wider_than_the_terminal(demo: Program, name: str) -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal(demo, *READING[name][0]))
    assert shown.strip()
    assert max(map(len, shown.splitlines())) <= 80


def test_a_terminal_gets_colours_unless_they_are_unwanted(demo: Program) -> None:
    assert "\x1b[32m" in on_a_terminal(demo, *READING["diff"][0])
    assert "\x1b[32m" not in on_a_terminal(demo, *READING["diff"][0], NO_COLOR="1")


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "two\nlines", "\x9b31m", "bell\x07"])
def test_a_name_cannot_steer_the_terminal(text: str) -> None:
    assert printable(text).isprintable()


def heed_interrupts() -> None:
    """Undo what a shell does to what it runs in the background: it has interrupts ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def last_words(process: "subprocess.Popen[str]") -> str:
    """Answer what the process says on standard error until it ends; one that does not end is ended."""
    try:
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()
        process.wait()


def test_an_interrupt_is_trouble_and_not_a_difference(demo: Program, tmp_path: Path) -> None:
    fifo = tmp_path / "stream"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-m", "calipso", "listen", "demo", "--from", str(fifo)],
        env=demo.environ(),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    with fifo.open("w"):  # returns when the program has begun to read
        process.send_signal(signal.SIGINT)
        said = last_words(process)
    assert process.returncode == 2
    assert said == "calipso: interrupted\n"
    assert demo.run("verify", "demo", "--json").answer["problem"] is None


def test_up_serves_the_same_answers_until_it_is_interrupted(demo: Program) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "calipso", "up", "--port", str(port)],
        env=demo.environ(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert f"http://127.0.0.1:{port}/v1" in process.stdout.readline()
    started = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/environments/demo/snapshots") as answer:
        served = json.load(answer)["items"]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    assert time.monotonic() - started < 30
    known = demo.run("snapshots", "demo", "--json").answer["snapshots"]
    assert [s["at_offset"] for s in served] == [s["at_offset"] for s in known]
