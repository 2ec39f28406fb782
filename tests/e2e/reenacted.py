"""A recorded cloud brought back to life: its answers over real HTTP and real SSH, for what needs a live cloud."""

import json
import sys
from pathlib import Path

import yaml

from tests.e2e.keystone import NOVA, PASSWORD, Cloud, Reply
from tests.e2e.sshd import USER, Sshd, keygen

ENDPOINTS = {"identity": "/identity/v3", "compute": "/compute/v2.1", "network": "/network"}
BELOW = {"identity": "/identity", "compute": "/compute/v2.1", "network": "/network"}
"""Where the recorded paths of a service begin."""

ANSWERING = """
import pathlib, shlex, sys
command = shlex.split(sys.argv[2])[-1]
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.txt")):
    first, _, rest = file.read_text().partition("\\n")
    if first == f"$ {command}":
        text, _, code = rest.rpartition("# exit ")
        sys.stdout.write(text)
        sys.exit(int(code))
sys.exit("nobody recorded this")
"""


class Reenacted:
    """A keystone, a nova and a neutron on one port, and an sshd for each host of a bundle."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        """Start everything; what a live cloud's user needs is written into the folder."""
        self.folder = folder
        self.cloud = Cloud()
        self.cloud.endpoints = ENDPOINTS
        self.cloud.say("/compute/v2.1", NOVA)
        self.cloud.say("/compute/v2.1/", NOVA)
        for file in bundle.glob("api/*.json"):
            self._reenact(json.loads(file.read_text()))
        self.key = keygen(folder / "id")
        (folder / "answering.py").write_text(ANSWERING)
        self.hosts = {host.name: self._sshd(host) for host in sorted(bundle.glob("cli/*"))}
        self._write_settings()

    def _reenact(self, answer: dict[str, object]) -> None:
        if answer["method"] == "GET":
            path = f"{BELOW[str(answer['service'])]}{answer['request']}"
            self.cloud.say(path, Reply(answer["body"], int(str(answer["status"]))))

    def _sshd(self, host: Path) -> Sshd:
        place = self.folder / host.name
        place.mkdir()
        words = f'{sys.executable} -I -S {self.folder}/answering.py {host} "$SSH_ORIGINAL_COMMAND"'
        return Sshd(place, self.key, f"ForceCommand {words}\n")

    def _write_settings(self) -> None:
        auth = {
            "auth_url": f"{self.cloud.url}/identity/v3",
            "username": "admin",
            "password": PASSWORD,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
        clouds = {"clouds": {"lab": {"auth": auth, "region_name": "RegionOne"}}}
        (self.folder / "clouds.yaml").write_text(yaml.safe_dump(clouds))
        (self.folder / "known_hosts").write_text("".join(host.known() for host in self.hosts.values()))
        lines = [
            'cloud = "lab"',
            'uplinks = ["eth*", "phy-*"]',
            "[ssh]",
            f'user = "{USER}"',
            f'key = "{self.key}"',
            f'known_hosts = "{self.folder}/known_hosts"',
            "command_timeout_seconds = 60",
            "connect_timeout_seconds = 30",
            "[ssh.hosts]",
            *(f'{name} = {{address = "127.0.0.1", port = {host.port}}}' for name, host in self.hosts.items()),
        ]
        (self.folder / "lab.toml").write_text("\n".join(lines))

    @property
    def clouds(self) -> str:
        """Answer the path of its clouds.yaml."""
        return str(self.folder / "clouds.yaml")

    def stop(self) -> None:
        """End everything."""
        for host in self.hosts.values():
            host.stop()
        self.cloud.stop()
