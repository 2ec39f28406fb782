"""The tree: each object below its parent, with the folders that are drawn between them."""

import pytest

from projections.inventory import Obj, Ref
from projections.tree import Step, folder_steps, grow, id_path, name_path, path
from schemas.canonical import Document
from schemas.vocabulary import ENVIRONMENT, OBJECT_TYPES, VSERVICE_FOLDERS


def obj(object_type: str, object_id: str, parent: Ref, **attributes: object) -> Obj:
    return Obj(Ref(object_type, object_id), parent, attributes)


class Forest:
    """Objects by name and by parent."""

    def __init__(self, *objects: Obj) -> None:
        self._objects = {o.ref: o for o in objects}

    def get(self, ref: Ref) -> Obj | None:
        return self._objects.get(ref)

    def children(self, parent: Ref) -> list[Obj]:
        return [self._objects[ref] for ref in sorted(self._objects) if self._objects[ref].parent == parent]


ROOT = Ref(ENVIRONMENT, "cloud")
CLOUD = Forest(
    obj("region", "R", ROOT, name="R"),
    obj("availability_zone", "az", Ref("region", "R"), name="az"),
    obj("host", "h", Ref("availability_zone", "az"), name="h"),
    obj("vservice", "h-qdhcp-n", Ref("host", "h"), name="dhcp of n", service_type="dhcp"),
    obj("vservice", "h-odd", Ref("host", "h"), service_type="of a kind to come"),
    obj("vnic", "h-tap1", Ref("vservice", "h-qdhcp-n"), name="tap1"),
    obj("vedge", "agent", Ref("host", "h"), name="h-OVS"),
    obj("otep", "h-otep", Ref("vedge", "agent"), name="h-otep"),
)

FOLDERS = {  # the original's folders, under a parent p; oteps, hosts and what an aggregate points to have none
    "region": ["p-regions"],
    "project": ["p-projects"],
    "availability_zone": ["p-availability_zones"],
    "aggregate": ["p-aggregates"],
    "network": ["p-networks"],
    "port": ["p-ports"],
    "instance": ["p-instances"],
    "vservice": ["p-vservices", "p-vservices-miscellaneous"],
    "vnic": ["p-vnics"],
    "host_pnic": ["p-pnics"],
    "vconnector": ["p-vconnectors"],
    "vedge": ["p-vedges"],
    "network_agent": ["p-network_agents"],
    "subnet": ["p-subnets"],
    "router": ["p-routers"],
    "floating_ip": ["p-floating_ips"],
    "trunk": ["p-trunks"],
    "host": [],
    "host_ref": [],
    "otep": [],
}


@pytest.mark.parametrize("object_type", sorted(OBJECT_TYPES))
def test_each_type_stands_in_its_own_folders(object_type: str) -> None:
    steps = folder_steps(obj(object_type, "x", Ref("parent", "p")))
    assert [step.id for step in steps] == FOLDERS[object_type]
    assert all(step.type.endswith("_folder") and step.name for step in steps)


@pytest.mark.parametrize(
    ("service_type", "folder"), [(name, folder.suffix) for name, folder in VSERVICE_FOLDERS.items()]
)
def test_a_service_stands_in_the_folder_of_its_kind(service_type: str, folder: str) -> None:
    steps = folder_steps(obj("vservice", "x", Ref("host", "h"), service_type=service_type))
    assert [step.id for step in steps] == ["h-vservices", f"h-vservices-{folder}"]


def test_the_way_to_an_object_begins_at_the_environment_and_goes_through_its_folders() -> None:
    vnic = CLOUD.get(Ref("vnic", "h-tap1"))
    assert vnic is not None
    steps = path(vnic, "cloud", CLOUD.get)
    assert id_path(steps) == (
        "/cloud/cloud-regions/R/R-availability_zones/az/h/h-vservices/h-vservices-dhcps/h-qdhcp-n/h-qdhcp-n-vnics/h-tap1"
    )
    assert name_path(steps) == ("/cloud/Regions/R/Availability Zones/az/h/vServices/DHCP servers/dhcp of n/vNICs/tap1")


def test_the_way_to_an_object_whose_parent_is_not_there_begins_below_the_root() -> None:
    lost = obj("instance", "i", Ref("host", "gone"), name="vm")
    assert path(lost, "cloud", CLOUD.get) == [
        Step("instances_folder", "gone-instances", "Instances"),
        Step("instance", "i", "vm"),
    ]


def test_the_way_to_an_object_that_is_above_itself_ends() -> None:
    one, other = obj("vnic", "a", Ref("vnic", "b")), obj("vnic", "b", Ref("vnic", "a"))
    circle = Forest(one, other)
    assert [step.id for step in path(one, "cloud", circle.get) if step.type == "vnic"] == ["b", "a"]
    alone = obj("vnic", "a", Ref("vnic", "a"))
    assert [step.id for step in path(alone, "cloud", Forest(alone).get) if step.type == "vnic"] == ["a"]


def ids(nodes: list[Document]) -> list[object]:
    """Answer the ids of a tree: a leaf is its id, a node its id with what is below."""
    return [(node["id"], ids(node["children"])) if node["children"] else node["id"] for node in nodes]


def test_a_tree_holds_every_object_once_in_its_folders() -> None:
    dhcp = ("h-vservices-dhcps", [("h-qdhcp-n", [("h-qdhcp-n-vnics", ["h-tap1"])])])
    edges = ("h-vedges", [("agent", ["h-otep"])])
    services = ("h-vservices", [("h-vservices-miscellaneous", ["h-odd"]), dhcp])
    assert ids(grow(Ref("availability_zone", "az"), CLOUD.children)) == [("h", [edges, services])]


def test_the_depth_of_a_tree_counts_objects_and_not_folders() -> None:
    assert grow(ROOT, CLOUD.children, 0) == []
    assert ids(grow(ROOT, CLOUD.children, 1)) == [("cloud-regions", ["R"])]
    assert ids(grow(ROOT, CLOUD.children, 2)) == [("cloud-regions", [("R", [("R-availability_zones", ["az"])])])]


def test_an_object_that_would_come_below_itself_is_left_out_of_a_tree() -> None:
    circle = Forest(obj("vnic", "a", Ref("vnic", "b")), obj("vnic", "b", Ref("vnic", "a")))
    assert ids(grow(Ref("vnic", "a"), circle.children)) == [("a-vnics", ["b"])]
    alone = Forest(obj("vnic", "a", Ref("vnic", "a")))
    assert ids(grow(Ref("vnic", "a"), alone.children)) == []
