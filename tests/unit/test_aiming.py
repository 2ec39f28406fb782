"""Which object a scan is aimed at: by id or name, and only where a fetch can find it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from calipso.aiming import named
from producers.plan import Plan, load_plan
from projections.inventory import Ref
from schemas.errors import BadInput, NotFound
from streams.past import Past
from tests.unit.api_demo import ENV, demo

WHOLE = load_plan()
COARSE = Plan(tuple(entry for entry in WHOLE.entries if entry.type in ("region", "host")))
"""A plan that finds regions and hosts alone."""


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    with demo(tmp_path) as opened:
        yield opened.questions.past(ENV)


def test_an_object_is_named_by_id_or_by_the_one_name_of_its_type(past: Past) -> None:
    assert named(past, ("instance", "i-web")) == named(past, ("instance", "web")) == Ref("instance", "i-web")
    assert named(past, ("instance", "nix")) == Ref("instance", "nix"), "it may be new"
    assert named(None, ("instance", "nix")) == Ref("instance", "nix")


def test_the_environment_or_nothing_is_everything(past: Past) -> None:
    assert named(past, None) is None
    assert named(past, ("environment", ENV)) is None


def test_a_type_that_does_not_exist_is_refused(past: Past) -> None:
    with pytest.raises(NotFound, match="object type switch"):
        named(past, ("switch", "s-1"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (("vnic", "node-1-tap10000000-00"), "scan host node-1 instead"),
        (("availability_zone", "nova"), "scan region RegionOne instead"),
        (("network", "n-shop"), "scan the environment instead"),
        (("instance", "nix"), "scan the host that it is in instead"),
        (("port", "nix"), "scan the environment instead"),
    ],
)
def test_what_no_fetch_finds_is_refused_with_the_nearest_above_it_that_can_be_scanned(
    past: Past, wanted: tuple[str, str], said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        named(past, wanted, COARSE)
    assert said in str(refused.value)


def test_every_type_of_object_can_be_scanned_by_the_plan_that_ships(past: Past) -> None:
    for obj in past.objects():
        assert named(past, obj.ref) == obj.ref
