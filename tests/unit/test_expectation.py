"""Expectations mean what they say, and what cannot be understood is refused at its place."""

from typing import Any

import pytest

from projections.clique_types import SHIPPED, choose
from projections.cliques import build
from projections.inventory import Obj, Ref
from projections.tree import name_of
from schemas.canonical import Document
from schemas.errors import BadInput, NotFound
from streams.expectation import LONGEST, parse
from tests.unit.small_clouds import SmallCloud, obj, zed_cloud


class Cloud:
    """A small cloud, as expectations ask."""

    def __init__(self, cloud: SmallCloud) -> None:
        """Ask of `cloud`."""
        self.get, self.of_type, self.links = cloud.get, cloud.of_type, cloud.links
        self._cloud = cloud

    def named(self, object_type: str, name: str) -> list[Obj]:
        """Answer the objects that have a name."""
        return [one for one in self.of_type(object_type) if name_of(one) == name]

    def clique(self, ref: Ref) -> Document | None:
        """Build the clique of an object."""
        focal = self.get(ref)
        recipe = choose(SHIPPED, "test", {"mechanism_drivers": ["OVS"]}).get(ref.type)
        found = None if focal is None or recipe is None else build(focal, self._cloud, recipe)
        return None if found is None else found.document()


MORE: dict[str, Any] = {"os": {"name": "Debian", "a.b": 1}, "up": True, "mtu": 1500, "text": "5", "list": ["a", 2]}


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    small = zed_cloud()
    objects = [one for object_type in small.inventory.types() for one in small.of_type(object_type)]
    twins = [obj("aggregate", f"twin-{number}", name="twin") for number in (1, 2)]
    odd = [obj("aggregate", "c1.example.com", **MORE), obj("aggregate", "a b", name='say "hi"'), *twins]
    return Cloud(SmallCloud([*objects, *odd]))


HOLDS = [
    "instance vm-a exists",
    "not instance vm-z exists",
    "aggregate c1.example.com exists",
    'aggregate "c1.example.com".up == true',
    'aggregate "c1.example.com".os.name == Debian',
    r'aggregate "c1.example.com".os.a\.b == 1',
    'aggregate "c1.example.com".mtu >= 1500',
    'aggregate "c1.example.com".mtu < 1500.5',
    'aggregate "c1.example.com".text == 5',
    'aggregate "c1.example.com".text == "5"',
    'aggregate "c1.example.com".nothing == null',
    'aggregate "c1.example.com".up.deeper == null',
    'aggregate "c1.example.com".list contains 2',
    'aggregate "c1.example.com".os contains name',
    'aggregate "c1.example.com".os.name contains bia',
    'aggregate "a b".name == "say \\"hi\\""',
    'aggregate "say \\"hi\\"" exists',
    "instance vm-a.network contains web",
    "count instance == 4",
    "count instance >= 4 and count instance < 5",
    "count trunk == 0",
    "links instance vm-a == 1",
    "links instance vm-z == 0",
    "path instance vm-a -> host_pnic h1-eth1",
    "path instance vm-a -> vservice n1-qrouter-rt",
    "path instance vm-a -> instance vm-d",
    "path instance vm-a -> instance vm-a",
    "clique instance vm-a contains network web",
    "count trunk == 1 or count trunk == 0",
    "not (count trunk == 0 and count instance == 0)",
    "not not instance vm-a exists",
    "count trunk == 0 or count trunk == 1 and count trunk == 2",
]
FAILS = [
    "instance vm-z exists",
    "instance vm-z.host != h1",
    'aggregate "c1.example.com".up == 1',
    'aggregate "c1.example.com".mtu == "1500"',
    'aggregate "c1.example.com".text < 9',
    'aggregate "c1.example.com".nothing > 0',
    'aggregate "c1.example.com".nothing contains a',
    "path instance vm-a -> host_pnic h1-eth2",
    "path instance vm-a -> instance vm-c",
    "path instance vm-a -> host_pnic h1-eth9",
    "clique instance vm-a contains network db",
    "clique instance vm-a contains network nix",
    "clique project p1 contains network web",
]


@pytest.mark.parametrize("text", HOLDS)
def test_it_holds(cloud: Cloud, text: str) -> None:
    assert parse(text).holds(cloud)
    assert not parse(f"not ({text})").holds(cloud)


@pytest.mark.parametrize("text", FAILS)
def test_it_does_not_hold(cloud: Cloud, text: str) -> None:
    assert not parse(text).holds(cloud)


def test_a_path_does_not_lead_over_a_link_that_is_down() -> None:
    small = zed_cloud()
    objects = [one for object_type in small.inventory.types() for one in small.of_type(object_type)]
    down = [
        Obj(one.ref, one.parent, {**one.document, "state": "down"}) if one.id == "h1-tapa" else one for one in objects
    ]
    assert not parse("path instance vm-a -> host_pnic h1-eth1").holds(Cloud(SmallCloud(down)))


def test_a_name_of_several_is_no_name(cloud: Cloud) -> None:
    with pytest.raises(NotFound, match="aggregate twin: there are 2 of that name, write an id: twin-1, twin-2"):
        parse("aggregate twin exists").holds(cloud)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "character 1: a test"),
        ("instance", "character 9: an id or a name was expected, not the end"),
        ("instance web-1", "character 15: exists, or a field"),
        ("instance web-1 == 5", "character 16: exists, or a field"),
        ("instance web-1.status", "character 22: one of == !="),
        ("instance web-1.status = x", "character 23: '=' has no meaning"),
        ("instance web-1.status < ACTIVE", "character 25: < compares numbers, not 'ACTIVE'"),
        ('instance web-1.status < "5"', "character 25: < compares numbers"),
        ("instances web-1 exists", "character 1: 'instances' is not a test"),
        ("count instances > 1", "character 7: 'instances' is not an object type"),
        ("count instance > many", "character 18: a number was expected, not 'many'"),
        ("path instance a host_pnic b", "character 17: -> was expected"),
        ("clique instance a exists", "character 19: contains was expected"),
        ("instance a exists instance b exists", "character 19: and, or, or the end"),
        ("(instance a exists", r"character 19: \) was expected, not the end"),
        ("instance a exists and", "character 22: a test"),
        ('instance "a exists', "character 10: '\"' has no meaning"),
        ("not " * 60 + "count trunk == 0", "nested too deeply"),
        ("x" * (LONGEST + 1), "too many"),
    ],
)
def test_what_cannot_be_understood_is_refused_at_its_place(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parse(text)
