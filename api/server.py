"""The server: an application on a port, with a worker beside it, until it is stopped."""

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from schemas.errors import BadSettings, Conflict

LOOPBACK = "127.0.0.1"
PATIENCE = 10
"""Seconds that a stop waits for requests that are being answered."""
HIGHEST_PORT = 65535

Background = Callable[[threading.Event], None]
"""Works until the event is set."""

Ready = Callable[[str], None]
"""Called with the server's URL when it listens."""


def quiet(_url: str) -> None:
    """Tell nobody."""


def serve(
    app: FastAPI,
    host: str = LOOPBACK,
    port: int = 8000,
    *,
    background: Background | None = None,
    stop: threading.Event | None = None,
    ready: Ready = quiet,
) -> None:
    """Serve until SIGINT, SIGTERM or `stop`; then end the requests that are being answered, and `background`.

    `background` runs in a thread with an event that is set when the server stops; if it fails, the server stops and
    its error is raised here. Port 0 is any free one. Raises Conflict if the port is taken, BadSettings if the
    address is none of this machine.
    """
    stopping = threading.Event() if stop is None else stop
    with _listening(host, port) as listener, ThreadPoolExecutor(2, "calipso-beside") as beside:
        server = _Server(_config(app))
        beside.submit(_stop_when, stopping, server)
        working = None if background is None else beside.submit(background, stopping)
        if working is not None:
            working.add_done_callback(lambda done: _stop_if_failed(done, stopping))
        try:
            ready(_url(listener))
            server.run([listener])
        finally:
            stopping.set()
    if working is not None:
        working.result()


class _Server(uvicorn.Server):
    """Takes signals as a wish to end, and does not raise them again: what runs beside must end, too."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # Python hands signals to the main thread only
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _config(app: FastAPI) -> uvicorn.Config:
    # log_config=None: logging is the program's affair; server_header: no version for strangers
    return uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=PATIENCE
    )


def _stop_when(stopping: threading.Event, server: uvicorn.Server) -> None:
    stopping.wait()
    server.should_exit = True


def _stop_if_failed(done: Future[None], stopping: threading.Event) -> None:
    if done.exception() is not None:
        stopping.set()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    if not 0 <= port <= HIGHEST_PORT:  # getaddrinfo would take the rest of a division by 65536
        raise BadSettings(f"cannot listen on port {port} of {host}: a port is a number up to {HIGHEST_PORT}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise BadSettings(f"cannot listen on {host}: {error}") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            listener.bind(address)
            listener.listen()
        except OSError as error:
            raise _refused(host, port, error) from error
        yield listener


def _refused(host: str, port: int, error: OSError) -> Conflict | BadSettings:
    if error.errno == errno.EADDRINUSE:
        return Conflict(f"port {port} of {host} is in use by another program")
    return BadSettings(f"cannot listen on port {port} of {host}: {error}")


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
