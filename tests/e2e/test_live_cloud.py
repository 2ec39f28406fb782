"""A live cloud is scanned and recorded by the words of the command line, over real HTTP and real SSH."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BEFORE
from tests.e2e.keystone import Reply
from tests.e2e.program import Program
from tests.e2e.reenacted import Reenacted

pytestmark = pytest.mark.filterwarnings(  # openstacksdk warns of its own default settings when it reads any clouds.yaml
    "ignore:Support for InfluxDB:openstack.warnings.RemovedInSDK60Warning"
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Reenacted]:
    """Start the shipped cloud."""
    (tmp_path / "lab").mkdir()
    lab = Reenacted(BEFORE, tmp_path / "lab")
    yield lab
    lab.stop()


def objects(program: Program) -> Any:
    """Answer the objects of the lab but for its region, which tells the addresses of its APIs."""
    found = program.run("at", "lab", "--json").answer["objects"]
    return [obj for obj in found if obj["type"] != "region"]


@pytest.fixture
def shipped(tmp_path: Path) -> Any:
    """Give the objects that a scan of the shipped bundle sees."""
    program = Program(tmp_path / "shipped")
    program.run("scan", "lab", "--from", str(BEFORE))
    return objects(program)


def test_a_live_scan_sees_what_a_scan_of_its_recording_sees(program: Program, lab: Reenacted, shipped: Any) -> None:
    define = ("--define", str(lab.folder / "lab.toml"))
    live = program.run("scan", "lab", *define, "--json", OS_CLIENT_CONFIG_FILE=lab.clouds).answer
    assert (live["status"], live["origin"], live["failures"]) == ("completed", "cloud:lab", [])
    assert objects(program) == shipped
    again = program.run("scan", "lab", "--json", OS_CLIENT_CONFIG_FILE=lab.clouds).answer
    assert again["status"] == "completed"
    assert program.run("diff", "lab", str(live["offset"]), "latest").code == 0


def test_a_recording_is_a_bundle_that_scans_like_the_cloud_and_leaves_the_log_alone(
    program: Program, lab: Reenacted, shipped: Any, tmp_path: Path
) -> None:
    define = ("--define", str(lab.folder / "lab.toml"))
    program.run("record", "lab", "--to", str(tmp_path / "bundle"), *define, OS_CLIENT_CONFIG_FILE=lab.clouds)
    assert "lab" not in program.run("environments", "--json", code=None).out
    program.run("scan", "lab", "--from", str(tmp_path / "bundle"))
    assert objects(program) == shipped


def test_a_host_that_is_gone_during_a_scan_is_named_and_nothing_of_it_is_swept(
    program: Program, lab: Reenacted
) -> None:
    define = ("--define", str(lab.folder / "lab.toml"))
    program.run("scan", "lab", *define, OS_CLIENT_CONFIG_FILE=lab.clouds)
    before = objects(program)
    lab.hosts.pop("compute-2").stop()
    ended = program.run("scan", "lab", code=2, OS_CLIENT_CONFIG_FILE=lab.clouds)
    assert "compute-2" in ended.err
    assert objects(program) == before
    failures = program.run("scan", "lab", "--json", code=2, OS_CLIENT_CONFIG_FILE=lab.clouds).answer["failures"]
    assert {failure["host"] for failure in failures} == {"compute-2"}
    assert all(failure["request"] and failure["reason"] for failure in failures)


def test_an_api_that_fails_in_mid_scan_is_named_and_nothing_of_it_is_swept(program: Program, lab: Reenacted) -> None:
    define = ("--define", str(lab.folder / "lab.toml"))
    program.run("scan", "lab", *define, OS_CLIENT_CONFIG_FILE=lab.clouds)
    before = objects(program)
    lab.cloud.say("/network/v2.0/ports", Reply({"NeutronError": {"message": "the database is gone"}}, 500))
    ended = program.run("scan", "lab", code=2, OS_CLIENT_CONFIG_FILE=lab.clouds)
    assert "/v2.0/ports" in ended.err
    assert "the database is gone" in ended.err
    kept = {(o["type"], o["id"]) for o in objects(program)}
    assert {(o["type"], o["id"]) for o in before} <= kept
