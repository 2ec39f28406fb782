"""What cannot be done is one line that names what and where, exit code 2, and nothing lost."""

import fcntl
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import BEFORE
from tests.e2e.program import UPLINKS, Program


@pytest.fixture
def scanned(program: Program) -> Program:
    """Give a data folder with one scan, and hold whoever uses it to losing nothing."""
    program.scan("zed", BEFORE)
    return program


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a bundle that may be spoilt."""
    return Path(shutil.copytree(BEFORE, tmp_path / "bundle", copy_function=shutil.copyfile))


def whole(program: Program) -> str:
    """Answer what the data folder proves to hold."""
    return program.run("verify", "zed", "--json").out


def test_a_truncated_bundle_is_refused_by_file(scanned: Program, copy: Path) -> None:
    before = whole(scanned)
    (spoilt,) = copy.glob("api/network*ports*.json")
    spoilt.write_bytes(spoilt.read_bytes()[:5000])
    said = scanned.refused("scan", "zed", "--from", str(copy))
    assert spoilt.name in said
    assert whole(scanned) == before


def test_a_command_answer_cut_short_is_refused_by_file(scanned: Program, copy: Path) -> None:
    (spoilt,) = copy.glob("cli/compute-1/ip*addr*.txt")
    spoilt.write_bytes(spoilt.read_bytes()[:300])
    assert spoilt.name in scanned.refused("scan", "zed", "--from", str(copy))


def test_a_binary_file_in_a_bundle_is_refused_by_name(scanned: Program, copy: Path) -> None:
    (spoilt,) = copy.glob("cli/compute-1/brctl*.txt")
    spoilt.write_bytes(bytes(range(256)) * 16)
    assert spoilt.name in scanned.refused("scan", "zed", "--from", str(copy))


@pytest.mark.parametrize("what", ["missing", "a file", "empty"])
def test_a_bundle_that_is_none_is_refused_by_name(scanned: Program, tmp_path: Path, what: str) -> None:
    place = tmp_path / "nothing-here"
    if what == "a file":
        place.write_text("text")
    elif what == "empty":
        place.mkdir()
    assert "nothing-here" in scanned.refused("scan", "zed", "--from", str(place))


def test_a_live_scan_without_a_cloud_says_what_to_give(scanned: Program) -> None:
    assert "--define" in scanned.refused("scan", "zed")


@pytest.mark.parametrize(
    ("clouds", "named"),
    [
        ("clouds:\n  other: {}\n", "lab"),
        ("clouds: [this is no map\n", "clouds.yaml"),
        (
            "clouds:\n  lab:\n    auth:\n      auth_url: http://127.0.0.1:9/v3\n      username: a\n      password: b\n",
            "lab",
        ),
    ],
)
@pytest.mark.filterwarnings(  # openstacksdk warns of its own default settings when it reads any clouds.yaml
    "ignore:Support for InfluxDB:openstack.warnings.RemovedInSDK60Warning"
)
def test_a_wrong_clouds_yaml_is_named(scanned: Program, tmp_path: Path, clouds: str, named: str) -> None:
    before = whole(scanned)
    file = tmp_path / "clouds.yaml"
    file.write_text(clouds)
    define = tmp_path / "lab.toml"
    define.write_text('cloud = "lab"\n[ssh]\nuser = "root"\n')
    assert named in scanned.refused("scan", "lab", "--define", str(define), OS_CLIENT_CONFIG_FILE=str(file))
    assert whole(scanned) == before


def test_a_wrong_definition_names_file_and_key(scanned: Program, tmp_path: Path) -> None:
    define = tmp_path / "lab.toml"
    define.write_text('cloud = "lab"\nuplink = "eth*"\n')
    said = scanned.refused("scan", "lab", "--define", str(define))
    assert "lab.toml" in said
    assert "uplink" in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("at", "zed", "yesterday-ish"), "yesterday-ish"),
        (("at", "zed", "99999"), "99999"),
        (("at", "zed", "@never"), "@never"),
        (("at", "zed", "1999-01-01T00:00"), "1999"),
        (("diff", "zed", "0", "@never"), "@never"),
        (("at", "zed", "--type", "gizmo"), "gizmo"),
        (("show", "zed", "gizmo", "x"), "gizmo"),
        (("show", "zed", "instance", "no-such"), "no-such"),
        (("clique", "zed", "region", "RegionOne"), "clique"),
        (("at", "nowhere"), "nowhere"),
        (("snapshot", "zed", "@x"), "@x"),
    ],
)
def test_what_does_not_exist_is_named(scanned: Program, words: tuple[str, ...], named: str) -> None:
    assert named in scanned.refused(*words)


def test_a_snapshot_is_never_renamed_silently(scanned: Program) -> None:
    scanned.run("snapshot", "zed", "before", "--at", "3")
    assert "before" in scanned.refused("snapshot", "zed", "before")
    assert scanned.run("snapshots", "zed", "--json").answer["snapshots"][0]["at_offset"] == 3


def test_an_environment_that_is_being_scanned_is_not_scanned_twice(scanned: Program) -> None:
    before = whole(scanned)
    (lock,) = (scanned.folder / "locks").glob("*zed*")
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = scanned.refused("scan", "zed", "--from", str(BEFORE))
    assert "zed" in said
    assert whole(scanned) == before


def test_a_log_of_a_newer_version_is_left_alone(scanned: Program) -> None:
    log = scanned.folder / "log.db"
    with sqlite3.connect(log) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute(f"PRAGMA user_version = {version + 1}")
    db.close()
    said = scanned.refused("at", "zed")
    assert "log.db" in said
    assert "newer" in said


def test_a_log_that_is_no_log_is_named(program: Program) -> None:
    program.folder.mkdir()
    (program.folder / "log.db").write_bytes(b"not a database at all " * 400)
    assert "log.db" in program.refused("at", "zed")


def test_a_wrong_setting_is_named(program: Program) -> None:
    assert "CALIPSO_LOG" in program.refused("environments", CALIPSO_LOG="mysql://here")


def test_a_broken_line_among_notifications_is_named_and_nothing_is_written(scanned: Program, tmp_path: Path) -> None:
    before = whole(scanned)
    file = tmp_path / "stream.jsonl"
    good = json.dumps({"body": {"message_id": "m", "event_type": "x", "timestamp": "2026-11-22 10:00:00"}})
    file.write_text(f"{good}\n{good[:30]}\n")
    assert "stream.jsonl:2" in scanned.refused("listen", "zed", "--from", str(file))
    assert whole(scanned) == before


def test_a_full_disk_is_named_and_nothing_is_lost(scanned: Program) -> None:
    before = whole(scanned)
    limited = f"""
import resource, sys
size = __import__("pathlib").Path({str(scanned.folder / "log.db")!r}).stat().st_size
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, size + 4096))
from calipso.cli import run
sys.exit(run({["scan", "zed", "--from", str(BEFORE), *UPLINKS]!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", limited], env=scanned.environ(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "log.db" in done.stderr or "history.db" in done.stderr
    assert "Traceback" not in done.stderr
    scanned.run("at", "zed")
    verdict = json.loads(whole(scanned))
    assert verdict["problem"] is None
    assert verdict["events"] >= json.loads(before)["events"]
