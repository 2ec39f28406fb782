"""A small OpenStack of HTTP on the loopback, for the tests: tokens, a catalogue, and whatever a test has it say."""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

PASSWORD = "tr0ub4dor&3"
NOVA = {"version": {"id": "v2.1", "status": "CURRENT", "version": "2.93", "min_version": "2.1", "links": []}}


class Reply:
    """What a service says to one request: JSON or bytes, after a while if need be."""

    def __init__(self, body: Any, status: int = 200, headers: dict[str, str] | None = None, after: float = 0.0) -> None:
        self.content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = headers or {}
        self.after = after
        self.cut = False


class Cloud:
    """The server: `replies` maps a path with its query to the replies of one request after the other."""

    def __init__(self) -> None:
        self.endpoints: dict[str, str] = {}
        self.replies: dict[str, list[Reply]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.tokens = 0
        self.expired: set[str] = set()
        self.token_reply: Callable[[], Reply] | None = None
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                cloud._get(self)

            def do_POST(self) -> None:
                cloud._post(self)

            def log_message(self, *words: object) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def say(self, path: str, *replies: Any) -> None:
        """Have it say these things, one a request; the last one stays."""
        self.replies[path] = [reply if isinstance(reply, Reply) else Reply(reply) for reply in replies]

    def count(self, path: str) -> int:
        """Answer how often a path was asked."""
        return sum(asked == path for asked, _ in self.asked)

    def header(self, path: str, name: str) -> str | None:
        """Answer a header of the last request of a path."""
        return [headers for asked, headers in self.asked if asked == path][-1].get(name)

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        headers = dict(handler.headers.items())
        self.asked.append((handler.path, headers))
        if handler.path in ("/identity/v3", "/identity/v3/"):
            links = [{"rel": "self", "href": f"{self.url}/identity/v3/"}]
            version = {"id": "v3.14", "status": "stable", "links": links}
            return _send(handler, Reply({"version": version}))
        if handler.path not in self.replies:
            return _send(handler, Reply({"error": {"message": "no such thing", "code": 404}}, 404))
        if headers.get("X-Auth-Token", "") in self.expired:
            return _send(handler, Reply({"error": {"message": "expired", "code": 401}}, 401))
        replies = self.replies[handler.path]
        return _send(handler, replies.pop(0) if len(replies) > 1 else replies[0])

    def _post(self, handler: BaseHTTPRequestHandler) -> None:
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.asked.append((handler.path, dict(handler.headers.items())))
        if self.token_reply is not None:
            return _send(handler, self.token_reply())
        if request["auth"]["identity"]["password"]["user"]["password"] != PASSWORD:
            return _send(handler, Reply({"error": {"message": "wrong password", "code": 401}}, 401))
        self.tokens += 1
        headers = {"X-Subject-Token": f"token-{self.tokens}"}
        return _send(handler, Reply({"token": self._token()}, 201, headers))

    def _token(self) -> dict[str, Any]:
        catalog = [
            {"type": kind, "name": kind, "endpoints": [self._endpoint(kind, path)]}
            for kind, path in self.endpoints.items()
        ]
        named = {"id": "1", "name": "one"}
        return {
            "catalog": catalog,
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "methods": ["password"],
            "roles": [],
            "user": named | {"domain": named},
            "project": named | {"domain": named},
        }

    def _endpoint(self, kind: str, path: str) -> dict[str, str]:
        place = {"region": "RegionOne", "region_id": "RegionOne", "interface": "public"}
        return {"id": kind, "url": f"{self.url}{path}"} | place


class _Server(ThreadingHTTPServer):
    """Takes many connections at once, and does not wait for its slow replies at the end."""

    daemon_threads = True
    request_queue_size = 64


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    time.sleep(reply.after)
    length = len(reply.content) + (1000 if reply.cut else 0)
    try:
        handler.send_response(reply.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(length))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(reply.content)
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True
    if reply.cut:
        handler.close_connection = True
