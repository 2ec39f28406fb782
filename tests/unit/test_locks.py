"""The lock of an environment: one holder at a time, known by name, gone with its process."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import Conflict, LogError
from streams.locks import environment_lock

ROOT = Path(__file__).parents[2]

HOLDER = """
import sys, time
from pathlib import Path
from streams.locks import environment_lock
with environment_lock(Path(sys.argv[1]), "zed", "scanning bundle one"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_that_is_held_by_a_process_names_it_and_dies_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        told = rf"^environment 'zed' is taken by process {holder.pid} since \d{{4}}-\S+\+00:00: scanning bundle one$"
        with pytest.raises(Conflict, match=told), environment_lock(tmp_path, "zed", "scanning"):
            pass
        holder.send_signal(signal.SIGKILL)
    with environment_lock(tmp_path, "zed", "scanning"):
        pass


def test_a_lock_counts_inside_one_process_too(tmp_path: Path) -> None:
    with (
        environment_lock(tmp_path, "zed", "scanning"),
        pytest.raises(Conflict, match=f"process {os.getpid()} "),
        environment_lock(tmp_path, "zed", "scanning"),
    ):
        pass


def test_a_lock_is_free_again_after_its_block_even_a_failed_one(tmp_path: Path) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), environment_lock(tmp_path, "zed", "scanning"):
            raise ZeroDivisionError


def test_the_note_of_the_holder_is_one_line_whatever_it_does(tmp_path: Path) -> None:
    with (
        environment_lock(tmp_path, "zed", "two\nlines"),
        pytest.raises(Conflict, match=r"two lines$"),
        environment_lock(tmp_path, "zed", "scanning"),
    ):
        pass


@pytest.mark.parametrize("name", ["a/b", "..", "", ".", "ü", "a b", "%2F", "x" * 1000, "/etc/passwd", "a\0b"])
def test_every_name_has_a_lock_of_its_own_inside_the_folder(tmp_path: Path, name: str) -> None:
    with (
        environment_lock(tmp_path, name, "scanning"),
        environment_lock(tmp_path, name + "y", "scanning"),
        environment_lock(tmp_path, "a%2Fb", "scanning"),
    ):
        files = [path.name for path in (tmp_path / "locks").iterdir()]
        assert len(files) == 3
        assert all(re.fullmatch(r"environment-[\w.%~-]*\.lock", file, re.ASCII) for file in files)


def test_a_folder_that_takes_no_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LogError, match="file/locks"), environment_lock(tmp_path / "file", "zed", "scanning"):
        pass
