"""Commands on the hosts of a live cloud: the only door to SSH.

A command runs as `sh -c COMMAND` under a small shell of ours, which makes one stream of standard output and
error (so they stay in the order in which they were written), speaks English, finds the tools of /sbin, and ends
a command that outlives us where the host has `timeout`. The exit code is the command's own.
"""

import io
import logging
import shlex
import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore, Lock, Timer
from typing import NamedTuple

import paramiko

from producers.access import Answer
from producers.secrets import Secret, is_reference, resolve
from producers.settings import HostAddress, SshSettings, split_jump
from schemas.errors import BadSettings, CommandFailed, HostUnreachable

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # what matters comes as an error

SESSIONS_PER_HOST = 6
"""How many commands run on one host at once; sshd's MaxSessions is 10 unless told otherwise."""
OUTPUT_BOUND = 64 * 1024 * 1024
"""Bytes; a command that prints more has failed."""
RETRY_UNREACHABLE_SECONDS = 30.0
"""So long a host that could not be reached is not tried again: a dead host must not cost a time-out a command."""
_DEAD_PEER_SECONDS = 20
_SHELL = (
    'exec 2>&1; PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; LC_ALL=C; export PATH LC_ALL; '
    'if command -v timeout >/dev/null; then exec timeout -s KILL {seconds} sh -c "$0"; fi; exec sh -c "$0"'
)


class SshHosts:
    """The hosts of a cloud, one connection each, kept open (a HostAccess). Safe to call from several threads."""

    def __init__(self, settings: SshSettings, output_bound: int = OUTPUT_BOUND) -> None:
        """Find the secrets; nothing is connected yet. Raises BadSettings, naming the reference or the file."""
        self._settings = settings
        self._output_bound = output_bound
        self._login = _login(settings)
        self._sessions = BoundedSemaphore(settings.sessions)
        self._lock = Lock()
        self._lines: dict[str, _Line] = {}
        self._jump = None if settings.jump is None else self._jump_line(settings.jump)

    def run(self, host: str, command: str) -> Answer:
        """Run one command of one line, with no input, and answer what it printed, whatever its exit code.

        A connection that was dropped is opened again, once. Raises HostUnreachable, CommandFailed.
        """
        if "\n" in command:
            raise CommandFailed(f"host {host}: a command has one line only: {command.splitlines()[0]} ...")
        line = self._line(host)
        with line.sessions, self._sessions:
            answer = self._attempt(line, host, command) or self._attempt(line, host, command)
        if answer is None:
            raise HostUnreachable(f"host {host}: the connection is dropped again and again ('{command}')")
        return answer

    def close(self) -> None:
        """End all connections; the ones through the jump host first."""
        with self._lock:
            lines = list(self._lines.values())
            self._lines.clear()
        for line in lines:
            line.close()
        if self._jump is not None:
            self._jump.close()

    def _line(self, host: str) -> "_Line":
        with self._lock:
            if host not in self._lines:
                known = self._settings.hosts.get(host, HostAddress())
                target = _Target(
                    f"host {host}",
                    known.address or host,
                    known.port or self._settings.port,
                    known.user or self._settings.user,
                )
                self._lines[host] = _Line(target, self._settings, self._login, self._jump)
            return self._lines[host]

    def _jump_line(self, jump: str) -> "_Line":
        user, address, port = split_jump(jump)
        target = _Target(f"jump host {address}", address, port, user or self._settings.user)
        return _Line(target, self._settings, self._login, None)

    def _attempt(self, line: "_Line", host: str, command: str) -> Answer | None:
        """Run the command; None when the connection was lost on the way."""
        channel = line.open_session()
        if channel is None:
            return None
        try:
            return self._talk(channel, host, command)
        finally:
            _end(channel)

    def _talk(self, channel: paramiko.Channel, host: str, command: str) -> Answer | None:
        seconds = self._settings.command_timeout_seconds
        deadline = time.monotonic() + seconds
        watchdog = Timer(seconds, _end, [channel])
        watchdog.start()
        try:
            output = self._read_all(channel, command)
            code = channel.recv_exit_status() if len(output) <= self._output_bound else 0
        except (paramiko.SSHException, EOFError, OSError):
            output, code = b"", -1
        finally:
            watchdog.cancel()
        if len(output) > self._output_bound:
            raise CommandFailed(f"host {host}: '{command}' printed more than {self._output_bound} bytes")
        if code == -1 and time.monotonic() >= deadline:
            raise CommandFailed(f"host {host}: '{command}' did not end within {seconds:g} seconds")
        return self._answer(channel, Answer(host, command, _text(output), code))

    def _answer(self, channel: paramiko.Channel, answer: Answer) -> Answer | None:
        """Judge how a command ended; None when the connection was lost before it did."""
        where = f"host {answer.host}: '{answer.command}'"
        if answer.exit_code == -1:
            if not channel.get_transport().is_active():
                return None
            raise CommandFailed(f"{where} ended without an exit code")
        first = answer.text.partition("\n")[0]
        if self._settings.sudo and answer.exit_code in (1, 127) and "sudo: " in first:
            raise CommandFailed(f"{where} was not allowed: {first}")
        return answer

    def _wrapped(self, command: str) -> str:
        seconds = int(self._settings.command_timeout_seconds) + 2
        prefix = "sudo -n " if self._settings.sudo else ""
        return f"{prefix}sh -c {shlex.quote(_SHELL.format(seconds=seconds))} {shlex.quote(command)}"

    def _read_all(self, channel: paramiko.Channel, command: str) -> bytes:
        """Start the command and read to its end, or a little beyond the bound."""
        channel.exec_command(self._wrapped(command))
        channel.shutdown_write()
        output = bytearray()
        while len(output) <= self._output_bound and (part := channel.recv(65536)):
            output += part
        return bytes(output) or _complaint(channel)


def _complaint(channel: paramiko.Channel) -> bytes:
    """Answer what came beside the command's own output: a refusal of sudo or of the login shell.

    What a profile of the login shell prints comes this way too, so it never mixes with an answer.
    """
    complaint = bytearray()
    while channel.recv_stderr_ready():
        complaint += channel.recv_stderr(65536)
    return bytes(complaint) if channel.recv_exit_status() != 0 else b""


class _Target(NamedTuple):
    """Where a connection leads."""

    what: str
    """`host NAME` or `jump host ADDRESS`, for the errors."""
    address: str
    port: int
    user: str


class _Login(NamedTuple):
    """Who we are: a key, a password, both, or whoever the agent knows."""

    key: paramiko.PKey | None
    password: Secret | None


class _Line:
    """The connection to one host, opened when it is needed."""

    def __init__(self, target: _Target, settings: SshSettings, login: _Login, jump: "_Line | None") -> None:
        self.sessions = BoundedSemaphore(SESSIONS_PER_HOST)
        self._target = target
        self._settings = settings
        self._login = login
        self._jump = jump
        self._lock = Lock()
        self._client: paramiko.SSHClient | None = None
        self._failed: tuple[float, str] | None = None

    def open_session(self) -> paramiko.Channel | None:
        """Open a channel for one command; None when the connection turns out to be lost.

        Raises HostUnreachable when the host cannot be reached or grants no session.
        """
        transport = self.transport()
        try:
            return transport.open_session(timeout=self._settings.connect_timeout_seconds)
        except paramiko.ChannelException as error:
            raise HostUnreachable(f"{self._target.what}: it grants no session: {error.text}") from None
        except (paramiko.SSHException, EOFError, OSError):
            transport.close()
            return None

    def transport(self) -> paramiko.Transport:
        """Answer the open connection, opening it first if need be. Raises HostUnreachable."""
        with self._lock:
            transport = self._client.get_transport() if self._client else None
            if transport is not None and transport.is_active():
                return transport
            self._hang_up()
            self._give_up_if_just_failed()
            try:
                return self._connect()
            except HostUnreachable as error:
                self._failed = (time.monotonic(), str(error))
                raise

    def forward(self, target: _Target) -> paramiko.Channel:
        """Open a channel to a host beyond this one. Raises HostUnreachable."""
        seconds = self._settings.connect_timeout_seconds
        try:
            return self.transport().open_channel(
                "direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=seconds
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            reason = _one_line(error)
            raise HostUnreachable(f"{target.what}: not reached through the {self._target.what}: {reason}") from None

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _give_up_if_just_failed(self) -> None:
        if self._failed is not None and time.monotonic() - self._failed[0] < RETRY_UNREACHABLE_SECONDS:
            raise HostUnreachable(self._failed[1])

    def _connect(self) -> paramiko.Transport:
        client = paramiko.SSHClient()
        self._load_known_hosts(client)
        client.set_missing_host_key_policy(_Unknown(self._target.what, self._settings.known_hosts))
        try:
            self._open(client)
        except HostUnreachable:
            client.close()
            raise
        transport = client.get_transport()
        if transport is None:
            raise HostUnreachable(f"{self._target.what}: the connection was lost at once")
        _watch(transport)
        self._client = client
        self._failed = None
        return transport

    def _open(self, client: paramiko.SSHClient) -> None:
        target, known_hosts = self._target, self._settings.known_hosts
        where = f"{target.what} ({target.address}:{target.port})"
        try:
            self._log_in(client)
        except paramiko.BadHostKeyException as error:
            raise HostUnreachable(
                f"{where}: its key is not the one in {known_hosts} but {_print_of(error.key)}: "
                "if that is meant, replace it there"
            ) from None
        except paramiko.AuthenticationException as error:
            raise HostUnreachable(f"{where}: user {target.user} is not let in: {_one_line(error)}") from None
        except TimeoutError:
            seconds = self._settings.connect_timeout_seconds
            raise HostUnreachable(f"{where}: no connection within {seconds:g} seconds") from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise HostUnreachable(f"{where}: {_one_line(error)}") from None

    def _log_in(self, client: paramiko.SSHClient) -> None:
        target, login, seconds = self._target, self._login, self._settings.connect_timeout_seconds
        client.connect(
            target.address,
            target.port,
            username=target.user,
            pkey=login.key,
            password=None if login.password is None else login.password.reveal(),
            timeout=seconds,
            banner_timeout=seconds,
            auth_timeout=seconds,
            channel_timeout=seconds,
            allow_agent=login == (None, None),
            look_for_keys=False,
            sock=None if self._jump is None else self._jump.forward(target),
        )

    def _load_known_hosts(self, client: paramiko.SSHClient) -> None:
        path = Path(self._settings.known_hosts).expanduser()
        try:
            if path.exists():
                client.load_host_keys(str(path))
        except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
            raise HostUnreachable(f"{self._target.what}: {path} cannot be read: {_one_line(error)}") from None


class _Unknown(paramiko.MissingHostKeyPolicy):
    """Refuses a host whose key nobody has vouched for, and says where to."""

    def __init__(self, what: str, known_hosts: str) -> None:
        self._what = what
        self._known_hosts = known_hosts

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002 - the policy's signature
        raise HostUnreachable(
            f"{self._what}: its key is unknown: if it is {_print_of(key)}, add it to {self._known_hosts} "
            f"under the name {hostname}"
        )


def _print_of(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _end(channel: paramiko.Channel) -> None:
    """Close a channel, of a connection that may be lost already."""
    with suppress(paramiko.SSHException, EOFError, OSError):
        channel.close()


def _text(output: bytes) -> str:
    """Decode what a command printed; what is not text becomes U+FFFD, as in a bundle."""
    return output.decode(errors="replace").replace("\0", "\ufffd")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _watch(transport: paramiko.Transport) -> None:
    """Have the kernel end a connection whose other end no longer acknowledges anything."""
    transport.set_keepalive(_DEAD_PEER_SECONDS // 4)
    if isinstance(transport.sock, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):
        transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER_SECONDS * 1000)


def _login(settings: SshSettings) -> _Login:
    password = None if settings.password is None else resolve(settings.password)
    key = None if settings.key is None else _private_key(settings.key, password)
    return _Login(key, password)


def _private_key(key: str, password: Secret | None) -> paramiko.PKey:
    """Read a private key of any kind in the formats of ssh-keygen. Raises BadSettings."""
    text = resolve(key if is_reference(key) else f"file:{key}").reveal() + "\n"
    kinds: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
    for kind in kinds:
        try:
            return kind.from_private_key(io.StringIO(text), None if password is None else password.reveal())
        except paramiko.PasswordRequiredException:
            raise BadSettings(f"the SSH key {key} is encrypted: 'ssh.password' must open it") from None
        except (paramiko.SSHException, ValueError):
            continue
    raise BadSettings(f"the SSH key {key} is no private key of a known kind, or its password is wrong")
