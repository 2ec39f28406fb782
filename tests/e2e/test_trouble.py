"""A live cloud in trouble: what could not be looked at is named, and nothing is swept that was not seen to be gone."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.keystone import Reply
from tests.e2e.program import Ended, Program
from tests.e2e.reenacted import Reenacted
from tests.servers.mariadb import MariaDb

pytestmark = pytest.mark.filterwarnings(  # openstacksdk warns of its own default settings when it reads any clouds.yaml
    "ignore:Support for InfluxDB:openstack.warnings.RemovedInSDK60Warning"
)

PORTS = "/network/v2.0/ports"
TENANT = "5b1e8f20-6c3d-4e7a-9d54-2f0a7c81b601"

TABLES = {
    "ml2_port_bindings": ("port_id", "host", "status", "vif_type", "vnic_type"),
    "ml2_distributed_port_bindings": ("port_id", "host", "status", "vif_type", "vnic_type"),
    "ml2_port_binding_levels": ("port_id", "host", "level", "driver", "segment_id"),
    "networksegments": ("id", "network_type", "physical_network", "segmentation_id"),
    "ports": ("id", "standard_attr_id"),
    "provisioningblocks": ("standard_attr_id", "entity"),
    "routerl3agentbindings": ("router_id", "l3_agent_id"),
    "ha_router_agent_port_bindings": ("router_id", "l3_agent_id", "state"),
    "networkdhcpagentbindings": ("network_id", "dhcp_agent_id"),
    "agents": ("id", "host"),
    "ml2_vxlan_endpoints": ("ip_address", "udp_port", "host"),
}


class Lab:
    """A small cloud on Linux bridge that was scanned once, and is scanned again when something is wrong."""

    def __init__(self, program: Program, folder: Path) -> None:
        """Bring it to life, and scan it; `more` is added to its description."""
        self.program = program
        self.bundle = folder / "bundle"
        shutil.copytree(Path(__file__).parents[1] / "data" / "linux-bridge", self.bundle)
        (folder / "lab").mkdir()
        self.here = Reenacted(self.bundle, folder / "lab")
        self.cloud = self.here.cloud

    def begin(self, more: str = "", timeout: int = 60) -> "Lab":
        """Scan it while all is well."""
        define = self.here.folder / "lab.toml"
        told = define.read_text().replace("command_timeout_seconds = 60", f"command_timeout_seconds = {timeout}")
        define.write_text(f"{told}\n{more}")
        ended = self.scan("--define", str(define))
        assert ended.answer["failures"] == []
        return self

    def scan(self, *words: str, code: int = 0) -> Ended:
        """Scan it."""
        return self.program.run("scan", "lab", "--json", *words, code=code, OS_CLIENT_CONFIG_FILE=self.here.clouds)

    def failures(self) -> list[dict[str, Any]]:
        """Scan it in trouble, and answer what failed; the scan says so, and is no failed one."""
        answer = self.scan(code=2).answer
        assert answer["status"] == "completed_with_errors"
        return list(answer["failures"])

    def objects(self) -> dict[tuple[str, str], Any]:
        """Answer the attributes of everything that is known."""
        found = self.program.run("at", "lab", "--json").answer["objects"]
        return {(obj["type"], obj["id"]): obj["attributes"] for obj in found}

    def transcript(self, host: str, command: str) -> Path:
        """Answer the file of what a command prints."""
        [path] = [p for p in (self.bundle / "cli" / host).glob("*.txt") if p.read_text().startswith(f"$ {command}\n")]
        return path


@pytest.fixture
def lab(program: Program, tmp_path: Path) -> Iterator[Lab]:
    """Start the cloud."""
    lab = Lab(program, tmp_path)
    yield lab
    lab.here.stop()


def test_a_host_that_is_unreachable_keeps_what_is_known_of_it(lab: Lab) -> None:
    before = lab.begin().objects()
    lab.here.hosts.pop("lxb-1").stop()
    assert {failure["host"] for failure in lab.failures()} == {"lxb-1"}
    assert lab.objects() == before


def test_a_command_that_hangs_is_given_up_and_costs_only_what_it_tells(lab: Lab) -> None:
    before = lab.begin(timeout=15).objects()
    lab.transcript("lxb-1", "virsh list --all").unlink()
    fifo = lab.bundle / "cli" / "lxb-1" / "zz.txt"
    os.mkfifo(fifo)  # written by nobody: whoever opens it waits
    failures = lab.failures()
    os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))  # and who still does ends
    fifo.unlink()
    assert {(failure["entry"], failure["host"]) for failure in failures} == {("instance-vnic", "lxb-1")}
    assert all("15" in failure["reason"] for failure in failures), failures
    assert lab.objects() == before


def test_a_command_that_prints_garbage_is_not_understood_and_costs_only_what_it_tells(lab: Lab) -> None:
    before = lab.begin().objects()
    lab.transcript("lxb-2", "brctl show").write_text("$ brctl show\nSegmentation fault \u0007 <<core>>\n# exit 0\n")
    failures = lab.failures()
    assert {failure["host"] for failure in failures} == {"lxb-2"}
    assert all("is not understood" in failure["reason"] for failure in failures)
    assert lab.objects() == before


@pytest.mark.parametrize("status", [500, 401, 403, 404])
def test_an_api_that_refuses_in_mid_scan_keeps_what_it_told_before(lab: Lab, status: int) -> None:
    before = lab.begin().objects()
    lab.cloud.say(PORTS, Reply({"error": {"message": "out of order", "code": status}}, status))
    failures = lab.failures()
    assert "port" in {failure["entry"] for failure in failures}
    assert all(str(status) in failure["reason"] for failure in failures), failures
    assert lab.objects().keys() == before.keys()


def test_a_token_that_expires_in_mid_scan_is_renewed(lab: Lab) -> None:
    before = lab.begin().objects()
    lab.cloud.expired = {f"token-{lab.cloud.tokens + 1}"}
    assert lab.scan().answer["status"] == "completed"
    assert lab.objects() == before


def test_an_api_that_asks_to_wait_is_waited_for(lab: Lab) -> None:
    before = lab.begin().objects()
    whole = lab.cloud.replies[PORTS][0]
    lab.cloud.say(PORTS, Reply({}, 429, {"Retry-After": "1"}), Reply({}, 503), whole)
    assert lab.scan().answer["status"] == "completed"
    assert lab.objects() == before
    assert lab.cloud.count(PORTS) == 4


def test_an_api_that_always_asks_to_wait_is_given_up(lab: Lab) -> None:
    before = lab.begin().objects()
    lab.cloud.say(PORTS, Reply({"error": {"message": "too many"}}, 429, {"Retry-After": "0"}))
    assert all("429" in failure["reason"] for failure in lab.failures())
    assert lab.objects().keys() == before.keys()


def test_ten_thousand_ports_come_in_pages_and_a_page_that_fails_sweeps_none(lab: Lab) -> None:
    lab.begin()
    own = lab.cloud.replies[PORTS][0]
    pages = [[_port(number) for number in range(start, start + 1000)] for start in range(0, 10_000, 1000)]

    def say(broken: int | None = None) -> None:
        for place, rows in enumerate(pages):
            path = PORTS if place == 0 else f"{PORTS}?marker={place}"
            href = f"{lab.cloud.url}{PORTS}?marker={place + 1}"
            links = [{"rel": "next", "href": href}] if place + 1 < len(pages) else []
            body = {"ports": rows, "ports_links": links}
            lab.cloud.say(path, Reply(body) if place != broken else Reply({"error": {"message": "gone"}}, 500))

    say()
    assert lab.scan().answer["objects"]["port"] == 10_000
    many = {key for key in lab.objects() if key[0] == "port"}
    assert len(many) == 10_000  # the five of before were seen to be gone
    say(broken=6)
    failures = lab.failures()
    assert any("marker=6" in failure["reason"] for failure in failures)
    assert {key for key in lab.objects() if key[0] == "port"} == many
    lab.cloud.say(PORTS, own)
    assert lab.scan().answer["objects"]["port"] == 5
    assert len([key for key in lab.objects() if key[0] == "port"]) == 5


def _port(number: int) -> dict[str, Any]:
    mac = f"fa:16:3e:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    own = {"id": f"00000000-0000-4000-8000-{number:012d}", "name": "", "mac_address": mac, "network_id": TENANT}
    return own | {"device_id": "", "device_owner": "", "fixed_ips": [], "status": "DOWN", "admin_state_up": True}


def test_a_database_in_trouble_keeps_what_it_told_before(lab: Lab, mariadb: MariaDb, tmp_path: Path) -> None:
    columns = "; ".join(
        f"CREATE OR REPLACE TABLE neutron.{name} ({', '.join(f'{one} VARCHAR(255)' for one in names)})"
        for name, names in TABLES.items()
    )
    bound = f"INSERT INTO neutron.networkdhcpagentbindings VALUES ('{TENANT}', 'dhcp-agent-0');"  # noqa: S608
    mariadb.sql(f"{columns}; {bound}")
    mariadb.sql(
        "CREATE OR REPLACE TABLE nova.instance_info_caches (instance_uuid CHAR(36), network_info TEXT, deleted INT);"
        "INSERT INTO neutron.agents VALUES ('dhcp-agent-0', 'lxb-ctl');"
        "INSERT INTO neutron.ml2_vxlan_endpoints VALUES ('10.30.0.11', '8472', 'lxb-1');"
    )
    (tmp_path / "password").write_text(mariadb.PASSWORD)
    told = f'host = "127.0.0.1"\nport = {mariadb.port}\nuser = "{mariadb.USER}"\npassword = "file:{tmp_path}/password"'
    before = lab.begin(f"[database]\n{told}\ntimeout_seconds = 20\n").objects()
    assert before["network", TENANT]["dhcp_agents"] == [{"agent_id": "dhcp-agent-0", "host": "lxb-ctl"}]
    ends = {key[1]: attributes["registered"] for key, attributes in before.items() if key[0] == "otep"}
    assert ends["lxb-1-otep-vxlan-70"] == {"ip_address": "10.30.0.11", "udp_port": "8472"}
    assert ends["lxb-2-otep-vxlan-70"] is None

    mariadb.sql("DROP TABLE neutron.networkdhcpagentbindings;")
    [failure] = lab.failures()
    assert failure["entry"] == "network:dhcp_agents"
    assert "no such table (another release of OpenStack?)" in failure["reason"]
    assert lab.objects() == before

    mariadb.stop()
    try:
        assert {failure["entry"].partition(":")[2] for failure in lab.failures()} == {
            "port_bindings",
            "provisioning_blocks",
            "router_agents",
            "dhcp_agents",
            "network_info",
            "tunnel_registration",
        }
        assert lab.objects() == before
    finally:
        mariadb.start()
