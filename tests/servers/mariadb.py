"""A real MariaDB for the tests: a loopback port and data of its own, with a user who may only read.

A test that takes the fixture `mariadb` is skipped, with the reason, where the server is not installed;
CALIPSO_TEST_SERVERS=required fails it instead.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import pytest

from tests.servers.kafka import free_port

PROGRAMS: Final = ("/usr/sbin/mariadbd", "/usr/sbin/mysqld")
HOW: Final = "install mariadb-server (Debian and Ubuntu: apt-get install mariadb-server; its service need not run)"

_MADE: Final = """
CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY '{password}';
CREATE DATABASE neutron; CREATE DATABASE nova; CREATE DATABASE nova_cell2; CREATE DATABASE hidden;
GRANT SELECT ON neutron.* TO '{user}'@'127.0.0.1';
GRANT SELECT ON `nova%`.* TO '{user}'@'127.0.0.1';
"""


class MariaDb:
    """One server; it may be stopped, frozen and started again, and keeps its data until `remove`."""

    USER: Final = "calipso"
    PASSWORD: Final = "maria staple"

    def __init__(self, program: str, folder: Path) -> None:
        """Make the databases and the user, and start."""
        self._program = program
        self._folder = folder
        self.port = free_port()
        self._socket = folder / "s"
        self._process: subprocess.Popen[bytes] | None = None
        self._install()
        self.start()
        self.sql(_MADE.format(user=self.USER, password=self.PASSWORD))

    def _words(self) -> list[str]:
        own = [f"--datadir={self._folder / 'data'}", f"--user={os.environ.get('USER') or 'root'}"]
        return ["--no-defaults", *own]

    def _install(self) -> None:
        installer = shutil.which("mariadb-install-db") or "mysql_install_db"
        words = [installer, *self._words(), "--skip-test-db", "--auth-root-authentication-method=socket"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start on the data that is there, and wait until it answers."""
        assert self._process is None
        own = ["--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self._socket}"]
        small = ["--innodb-buffer-pool-size=16M", "--performance-schema=OFF", "--skip-log-bin", "--skip-name-resolve"]
        with (self._folder / "server.out").open("ab") as out:
            words = [self._program, *self._words(), *own, *small, f"--pid-file={self._folder / 'pid'}"]
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.1)

    def _answers(self) -> bool:
        return self._client("SELECT 1").returncode == 0

    def sql(self, text: str) -> None:
        """Do what the administrator says."""
        done = self._client(text)
        assert done.returncode == 0, done.stderr

    def _client(self, text: str) -> "subprocess.CompletedProcess[str]":
        client = shutil.which("mariadb") or "mysql"
        words = [client, "--no-defaults", f"--socket={self._socket}"]
        return subprocess.run(words, input=text, capture_output=True, text=True, timeout=60, check=False)

    def freeze(self) -> None:
        """Let it answer nothing, its connections left open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it at once; what was committed stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None

    def remove(self) -> None:
        """Stop it and delete its data."""
        self.stop()
        shutil.rmtree(self._folder)

    def _said(self) -> str:
        return (self._folder / "server.out").read_text()[-3000:]


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    """Start the one server of the run; a test that stops it starts it again."""
    program = next((path for path in PROGRAMS if Path(path).exists()), shutil.which("mariadbd"))
    if program is None:
        told = f"no MariaDB on this machine: {HOW}"
        if os.environ.get("CALIPSO_TEST_SERVERS") == "required":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    server = MariaDb(program, Path(mkdtemp(prefix="calipso-mariadb-")))
    try:
        yield server
    finally:
        server.remove()
