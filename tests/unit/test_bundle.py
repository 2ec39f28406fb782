"""Rules of a folder of recorded answers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.access import Access, Answer
from producers.bundle import open_bundle, read_bundle
from producers.transcript import read_transcript, write_transcript
from schemas.errors import BadBundle, BadInput, CommandFailed, RequestFailed
from tests.recordings import RECORDINGS, needs_recordings

PORTS = "/v2.0/ports"


def api(folder: Path, request: str, body: Any, version: str | None = None, status: int = 200, **more: Any) -> Path:
    """Write one recorded answer of the network service, under a name without meaning."""
    document = {"service": "network", "method": "GET", "request": request, "microversion": version}
    document |= {"status": status, "body": body} | more
    (folder / "api").mkdir(parents=True, exist_ok=True)
    path = folder / "api" / f"{len(list((folder / 'api').iterdir()))}.json"
    path.write_text(json.dumps(document))
    return path


def cli(folder: Path, host: str, content: bytes) -> Path:
    """Write one recorded command, under a name without meaning."""
    (folder / "cli" / host).mkdir(parents=True, exist_ok=True)
    path = folder / "cli" / host / f"{len(list((folder / 'cli' / host).iterdir()))}.txt"
    path.write_bytes(content)
    return path


def one_port(folder: Path) -> Path:
    """Write the smallest bundle."""
    return api(folder, PORTS, {"ports": [{"id": "p"}]})


def refused(folder: Path, *words: str) -> None:
    """State that the folder is refused in one line with the words in it."""
    with pytest.raises(BadBundle) as caught:
        open_bundle(folder)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_an_answer_is_found_by_what_it_says_not_by_its_file_name(tmp_path: Path) -> None:
    one_port(tmp_path)
    assert open_bundle(tmp_path).cloud.get("network", PORTS) == {"ports": [{"id": "p"}]}


def test_an_answer_that_a_reader_changes_stays_as_recorded(tmp_path: Path) -> None:
    one_port(tmp_path)
    cloud = open_bundle(tmp_path).cloud
    cloud.get("network", PORTS)["ports"].clear()
    assert cloud.get("network", PORTS) == {"ports": [{"id": "p"}]}


def test_the_order_of_a_query_does_not_matter(tmp_path: Path) -> None:
    api(tmp_path, "/x?a=1&b=2", {"found": True})
    cloud = open_bundle(tmp_path).cloud
    assert cloud.get("network", "/x?b=2&a=1") == {"found": True}
    with pytest.raises(RequestFailed, match="does not hold"):
        cloud.get("network", "/x?a=1")


@pytest.mark.parametrize(
    ("recorded", "wanted", "found"),
    [
        (["2.1", "2.93"], "2.93", "2.93"),
        (["2.1", "2.93"], "2.90", "2.1"),
        (["2.9", "2.10"], "2.50", "2.10"),
        (["2.1", "2.93"], "latest", "2.93"),
        (["2.93", "2.95"], "2.50", "2.93"),
        (["2.1", "2.93"], None, "2.1"),
        ([None, "2.93"], "2.50", None),
        ([None, "2.1"], None, None),
    ],
)
def test_the_newest_recorded_microversion_not_above_the_wanted_one_answers_else_the_oldest(
    tmp_path: Path, recorded: list[str | None], wanted: str | None, found: str | None
) -> None:
    for version in recorded:
        api(tmp_path, "/x", {"version": version}, version)
    assert open_bundle(tmp_path).cloud.get("network", "/x", wanted) == {"version": found}


def test_a_wanted_microversion_that_is_none_is_refused(tmp_path: Path) -> None:
    one_port(tmp_path)
    with pytest.raises(BadInput, match="'newest' is not a microversion"):
        open_bundle(tmp_path).cloud.get("network", PORTS, "newest")


def test_a_recorded_refusal_is_a_failed_request_with_the_reason_of_the_api(tmp_path: Path) -> None:
    body = {"NeutronError": {"type": "PolicyNotAuthorized", "message": "not\nallowed", "detail": ""}}
    api(tmp_path, PORTS, body, status=403)
    with pytest.raises(RequestFailed, match=f"network {PORTS} answered 403: not allowed"):
        open_bundle(tmp_path).cloud.get("network", PORTS)


def test_what_a_bundle_does_not_hold_could_not_be_looked_at(tmp_path: Path) -> None:
    one_port(tmp_path)
    access = open_bundle(tmp_path)
    with pytest.raises(RequestFailed, match=r"does not hold network GET /v2\.0/networks"):
        access.cloud.get_all("network", "/v2.0/networks", "networks")
    with pytest.raises(RequestFailed, match="does not hold identity POST"):
        access.cloud.catalog()
    with pytest.raises(CommandFailed, match="does not hold 'ip link' of host compute-1"):
        access.hosts.run("compute-1", "ip link")


def test_pages_are_followed_to_the_end_whatever_host_their_links_name(tmp_path: Path) -> None:
    following = [{"rel": "next", "href": f"http://elsewhere/network{PORTS}?limit=1&marker=a"}]
    api(tmp_path, PORTS, {"ports": [{"id": "a"}], "ports_links": following})
    api(tmp_path, f"{PORTS}?marker=a&limit=1", {"ports": [{"id": "b"}], "ports_links": []})
    assert open_bundle(tmp_path).cloud.get_all("network", PORTS, "ports") == [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize("links", [{"links": {"next": "/v2.0/ports?m=a"}}, {"next": "/v2.0/ports?m=a"}])
def test_pages_are_followed_in_the_shapes_of_keystone_and_glance(tmp_path: Path, links: dict[str, Any]) -> None:
    api(tmp_path, PORTS, {"ports": [1]} | links)
    api(tmp_path, f"{PORTS}?m=a", {"ports": [2], "links": {"next": None}})
    assert open_bundle(tmp_path).cloud.get_all("network", PORTS, "ports") == [1, 2]


@pytest.mark.parametrize(
    ("href", "reason"),
    [(PORTS, "in a circle"), ("/v2.0/networks?m=a", "another request"), ("?m=a", "another")],
)
def test_pages_that_lead_astray_are_a_failed_request(tmp_path: Path, href: str, reason: str) -> None:
    api(tmp_path, PORTS, {"ports": [1], "ports_links": [{"rel": "next", "href": href}]})
    with pytest.raises(RequestFailed, match=reason):
        open_bundle(tmp_path).cloud.get_all("network", PORTS, "ports")


@pytest.mark.parametrize("body", [{"networks": []}, [], {"ports": {"id": "p"}}, None])
def test_an_answer_without_the_list_asked_for_is_a_failed_request(tmp_path: Path, body: Any) -> None:
    api(tmp_path, PORTS, body)
    with pytest.raises(RequestFailed, match="holds no list 'ports'"):
        open_bundle(tmp_path).cloud.get_all("network", PORTS, "ports")


def test_a_command_answers_its_output_without_the_frame(tmp_path: Path) -> None:
    one_port(tmp_path)
    cli(tmp_path, "compute-1", b"$ ls -1 /nowhere\nls: \xff\n# exit 0\n# exit 2\n")
    answer = open_bundle(tmp_path).hosts.run("compute-1", "ls -1 /nowhere")
    assert answer == Answer("compute-1", "ls -1 /nowhere", "ls: \ufffd\n# exit 0\n", 2)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), max_size=20),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.integers(-1, 255),
)
def test_a_transcript_holds_every_output_exactly(command: str, text: str, code: int) -> None:
    answer = Answer("host", command, text, code)
    assert read_transcript("host", write_transcript(answer)) == answer


def test_the_end_of_an_output_without_newline_stands_on_the_last_line() -> None:
    assert write_transcript(Answer("h", "arch", "x86_64", 0)) == b"$ arch\nx86_64# exit 0\n"


def test_a_folder_that_is_none_or_empty_is_refused_by_name(tmp_path: Path) -> None:
    refused(tmp_path / "none", "none", "no such folder")
    refused(one_port(tmp_path / "bundle"), "0.json", "not a file")
    refused(tmp_path, str(tmp_path), "no answers of an API")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"service": "network", "method": "G', "not JSON"),
        (b"\x00\x01\xfe\xff", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "object was expected"),
        (b"[" * 100_000, ""),
        (b'{"service":"a","method":"GET","request":"/","microversion":null,"status":200}', "lacks 'body'"),
        (
            b'{"service":7,"method":"GET","request":"/","microversion":null,"status":200,"body":{}}',
            "'service' is not of the right type",
        ),
        (
            b'{"service":"a","method":"GET","request":"/","microversion":"two","status":200,"body":{}}',
            "'two' is not a microversion",
        ),
    ],
)
def test_a_bad_api_file_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    one_port(tmp_path)
    (tmp_path / "api" / "broken.json").write_bytes(content)
    refused(tmp_path, str(tmp_path / "api" / "broken.json"), reason)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "first line"),
        (b"$ ip link", "first line"),
        (b"ip link\n# exit 0\n", "first line"),
        (b"$ ip link\n1: lo: <LOOP", "last line"),
        (b"$ ip \xff\n# exit 0\n", "first line is not UTF-8"),
        (b"$ ip link\n\x00\x7fELF\n# exit 0\n", "binary"),
        (os.urandom(64) + b"\0", "binary"),
    ],
)
def test_a_bad_file_of_a_command_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    one_port(tmp_path)
    refused(tmp_path, str(cli(tmp_path, "compute-1", content)), reason)


def test_two_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    one_port(tmp_path)
    one_port(tmp_path)
    open_bundle(tmp_path)
    refused(tmp_path, str(api(tmp_path, PORTS, {"ports": []})), "another answer of network /v2.0/ports")


def test_two_contradicting_outputs_of_one_command_are_refused(tmp_path: Path) -> None:
    one_port(tmp_path)
    cli(tmp_path, "h", b"$ arch\nx86_64\n# exit 0\n")
    refused(tmp_path, str(cli(tmp_path, "h", b"$ arch\naarch64\n# exit 0\n")), "another answer of 'arch'")


def test_a_bundle_says_when_and_with_which_settings_it_was_recorded(tmp_path: Path) -> None:
    one_port(tmp_path)
    assert read_bundle(tmp_path).recorded_at is None
    about = {
        "format": 1,
        "recorded_at": "1970-01-02T00:00:01.000002+00:00",
        "settings": {"uplinks": ["eth*"]},
    }
    (tmp_path / "bundle.json").write_text(json.dumps(about))
    bundle = read_bundle(tmp_path)
    assert (bundle.name, bundle.recorded_at) == (tmp_path.name, 86_401_000_002)
    assert bundle.settings == {"uplinks": ["eth*"]}


def test_of_a_bundle_s_settings_nothing_is_taken_that_leads_to_the_cloud(tmp_path: Path) -> None:
    one_port(tmp_path)
    places = {name: {"url": "amqp://calipso@bus", "password": "env:P"} for name in ("bus", "monitoring", "database")}
    settings = {"cloud": "lab", "uplinks": [], "listen": True, "monitor": True, "ssh": {"user": "root"}, **places}
    (tmp_path / "bundle.json").write_text(json.dumps({"format": 1, "settings": settings}))
    assert read_bundle(tmp_path).settings == {"cloud": "lab", "uplinks": []}


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"format": 2}, "newer Calipso"),
        ({}, "'format' is not a number"),
        ({"format": 1, "recorded_at": "yesterday"}, "'recorded_at' is not an ISO time"),
        ({"format": 1, "settings": []}, "'settings' is not an object"),
    ],
)
def test_a_bundle_that_says_wrong_things_about_itself_is_refused(
    tmp_path: Path, about: dict[str, Any], reason: str
) -> None:
    one_port(tmp_path)
    (tmp_path / "bundle.json").write_text(json.dumps(about))
    refused(tmp_path, str(tmp_path / "bundle.json"), reason)


@pytest.fixture(params=["monday", "tuesday"])
def recorded(request: pytest.FixtureRequest) -> Path:
    """Answer the folder of one recorded day of a real cloud."""
    return RECORDINGS / "zed-ovs" / str(request.param)


@needs_recordings
def test_every_recorded_answer_of_a_real_cloud_is_served(recorded: Path) -> None:
    access = open_bundle(recorded)
    for path in (recorded / "api").iterdir():
        answer = json.loads(path.read_text())
        if answer["method"] == "GET":
            got = access.cloud.get(answer["service"], answer["request"], answer["microversion"])
            assert got == answer["body"]
    assert {entry["type"] for entry in access.cloud.catalog()} >= {"identity", "compute", "network"}


@needs_recordings
def test_every_recorded_command_of_real_hosts_is_served(recorded: Path) -> None:
    hosts = open_bundle(recorded).hosts
    for path in recorded.glob("cli/*/*.txt"):
        first, *lines, last = path.read_text().splitlines(keepends=True)
        answer = hosts.run(path.parent.name, first[2:-1])
        assert (answer.text, f"# exit {answer.exit_code}\n") == ("".join(lines), last)


def test_closing_the_doors_of_a_bundle_is_allowed(tmp_path: Path) -> None:
    one_port(tmp_path)
    access: Access = open_bundle(tmp_path)
    access.close()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("[]", ()),
        ('{"database": "neutron", "table": "agents", "rows": []}', ("'columns'",)),
        ('{"database": 1, "table": "agents", "columns": [], "rows": []}', ("'database'",)),
        ('{"database": "neutron", "table": "agents", "columns": ["id"], "rows": [["a"]]}', ("'rows'",)),
        ('{"database": "neutron", "table": "agents", "columns": ["id"], "rows": [{"host": "h"}]}', ("'rows'",)),
    ],
)
def test_rows_of_a_database_that_are_none_are_refused(tmp_path: Path, document: str, words: tuple[str, ...]) -> None:
    one_port(tmp_path)
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "1.json").write_text(document)
    refused(tmp_path, "1.json", *words)


def test_two_files_with_other_rows_of_one_table_are_refused(tmp_path: Path) -> None:
    one_port(tmp_path)
    (tmp_path / "db").mkdir()
    for name, host in (("1.json", "h1"), ("2.json", "h2")):
        rows = {"database": "neutron", "table": "agents", "columns": ["host"], "rows": [{"host": host}]}
        (tmp_path / "db" / name).write_text(json.dumps(rows))
    refused(tmp_path, "2.json", "another answer of neutron.agents")
