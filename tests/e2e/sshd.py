"""A real sshd on a loopback port, for the tests: its own host key, its own authorized keys."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

USER = getpass.getuser()


def keygen(path: Path, passphrase: str = "", kind: str = "ed25519") -> Path:
    """Make a key pair; answer the path of its private half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    words = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)]
    subprocess.run(words, check=True)
    return path


def free_port() -> int:
    """Answer a port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Sshd:
    """One sshd that lets the user of the tests in, by one key."""

    def __init__(self, folder: Path, key: Path, more: str = "") -> None:
        """Start it, with more lines in its configuration. The test fails when the machine has no sshd."""
        self.folder = folder
        self._more = more
        self.port = free_port()
        self.host_key = keygen(folder / "host_key")
        (folder / "bin").mkdir()
        (folder / "authorized_keys").write_text(Path(f"{key}.pub").read_text())
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        config = self.folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.host_key}\nUsePAM no\nStrictModes no\n"
            f"PidFile none\nAuthorizedKeysFile {self.folder}/authorized_keys\nPasswordAuthentication no\n"
            f"PermitRootLogin prohibit-password\nMaxStartups 100\n"
            f"SetEnv PATH={self.folder}/bin:/usr/bin:/bin HOME={self.folder}\n{self._more}"
        )
        words = [_sshd(), "-D", "-e", "-f", str(config)]
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=log)
        self._wait_until_it_listens(process)
        return process

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if process.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"sshd does not start: {(self.folder / 'log').read_text()}")

    def known(self) -> str:
        """Answer its line in a known_hosts file."""
        kind, key, _ = Path(f"{self.host_key}.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    def drop_connections(self) -> int:
        """Kill the processes that serve its connections; answer how many there were."""
        dropped = 0
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for pid in map(int, children.read_text().split()):
            os.kill(pid, signal.SIGKILL)
            dropped += 1
        return dropped

    def stop(self) -> None:
        """End it and its connections."""
        self.drop_connections()
        self._process.terminate()
        self._process.wait(10)


def _sshd() -> str:
    path = shutil.which("sshd", path=f"/usr/sbin:/sbin:{os.environ.get('PATH', '')}")
    if path is None:
        pytest.fail("there is no sshd on this machine: apt-get install openssh-server", pytrace=False)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # Debian makes it only when its own service starts
    return path
