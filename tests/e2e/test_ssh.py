"""Rules of commands on hosts, against a real sshd on the loopback."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from producers.access import Answer
from producers.settings import HostAddress, SshSettings
from producers.ssh import SshHosts
from schemas.errors import BadSettings, CommandFailed, HostUnreachable
from tests.e2e.sshd import USER, Sshd, free_port, keygen


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answer the key that both servers know."""
    return keygen(tmp_path_factory.mktemp("key") / "id")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Iterator[Sshd]:
    """Start the sshd of the host."""
    sshd = Sshd(tmp_path_factory.mktemp("host"), key)
    yield sshd
    sshd.stop()


@pytest.fixture(scope="module")
def bastion(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Iterator[Sshd]:
    """Start the sshd of the jump host."""
    sshd = Sshd(tmp_path_factory.mktemp("jump"), key)
    yield sshd
    sshd.stop()


@pytest.fixture
def settings(tmp_path: Path, server: Sshd, key: Path) -> SshSettings:
    """Answer settings by which the host `node` is reached."""
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(server.known())
    return SshSettings(
        user=USER,
        key=str(key),
        known_hosts=str(known_hosts),
        hosts={"node": HostAddress("127.0.0.1", server.port)},
        connect_timeout_seconds=20.0,
    )


@pytest.fixture
def hosts(settings: SshSettings) -> Iterator[SshHosts]:
    """Answer a door to the hosts."""
    door = SshHosts(settings)
    yield door
    door.close()


def refused(settings: SshSettings, *words: str, host: str = "node") -> None:
    """State that the host cannot be reached, in one line with the words in it."""
    door = SshHosts(settings)
    try:
        with pytest.raises(HostUnreachable) as caught:
            door.run(host, "true")
    finally:
        door.close()
    assert "\n" not in str(caught.value)
    for word in (host, *words):
        assert word in str(caught.value)


def test_a_command_answers_what_it_printed(hosts: SshHosts) -> None:
    assert hosts.run("node", "echo one; echo two") == Answer("node", "echo one; echo two", "one\ntwo\n", 0)


def test_a_command_that_ends_badly_answers_its_exit_code(hosts: SshHosts) -> None:
    answer = hosts.run("node", "cat /nowhere/at/all")
    assert answer.exit_code == 1
    assert "/nowhere/at/all" in answer.text


def test_a_command_that_is_not_there_answers_127(hosts: SshHosts) -> None:
    assert hosts.run("node", "no-such-tool --version").exit_code == 127


def test_output_and_error_stay_in_the_order_in_which_they_were_written(hosts: SshHosts) -> None:
    command = "for i in 1 2 3; do echo out $i; echo err $i >&2; done"
    assert hosts.run("node", command).text == "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n"


def test_what_a_login_profile_prints_on_standard_error_is_no_part_of_an_answer(
    settings: SshSettings, tmp_path: Path, key: Path
) -> None:
    (tmp_path / "noisy").mkdir()
    noisy = Sshd(tmp_path / "noisy", key, 'ForceCommand echo a profile speaks >&2; eval "$SSH_ORIGINAL_COMMAND"\n')
    Path(settings.known_hosts).write_text(noisy.known())
    hosts = SshHosts(replace(settings, hosts={"node": HostAddress("127.0.0.1", noisy.port)}))
    try:
        assert hosts.run("node", "echo '[1]'").text == "[1]\n"
        assert hosts.run("node", "echo no >&2; exit 3").text == "no\n"
        assert hosts.run("node", "true").text == ""
    finally:
        hosts.close()
        noisy.stop()


def test_quotes_pipes_and_variables_reach_the_host_as_they_are(hosts: SshHosts) -> None:
    command = """x="it's"; printf '%s\\n' "$x" '$HOME' | sed -e "s/'/_/" """
    assert hosts.run("node", command).text == "it_s\n$HOME\n"


def test_output_that_is_no_text_is_replaced_where_it_is_none(hosts: SshHosts) -> None:
    assert hosts.run("node", r"printf 'a\377b\000c\303\244'").text == "a\ufffdb\ufffdc\u00e4"


def test_a_command_reads_no_input(hosts: SshHosts) -> None:
    assert hosts.run("node", "cat; echo end").text == "end\n"


def test_a_long_output_arrives_whole(hosts: SshHosts) -> None:
    assert hosts.run("node", "seq 200000").text == "".join(f"{i}\n" for i in range(1, 200_001))


def test_a_command_of_several_lines_is_refused(hosts: SshHosts) -> None:
    with pytest.raises(CommandFailed, match="has one line only"):
        hosts.run("node", "true\nfalse")


def test_a_command_that_prints_too_much_has_failed(settings: SshSettings) -> None:
    door = SshHosts(settings, output_bound=1000)
    with pytest.raises(CommandFailed, match="host node: 'yes' printed more than 1000 bytes"):
        door.run("node", "yes")
    assert len(door.run("node", "head -c 1000 /dev/zero").text) == 1000
    door.close()


def test_a_command_that_does_not_end_has_failed_and_is_ended_on_the_host(settings: SshSettings, tmp_path: Path) -> None:
    door = SshHosts(replace(settings, command_timeout_seconds=3.0))
    command = f"echo $$ > {tmp_path}/pid; exec sleep 60"
    with pytest.raises(CommandFailed, match=f"host node: '{re.escape(command)}' did not end within 3 sec"):
        door.run("node", command)
    assert door.run("node", "echo alive").text == "alive\n"
    door.close()
    process = Path("/proc") / (tmp_path / "pid").read_text().strip()
    deadline = time.monotonic() + 20
    while process.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not process.exists()


def test_a_command_that_prints_for_ever_has_failed_in_time(settings: SshSettings) -> None:
    door = SshHosts(replace(settings, command_timeout_seconds=3.0))
    with pytest.raises(CommandFailed, match="did not end within"):
        door.run("node", "while true; do echo x; sleep 0.01; done")
    door.close()


def test_a_host_with_an_unknown_key_is_refused_and_the_file_named(settings: SshSettings, server: Sshd) -> None:
    words = ["ssh-keygen", "-lf", f"{server.host_key}.pub"]
    fingerprint = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[1]
    empty = Path(settings.known_hosts)
    empty.write_text("")
    refused(settings, "unknown", str(empty), fingerprint, f"[127.0.0.1]:{server.port}")
    empty.unlink()
    refused(settings, "unknown", str(empty), fingerprint)


def test_a_host_with_a_changed_key_is_refused(settings: SshSettings, server: Sshd, tmp_path: Path) -> None:
    other = Path(f"{keygen(tmp_path / 'other')}.pub").read_text().split()
    Path(settings.known_hosts).write_text(f"[127.0.0.1]:{server.port} {other[0]} {other[1]}\n")
    refused(settings, "its key is not the one in", settings.known_hosts)


def test_a_hashed_name_in_known_hosts_is_found(settings: SshSettings) -> None:
    words = ["ssh-keygen", "-q", "-H", "-f", settings.known_hosts]
    subprocess.run(words, check=True, capture_output=True)
    assert "127.0.0.1" not in Path(settings.known_hosts).read_text()
    door = SshHosts(settings)
    assert door.run("node", "echo in").text == "in\n"
    door.close()


def test_a_known_hosts_file_that_is_none_is_named(settings: SshSettings) -> None:
    Path(settings.known_hosts).write_bytes(b"\xff\xfe\x00binary")
    refused(settings, settings.known_hosts)


def test_a_wrong_key_is_not_let_in(settings: SshSettings, tmp_path: Path) -> None:
    refused(replace(settings, key=str(keygen(tmp_path / "wrong"))), f"user {USER} is not let in")


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_an_encrypted_key_of_any_kind_is_opened_by_the_password(
    settings: SshSettings, server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    locked = keygen(tmp_path / "locked", "open sesame", kind)
    with (server.folder / "authorized_keys").open("a") as authorized:
        authorized.write(Path(f"{locked}.pub").read_text())
    monkeypatch.setenv("SESAME", "open sesame")
    door = SshHosts(replace(settings, key=f"file:{locked}", password="env:SESAME"))
    assert door.run("node", "echo in").text == "in\n"
    door.close()


@pytest.mark.parametrize(
    ("password", "reason"), [(None, "is encrypted"), ("env:WRONG", "its password is wrong"), ("env:NONE", "NONE")]
)
def test_a_key_that_cannot_be_opened_is_refused_before_anything_is_asked(
    settings: SshSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str | None, reason: str
) -> None:
    monkeypatch.setenv("WRONG", "open barley")
    locked = keygen(tmp_path / "locked", "open sesame")
    with pytest.raises(BadSettings, match=reason) as caught:
        SshHosts(replace(settings, key=str(locked), password=password))
    assert "barley" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "no key", "\0\1"])
def test_a_file_that_is_no_key_is_refused_by_name(settings: SshSettings, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "no_key").write_text(content)
    with pytest.raises(BadSettings, match="no_key"):
        SshHosts(replace(settings, key=str(tmp_path / "no_key")))


def test_without_key_and_password_the_agent_is_asked(
    settings: SshSettings, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(replace(settings, key=None), "No authentication methods available")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        while not (tmp_path / "agent").exists():
            time.sleep(0.05)
        subprocess.run(["ssh-add", "-q", str(key)], check=True, stderr=subprocess.DEVNULL)
        door = SshHosts(replace(settings, key=None))
        assert door.run("node", "echo in").text == "in\n"
        door.close()
    finally:
        agent.terminate()
        agent.wait(10)


def test_a_host_that_is_not_there_is_refused_at_once_and_not_tried_again_for_each_command(
    settings: SshSettings,
) -> None:
    port = free_port()
    door = SshHosts(replace(settings, hosts={"gone": HostAddress("127.0.0.1", port)}))
    messages = set()
    for _ in range(3):
        with pytest.raises(HostUnreachable) as caught:
            door.run("gone", "true")
        messages.add(str(caught.value))
    door.close()
    assert len(messages) == 1
    assert f"host gone (127.0.0.1:{port})" in messages.pop()


def test_a_name_that_nobody_knows_is_refused(settings: SshSettings) -> None:
    refused(settings, host="no-such-host.invalid")


def test_a_host_that_takes_the_connection_and_says_nothing_is_refused_in_time(settings: SshSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = HostAddress("127.0.0.1", listener.getsockname()[1])
        started = time.monotonic()
        refused(replace(settings, hosts={"mute": address}, connect_timeout_seconds=0.5), host="mute")
        assert time.monotonic() - started < 15


def test_a_server_that_is_no_sshd_is_refused(settings: SshSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        address = HostAddress("127.0.0.1", listener.getsockname()[1])
        refused(replace(settings, hosts={"web": address}), host="web")
        thread.join()


def test_a_dropped_connection_is_opened_again(hosts: SshHosts, server: Sshd) -> None:
    assert hosts.run("node", "echo one").text == "one\n"
    assert server.drop_connections() > 0
    assert hosts.run("node", "echo two").text == "two\n"


def test_a_command_whose_connection_is_dropped_runs_again(hosts: SshHosts, server: Sshd, tmp_path: Path) -> None:
    command = f"echo run >> {tmp_path}/runs; sleep 1; echo done"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(hosts.run, "node", command)
        while not (tmp_path / "runs").exists():
            time.sleep(0.05)
        server.drop_connections()
        assert answer.result().text == "done\n"
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


def test_a_connection_that_is_dropped_again_and_again_is_given_up(
    hosts: SshHosts, server: Sshd, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(hosts.run, "node", f"echo run >> {tmp_path}/runs; sleep 20")
        for runs in (1, 2):
            while not (tmp_path / "runs").exists() or (tmp_path / "runs").read_text().count("run") < runs:
                time.sleep(0.05)
            server.drop_connections()
        with pytest.raises(HostUnreachable, match="dropped again and again"):
            answer.result()


def test_no_more_commands_run_at_once_than_the_settings_allow(settings: SshSettings, tmp_path: Path) -> None:
    door = SshHosts(replace(settings, sessions=3))
    command = f"echo + >> {tmp_path}/f; sleep 0.1; echo - >> {tmp_path}/f; echo "
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda i: door.run("node", f"{command}{i}").text, range(9)))
    door.close()
    assert answers == [f"{i}\n" for i in range(9)]
    assert _most_at_once(tmp_path / "f") <= 3


def test_commands_run_at_once(hosts: SshHosts, tmp_path: Path) -> None:
    wait = f"touch {tmp_path}/{{}}; until [ -e {tmp_path}/{{}} ]; do sleep 0.05; done; echo met"
    commands = [wait.format("a", "b"), wait.format("b", "a")]
    with ThreadPoolExecutor(2) as pool:
        texts = list(pool.map(lambda command: hosts.run("node", command).text, commands))
    assert texts == ["met\n", "met\n"]


def test_many_commands_for_one_host_stay_below_what_its_sshd_grants(settings: SshSettings, tmp_path: Path) -> None:
    door = SshHosts(replace(settings, sessions=40))
    command = f"echo + >> {tmp_path}/f; sleep 0.1; echo - >> {tmp_path}/f"
    with ThreadPoolExecutor(12) as pool:
        codes = {answer.exit_code for answer in pool.map(lambda _: door.run("node", command), range(12))}
    door.close()
    assert codes == {0}
    assert _most_at_once(tmp_path / "f") <= 6


def _most_at_once(path: Path) -> int:
    running = most = 0
    for line in path.read_text().split():
        running += 1 if line == "+" else -1
        most = max(most, running)
    return most


@pytest.fixture
def beyond(settings: SshSettings, bastion: Sshd) -> SshSettings:
    """Answer settings by which the host is reached through the jump host."""
    with Path(settings.known_hosts).open("a") as known_hosts:
        known_hosts.write(bastion.known())
    return replace(settings, jump=f"{USER}@127.0.0.1:{bastion.port}")


def test_a_host_is_reached_through_the_jump_host(beyond: SshSettings, bastion: Sshd) -> None:
    door = SshHosts(beyond)
    client = door.run("node", "echo $SSH_CLIENT").text.split()
    assert bastion.drop_connections() > 0
    assert door.run("node", "echo again").text == "again\n"
    door.close()
    assert client[0] == "127.0.0.1"


def test_the_key_of_the_jump_host_is_verified_too(beyond: SshSettings, server: Sshd) -> None:
    Path(beyond.known_hosts).write_text(server.known())
    door = SshHosts(beyond)
    with pytest.raises(HostUnreachable, match=r"jump host 127\.0\.0\.1: its key is unknown"):
        door.run("node", "true")
    door.close()


def test_the_key_of_the_host_behind_the_jump_host_is_verified(beyond: SshSettings, bastion: Sshd) -> None:
    Path(beyond.known_hosts).write_text(bastion.known())
    refused(beyond, "host node: its key is unknown")


def test_a_host_that_the_jump_host_does_not_reach_is_refused(beyond: SshSettings) -> None:
    gone = replace(beyond, hosts={"gone": HostAddress("127.0.0.1", free_port())})
    refused(gone, "not reached through the jump host 127.0.0.1", host="gone")


@pytest.fixture
def sudo(server: Sshd) -> Iterator[Path]:
    """Answer where the host looks for sudo first."""
    path = server.folder / "bin" / "sudo"
    yield path
    path.unlink(missing_ok=True)


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_with_sudo_the_whole_command_runs_under_it(settings: SshSettings, sudo: Path) -> None:
    _script(sudo, '[ "$1" = -n ] || exit 9; shift; UNDER_SUDO=yes exec "$@"')
    door = SshHosts(replace(settings, sudo=True))
    assert door.run("node", "echo $UNDER_SUDO; echo $UNDER_SUDO | cat; exit 3") == Answer(
        "node", "echo $UNDER_SUDO; echo $UNDER_SUDO | cat; exit 3", "yes\nyes\n", 3
    )
    door.close()


def test_a_refusal_of_sudo_is_no_answer(settings: SshSettings, sudo: Path) -> None:
    _script(sudo, "echo 'sudo: a password is required' >&2; exit 1")
    door = SshHosts(replace(settings, sudo=True))
    with pytest.raises(CommandFailed, match="'ip link' was not allowed: sudo: a password is required"):
        door.run("node", "ip link")
    door.close()


def test_closing_ends_the_connections(hosts: SshHosts, server: Sshd) -> None:
    hosts.run("node", "true")
    hosts.close()
    deadline = time.monotonic() + 20
    children = Path(f"/proc/{server._process.pid}/task/{server._process.pid}/children")
    while children.read_text().split() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in children.read_text().split() if _state(int(pid)) != "Z"]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
