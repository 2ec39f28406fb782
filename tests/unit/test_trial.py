"""Rules of trying sources: all at once, none for longer than it may, each failure with its remedy."""

import threading
import time
from collections.abc import Callable

import pytest

from producers.remedies import REMEDIES, remedy
from producers.trial import Trial, tried
from schemas.errors import HostUnreachable, RequestFailed


def failing(error: Exception) -> Callable[[], str]:
    def ask() -> str:
        raise error

    return ask


def test_each_trial_is_answered_in_its_place_with_what_it_said() -> None:
    found = tried(
        [
            Trial("api", "compute", lambda: "7  services\n"),
            Trial("host", "h", failing(HostUnreachable("host h: no connection within 2 seconds"))),
        ],
        5,
    )
    assert [(one.source, one.target, one.passed, one.text) for one in found] == [
        ("api", "compute", True, "7 services"),
        ("host", "h", False, "host h: no connection within 2 seconds"),
    ]
    assert found[0].remedy == ""
    assert "[ssh.hosts.h]" in found[1].remedy
    assert found[0].document().keys() == {"source", "target", "passed", "text", "remedy", "seconds"}


def test_all_are_tried_at_once() -> None:
    together = threading.Barrier(3, timeout=10)

    def ask() -> str:
        return str(together.wait() >= 0)

    assert all(one.passed for one in tried([Trial("api", str(n), ask) for n in range(3)], 20))


def test_one_that_says_nothing_fails_and_keeps_no_other_waiting() -> None:
    began = time.monotonic()
    never = threading.Event()
    found = tried([Trial("bus", "b", lambda: str(never.wait())), Trial("api", "a", lambda: "fine")], 0.3)
    assert time.monotonic() - began < 5
    assert [(one.passed, one.text) for one in found] == [(False, "no answer within 0.3 seconds"), (True, "fine")]
    assert found[0].remedy
    never.set()


def test_what_is_no_error_of_ours_is_told_as_what_it_is_and_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_value))
    (one,) = tried([Trial("api", "a", failing(ZeroDivisionError("a fault of the program")))], 0.2)
    assert (one.passed, one.text) == (False, "an unexpected ZeroDivisionError: a fault of the program")
    assert one.seconds < 0.2
    assert [str(error) for error in raised] == ["a fault of the program"]


@pytest.mark.parametrize(
    ("source", "text", "what"),
    [
        ("database", "the secret env:LAB_DB is empty or not set", "where Calipso runs"),
        ("api", "identity /v3/projects: status 401: The request you have made requires authentication", "clouds.yaml"),
        ("api", "compute /os-services: status 403: Policy doesn't allow", "role"),
        ("api", "a clouds.yaml without it: the cloud 'x' of (there is no clouds.yaml)", "Put the cloud"),
        ("host", "host a: its key is unknown: if it is ssh-ed25519 SHA256:x, add it to k under the name a", "keyscan"),
        ("host", "host a (b:22): its key is not the one in k but ssh-ed25519 x", "ssh-keygen -R"),
        ("host", "host a (b:22): user me is not let in: Authentication failed.", "authorized_keys"),
        ("host", "host a: 'ip addr' was not allowed: sudo: a password is required", "sudo"),
        ("host", "a: 'virsh list --all' ended with exit code 127: sh: 1: virsh: not found", "Install"),
        ("host", "host a (b:22): [Errno -2] Name or service not known", "[ssh.hosts.a]"),
        ("database", "database server at h:3306, its version: access denied: ...", "GRANT SELECT"),
        (
            "bus",
            "h:5672: (403) ACCESS_REFUSED - Login was refused using mechanism PLAIN",
            "bus.password",
        ),
        ("bus", "h:5672: none of the exchanges is there: nova", "messagingv2"),
        ("bus", "h:5672: [Errno 111] Connection refused", "reachable"),
        ("ovn", "no host answers ovn-nbctl", "ovn-sbctl"),
        ("monitoring", "GET http://h/auth: status 401", "monitoring.password"),
    ],
)
def test_each_usual_trouble_has_its_remedy(source: str, text: str, what: str) -> None:
    assert what in remedy(source, "a", text)


def test_what_nobody_knows_has_no_remedy_rather_than_a_wrong_one() -> None:
    assert remedy("api", "a", "something else") == ""


def test_each_remedy_can_be_reached() -> None:
    assert {source for source, _, _ in REMEDIES} == {"", "api", "host", "database", "bus", "ovn", "monitoring"}
    with pytest.raises(RequestFailed):
        failing(RequestFailed("x"))()
