"""A real RabbitMQ for the tests: one node on loopback ports, with a user, a cookie and data of its own.

A test that takes the fixture `rabbitmq` is skipped, with the reason, where the server is not installed;
CALIPSO_TEST_SERVERS=required fails it instead.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp
from typing import Final

import pytest

from tests.servers.kafka import free_port

LIBRARY: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's: what stands on PATH there is a wrapper that changes user and folders."""
HOW: Final = "install rabbitmq-server (Debian and Ubuntu: apt-get install rabbitmq-server; its service need not run)"

_CONFIGURATION: Final = """
listeners.tcp.1 = 127.0.0.1:{port}
listeners.ssl.1 = 127.0.0.1:{tls_port}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
default_user = {user}
default_pass = {password}
log.console = true
log.console.level = warning
log.file = false
disk_free_limit.absolute = 50MB
collect_statistics_interval = 60000
"""


class RabbitMq:
    """One broker; it may be stopped, killed and started again, and keeps its data until `remove`."""

    USER: Final = "openstack"
    PASSWORD: Final = "rabbit staple"

    def __init__(self, program: Path, folder: Path) -> None:
        """Start on an empty folder."""
        self._program = program
        self._folder = folder
        self.port, self.tls_port, self._epmd, self._distribution = (free_port() for _ in range(4))
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"amqp://{self.USER}@{self.address}/"
        """As a setting has it: without the password."""
        self.certificate, key = _certificate(folder)
        self._settings = folder / "rabbitmq.conf"
        self._settings.write_text(
            _CONFIGURATION.format(
                port=self.port,
                tls_port=self.tls_port,
                certificate=self.certificate,
                key=key,
                user=self.USER,
                password=self.PASSWORD,
            ),
            encoding="ascii",
        )
        cookie = folder / ".erlang.cookie"
        cookie.write_text(token_hex(16))
        cookie.chmod(0o400)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"calipso{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_CONFIG_FILE": str(self._settings),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def start(self) -> None:
        """Start on the data that is there, and wait until it answers."""
        assert self._process is None
        with (self._folder / "broker.out").open("ab") as out:
            self._process = subprocess.Popen(
                [str(self._program)],
                env=self._environ(),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # a script with Erlang below it: they end together
            )
        try:
            self._wait_until_it_answers(self._process)
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 120
        while not _answers(self.port):
            assert process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.1)

    def add_virtual_host(self, name: str) -> None:
        """Make a virtual host, and let the user in."""
        self._ctl("add_vhost", name)
        self._ctl("set_permissions", "-p", name, self.USER, ".*", ".*", ".*")

    def _ctl(self, *words: str) -> None:
        program = self._program.with_name("rabbitmqctl")
        done = subprocess.run([str(program), *words], env=self._environ(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self) -> None:
        """Stop it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it at once."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        """Kill it if it runs, end the register of names that it started, and delete its data."""
        self._end(signal.SIGKILL)
        epmd = shutil.which("epmd")
        if epmd is not None:
            words = [epmd, "-port", str(self._epmd), "-kill"]
            subprocess.run(words, env=self._environ(), capture_output=True, timeout=30, check=False)
        shutil.rmtree(self._folder)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, how)
            self._process.wait(timeout=60)
            _wait_until_gone(self._process.pid)
            self._process = None

    def _said(self) -> str:
        return (self._folder / "broker.out").read_text()[-3000:]


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate of the loopback that signs itself, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7", "-subj", "/CN=rabbitmq"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *named], check=True, capture_output=True, timeout=60)
    return certificate, key


def _answers(port: int) -> bool:
    """Answer whether a client is greeted: a port that only listens belongs to a broker that still starts."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            client.settimeout(5)
            return client.recv(1) == b"\x01"
    except OSError:
        return False


def _wait_until_gone(group: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMq]:
    """Start the one broker of the run; a test that stops it starts it again."""
    program = LIBRARY if LIBRARY.exists() else shutil.which("rabbitmq-server")
    if program is None:
        told = f"no RabbitMQ on this machine: {HOW}"
        if os.environ.get("CALIPSO_TEST_SERVERS") == "required":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    broker = RabbitMq(Path(program), Path(mkdtemp(prefix="calipso-rabbitmq-")))
    try:
        yield broker
    finally:
        broker.remove()
