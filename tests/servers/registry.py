"""A stand-in for a schema registry: the few answers of Confluent's REST interface that serializers and readers ask for.

No registry that could be had from a package index runs here, so what it answers is what Confluent's "Schema Registry
API reference" says, and Confluent's own client is what tests it.
"""

import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Registry:
    """What the stand-in knows; a test may put anything in."""

    def __init__(self, url: str) -> None:
        """Know no schema."""
        self.url = url
        self.answers: dict[int, dict[str, Any]] = {}
        """Answers to GET /schemas/ids/{id}."""
        self.login: tuple[str, str] | None = None
        self.status = 200
        self.raw: bytes | None = None
        """Answered instead of JSON."""
        self.asked: list[str] = []

    def register(self, schema: str) -> int:
        """Answer the id of a schema, the same one for the same text."""
        known = (number for number, answer in self.answers.items() if answer["schema"] == schema)
        number = next(known, len(self.answers) + 1)
        self.answers[number] = {"schema": schema}
        return number

    def answer(self, method: str, path: str, body: dict[str, Any], authorization: str | None) -> tuple[int, Any]:
        """Answer status and document of a request."""
        self.asked.append(f"{method} {path}")
        if self.login is not None:
            expected = "Basic " + b64encode(":".join(self.login).encode()).decode()
            if authorization != expected:
                return 401, {"error_code": 401, "message": "Unauthorized"}
        if self.status != 200:
            return self.status, {"error_code": self.status, "message": "trouble"}
        found = re.fullmatch(r"/schemas/ids/(\d+)(\?.*)?", path)
        if method == "GET" and found and int(found[1]) in self.answers:
            return 200, self.answers[int(found[1])]
        if method == "GET" and found:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        if method == "POST" and re.match(r"/subjects/[^/]+(/versions)?(\?|\Z)", path):
            subject = path.split("/")[2].partition("?")[0]
            return 200, {
                "subject": subject,
                "id": self.register(body["schema"]),
                "version": 1,
                "schema": body["schema"],
            }
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}


@contextmanager
def registry() -> Iterator[Registry]:
    """Yield a stand-in that listens on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: dict[str, Any]) -> None:
            status, document = here.answer(self.command, self.path, body, self.headers.get("Authorization"))
            data = json.dumps(document).encode() if here.raw is None else here.raw
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Registry(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()
