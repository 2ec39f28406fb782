"""The embedded log after `kill -9`, and after its write-ahead log was cut or damaged at any byte.

Two laws. A killed process: what was acknowledged is there, what was not is there whole or not at all. A cut
write-ahead log (a disk that lost what it had promised): what is left is whole batches, without a gap.
"""

import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.errors import LogCorrupt, NotFound
from streams.local_log import LocalLog

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("zed", "yoga")

WAL_HEADER, FRAME_HEADER, PAGE = 32, 24, 4096
"""Bytes; source: "WAL-file format" of SQLite's documentation."""


def batch(number: int) -> list[bytes]:
    """Answer the records of a batch; each says which batch, which part, and of how many."""
    parts = number * 7 % 5 + 1
    return [b"%d %d %d " % (number, part, parts) + b"x" * (number * 131 % 1500) for part in range(parts)]


def append(log: LocalLog, number: int) -> None:
    log.append(ENVIRONMENTS[number % 2], batch(number))


def whole_batches(log: LocalLog) -> list[int]:
    """Answer the numbers of the batches that are there, in order; fails on a broken, lost or strange one."""
    found: list[int] = []
    for parity, environment in enumerate(ENVIRONMENTS):
        values = [record.value for record in log.read(environment)]
        number = parity
        while values:
            expected = batch(number)
            assert values[: len(expected)] == expected, f"batch {number} is not whole"
            values = values[len(expected) :]
            found.append(number)
            number += 2
    return sorted(found)


def opened(folder: Path, read_only: bool = True) -> list[int]:
    log = LocalLog(folder, read_only=read_only)
    try:
        return whole_batches(log)
    finally:
        log.close()


def is_sound(path: Path) -> bool:
    """Answer whether SQLite itself finds nothing to complain of."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()


# Killed processes

APPENDER = """
import sys
from pathlib import Path
from streams.local_log import LocalLog
from tests.e2e.test_log_survives_kill import append
log = LocalLog(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    append(log, number)
    print(number, flush=True)
    number += 1
"""

MAKER = """
import sys
from pathlib import Path
from streams.local_log import LocalLog
number = 0
while True:
    log = LocalLog(Path(sys.argv[1]) / str(number))
    log.append("zed", [b"first"])
    print(number, flush=True)
    log.close()
    number += 1
"""


def killed(script: str, folder: Path, first: int, acknowledgements: int, delay: float) -> list[int]:
    """Run a script; some time after so many acknowledgements kill it; answer all that it acknowledged."""
    command = [sys.executable, "-c", script, str(folder), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        output = b""
        while output.count(b"\n") < acknowledgements:
            assert select.select([child.stdout], [], [], 60)[0], "the child says nothing"
            read = os.read(child.stdout.fileno(), 65536)
            assert read, "the child ended by itself"
            output += read
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        output += child.stdout.read()
    assert child.returncode == -signal.SIGKILL
    return [int(line) for line in output.split(b"\n")[:-1]]


def after_death(folder: Path, copy: Path, with_shared_memory: bool) -> list[int]:
    """Look at a copy, so that the next round finds the log just as the killed process left it."""
    shutil.copytree(folder, copy)
    if not with_shared_memory:  # as after a crash of the machine
        (copy / "log.db-shm").unlink(missing_ok=True)
    found = opened(copy)
    assert is_sound(copy / "log.db")
    shutil.rmtree(copy)
    return found


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(20)
    folder = tmp_path / "log"
    kept: list[int] = []
    for turn in range(16):
        first = len(kept)
        acknowledged = killed(APPENDER, folder, first, chance.randint(1, 150), chance.random() * 0.02)
        assert acknowledged == list(range(first, first + len(acknowledged)))
        found = after_death(folder, tmp_path / "copy", with_shared_memory=turn % 2 == 0)
        assert found == list(range(len(found))), "a batch is missing or out of order"
        assert len(found) - first - len(acknowledged) in (0, 1), "acknowledged and lost, or never appended"
        kept = found
    assert opened(folder, read_only=False) == kept
    assert is_sound(folder / "log.db")
    assert len(kept) > 500


def test_a_process_killed_while_it_makes_a_log_leaves_a_good_one_or_none(tmp_path: Path) -> None:
    chance = random.Random(21)
    for turn in range(5):
        folder = tmp_path / str(turn)
        acknowledged = killed(MAKER, folder, 0, chance.randint(1, 8), chance.random() * 0.03)
        for number in range(len(acknowledged) + 1):
            try:
                log = LocalLog(folder / str(number), read_only=True)
            except NotFound:
                assert number == len(acknowledged)
                log = LocalLog(folder / str(number))
            values = [record.value for record in log.read("zed")]
            assert values == [b"first"] or (values == [] and number == len(acknowledged))
            log.close()


# Cut and damaged write-ahead logs


def written(folder: Path, numbers: range, then: Callable[[LocalLog], None] = lambda _: None) -> tuple[bytes, bytes]:
    """Append batches and answer both files as a process would leave them that is killed now."""
    log = LocalLog(folder)
    for number in numbers:
        append(log, number)
    then(log)
    files = log.path.read_bytes(), log.path.with_name("log.db-wal").read_bytes()
    log.close()
    return files


def checkpointed(log: LocalLog) -> None:
    """Carry the write-ahead log over into the file, and leave it as it is."""
    connection = sqlite3.connect(log.path)
    assert connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0] == 0
    connection.close()


def positions(wal: bytes, chance: random.Random) -> list[int]:
    """Answer where to cut: each boundary of a header, the bytes beside it, and some bytes in between."""
    frames = range(WAL_HEADER, len(wal), FRAME_HEADER + PAGE)
    edges = [0, WAL_HEADER, len(wal), *frames, *(start + FRAME_HEADER for start in frames)]
    beside = {edge + step for edge in edges for step in (-1, 0, 1)}
    return sorted(at for at in beside | set(chance.sample(range(len(wal)), 50)) if 0 <= at <= len(wal))


def cut(wal: bytes, at: int, _: random.Random) -> bytes:
    return wal[:at]


def garbage(wal: bytes, at: int, chance: random.Random) -> bytes:
    return wal[:at] + chance.randbytes(len(wal) - at)


def flipped(wal: bytes, at: int, chance: random.Random) -> bytes:
    damaged = bytearray(wal)
    if at < len(wal):
        damaged[at] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def damaged_logs(
    folder: Path, files: tuple[bytes, bytes], damage: Callable[[bytes, int, random.Random], bytes]
) -> Iterator[tuple[int, Path]]:
    """Yield (position, folder) for each place of the damage, one after the other."""
    chance = random.Random(22)
    database, wal = files
    for at in positions(wal, chance):
        folder.mkdir()
        (folder / "log.db").write_bytes(database)
        (folder / "log.db-wal").write_bytes(damage(wal, at, chance))
        yield at, folder
        shutil.rmtree(folder)


@pytest.mark.parametrize("damage", [cut, garbage, flipped])
def test_a_damaged_write_ahead_log_leaves_whole_batches_without_a_gap(
    tmp_path: Path, damage: Callable[[bytes, int, random.Random], bytes]
) -> None:
    files = written(tmp_path / "log", range(12))
    seen = []
    for at, folder in damaged_logs(tmp_path / "damaged", files, damage):
        found = opened(folder)
        assert found == list(range(len(found))), f"damaged at {at}"
        seen.append(len(found))
    if damage is cut:
        assert seen == sorted(seen)
        assert set(seen) == set(range(13))


def test_a_cut_write_ahead_log_never_takes_what_a_checkpoint_saved(tmp_path: Path) -> None:
    def go_on(log: LocalLog) -> None:
        checkpointed(log)  # the next append starts the write-ahead log anew, before frames of its former life
        for number in range(12, 16):
            append(log, number)

    files = written(tmp_path / "log", range(12), go_on)
    seen = set()
    for _, folder in damaged_logs(tmp_path / "damaged", files, cut):
        found = opened(folder)
        assert found == list(range(len(found)))
        seen.add(len(found))
    assert seen == set(range(12, 17))


def test_a_log_goes_on_after_a_cut(tmp_path: Path) -> None:
    files = written(tmp_path / "log", range(4))
    for _, folder in damaged_logs(tmp_path / "damaged", files, cut):
        log = LocalLog(folder)
        left = len(whole_batches(log))
        append(log, left)
        append(log, left + 1)
        log.close()
        assert opened(folder) == list(range(left + 2))
        assert is_sound(folder / "log.db")


def test_an_older_write_ahead_log_over_a_newer_file_is_noticed_or_harmless(tmp_path: Path) -> None:
    # No crash can do this: SQLite syncs the write-ahead log before it carries it over. A bad restore can.
    files = written(tmp_path / "log", range(12), checkpointed)
    for at, folder in damaged_logs(tmp_path / "damaged", files, cut):
        try:
            found = opened(folder)
        except LogCorrupt:
            continue
        assert found == list(range(len(found))), f"cut at {at}"
