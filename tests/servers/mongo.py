"""A server of MongoDB's wire protocol for the tests, on a loopback port, its data in a file of a temporary folder.

It is mongo-java-server, since MongoDB's own server is in no package registry. It does what the history asks of MongoDB:
single updates, compare-and-set among them, are atomic, and `_id` is unique. It has no transactions, users or replica
sets, answers from indexes only where they are unique, and writes its file once a second: one that is killed forgets
what it had acknowledged last, like a MongoDB without its journal. (FerretDB 1.24 on SQLite will not do: it looks and
then writes in two steps, so that of two compare-and-sets both succeed, and it hangs on updates of 100 documents.)

The jars come from Maven Central once and are kept outside of the checkout. A test that takes the fixture `mongo` is
skipped, with the reason, where Java, Maven or the jars cannot be had; CALIPSO_TEST_SERVERS=required fails it instead.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import pytest

from tests.servers.kafka import CACHE, Unavailable, free_port

SOURCES: Final = Path(__file__).parent / "mongo"
HOW: Final = "install a Java 17 development kit and Maven, and let Maven reach Maven Central once (6 MB into ~/.cache)"


def classes() -> Path:
    """Answer the folder of the server's jars and its main class, complete; made if it is not there."""
    missing = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]
    content = b"".join(path.read_bytes() for path in sorted(SOURCES.iterdir()) if path.is_file())
    folder = CACHE / f"mongo-{sha256(content).hexdigest()[:12]}"
    if "java" in missing:
        raise Unavailable("no java on PATH")
    if folder.is_dir():
        return folder
    if missing:
        raise Unavailable(f"no {missing[0]} on PATH, and the server was never built")
    return _built(folder)


def _built(folder: Path) -> Path:
    """Build in a folder of another name first: one that was broken off is never taken for complete."""
    CACHE.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(dir=CACHE))
    fetch = ["mvn", "-B", "-q", "-f", str(SOURCES / "pom.xml"), "dependency:copy-dependencies"]
    compile_ = ["javac", "--release", "17", "-d", str(draft), "-cp", f"{draft}/*", str(SOURCES / "MongoForTests.java")]
    try:
        for words in ([*fetch, "-DincludeScope=runtime", f"-DoutputDirectory={draft}"], compile_):
            ran = subprocess.run(words, capture_output=True, text=True, timeout=600)
            if ran.returncode != 0:
                said = [line for line in (ran.stdout + ran.stderr).splitlines() if "error" in line.lower()]
                raise Unavailable(f"{words[0]} failed: {(said or ['no word why'])[0][:200]}")
        if not folder.is_dir():
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


class MongoServer:
    """One server; it may be stopped, killed and started again on the same port, and keeps its data until `remove`."""

    def __init__(self, folder: Path) -> None:
        """Start in the folder. Raises Unavailable when the jars cannot be had."""
        self._classes = classes()
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def address(self) -> str:
        """Answer host and port."""
        return f"127.0.0.1:{self._port}"

    @property
    def uri(self) -> str:
        """Answer the server's address as a URL without a database."""
        return f"mongodb://{self.address}"

    def start(self) -> None:
        """Start on the data that is there, and wait until the server answers."""
        assert self._process is None
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        words = [*java, "-cp", f"{self._classes}:{self._classes}/*", "MongoForTests"]
        with (self._folder / "server.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*words, str(self._port), str(self._folder / "data")], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        try:
            self._wait_until_it_listens(self._process)
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while not self._listens():
            assert process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.05)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

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
        return (self._folder / "server.out").read_text()[-3000:]


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """Start the one server of the run; a test that stops it starts it again."""
    try:
        server = MongoServer(tmp_path_factory.mktemp("mongo"))
    except Unavailable as reason:
        told = f"no MongoDB server, {reason}: {HOW}"
        if os.environ.get("CALIPSO_TEST_SERVERS") == "required":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    yield server
    server.remove()
