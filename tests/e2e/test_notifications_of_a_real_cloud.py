"""The notifications that a real cloud sent between two scans, on top of the first: the state that the second finds.

What no notification tells is listed here, attribute by attribute, with the reason.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from producers.bundle import read_bundle
from producers.listen import recorded_notifications
from producers.scan import scan
from producers.settings import EnvironmentSettings
from projections.change import Kind
from projections.fold import NOT_UNDERSTOOD, Fold, environment_key
from projections.inventory import Ref
from schemas.canonical import decode_document
from schemas.events import Entry, Event
from tests.e2e.conftest import MONDAY, NOTIFICATIONS, TUESDAY
from tests.recordings import RECORDINGS, needs_recordings

pytestmark = needs_recordings

TYPES = ("instance", "network", "subnet", "port", "router", "floating_ip")

UNTOLD: dict[tuple[str, str], dict[str, str]] = {
    ("instance", "new"): {
        "config_drive": "no payload has it",
        "host_status": "no payload has it",
        "security_groups": "no payload has them",
        "volumes": "told only where Nova is set to tell of block devices",
    },
    ("network", "new"): {
        "availability_zones": "chosen by the scheduler of DHCP afterwards",
        "provider:network_type": "hidden from the tenant that made it",
        "provider:physical_network": "hidden from the tenant that made it",
        "provider:segmentation_id": "hidden from the tenant that made it",
    },
    ("port", "new"): {
        "status": "reported by the agent of the host afterwards",
        "binding:vif_details": "the names of the drivers that bound it are hidden in the answer to Nova",
    },
    ("port", "moved"): {
        "status": "reported by the agent of the host afterwards",
        "binding:profile": "written when the binding of the new host is activated, of which nothing is told",
    },
    ("floating_ip", "changed"): {"status": "reported by the agent of its router afterwards"},
}
"""By type and by what happened to the object."""


@dataclass(frozen=True, slots=True)
class Told:
    """Folds of one cloud: monday, monday and what was told, monday and tuesday, all three."""

    monday: Fold
    told: Fold
    scanned: Fold
    all: Fold
    truth: dict[str, list[dict[str, Any]]]


def seen(day: Any) -> list[Event]:
    events: list[Event] = []
    settings = EnvironmentSettings(uplinks=("eth*", "phy-*"))
    scan("zed", read_bundle(day).access, settings, events.extend, origin=f"bundle:{day.name}")
    return events


def folded(*parts: list[Event]) -> Fold:
    fold = Fold("zed")
    for offset, event in enumerate(event for part in parts for event in part):
        fold.apply(Entry(offset, offset, event))
    return fold


@pytest.fixture(scope="module")
def cloud() -> Told:
    monday, tuesday = seen(MONDAY), seen(TUESDAY)
    told = list(recorded_notifications(NOTIFICATIONS, "zed"))
    truth: dict[str, list[dict[str, Any]]] = {}
    for deed in json.loads((RECORDINGS / "zed-ovs" / "monday-to-tuesday.truth.json").read_text()):
        truth.setdefault(deed["did"], []).append(deed)
    return Told(folded(monday), folded(monday, told), folded(monday, tuesday), folded(monday, told, tuesday), truth)


def refs(fold: Fold) -> set[Ref]:
    return {obj.ref for object_type in TYPES for obj in fold.inventory.of_type(object_type)}


def differences(cloud: Told) -> Iterator[tuple[Ref, str]]:
    """Yield each object and attribute of which what was told is not what the scan found."""
    for ref in sorted(refs(cloud.told) & refs(cloud.scanned)):
        told, found = cloud.told.inventory.get(*ref), cloud.scanned.inventory.get(*ref)
        assert told is not None
        assert found is not None
        for name in sorted(told.document.keys() | found.document.keys()):
            if told.get(name) != found.get(name) or (name in told.document) != (name in found.document):
                yield ref, name


def silent_ports(cloud: Told) -> set[Ref]:
    """Answer the ports that Neutron made for itself: that of DHCP, and the router's, of which only the id is told."""
    return {
        obj.ref
        for obj in cloud.scanned.inventory.of_type("port")
        if str(obj.get("device_owner")).startswith("network:") and obj.ref not in refs(cloud.monday)
    }


def what_happened(cloud: Told, ref: Ref) -> str:
    if ref not in refs(cloud.monday):
        return "new"
    moved = {deed["instance"] for deed in cloud.truth["live_migrate"]}
    port = cloud.told.inventory.get(*ref)
    return "moved" if ref.type == "port" and port is not None and port.get("device_id") in moved else "changed"


def test_what_came_and_went_is_as_the_scan_has_it_but_for_the_ports_that_neutron_makes_for_itself(cloud: Told) -> None:
    (dhcp,) = refs(cloud.scanned) - refs(cloud.told)
    assert dhcp in silent_ports(cloud)
    assert refs(cloud.told) - refs(cloud.scanned) == set()


def test_every_object_has_the_place_and_scope_that_the_scan_gives_it(cloud: Told) -> None:
    told, scanned = cloud.told.inventory, cloud.scanned.inventory
    for ref in refs(cloud.told):
        before, after = told.get(*ref), scanned.get(*ref)
        assert before is not None
        assert after is not None
        assert (before.parent, told.scope_of(ref)) == (after.parent, scanned.scope_of(ref)), ref


def test_what_is_told_is_what_the_scan_finds_and_what_is_not_told_is_listed(cloud: Told) -> None:
    unlisted, listed = [], set()
    for ref, name in differences(cloud):
        if ref in silent_ports(cloud):
            continue
        group = (ref.type, what_happened(cloud, ref))
        if name in UNTOLD.get(group, {}):
            listed.add((*group, name))
        else:
            unlisted.append((ref, name))
    assert unlisted == []
    hidden = {(*group, name) for group, names in UNTOLD.items() for name in names}
    assert hidden - listed <= {("network", "new", "provider:physical_network")}  # None, and absent where not told


def test_the_deeds_are_told(cloud: Told) -> None:
    for deed in cloud.truth["boot"]:
        instance = cloud.told.inventory.get("instance", deed["instance"])
        assert instance is not None
        assert (instance.get("host"), instance.get("network")) == (deed["host"], [deed["network"]])
    (moved,) = cloud.truth["live_migrate"]
    assert cloud.told.inventory.children(Ref("instance", moved["instance"])) == []  # asked of the new host
    (gone,) = cloud.truth["delete"]
    assert cloud.told.inventory.get("instance", gone["instance"]) is None
    (port,) = gone["ports_left"]
    assert cloud.told.inventory.get("port", port) is not None
    (stopped,) = cloud.truth["stop"]
    vnics = cloud.told.inventory.children(Ref("instance", stopped["instance"]))
    assert {vnic.get("state") for vnic in vnics} == {"down"}


def test_what_was_not_told_was_asked_for_and_the_next_scan_answers_it(cloud: Told) -> None:
    asked = {f"{ref.type} {ref.id}" for ref in cloud.told.ledger.targets}
    assert asked == {"region RegionOne", "host compute-1", "host compute-2", "host compute-3", "host controller"}
    assert cloud.all.ledger.targets == {}


def test_the_next_scan_leads_to_the_state_that_it_leads_to_without_notifications(cloud: Told) -> None:
    kept = (Kind.OBJECT, Kind.LINK, Kind.CLIQUE)
    with_them, without = (
        {key: value for key, value in fold.everything() if key.kind in kept} for fold in (cloud.all, cloud.scanned)
    )
    assert with_them == without


def test_every_notification_of_the_cloud_is_understood(cloud: Told) -> None:
    assert NOT_UNDERSTOOD not in decode_document(cloud.told.records[environment_key("zed")])
