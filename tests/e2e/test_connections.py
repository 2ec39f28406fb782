"""`calipso env test` against a cloud of real HTTP and real SSH, and against real brokers and databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bus import declare
from tests.e2e.conftest import BEFORE
from tests.e2e.keystone import PASSWORD, Cloud, Reply
from tests.e2e.program import Program
from tests.e2e.reenacted import Reenacted
from tests.e2e.sshd import keygen
from tests.servers.mariadb import MariaDb
from tests.servers.rabbitmq import RabbitMq

DATA = Path(__file__).parents[1] / "data"
pytestmark = pytest.mark.filterwarnings(  # openstacksdk warns of its own default settings when it reads any clouds.yaml
    "ignore:Support for InfluxDB:openstack.warnings.RemovedInSDK60Warning"
)


class Lab:
    """The shipped cloud, described, and what a trial of it says."""

    def __init__(self, program: Program, cloud: Reenacted) -> None:
        self.program = program
        self.cloud = cloud
        program.run("env", "add", "lab", "--define", str(cloud.folder / "lab.toml"))

    def tried(self, *words: str, code: int = 2, **environ: str) -> dict[tuple[str, str], Any]:
        """Try its sources; answer the results by source and target."""
        clouds = {"OS_CLIENT_CONFIG_FILE": self.cloud.clouds, **environ}
        answer = self.program.run("env", "test", "lab", "--json", *words, code=code, **clouds).answer
        assert answer["passed"] == (code == 0)
        return {(one["source"], one["target"]): one for one in answer["results"]}


@pytest.fixture
def lab(program: Program, tmp_path: Path) -> Iterator[Lab]:
    """Start the shipped cloud."""
    (tmp_path / "lab").mkdir()
    cloud = Reenacted(BEFORE, tmp_path / "lab")
    yield Lab(program, cloud)
    cloud.stop()


def failed(found: dict[tuple[str, str], Any]) -> set[tuple[str, str]]:
    """Answer which failed."""
    return {name for name, one in found.items() if not one["passed"]}


def test_a_cloud_that_is_well_passes_and_the_result_is_kept(lab: Lab) -> None:
    found = lab.tried(code=0)
    hosts = {("host", name) for name in lab.cloud.hosts}
    assert set(found) == {("api", "identity"), ("api", "compute"), ("api", "network"), *hosts}
    assert "virsh" in found["host", "compute-1"]["text"]
    assert "virsh" not in found["host", "controller"]["text"]
    kept = lab.program.run("env", "show", "lab", "--json").answer["tested"]
    assert (kept["passed"], len(kept["results"])) == (True, len(found))
    assert lab.program.run("env", "show", "lab", "--at", "0", "--json").answer["tested"] is None
    assert "all well" in lab.program.run("env", "show", "lab").out


def test_each_trouble_of_a_host_is_told_with_its_remedy_and_keeps_no_other_from_passing(lab: Lab) -> None:
    lab.cloud.hosts["compute-1"].stop()
    known = lab.cloud.folder / "known_hosts"
    unknown = lab.cloud.hosts["compute-2"].known()
    kind, _, _ = unknown.partition(" ")
    other = Path(f"{keygen(lab.cloud.folder / 'other')}.pub").read_text().split()
    known.write_text(known.read_text().replace(unknown, ""))
    changed = lab.cloud.hosts["compute-3"].known()
    name = changed.partition(" ")[0]
    known.write_text(known.read_text().replace(changed, f"{name} {other[0]} {other[1]}\n"))
    (lab.cloud.hosts["compute-4"].folder / "authorized_keys").write_text("")
    found = lab.tried()
    assert failed(found) == {("host", f"compute-{number}") for number in range(1, 5)}
    for number, text, remedy in (
        (1, "compute-1", "[ssh.hosts.compute-1]"),
        (2, "its key is unknown", "ssh-keyscan"),
        (3, "its key is not the one", "ssh-keygen -R"),
        (4, "is not let in", "authorized_keys"),
    ):
        assert text in found["host", f"compute-{number}"]["text"]
        assert remedy in found["host", f"compute-{number}"]["remedy"]
    assert kind
    lab.cloud.hosts.pop("compute-1")


def test_when_the_apis_do_not_answer_the_hosts_that_are_described_are_tried(lab: Lab) -> None:
    lab.cloud.cloud.token_reply = lambda: Reply({"error": {"message": "wrong password", "code": 401}}, 401)
    found = lab.tried()
    assert failed(found) == {("api", "identity"), ("api", "compute"), ("api", "network")}
    assert "clouds.yaml" in found["api", "identity"]["remedy"]
    assert {target for source, target in found if source == "host"} == set(lab.cloud.hosts)
    assert PASSWORD not in str(found)


def test_a_service_that_refuses_is_told_and_the_others_pass(lab: Lab) -> None:
    lab.cloud.cloud.say("/compute/v2.1/os-services", Reply({"forbidden": {"message": "Policy doesn't allow"}}, 403))
    found = lab.tried()
    assert failed(found) == {("api", "compute")}
    assert "role" in found["api", "compute"]["remedy"]


def test_an_api_that_says_nothing_ends_with_its_time(lab: Lab) -> None:
    lab.cloud.cloud.say("/network/v2.0/agents", Reply({"agents": []}, after=30))
    found = lab.tried("--timeout", "2")
    assert failed(found) == {("api", "network")}
    assert found["api", "network"]["seconds"] < 10


def test_the_message_bus_is_tried_without_taking_anything(lab: Lab, rabbitmq: RabbitMq) -> None:
    declare(rabbitmq, "nova", "neutron")
    lab.program.run("env", "add", "lab", "--bus", rabbitmq.url, "--bus-password", "env:BUS", "--bus-queue", "tried")
    where = ("bus", rabbitmq.address)
    well = lab.tried(code=0, BUS=rabbitmq.PASSWORD)[where]
    assert well["text"].startswith("exchanges nova, neutron")
    wrong = lab.tried(BUS="planted-wrong")[where]
    assert "ACCESS_REFUSED" in wrong["text"]
    assert "bus.password" in wrong["remedy"]
    assert "planted-wrong" not in str(wrong)
    assert "where Calipso runs" in lab.tried()[where]["remedy"]
    lab.program.run("env", "add", "lab", "--bus-exchange", "of-nobody")
    assert "messagingv2" in lab.tried(BUS=rabbitmq.PASSWORD)[where]["remedy"]


def test_the_monitoring_system_is_tried(lab: Lab) -> None:
    sensu = Cloud()
    try:
        lab.program.run("env", "add", "lab", "--monitoring", sensu.url, "--monitoring-type", "sensu")
        sensu.say(
            "/info", {"sensu": {"version": "1.9"}, "transport": {"connected": True}, "redis": {"connected": True}}
        )
        assert lab.tried(code=0)["monitoring", sensu.url]["text"] == "Sensu 1.9"
        sensu.say("/info", {"sensu": {"version": "1.9"}, "transport": {"connected": False}})
        assert "not connected to its transport and redis" in lab.tried()["monitoring", sensu.url]["text"]
        lab.program.run("env", "add", "lab", "--monitoring-type", "sensu-go")
        sensu.say("/health", {"ClusterHealth": [{"Name": "one", "Healthy": True}]})
        assert lab.tried(code=0)["monitoring", sensu.url]["text"] == "Sensu Go, 1 members healthy"
        sensu.say("/health", {"ClusterHealth": [{"Name": "one", "Healthy": False}]})
        assert "not connected to its members one" in lab.tried()["monitoring", sensu.url]["text"]
    finally:
        sensu.stop()


def test_an_environment_without_a_source_says_what_to_do(program: Program, tmp_path: Path) -> None:
    define = tmp_path / "lab.toml"
    define.write_text('uplinks = ["eth*"]')
    program.run("scan", "lab", "--from", str(BEFORE), "--define", str(define))
    assert "env add lab" in program.refused("env", "test", "lab")
    assert "env add nix" in program.refused("env", "test", "nix")


@pytest.mark.parametrize(("bundle", "commands"), [("ovn", "ip, virsh, ovs-vsctl"), ("vpp", "ip, virsh, vppctl")])
def test_a_host_is_asked_what_its_drivers_need(program: Program, tmp_path: Path, bundle: str, commands: str) -> None:
    (tmp_path / "lab").mkdir()
    cloud = Reenacted(DATA / bundle, tmp_path / "lab")
    try:
        found = Lab(program, cloud).tried(code=0)
    finally:
        cloud.stop()
    assert any(one["text"] == f"lets us in; {commands} work" for one in found.values())
    clients = {target: one["text"] for (source, target), one in found.items() if source == "ovn"}
    assert set(clients) == ({"ovn-nbctl", "ovn-sbctl"} if bundle == "ovn" else set())
    assert all(text.startswith("answered on ") for text in clients.values())


def test_the_database_is_tried(lab: Lab, mariadb: MariaDb) -> None:
    words = ("--database", "127.0.0.1", "--database-port", str(mariadb.port), "--database-user", mariadb.USER)
    lab.program.run("env", "add", "lab", *words, "--database-password", "env:DB")
    where = ("database", f"127.0.0.1:{mariadb.port}")
    mariadb.sql("CREATE OR REPLACE TABLE neutron.agents (id INT); CREATE OR REPLACE TABLE nova.services (id INT)")
    try:
        assert lab.tried(code=0, DB=mariadb.PASSWORD)[where]["text"].endswith("0 agents of neutron, 0 services of nova")
    finally:
        mariadb.sql("DROP TABLE neutron.agents; DROP TABLE nova.services")
    assert "no such table" in lab.tried(DB=mariadb.PASSWORD)[where]["text"]
    wrong = lab.tried(DB="planted-wrong")[where]
    assert "access denied" in wrong["text"]
    assert "GRANT SELECT" in wrong["remedy"]
    assert "planted-wrong" not in str(wrong)
