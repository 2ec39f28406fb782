"""Laws of notifications: any of them lost or repeated, in and out of scans, at any restart."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.cliques import recompute
from projections.fold import Fold, Now
from projections.links import Links
from schemas.canonical import encode
from schemas.events import Entry, ScanFinished, ScanStarted, Scope
from tests.unit.notified import LISTS, REGION, Lab, ip, resource, rows, unversioned, versioned

Told = tuple[str, Any]

FLOATING = {"floating_ip_address": "172.0.0.9", "fixed_ip_address": None, "router_id": None}
SUBS = [{"port_id": "pb", "segmentation_type": "vlan", "segmentation_id": 5}]
PORT = {"network_id": "net", "mac_address": "m1", "device_id": "i"}
NEW = {"network_id": "net3", "mac_address": "m9", "device_id": "j"}
INTERFACE = {"id": "r", "tenant_id": "p", "port_id": "pi", "network_id": "net3"}

STORY: list[Told] = [
    ("network.create.end", resource("network", "net3", 1, name="net3")),
    ("subnet.create.end", resource("subnet", "sub3", 0, network_id="net3", cidr="10.3.0.0/24")),
    ("router.interface.create", {"router_interface": INTERFACE}),
    ("instance.update", versioned("j", None, "building", task_state="scheduling")),
    ("port.create.end", resource("port", "pj", 1, **NEW)),
    ("port.update.end", resource("port", "pj", 2, **NEW, **{"binding:host_id": "h1"})),
    ("instance.create.end", versioned("j", ip_addresses=[ip("m9", "10.3.0.9", "net3")])),
    ("compute.instance.create.end", unversioned("j")),
    ("floatingip.update.end", resource("floatingip", "f", 2, port_id="pj", **FLOATING)),
    ("instance.live_migration_post_dest.end", versioned(host="h2", updated_at="2026-11-22T12:01:00Z")),
    ("port.update.end", resource("port", "pa", 2, **PORT, **{"binding:host_id": "h2"})),
    ("instance.power_off.end", versioned(host="h2", state="stopped", updated_at="2026-11-22T12:02:00Z")),
    ("trunk.update.end", resource("trunk", "t", 2, port_id="pj", sub_ports=SUBS)),
    ("router.update.end", resource("router", "r", 2, external_gateway_info=None)),
    ("nobody.knows", {}),
    ("port.update.end", {"port": None}),
    ("instance.shelve_offload.end", versioned(host=None, state="shelved_offloaded", updated_at="2026-11-22T12:03:00Z")),
    ("instance.soft_delete.end", versioned("j", state="soft-delete")),
    ("instance.restore.end", versioned("j")),
    ("trunk.delete.end", {"trunk_id": "t"}),
    ("floatingip.delete.end", {"floatingip_id": "f"}),
    ("port.delete.end", {"port_id": "pa"}),
    ("instance.delete.end", versioned(state="deleted", host="h2")),
    ("router.interface.delete", {"router_interface": INTERFACE}),
    ("router.delete.end", {"router_id": "r"}),
    ("network.delete.end", {"network_id": "net3"}),
]
"""A life of the small cloud, as it is told."""

REPEATED = st.lists(st.integers(0, 2), min_size=len(STORY), max_size=len(STORY))
"""How often each of them arrives."""

SCANS = st.lists(st.sampled_from(("nothing", "begin", "see", "finish")), min_size=len(STORY), max_size=len(STORY))
"""What a scan does before each."""


def lived(times: list[int], scans: list[str]) -> Lab:
    """Answer the cloud after what arrived of the story, with scans in between."""
    lab, unseen = Lab(), iter(rows() * 10)
    for (event_type, payload), often, scan in zip(STORY, times, scans, strict=True):
        if scan == "begin":
            lab.begin("cloud:prod")
        elif scan == "see":
            for _ in range(5):
                lab.see(next(unseen))
        elif scan == "finish":
            lab.finish({Scope(*row[:3]) for row in rows()} | {Scope(entry, *REGION) for entry in LISTS})
        for _ in range(often):
            lab.tell(event_type, payload)
    return lab


def replayed(entries: list[Entry]) -> Fold:
    """Answer a fold from nothing."""
    fold = Fold("lab")
    for entry in entries:
        fold.apply(entry)
    return fold


@settings(max_examples=40)
@given(REPEATED, SCANS)
def test_links_and_cliques_are_those_of_a_full_recomputation(times: list[int], scans: list[str]) -> None:
    lab = lived(times, scans)
    lab.finish([])
    lab.tell("image.send", {})  # cliques that waited for an open scan are made now
    again = Links()
    again.rebuild(lab.fold.inventory)
    assert list(again) == list(lab.fold.links)
    made = recompute(Now(lab.fold.inventory, again), lab.fold.cliques.chosen)
    assert lab.fold.cliques.stored() == {key: encode(document) for key, document in made.items()}


@settings(max_examples=40)
@given(REPEATED, SCANS, st.integers(0, 100))
def test_a_replay_and_a_restart_anywhere_reach_the_live_state(times: list[int], scans: list[str], cut: int) -> None:
    lab = lived(times, scans)
    live = list(lab.fold.everything())
    assert list(replayed(lab.entries).everything()) == live
    cut = len(rows()) + 2 + cut
    before = replayed(lab.entries[:cut])
    again = Fold.restore("lab", before.offset, before.everything())
    for entry in lab.entries[:cut]:
        if before.resume_from <= entry.offset:
            again.note(entry)
    for entry in lab.entries[cut:]:
        assert again.apply(entry) == before.apply(entry)
    assert list(again.everything()) == live


@settings(max_examples=25)
@given(REPEATED)
def test_arriving_twice_is_arriving_once(times: list[int]) -> None:
    quiet = ["nothing"] * len(STORY)
    twice, once = lived(times, quiet), lived([min(1, often) for often in times], quiet)
    assert objects(twice.fold) == objects(once.fold)


def objects(fold: Fold) -> dict[Any, bytes]:
    """Answer the objects and links, less what is counted or dated."""
    return {key: value for key, value in fold.everything() if key.kind.value in ("object", "link")}


def test_the_story_tells_much() -> None:
    lab = lived([1] * len(STORY), ["nothing"] * len(STORY))
    kinds = {type(entry.event.payload) for entry in lab.entries}
    assert {ScanStarted, ScanFinished} <= kinds
    assert all(a.offset < b.offset for a, b in pairwise(lab.entries))
    assert lab.find("instance", "j") is not None
    assert not any(lab.find(*ref) for ref in (("instance", "i"), ("router", "r"), ("network", "net3"), ("port", "pj")))
