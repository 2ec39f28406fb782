"""Links, cliques and impact of a recorded cloud: the chains that an operator would draw from the raw answers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from producers.bundle import read_bundle
from producers.scan import scan
from producers.settings import EnvironmentSettings
from projections import cliques
from projections.fold import Fold, Now
from projections.impact import impact, rolled_up
from projections.inventory import Obj, Ref
from projections.links import recompute
from schemas.canonical import Document, encode
from schemas.events import Entry, Event
from tests.recordings import RECORDINGS, needs_recordings

pytestmark = needs_recordings


@dataclass(frozen=True)
class Monday:
    """The state after one scan of the monday bundle."""

    fold: Fold
    graph: Now

    def names(self, refs: list[list[str]], object_type: str) -> list[str]:
        """Answer the names of the nodes of one type, sorted."""
        return sorted(self.name(Ref(*ref)) for ref in refs if ref[0] == object_type)

    def name(self, ref: Ref) -> str:
        """Answer the name of an object that is there."""
        obj = self.fold.inventory.get(*ref)
        assert obj is not None
        return str(obj.get("name"))

    def named(self, object_type: str, name: str) -> Obj:
        """Answer the one object of a type with a name."""
        (found,) = [obj for obj in self.fold.inventory.of_type(object_type) if obj.get("name") == name]
        return found

    def clique(self, object_type: str, name: str) -> Document:
        """Answer a clique that must be there."""
        document = self.fold.cliques.get(self.named(object_type, name).ref)
        assert document is not None
        return document

    def of_type(self, object_type: str) -> Iterator[Obj]:
        """Yield the objects of a type."""
        return self.fold.inventory.of_type(object_type)

    def hit(self, object_type: str, object_id: str) -> tuple[list[str], list[str]]:
        """Answer the names of the instances and networks that depend on an object."""
        found = rolled_up(impact(Ref(object_type, object_id), self.graph, self.fold.inventory.children))
        instances = sorted(self.name(Ref("instance", i)) for i in found.instances)
        return instances, sorted(self.name(Ref("network", n)) for n in found.networks)


@pytest.fixture(scope="module")
def monday() -> Monday:
    """Scan the bundle and fold what it says."""
    events: list[Event] = []
    bundle = read_bundle(RECORDINGS / "zed-ovs" / "monday")
    settings = EnvironmentSettings(uplinks=("eth*", "phy-*"))
    scan("zed", bundle.access, settings, events.extend, origin="bundle:monday")
    fold = Fold("zed")
    for offset, event in enumerate(events):
        fold.apply(Entry(offset, offset, event))
    return Monday(fold, Now(fold.inventory, fold.links))


def test_a_vxlan_instance_reaches_its_network_through_bridge_vedge_tunnel_and_nic(monday: Monday) -> None:
    clique = monday.clique("instance", "web-1")
    nodes = [f"{object_type} {object_id}" for object_type, object_id in clique["nodes"]]
    (vedge,) = monday.names(clique["nodes"], "vedge")
    assert vedge == "compute-1-OVS"
    assert [node for node in nodes if not node.startswith("vedge")] == [
        "host_pnic compute-1-eth1",
        "instance fb4a4d63-7566-4996-85b5-d36819c08abe",
        "network 3b622390-e46f-47b4-8eb8-25ee036d0acd",
        "otep compute-1-otep",
        "vconnector compute-1-br-vtep",
        "vconnector compute-1-qbr9a40b107-04",
        "vnic compute-1-tap9a40b107-04",
    ]


def test_a_vlan_instance_reaches_its_network_by_the_providers_nic(monday: Monday) -> None:
    clique = monday.clique("instance", "ops-2")
    assert ["host_pnic", "compute-1-eth2"] in clique["nodes"]
    counted = Counter(object_type for object_type, _ in clique["nodes"])
    assert counted == Counter(["instance", "vnic", "vconnector", "vedge", "host_pnic", "network"])


def test_every_instance_reaches_all_its_networks_and_no_other(monday: Monday) -> None:
    for instance in monday.of_type("instance"):
        clique = monday.clique("instance", instance.get("name"))
        reached = [object_id for object_type, object_id in clique["nodes"] if object_type == "network"]
        assert reached == instance.get("network")
    assert monday.names(monday.clique("instance", "db-1")["nodes"], "network") == ["db", "web"]


def test_a_network_reaches_exactly_its_own_instances_and_services(monday: Monday) -> None:
    expected = {
        "db": ["db-1", "db-2", "db-3"],
        "web": ["db-1", "db-2", "db-3", "web-1", "web-2", "web-3", "web-4", "web-5", "web-6"],
        "ops-vlan": ["ops-1", "ops-2", "ops-3"],
    }
    for name, instances in expected.items():
        nodes = monday.clique("network", name)["nodes"]
        network = monday.named("network", name).id
        assert monday.names(nodes, "instance") == instances
        serving = [s.get("name") for s in monday.of_type("vservice") if network in s.get("network")]
        assert monday.names(nodes, "vservice") == sorted(serving)


def test_a_network_that_leaves_by_no_nic_has_no_clique(monday: Monday) -> None:
    assert monday.fold.cliques.get(monday.named("network", "public").ref) is None


def test_every_vnic_stands_for_the_one_port_with_its_mac(monday: Monday) -> None:
    for vnic in monday.of_type("vnic"):
        (port,) = [link.target for link in monday.graph.links(vnic.ref) if link.type == "vnic-port"]
        found = monday.fold.inventory.get(*port)
        assert found is not None
        assert found.get("mac_address") == vnic.get("mac_address")


def test_what_was_folded_scan_by_scan_is_what_everything_gives_at_once(monday: Monday) -> None:
    assert {link.key: link for link in monday.fold.links} == recompute(monday.fold.inventory)
    made = cliques.recompute(monday.graph, monday.fold.cliques.chosen)
    assert monday.fold.cliques.stored() == {key: encode(document) for key, document in made.items()}


@pytest.mark.parametrize(
    ("object_id", "instances", "networks"),
    [
        ("compute-1-eth0", [], []),
        ("compute-1-eth1", ["web-1", "web-5"], ["web"]),
        ("compute-1-eth2", ["ops-2"], ["ops-vlan"]),
        ("compute-2-eth2", [], []),
        ("controller-phy-vlan", ["ops-1", "ops-2", "ops-3"], ["ops-vlan"]),
    ],
)
def test_a_nic_takes_along_the_instances_of_its_own_segment(
    monday: Monday, object_id: str, instances: list[str], networks: list[str]
) -> None:
    assert monday.hit("host_pnic", object_id) == (instances, networks)


def test_a_host_takes_along_its_instances_and_the_network_node_everybody(monday: Monday) -> None:
    assert monday.hit("host", "compute-4")[0] == ["db-3", "ops-3", "web-4", "web-6"]
    everybody = sorted(instance.get("name") for instance in monday.of_type("instance"))
    assert monday.hit("host", "controller")[0] == everybody
