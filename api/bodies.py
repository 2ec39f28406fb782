"""Bodies of requests: none is taken in that is larger than it may be."""

from collections.abc import Iterator

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import TOO_LARGE, response

LARGEST = 4 * 1024 * 1024
"""Bytes of a body, at most."""


class BoundedBodies:
    """Hands a request on when its whole body is there; one with a larger body is refused, and read no further."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST) -> None:
        """Stand before `app`."""
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        messages = await self._read(receive)
        if messages is None:
            detail = f"body: the most is {self._largest} bytes"
            return await response(Request(scope), TOO_LARGE, detail)(scope, receive, send)
        return await self._app(scope, _again(iter(messages), receive), send)

    async def _read(self, receive: Receive) -> list[Message] | None:
        """Answer the messages that carry the body; None if it is too large."""
        messages: list[Message] = []
        size, more = 0, True
        while more:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
            if size > self._largest:
                return None
        return messages


def _again(messages: Iterator[Message], receive: Receive) -> Receive:
    async def received() -> Message:
        return next(messages, None) or await receive()

    return received
