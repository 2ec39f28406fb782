"""Secrets planted in every source never reach the data folder."""

import json
import shutil
from pathlib import Path

from tests.e2e.conftest import BEFORE, NOTIFICATIONS
from tests.e2e.program import Program
from tests.recordings import needs_recordings

MARK = "pl4nted"


def plant_api(folder: Path) -> int:
    """Plant secrets in every list of every API answer; answer how many."""
    planted = 0
    for file in folder.glob("api/*.json"):
        answer = json.loads(file.read_text())
        for value in answer["body"].values():
            for item in value if isinstance(value, list) else []:
                if isinstance(item, dict):
                    planted += 1
                    item["adminPass"] = f"{MARK}-pass"
                    item["OS-EXT-SRV-ATTR:user_data"] = f"{MARK}userdata"
                    item["description"] = f"mysql://nova:{MARK}-url@10.0.0.1/nova"
                    item["binding:profile"] = {"secret": f"{MARK}-nested", "auth_token": f"gAAAAAB{MARK}"}
                    item["configurations"] = {
                        **(item.get("configurations") or {}),
                        "metadata_proxy_shared_secret": MARK,
                    }
        file.write_text(json.dumps(answer))
    return planted


def plant_cli(folder: Path) -> int:
    """Plant secrets in the XML of every domain; answer how many."""
    planted = 0
    for file in folder.glob("cli/*/virsh_dumpxml*.txt"):
        text = file.read_text()
        planted += 1
        file.write_text(text.replace("<devices>", f"<devices><graphics type='vnc' passwd='{MARK}-vnc'/>"))
    return planted


def plant_notifications(file: Path, to: Path) -> int:
    """Plant secrets in envelope and payload of every notification; answer how many."""
    lines = []
    for line in file.read_text().splitlines():
        record = json.loads(line)
        message = json.loads(record["body"]["oslo.message"])
        message["_context_auth_token"] = f"{MARK}-token"
        if isinstance(message["payload"], dict):
            message["payload"]["admin_password"] = f"{MARK}-admin"
            message["payload"]["transport_url"] = f"rabbit://openstack:{MARK}-rabbit@10.0.0.1:5672/"
        record["body"]["oslo.message"] = json.dumps(message)
        lines.append(json.dumps(record))
    to.write_text("\n".join(lines))
    return len(lines)


def files(program: Program) -> list[Path]:
    """Answer the files of the data folder."""
    found = [file for file in program.folder.rglob("*") if file.is_file()]
    assert any(file.name == "log.db" for file in found)
    return found


def test_no_secret_planted_in_a_cloud_reaches_the_data_folder(program: Program, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(BEFORE, tmp_path / "bundle", copy_function=shutil.copyfile))
    assert plant_api(bundle) > 80
    assert plant_cli(bundle) > 10
    program.scan("zed", bundle)
    program.run("snapshot", "zed", "kept")
    for file in files(program):
        assert MARK.encode() not in file.read_bytes(), file.name


@needs_recordings
def test_no_secret_planted_in_notifications_reaches_the_data_folder(program: Program, tmp_path: Path) -> None:
    stream = tmp_path / "stream.jsonl"
    assert plant_notifications(NOTIFICATIONS, stream) == 119
    program.run("listen", "zed", "--from", str(stream))
    for file in files(program):
        assert MARK.encode() not in file.read_bytes(), file.name


@needs_recordings
def test_the_facts_beside_a_secret_are_kept(program: Program) -> None:
    program.run("listen", "zed", "--from", str(NOTIFICATIONS))
    events = program.run("events", "zed", "--json").answer["events"]
    assert len(events) == 119
    assert "compute.instance.create.end from compute.compute-2" in {event["summary"] for event in events}


@needs_recordings
def test_notifications_written_twice_are_there_once(program: Program) -> None:
    program.run("listen", "zed", "--from", str(NOTIFICATIONS))
    again = program.run("listen", "zed", "--from", str(NOTIFICATIONS))
    assert "0 notifications written, 119 were there already" in again.out
