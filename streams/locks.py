"""Locks between processes: one scan of an environment at a time. They end with the process that holds them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from schemas.errors import Conflict
from streams.log_file import translated

_LONGEST_NAME: Final = 200
"""Bytes; file systems take 255."""


@contextmanager
def environment_lock(folder: Path, environment: str, what: str) -> Iterator[None]:
    """Hold the environment while the block runs; `what` says what for ("scanning"), for others to read.

    Never waits: Conflict, if anybody holds it (another thread counts), names the process, its doing and since
    when. The kernel frees the lock when the process ends, however it ends. LogError, LogFull if no lock can be made.
    """
    path = folder / "locks" / _file_name(environment)
    with translated(path, f"locking environment {environment!r}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(descriptor, environment)
            _sign(descriptor, what)
        except BaseException:
            os.close(descriptor)
            raise
    try:
        yield
    finally:
        os.close(descriptor)


def _file_name(environment: str) -> str:
    """Answer a name that no environment shares, without separators, not hidden, of bounded length."""
    name = quote(environment, safe="", errors="surrogatepass")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:100]}%{sha256(name.encode()).hexdigest()}"
    return f"environment-{name}.lock"


def _take(descriptor: int, environment: str) -> None:
    # The file stays when the lock is freed: whoever removed it could pull it from under the next holder.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 4096, 0).decode("utf-8", "replace").strip()
        raise Conflict(f"environment {environment!r} is taken by {holder or 'another process'}") from error


def _sign(descriptor: int, what: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    line = f"process {os.getpid()} since {since}: {' '.join(what.split())}\n".encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, line, 0)
