"""The embedded log keeps the contract of the log, and what it promises beyond."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import BadInput, LogCorrupt, LogError, LogFull, LogTooNew, NotFound
from streams.local_log import LocalLog
from streams.log import Log, Record
from tests.contract.log_contract import LogContract, values

ROOT = Path(__file__).parents[2]


class TestLocalLog(LogContract):
    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[Log]:
        log = LocalLog(tmp_path / "log")
        yield log
        log.close()

    def another(self, log: Log) -> Log:
        assert isinstance(log, LocalLog)
        return LocalLog(log.path.parent)


def filled(folder: Path) -> Path:
    """Make a closed log with two environments and answer its file."""
    log = LocalLog(folder, clock=iter(range(10, 10_000)).__next__)
    for number in range(12):
        log.append("zed", [b"zed %d" % number, random.Random(number).randbytes(700)])
        log.append("yoga", [b"yoga %d" % number])
    log.close()
    return log.path


def contents(folder: Path) -> dict[str, list[Record]]:
    """Answer everything that a reader finds."""
    log = LocalLog(folder, read_only=True)
    try:
        return {name: list(log.read(name)) for name in log.environments()}
    finally:
        log.close()


def tampered(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(statement).rowcount != 0
    connection.close()


def in_a_process(script: str, *words: object) -> str:
    """Answer what a script prints that ran in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# Offsets and times


def test_offsets_are_dense_from_zero_in_each_environment(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    assert log.append("a", [b"1", b"2"]) == [0, 1]
    assert log.append("b", [b"1"]) == [0]
    assert log.append("a", [b"3"]) == [2]
    log.close()


def test_times_are_the_clocks_but_never_step_back(tmp_path: Path) -> None:
    log = LocalLog(tmp_path, clock=iter([100, 50, 300, 1]).__next__)
    for environment in ("a", "a", "a", "b"):
        log.append(environment, [b"x", b"y"])
    assert [record.logged_at for record in log.read("a")] == [100, 100, 100, 100, 300, 300]
    assert [record.logged_at for record in log.read("b")] == [1, 1]
    assert [log.offset_at("a", time) for time in (99, 100, 299, 300, 301)] == [-1, 3, 3, 5, 5]
    log.close()


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    with pytest.raises(BadInput, match="valid Unicode"):
        log.append("bad \ud800", [b"x"])
    log.close()


# Processes and threads


def test_a_reader_in_another_process_sees_what_was_acknowledged(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from streams.local_log import LocalLog\n"
        "log = LocalLog(Path(sys.argv[1]), read_only=True)\n"
        "print([record.value.decode() for record in log.read('zed')], log.head('zed'))"
    )
    log = LocalLog(tmp_path)
    log.append("zed", [b"one"])
    assert in_a_process(script, tmp_path) == "['one'] 0\n"
    log.append("zed", [b"two"])
    assert in_a_process(script, tmp_path) == "['one', 'two'] 1\n"
    log.close()


_APPENDER = """
import sys
from pathlib import Path
from streams.local_log import LocalLog
log = LocalLog(Path(sys.argv[1]))
for number in range(60):
    log.append("zed", [f"{sys.argv[2]} {number} {part}".encode() for part in range(3)])
log.close()
"""


def test_processes_that_append_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _APPENDER, str(tmp_path), name], cwd=ROOT) for name in "abcd"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0, 0]
    log = LocalLog(tmp_path, read_only=True)
    words = [value.decode().split() for value in values(log, "zed")]
    log.close()
    for name in "abcd":
        assert [word[1:] for word in words if word[0] == name] == [
            [str(number), str(part)] for number in range(60) for part in range(3)
        ]
    batches = [words[start : start + 3] for start in range(0, len(words), 3)]
    assert all(len({(name, number) for name, number, _ in batch}) == 1 for batch in batches)


def test_threads_share_one_log(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    done: list[int] = []

    def work(name: str) -> None:
        for number in range(40):
            log.append(name, [b"%d" % number])
            done.append(len(list(log.read(name))))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 120
    assert all(values(log, name) == [b"%d" % number for number in range(40)] for name in "abc")
    log.close()


def test_a_reader_is_not_stopped_by_a_writer_nor_a_writer_by_a_reader(tmp_path: Path) -> None:
    log = LocalLog(tmp_path, patience=0.1)
    log.append("zed", [b"one"])
    other = sqlite3.connect(log.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert values(log, "zed") == [b"one"]
    other.execute("ROLLBACK")
    other.execute("BEGIN")
    other.execute("SELECT * FROM records").fetchone()
    log.append("zed", [b"two"])
    other.close()
    log.close()


def test_who_waits_for_a_writer_too_long_is_told_so(tmp_path: Path) -> None:
    log = LocalLog(tmp_path, patience=0.1)
    log.append("zed", [b"one"])
    other = sqlite3.connect(log.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told = (
        f"process {os.getpid()} waited 0.1 s for another process that writes .appending 1 records to environment 'zed'"
    )
    with pytest.raises(LogError, match=told):
        log.append("zed", [b"two"])
    other.close()
    log.append("zed", [b"three"])
    assert values(log, "zed") == [b"one", b"three"]
    log.close()


# Reading only


def test_reading_only_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no event log at .*log\.db"):
        LocalLog(tmp_path / "nowhere", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_reading_only_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    before = filled(tmp_path).read_bytes()
    assert len(contents(tmp_path)["zed"]) == 24
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("log.db", before)]


def test_reading_only_refuses_an_append(tmp_path: Path) -> None:
    filled(tmp_path)
    log = LocalLog(tmp_path, read_only=True)
    with pytest.raises(LogError, match="open for reading only"):
        log.append("zed", [b"x"])
    log.close()


def test_a_closed_log_is_an_error_not_an_empty_one(tmp_path: Path) -> None:
    log = LocalLog(tmp_path)
    log.append("zed", [b"x"])
    records = log.read("zed")
    log.close()
    log.close()
    for ask in (lambda: list(records), lambda: log.head("zed"), lambda: log.append("zed", [b"y"])):
        with pytest.raises(LogError, match=r"log\.db"):
            ask()


# Damage


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET value = x'00' WHERE key & 255 = 5",
        "UPDATE records SET logged_at = logged_at + 1 WHERE key & 255 = 5",
        "UPDATE records SET checksum = 1 WHERE key & 255 = 5",
        "DELETE FROM records WHERE key & 255 = 5",
    ],
)
def test_a_record_that_is_not_what_was_written_is_named(tmp_path: Path, statement: str) -> None:
    tampered(filled(tmp_path), statement)
    log = LocalLog(tmp_path)
    records = log.read("zed")
    assert [next(records).offset for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(LogCorrupt, match=r"log\.db: environment 'zed', offset 5 is (damaged|missing)"):
        next(records)
    assert [record.offset for record in log.read("zed", after=5)] == list(range(6, 24))
    log.close()


def test_a_lost_tail_is_damage_not_a_shorter_log(tmp_path: Path) -> None:
    tampered(filled(tmp_path), "DELETE FROM records WHERE key & 255 >= 10")
    with pytest.raises(LogCorrupt, match="'yoga', offset 10 is missing"):
        contents(tmp_path)


@pytest.mark.parametrize("change", ["head = head - 1", "name = name || 'x'", "logged_at = 0", "number = number + 7"])
def test_a_changed_list_of_environments_is_noticed(tmp_path: Path, change: str) -> None:
    tampered(filled(tmp_path), f"UPDATE environments SET {change} WHERE name = 'zed'")  # noqa: S608 - the test's words
    log = LocalLog(tmp_path)
    for ask in (lambda: log.read("zed"), log.environments, lambda: log.append("zed", [b"x"])):
        with pytest.raises(LogCorrupt, match="what is kept of environment"):
            ask()
    log.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    for garbage in (b"", b"x", b"hello" * 1000, bytes(8192), random.Random(1).randbytes(100_000)):
        path.write_bytes(garbage)
        for read_only in (True, False):
            with pytest.raises(LogCorrupt, match=str(path)):
                LocalLog(tmp_path, read_only=read_only)
        assert path.read_bytes() == garbage


def test_a_file_cut_to_nothing_is_not_taken_for_a_new_log(tmp_path: Path) -> None:
    filled(tmp_path).write_bytes(b"")
    with pytest.raises(LogCorrupt, match=r"log\.db: is empty, it was cut off"):
        LocalLog(tmp_path)


def test_damage_that_cannot_even_be_quoted_is_damage(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE records", b"CREATE TABLE\xef\xff\xfe records"[:20]))
    with pytest.raises(LogCorrupt, match=r"log\.db: damaged"):
        contents(tmp_path)


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "log.db")
    connection.execute("CREATE TABLE records (key)")
    connection.close()
    with pytest.raises(LogCorrupt, match="no event log of Calipso"):
        LocalLog(tmp_path)


def test_a_lost_file_is_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.rename(tmp_path / "log.db-wal")
    with pytest.raises(LogCorrupt, match=r"is missing, but log\.db-wal"):
        LocalLog(tmp_path)


def test_a_newer_format_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = filled(tmp_path)
    tampered(path, "PRAGMA user_version = 7")
    for read_only in (True, False):
        with pytest.raises(LogTooNew) as refused:
            LocalLog(tmp_path, read_only=read_only)
        assert str(refused.value) == f"{path}: log format 7, but this Calipso reads formats up to 1"


def test_a_truncated_file_is_never_read_as_a_shorter_log(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole").read_bytes()
    (tmp_path / "cut").mkdir()
    chosen = random.Random(2).sample(range(len(whole)), 40)
    for size in {0, 1, 15, 16, 99, 100, 511, 512, 4095, 4096, 4097, len(whole) - 1, *chosen}:
        (tmp_path / "cut" / "log.db").write_bytes(whole[:size])
        with pytest.raises(LogCorrupt, match=r"cut/log\.db"):
            contents(tmp_path / "cut")


def test_a_flipped_bit_is_found_or_does_no_harm(tmp_path: Path) -> None:
    path = filled(tmp_path / "whole")
    whole, expected = path.read_bytes(), contents(path.parent)
    found = 0
    chance = random.Random(3)
    for place in [*range(100), *chance.sample(range(100, len(whole)), 500)]:
        folder = tmp_path / "flipped"
        folder.mkdir()
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        (folder / "log.db").write_bytes(damaged)
        try:
            assert contents(folder) == expected, f"byte {place}"
        except LogError:
            found += 1
        shutil.rmtree(folder)
    assert found > 100


# Space


def test_a_full_log_takes_whole_batches_or_nothing_and_goes_on_with_more_space(tmp_path: Path) -> None:
    log = LocalLog(tmp_path, limit=100_000)
    batches = 0

    def fill() -> None:
        nonlocal batches
        while batches < 1000:
            log.append("zed", [b"%d" % batches * 300] * 10)
            batches += 1

    with pytest.raises(LogFull, match=r"log\.db: no space left, nothing was written .appending 10 records"):
        fill()
    assert batches > 5
    assert values(log, "zed") == [b"%d" % number * 300 for number in range(batches) for _ in range(10)]
    log.close()
    wider = LocalLog(tmp_path)
    assert wider.append("zed", [b"more"]) == [batches * 10]
    wider.close()


_ON_A_SMALL_DISK = """
import subprocess, sys
from pathlib import Path
from schemas.errors import LogFull
from streams.local_log import LocalLog
folder = Path(sys.argv[1])
ballast = folder / "ballast"
ballast.write_bytes(bytes(500_000))
log = LocalLog(folder / "log")
whole = 0
refused = ""
while not refused:
    try:
        log.append("zed", [b"%d" % whole * 3000] * 4)
        whole += 1
    except LogFull as error:
        refused = str(error)
    assert whole < 1000
assert str(folder / "log" / "log.db") in refused, refused
def batches():
    return [b"%d" % number * 3000 for number in range(whole) for _ in range(4)]
assert [r.value for r in log.read("zed")] == batches()
ballast.unlink()
log.append("zed", [b"%d" % whole * 3000] * 4)
whole += 1
assert [r.value for r in log.read("zed")] == batches()
log.close()
log = LocalLog(folder / "log")
assert [r.value for r in log.read("zed")] == batches()
log.close()
print("kept", whole)
"""


def test_a_full_disk_loses_nothing_and_the_log_goes_on_when_there_is_space(tmp_path: Path) -> None:
    mounted = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    line = f'mount -t tmpfs -o size=2m none "{tmp_path}" && exec "$0" "$@"'
    if shutil.which("unshare") is None or subprocess.run([*mounted, line, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    ran = subprocess.run(
        [*mounted, line, sys.executable, "-c", _ON_A_SMALL_DISK, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.removeprefix("kept ")) > 10


_UP_TO_A_FILE_SIZE = """
import resource, sys
from pathlib import Path
from schemas.errors import LogError
from streams.local_log import LocalLog
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    log = LocalLog(Path(sys.argv[1]))
    for number in range(1000):
        log.append("zed", [b"%d" % number * 1000])
except LogError as error:
    print(error)
"""


@pytest.mark.parametrize("size", [1000, 5000, 20_000, 60_000, 200_000])
def test_a_limit_on_the_size_of_files_breaks_no_batch(tmp_path: Path, size: int) -> None:
    folder = tmp_path / "log"
    assert in_a_process(_UP_TO_A_FILE_SIZE, folder, size).startswith(f"{folder}/log.db: ")
    log = LocalLog(folder)
    kept = values(log, "zed")
    assert kept == [b"%d" % number * 1000 for number in range(len(kept))]
    assert log.append("zed", [b"more"]) == [len(kept)]
    log.close()


def test_an_environment_begun_while_environments_are_listed_is_no_damage(tmp_path: Path) -> None:
    log, other = LocalLog(tmp_path), LocalLog(tmp_path)
    log.append("a", [b"1"])
    waiting = ["b"]

    def begin(statement: str) -> None:
        if "INDEXED BY" in statement and waiting:
            other.append(waiting.pop(), [b"1"])

    log._reader._connection.set_trace_callback(begin)
    assert log.environments() in (["a"], ["a", "b"])
    log.close()
    other.close()
