"""Rules of the recording twin: what is replayed is what was answered."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from producers.access import Access, Answer, Table
from producers.answers import AnsweringCloud, ApiAnswer
from producers.bundle import open_bundle, read_bundle
from producers.recording import RecordingAccess
from producers.settings import BusSettings, DatabaseSettings, EnvironmentSettings, MonitoringSettings, SshSettings
from schemas import canonical
from schemas.errors import BadBundle, CommandFailed, Conflict, DatabaseFailed, HostUnreachable, RequestFailed
from tests.recordings import RECORDINGS, needs_recordings

PLANTED = "tr0ub4dor&3"


class Scripted(AnsweringCloud):
    """A cloud that answers from a list; what is not in it gets no answer, and each question counts."""

    def __init__(self, answers: dict[tuple[str, str, str | None], tuple[int, Any]]) -> None:
        self.answers = answers
        self.asked = 0

    def answer(self, service: str, path: str, microversion: str | None) -> ApiAnswer:
        self.asked += 1
        if (service, path, microversion) not in self.answers:
            raise RequestFailed(f"{service} {path}: no connection")
        status, body = self.answers[service, path, microversion]
        return ApiAnswer(service, "GET", path, microversion, status, canonical.encode(body))

    def catalog_answer(self) -> ApiAnswer:
        body = {"token": {"catalog": [{"type": "network", "name": "neutron", "endpoints": []}]}}
        return ApiAnswer("identity", "POST", "/v3/auth/tokens", None, 201, canonical.encode(body))


class ScriptedHosts:
    """Hosts that answer from a list."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = {(answer.host, answer.command): answer for answer in answers}

    def run(self, host: str, command: str) -> Answer:
        """Answer, or have no session."""
        if (host, command) not in self.answers:
            raise HostUnreachable(f"host {host}: no session")
        return self.answers[host, command]


PORTS = ("network", "/v2.0/ports", None)


def scripted(*answers: Answer) -> Access:
    """Answer an access with one port and the commands."""
    return Access(Scripted({PORTS: (200, {"ports": [{"id": "p"}]})}), ScriptedHosts(list(answers)))


def test_what_was_asked_is_replayed_and_what_was_not_could_not_be_looked_at(tmp_path: Path) -> None:
    answer = Answer("compute-1", "ip -j addr", "[]", 0)
    recording = RecordingAccess(scripted(answer), tmp_path)
    assert recording.hosts.run("compute-1", "ip -j addr") == answer
    recording.cloud.get_all("network", "/v2.0/ports", "ports")
    replay = open_bundle(tmp_path)
    assert replay.hosts.run("compute-1", "ip -j addr") == answer
    assert replay.cloud.get_all("network", "/v2.0/ports", "ports") == [{"id": "p"}]
    with pytest.raises(RequestFailed, match="does not hold"):
        replay.cloud.catalog()
    assert recording.cloud.catalog() == open_bundle(tmp_path).cloud.catalog()


class ScriptedDatabase:
    """Databases that answer from a list."""

    def __init__(self, rows: dict[Table, list[dict[str, Any]]]) -> None:
        self.answers = rows

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Answer, or have no connection."""
        if table not in self.answers:
            raise DatabaseFailed(f"database {table}: no connection")
        return self.answers[table]


AGENTS = Table("neutron", "agents", ("id", "host"))


def with_database(*rows: dict[str, Any]) -> Access:
    """Answer an access that has one table of the databases, too."""
    return replace(scripted(), database=ScriptedDatabase({AGENTS: list(rows)}))


def test_rows_of_a_database_are_replayed_without_their_secrets(tmp_path: Path) -> None:
    recording = RecordingAccess(with_database({"id": "a", "host": f"amqp://u:{PLANTED}@h"}), tmp_path)
    assert recording.database is not None
    assert recording.database.rows(AGENTS) == recording.database.rows(AGENTS)
    recording.cloud.get_all("network", "/v2.0/ports", "ports")
    replay = open_bundle(tmp_path)
    assert replay.database is not None
    assert replay.database.rows(AGENTS) == [{"id": "a", "host": "amqp://u:***@h"}]
    assert not [path for path in tmp_path.rglob("*.json") if PLANTED in path.read_text()]
    with pytest.raises(DatabaseFailed, match=r"does not hold the table neutron\.ports"):
        replay.database.rows(Table("neutron", "ports", ("id",)))
    with pytest.raises(DatabaseFailed, match="does not hold"):
        replay.database.rows(replace(AGENTS, columns=("id",)))


def test_a_bundle_says_whether_the_databases_were_asked(tmp_path: Path) -> None:
    """One that did not answer could not be looked at; one that nobody had a way to is not missed."""
    settings = EnvironmentSettings("lab", database=DatabaseSettings("h", "u", "env:P"))
    for name, inner in (("asked", with_database()), ("not", scripted())):
        recording = RecordingAccess(inner, tmp_path / name)
        recording.cloud.get_all("network", "/v2.0/ports", "ports")
        recording.finish(settings)
        assert "env:P" not in (tmp_path / name / "bundle.json").read_text()
    asked = open_bundle(tmp_path / "asked").database
    assert asked is not None
    with pytest.raises(DatabaseFailed):
        asked.rows(AGENTS)
    assert open_bundle(tmp_path / "not").database is None


def test_a_second_recording_replaces_the_rows_of_the_first(tmp_path: Path) -> None:
    first = RecordingAccess(with_database({"id": "a", "host": "h"}), tmp_path)
    assert first.database is not None
    first.database.rows(AGENTS)
    again = RecordingAccess(scripted(), tmp_path)
    again.cloud.get_all("network", "/v2.0/ports", "ports")
    assert open_bundle(tmp_path).database is None


def test_what_could_not_be_answered_is_not_recorded(tmp_path: Path) -> None:
    recording = RecordingAccess(scripted(), tmp_path)
    recording.cloud.get("network", "/v2.0/ports")
    with pytest.raises(RequestFailed, match="no connection"):
        recording.cloud.get("network", "/v2.0/networks")
    with pytest.raises(HostUnreachable):
        recording.hosts.run("gone", "arch")
    replay = open_bundle(tmp_path)
    with pytest.raises(RequestFailed, match="does not hold"):
        replay.cloud.get("network", "/v2.0/networks")
    with pytest.raises(CommandFailed, match="does not hold"):
        replay.hosts.run("gone", "arch")


def test_a_refusal_is_recorded_and_refused_again_in_the_same_words(tmp_path: Path) -> None:
    cloud = Scripted({PORTS: (403, {"NeutronError": {"message": "not allowed"}})})
    recording = RecordingAccess(Access(cloud, ScriptedHosts([])), tmp_path)
    said = []
    for access in (recording, None):
        with pytest.raises(RequestFailed) as caught:
            (access or open_bundle(tmp_path)).cloud.get("network", "/v2.0/ports")
        said.append(str(caught.value))
    assert said == ["network /v2.0/ports answered 403: not allowed"] * 2


def test_the_same_question_is_asked_once_though_the_cloud_changes(tmp_path: Path) -> None:
    inner = scripted()
    recording = RecordingAccess(inner, tmp_path)
    first = recording.cloud.get("network", "/v2.0/ports")
    assert isinstance(inner.cloud, Scripted)
    inner.cloud.answers[PORTS] = (200, {"ports": []})
    assert recording.cloud.get("network", "/v2.0/ports") == first
    assert open_bundle(tmp_path).cloud.get("network", "/v2.0/ports") == first
    assert inner.cloud.asked == 1


def test_secrets_do_not_reach_the_bundle(tmp_path: Path) -> None:
    body = {"server": {"adminPass": PLANTED, "name": "web"}}
    cloud = Scripted({("compute", "/servers/1", "2.93"): (200, body)})
    text = f"<graphics type='vnc' passwd='{PLANTED}'/>\n"
    hosts = ScriptedHosts([Answer("h", "virsh dumpxml 1", text, 0)])
    recording = RecordingAccess(Access(cloud, hosts), tmp_path)
    assert recording.cloud.get("compute", "/servers/1", "2.93") == body
    assert recording.hosts.run("h", "virsh dumpxml 1").text == text
    ssh = SshSettings(user="root", password="env:SSH_PASSWORD", hosts={})
    recording.finish(EnvironmentSettings(cloud="production", ssh=ssh))
    for path in tmp_path.rglob("*.*"):
        assert PLANTED.encode() not in path.read_bytes()
    assert open_bundle(tmp_path).cloud.get("compute", "/servers/1", "2.93")["server"]["name"] == "web"


def test_a_finished_recording_says_when_and_with_which_settings(tmp_path: Path) -> None:
    recording = RecordingAccess(scripted(), tmp_path)
    recording.cloud.get("network", "/v2.0/ports")
    assert read_bundle(tmp_path).recorded_at is None
    environment = EnvironmentSettings(
        cloud="production",
        uplinks=("eth*",),
        listen=True,
        monitor=True,
        ssh=SshSettings(user="root"),
        bus=BusSettings("amqp://calipso@bus.example", "env:BUS"),
        monitoring=MonitoringSettings("sensu", "https://sensu.example", "calipso", "file:/etc/sensu"),
    )
    recording.finish(environment, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    bundle = read_bundle(tmp_path)
    assert bundle.recorded_at == 1_000_000
    assert bundle.settings is not None
    assert EnvironmentSettings.from_document(bundle.settings) == EnvironmentSettings("production", uplinks=("eth*",))
    written = (tmp_path / "bundle.json").read_text()
    assert json.loads(written)["cloud"] == "production"
    assert not [word for word in ("env:", "file:", "example", "calipso@", "listen") if word in written]


def test_a_new_recording_replaces_an_older_one_of_ours_only_when_it_has_something(tmp_path: Path) -> None:
    old = RecordingAccess(scripted(Answer("h", "arch", "x86_64\n", 0)), tmp_path)
    old.hosts.run("h", "arch")
    old.cloud.get("network", "/v2.0/ports")
    old.finish(EnvironmentSettings())
    new = RecordingAccess(scripted(), tmp_path)
    assert open_bundle(tmp_path).hosts.run("h", "arch").exit_code == 0
    new.cloud.get("network", "/v2.0/ports")
    assert read_bundle(tmp_path).recorded_at is None
    with pytest.raises(CommandFailed):
        open_bundle(tmp_path).hosts.run("h", "arch")


@pytest.mark.parametrize("name", ["notes.txt", "api/mine.json", "bundle.json", "cli/h/deep/er.txt", ".git"])
def test_a_folder_that_holds_anything_else_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(Conflict, match=name):
        RecordingAccess(scripted(), tmp_path)
    with pytest.raises(Conflict, match="is a file"):
        RecordingAccess(scripted(), tmp_path / name)
    assert (tmp_path / name).read_text() == "{}"


def test_a_foreign_file_in_a_recording_of_ours_protects_it(tmp_path: Path) -> None:
    RecordingAccess(scripted(), tmp_path).cloud.get("network", "/v2.0/ports")
    (tmp_path / "api" / "mine.json").write_text("{}")
    with pytest.raises(Conflict, match=r"mine\.json"):
        RecordingAccess(scripted(), tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recording = RecordingAccess(scripted(), tmp_path / "file" / "below")
    with pytest.raises(BadBundle, match="cannot be written"):
        recording.cloud.get("network", "/v2.0/ports")


@pytest.mark.parametrize("host", ["../../etc", "..", ".", "", "a/b", "a\nb"])
def test_a_host_whose_name_is_no_folder_is_not_asked(tmp_path: Path, host: str) -> None:
    recording = RecordingAccess(scripted(Answer(host, "arch", "x", 0)), tmp_path / "bundle")
    with pytest.raises(CommandFailed, match="cannot be recorded"):
        recording.hosts.run(host, "arch")
    assert not list(tmp_path.iterdir())


def test_many_threads_record_at_once(tmp_path: Path) -> None:
    recording = RecordingAccess(scripted(*(Answer("h", f"c {i}", f"{i}\n", 0) for i in range(40))), tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: recording.hosts.run("h", f"c {i % 40}"), range(120)))
        list(pool.map(lambda _: recording.cloud.get("network", "/v2.0/ports"), range(20)))
    replay = open_bundle(tmp_path)
    assert [replay.hosts.run("h", f"c {i}").text for i in range(40)] == [f"{i}\n" for i in range(40)]
    assert not list(tmp_path.rglob(".*"))


words = st.text("abc/.-_ äÄ", min_size=1, max_size=6)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
requests = st.tuples(
    st.sampled_from(["compute", "network"]),
    words.map(lambda text: f"/{text}"),
    st.sampled_from([None, "2.1", "2.93"]),
)


@settings(deadline=None, max_examples=60)  # each example writes a folder
@given(
    st.dictionaries(requests, st.tuples(st.sampled_from([200, 203, 404, 500]), jsons), min_size=1, max_size=6),
    st.lists(st.builds(Answer, st.sampled_from(["a", "b"]), words, st.text("ab\n\r#$ 0é"), st.integers(0, 255))),
)
@example({("network", "//a", None): (200, 1), ("network", "//b", None): (200, 2)}, [])
def test_a_replay_answers_exactly_what_was_answered(
    tmp_path_factory: pytest.TempPathFactory, api: dict[Any, tuple[int, Any]], cli: list[Answer]
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    hosts = ScriptedHosts(cli)
    recording = RecordingAccess(Access(Scripted(api), hosts), folder)
    for question in api:
        _answer_or_error(recording, question)
    for host, command in hosts.answers:
        recording.hosts.run(host, command)
    replay = open_bundle(folder)
    for question in api:
        assert _answer_or_error(replay, question) == _answer_or_error(recording, question)
    for (host, command), answer in hosts.answers.items():
        assert replay.hosts.run(host, command) == answer


def _answer_or_error(access: Access, question: tuple[str, str, str | None]) -> Any:
    try:
        return access.cloud.get(*question)
    except RequestFailed as error:
        return str(error)


@needs_recordings
def test_a_recording_of_a_recording_of_a_real_cloud_answers_the_same(tmp_path: Path) -> None:
    folder = RECORDINGS / "zed-ovs" / "monday"
    recording = RecordingAccess(open_bundle(folder), tmp_path)
    original = open_bundle(folder)
    asked = [json.loads(path.read_text()) for path in (folder / "api").iterdir()]
    for one in asked:
        if one["method"] == "GET":
            recording.cloud.get(one["service"], one["request"], one["microversion"])
    for path in folder.glob("cli/*/*.txt"):
        recording.hosts.run(path.parent.name, path.read_text().splitlines()[0][2:])
    assert recording.cloud.catalog() == original.cloud.catalog()
    replay = open_bundle(tmp_path)
    assert replay.cloud.catalog() == original.cloud.catalog()
    for question in (("network", "/v2.0/ports", "ports"), ("identity", "/v3/projects", "projects")):
        assert replay.cloud.get_all(*question) == original.cloud.get_all(*question)
    for path in folder.glob("cli/*/*.txt"):
        host, command = path.parent.name, path.read_text().splitlines()[0][2:]
        live, again = original.hosts.run(host, command), replay.hosts.run(host, command)
        assert (again.exit_code, len(again.text.splitlines())) == (live.exit_code, len(live.text.splitlines()))
