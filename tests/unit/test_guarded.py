"""What a fetcher of a plug-in does wrong is told with its name, and what it found before is kept."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from producers.access import Access
from producers.fetchers.guarded import guarded
from producers.found import Found, root
from producers.look import Look, Memory
from producers.settings import EnvironmentSettings
from schemas.errors import BadInput, CalipsoError, CommandFailed, Conflict, CouldNotLook
from schemas.plugins import FETCHERS, Plugin
from tests.unit.answers import Cloud

PLUGIN = Plugin(FETCHERS, "switch_ports", "calipso-lldp", "1.0")
PARENT = root("lab")
GOOD = PARENT.child("region", "r", {"name": "r"})


def fetched(fetch: Callable[[Look, Found], Any]) -> tuple[list[Found], CalipsoError | None]:
    """Answer what a plug-in's fetcher comes to."""
    found: list[Found] = []
    cloud = Cloud()
    look = Look(Access(cloud, cloud), EnvironmentSettings(), Memory())
    try:
        for one in guarded(PLUGIN, fetch)(look, PARENT):
            found.append(one)  # noqa: PERF402 - what came before a failure
    except CalipsoError as error:
        return found, error
    return found, None


def raising(error: Exception) -> Callable[[Look, Found], Iterator[Found]]:
    def fetch(_look: Look, _parent: Found) -> Iterator[Found]:
        yield GOOD
        raise error

    return fetch


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (RuntimeError("boom"), CouldNotLook, f"{PLUGIN}: RuntimeError: boom"),
        (OSError("gone"), CouldNotLook, f"{PLUGIN}: OSError: gone"),
        (Conflict("taken"), CouldNotLook, f"{PLUGIN}: Conflict: taken"),
        (KeyError("port"), BadInput, f"{PLUGIN}: KeyError: 'port'"),
        (CommandFailed("h: no lldp"), CommandFailed, "h: no lldp"),
        (BadInput("no JSON"), BadInput, "no JSON"),
    ],
)
def test_what_it_raises_is_a_failure_to_look(error: Exception, kind: type[CalipsoError], reason: str) -> None:
    found, raised = fetched(raising(error))
    assert found == [GOOD]
    assert type(raised) is kind
    assert str(raised) == reason


@pytest.mark.parametrize("yielded", [{"id": "x"}, PARENT.child("region", "r", {"name": object()})])
def test_what_it_yields_that_no_log_can_take_is_refused(yielded: object) -> None:
    found, raised = fetched(lambda _look, _parent: iter([GOOD, yielded]))
    assert found == [GOOD]
    assert str(raised).startswith(str(PLUGIN))


def test_what_yields_nothing_at_all_is_refused_as_well() -> None:
    assert "calipso-lldp" in str(fetched(lambda _look, _parent: None)[1])
