"""A real Apache Kafka broker for the tests: one node (KRaft), on loopback ports, its data in a temporary folder.

The jars come from Maven Central once and are kept outside of the checkout. A test that takes the fixture `kafka` is
skipped, with the reason, where Java, Maven or the jars cannot be had; CALIPSO_TEST_SERVERS=required fails it instead.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Final
from uuid import uuid4

import pytest

POM: Final = Path(__file__).parent / "kafka" / "pom.xml"
CACHE: Final = Path("~/.cache/calipso-test-servers").expanduser()
HOW: Final = "install Java 17 and Maven, and let Maven reach Maven Central once (43 MB into ~/.cache)"

_NODE_PROPERTIES: Final = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SASL://127.0.0.1:{sasl}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL://127.0.0.1:{sasl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
user_{user}="{password}";
log.dirs={data}
num.partitions=1
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.cleaner.enable=false
"""

_LOGGING: Final = """
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
"""


def free_port() -> int:
    """Answer a port of the loopback that nobody listens on."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Unavailable(Exception):
    """The broker cannot be had on this machine; the text says why."""


def jars() -> Path:
    """Answer the folder of the broker's jars, complete; fetched when it is not there. Raises Unavailable."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    folder = CACHE / f"kafka-{sha256(POM.read_bytes()).hexdigest()[:12]}"
    if "java" in missing:
        raise Unavailable("no java on PATH")
    if folder.is_dir():
        return folder
    if missing:
        raise Unavailable("no mvn on PATH, and the broker's jars were never fetched")
    return _fetched(folder)


def _fetched(folder: Path) -> Path:
    """Copy the jars to a folder of another name first: one that was broken off is never taken for complete."""
    CACHE.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(dir=CACHE))
    words = ["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    try:
        ran = subprocess.run([*words, f"-DoutputDirectory={draft}"], capture_output=True, text=True, timeout=600)
        if ran.returncode != 0:
            said = [line for line in ran.stdout.splitlines() if "ERROR" in line] or ["no word why"]
            raise Unavailable(f"Maven could not fetch the broker's jars: {said[0][:200]}")
        if not folder.is_dir():
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


class KafkaBroker:
    """One broker; it may be stopped, killed and started again, and keeps its data until `remove`."""

    USER: Final = "calipso"
    PASSWORD: Final = "correct horse"

    def __init__(self, folder: Path) -> None:
        """Format the storage in the folder and start. Raises Unavailable when the jars cannot be had."""
        self._jars = jars()
        self._folder = folder
        self.data = folder / "data"
        port, controller, sasl = free_port(), free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        self.sasl_bootstrap = f"127.0.0.1:{sasl}"
        (folder / "log4j2.properties").write_text(_LOGGING)
        (folder / "server.properties").write_text(
            _NODE_PROPERTIES.format(
                port=port, controller=controller, sasl=sasl, data=self.data, user=self.USER, password=self.PASSWORD
            )
        )
        self.run("kafka.tools.StorageTool", "format", "--standalone", "-t", _cluster(), "-c", self._properties)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def _properties(self) -> str:
        return str(self._folder / "server.properties")

    def _java(self, *words: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._folder}/log4j2.properties"
        return [
            "java",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            logging,
            "-cp",
            f"{self._jars}/*",
            *words,
        ]

    def run(self, tool: str, *words: str) -> str:
        """Run one of Kafka's own tools to its end; answer what it prints."""
        ran = subprocess.run(self._java(tool, *words), capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def start(self) -> None:
        """Start on the data that is there, and wait until the broker answers."""
        assert self._process is None
        with (self._folder / "broker.out").open("ab") as out:
            words = self._java("kafka.Kafka", self._properties)
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            self._wait_until_it_listens(self._process)
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 120
        while not _listens(self.bootstrap):
            assert process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it at once."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        """Kill it if it runs, and delete its data."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self._folder)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def _said(self) -> str:
        return (self._folder / "broker.out").read_text()[-3000:]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Start the one broker of the run; a test that stops it starts it again."""
    try:
        broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    except Unavailable as reason:
        told = f"no Kafka broker, {reason}: {HOW}"
        if os.environ.get("CALIPSO_TEST_SERVERS") == "required":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    yield broker
    broker.remove()


def _cluster() -> str:
    """Answer an identity of a cluster: 16 bytes in URL-safe base 64, as Kafka writes it, that looks like no option."""
    return "A" + urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")[1:]


def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
