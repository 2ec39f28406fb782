"""The services of docker-compose.yml as processes of this machine: their own words and settings, other addresses.

What a container would have at a fixed place stands in a folder of the test: its volume, /etc/calipso and /run/secrets.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import yaml

from tests.servers.kafka import free_port, jars

ROOT: Final = Path(__file__).parents[2]
SERVICES: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
SCRIPTS: Final = {
    "/opt/kafka/bin/kafka-storage.sh": "kafka.tools.StorageTool",
    "/opt/kafka/bin/kafka-server-start.sh": "kafka.Kafka",
    "/opt/kafka/bin/kafka-configs.sh": "kafka.admin.ConfigCommand",
}
"""What these scripts start; the jars alone have no scripts."""
SECONDS: Final = 90.0
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - what is replaced


class Places:
    """Where what the services name stands here."""

    def __init__(self, folder: Path) -> None:
        """Make the folders and the passwords."""
        self.folder = folder
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        self._words = {
            "/run/secrets": str(self.secrets),
            "/var/lib/kafka/data": str(folder / "kafka"),
            EVERYWHERE: "127.0.0.1",
        }
        for port in ("9092", "9093", "9094", "6066", "8000"):
            here = str(free_port())
            self._words |= {f"127.0.0.1:{port}": f"127.0.0.1:{here}", f"{EVERYWHERE}:{port}": f"127.0.0.1:{here}"}
            self._words |= {f"kafka:{port}": f"127.0.0.1:{here}", port: here}

    def put(self, text: str, here: str) -> None:
        """Say where a text of the file stands here."""
        self._words[text] = here

    def secret(self, name: str, value: str) -> None:
        """Write a password."""
        (self.secrets / name).write_text(value)

    def here(self, text: str) -> str:
        """Answer the text for this machine; of names that begin alike the longest counts."""
        names = sorted(self._words, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, names)), lambda found: self._words[found[0]], text)


class Service:
    """One service as a process."""

    def __init__(self, name: str, places: Places) -> None:
        """Prepare it; start nothing."""
        self.name = name
        self._service = SERVICES[name]
        self._places = places
        self.folder = places.folder / name
        self.folder.mkdir()
        self._out = self.folder / "out"
        settings = {key: places.here(value) for key, value in self._service.get("environment", {}).items()}
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "COLUMNS": "200", **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def words(self) -> list[str]:
        """Answer its command."""
        words = [self._places.here(word) for word in self._service["command"]]
        return [sys.executable, "-u", "-m", "calipso", *words]

    def start(self) -> None:
        """Start it where its volume is."""
        with self._out.open("ab") as out:
            self._process = subprocess.Popen(
                self.words(), env=self.environ, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def check(self) -> list[str]:
        """Answer its health check's words."""
        _, program, *words = self._service["healthcheck"]["test"]
        programs = {"calipso": [sys.executable, "-m", "calipso"], "python": [sys.executable]}
        return [*programs[program], *(self._places.here(word) for word in words)]

    def is_healthy(self) -> bool:
        """Answer what its health check says."""
        done = subprocess.run(
            self.check(), env=self.environ, cwd=self.folder, capture_output=True, timeout=60, check=False
        )
        return done.returncode == 0

    def wait_until_healthy(self) -> None:
        """Wait for its health check, as compose does."""
        deadline = time.monotonic() + SECONDS
        while not self.is_healthy():
            assert self._process is not None
            assert self._process.poll() is None, f"{self.name} ended: {self.said()}"
            assert time.monotonic() < deadline, f"{self.name} is not healthy: {self.said()}"
            time.sleep(0.2)

    def said(self) -> str:
        """Answer what it said."""
        return self._out.read_text()[-4000:]

    def stop(self) -> int:
        """Tell it to end, as compose does; answer how it ended."""
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=60)

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class KafkaService(Service):
    """The broker of docker-compose.yml, on its own settings, run by the jars of the tests."""

    def __init__(self, places: Places) -> None:
        """Prepare it; Unavailable if the jars cannot be had."""
        self._jars = jars()
        super().__init__("kafka", places)
        for file in (ROOT / "deploy").iterdir():
            here = self.folder / file.name
            here.write_text(places.here(file.read_text()))
            places.put(f"/etc/calipso/{file.name}", str(here))

    def start(self) -> None:
        """Format the storage as the service does, and start."""
        formatting, running = map(shlex.split, self._service["entrypoint"][2].split("&& exec"))
        subprocess.run(self._java(formatting), check=True, capture_output=True, timeout=60)
        with self._out.open("ab") as out:
            self._process = subprocess.Popen(self._java(running), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def check(self) -> list[str]:
        """Answer its health check's words."""
        return self._java(self._service["healthcheck"]["test"][1:])

    def _java(self, words: list[str]) -> list[str]:
        logging = self._places.here(self._service["environment"]["KAFKA_LOG4J_OPTS"])
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", logging, "-cp", f"{self._jars}/*"]
        return [*java, SCRIPTS[words[0]], *(self._places.here(word) for word in words[1:])]
