"""What is late is not taken, what a scan saw before a notification does not undo it, and what was asked for is met."""

import pytest

from projections.change import Kind
from projections.fold import Fold
from projections.inventory import Ref
from projections.notifications.notice import Notice, Stamp
from schemas.canonical import decode_document, encode
from schemas.events import NotificationReceived, Scope
from tests.unit.notified import LISTS, REGION, SECOND, Lab, Row, resource, rows, server, unversioned, versioned


@pytest.fixture
def lab() -> Lab:
    """Give a small cloud that was scanned."""
    return Lab()


def status(lab: Lab) -> str:
    """Answer the status of instance i."""
    return str(lab.there("instance", "i").get("status"))


# -- late and repeated ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deleted", "object_type", "late", "told"),
    [
        ("network.delete.end", "network", "network.update.end", resource("network", "x", 9, name="x")),
        (
            "subnet.delete.end",
            "subnet",
            "subnet.update.end",
            resource("subnet", "x", 9, network_id="net", cidr="::/64"),
        ),
        ("port.delete.end", "port", "port.update.end", resource("port", "x", 9, network_id="net")),
        ("router.delete.end", "router", "router.create.end", resource("router", "x", 9)),
        ("trunk.delete.end", "trunk", "trunk.create.end", resource("trunk", "x", 9, port_id="pa", sub_ports=[])),
        (
            "floatingip.delete.end",
            "floating_ip",
            "floatingip.update.end",
            resource("floatingip", "x", 9, floating_ip_address="a"),
        ),
    ],
)
def test_nothing_that_is_told_later_brings_back_what_was_deleted(
    lab: Lab, deleted: str, object_type: str, late: str, told: dict[str, object]
) -> None:
    lab.tell(deleted, {deleted.replace(".delete.end", "_id"): "x"})  # of something not known: no error
    for after in (-5, 10):
        lab.tell(late, told, after=after)
        assert lab.find(object_type, "x") is None


def test_an_instance_that_was_deleted_stays_so_whatever_comes_after(lab: Lab) -> None:
    lab.tell("instance.delete.end", versioned(state="deleted"))
    lab.tell("instance.update", versioned(updated_at="2027-01-01T00:00:00Z"))
    lab.tell("compute.instance.power_on.end", unversioned())
    assert lab.find("instance", "i") is None


def test_what_stood_on_a_network_does_not_come_back_without_it(lab: Lab) -> None:
    lab.tell("network.delete.end", {"network_id": "net"})
    lab.tell("port.update.end", resource("port", "pa", 9, network_id="net", mac_address="m1"))
    lab.tell("subnet.create.end", resource("subnet", "new", network_id="net", cidr="10.1.0.0/24"))
    assert lab.find("port", "pa") is None
    assert lab.find("subnet", "new") is None


def test_of_two_words_about_a_resource_the_higher_revision_holds(lab: Lab) -> None:
    lab.tell("network.update.end", resource("network", "net", 5, name="new"))
    lab.tell("network.update.end", resource("network", "net", 4, name="old"), after=3)
    assert lab.there("network", "net").get("name") == "new"
    lab.tell("network.update.end", resource("network", "net", 6, name="newest"), after=-9)
    assert lab.there("network", "net").get("name") == "newest"


def test_of_two_words_about_an_instance_the_one_with_the_later_change_holds(lab: Lab) -> None:
    lab.tell("instance.power_off.end", versioned(state="stopped", updated_at="2026-11-22T12:00:09Z"))
    lab.tell("instance.update", versioned(updated_at="2026-11-22T12:00:08Z"), publisher="nova-conductor:n1")
    assert status(lab) == "SHUTOFF"
    lab.tell("instance.power_on.end", versioned(updated_at="2026-11-22T12:00:09Z"))  # the same second: as they come
    assert status(lab) == "ACTIVE"


def test_without_stamps_a_publishers_clock_decides_and_between_clocks_a_minute_is_forgiven(lab: Lab) -> None:
    lab.tell("compute.instance.power_off.end", unversioned(state="stopped"), publisher="compute.h1")
    lab.tell("compute.instance.update", unversioned(), after=-1, publisher="compute.h1")
    assert status(lab) == "SHUTOFF"
    lab.tell("compute.instance.update", unversioned(), after=-50, publisher="conductor.n1")
    assert status(lab) == "ACTIVE"
    lab.tell("compute.instance.update", unversioned(state="stopped"), after=-60, publisher="conductor.n1")
    assert status(lab) == "ACTIVE"


def test_a_notification_that_comes_twice_changes_nothing_the_second_time(lab: Lab) -> None:
    payload = resource("port", "new", network_id="net", mac_address="m9", device_id="i")
    assert lab.tell("port.create.end", payload)
    kinds = {change.key.kind for change in lab.tell("port.create.end", payload, after=0)}
    assert kinds <= {Kind.NOTICE, Kind.TARGET}


def test_a_notice_is_kept_as_it_is() -> None:
    lab = Lab()
    lab.tell("port.update.end", resource("port", "pa", 3, network_id="net"))
    lab.tell("port.delete.end", {"port_id": "pb"})
    again = Fold.restore("lab", lab.fold.offset, lab.fold.everything())
    assert again.ledger.notices == lab.fold.ledger.notices
    assert again.ledger.notices[Ref("port", "pb")].gone
    assert again.ledger.targets == lab.fold.ledger.targets


def test_what_a_later_word_leaves_open_stays_known() -> None:
    first = Notice(1, Stamp(10, "a", 4, "2026"))
    followed = first.followed_by(Notice(2, None, followed=True)).followed_by(Notice(3, Stamp(9, "b")))
    assert followed == Notice(3, Stamp(10, "a", 4, "2026"))


# -- what a scan has seen since ------------------------------------------------------------------------------


def scan_again(lab: Lab, origin: str = "bundle:b", more: tuple[Row, ...] = ()) -> None:
    """Scan all that is known now, as it is known."""
    lab.scan([*known(lab), *more], origin=origin)


def known(lab: Lab) -> list[Row]:
    inventory, found = lab.fold.inventory, []
    for object_type in inventory.types():
        for obj in inventory.of_type(object_type):
            scope = inventory.scope_of(obj.ref)
            assert scope is not None
            found.append(
                (scope.entry, scope.parent_type, scope.parent_id, *obj.ref[:1], *obj.parent, obj.id, obj.document)
            )
    return found


def test_what_was_sent_long_before_a_scan_began_is_late_after_it(lab: Lab) -> None:
    lab.tell("network.update.end", resource("network", "out", 2, name="b"))
    scan_again(lab)
    lab.tell("instance.power_off.end", versioned(state="stopped"), after=-61)
    lab.tell("network.create.end", resource("network", "new", name="new"), after=0)
    assert (status(lab), lab.find("network", "new")) == ("ACTIVE", None)
    lab.tell("instance.power_off.end", versioned(state="stopped"), after=2)  # clocks may differ so much
    assert status(lab) == "SHUTOFF"


def test_a_publisher_whose_clock_is_ahead_silences_nobody(lab: Lab) -> None:
    body = {
        "event_type": "network.update.end",
        "payload": resource("network", "net", 2, name="ahead"),
        "message_id": "x",
    }
    ahead = NotificationReceived("x", "network.update.end", "network.ahead", "x", "notifications.info", encode(body))
    lab.take(ahead, at=lab.now + 10 * 366 * 86400 * SECOND)
    assert lab.there("network", "net").get("name") == "ahead"
    for _ in range(2):
        scan_again(lab)
        lab.tell("instance.power_off.end", versioned(state="stopped"))
        assert status(lab) == "SHUTOFF"
        lab.tell("instance.power_on.end", versioned())
        assert status(lab) == "ACTIVE"


def test_a_live_scan_makes_late_what_was_sent_before_it_although_nothing_was_heard(lab: Lab) -> None:
    scan_again(lab, "bundle:x")
    lab.tell("instance.power_off.end", versioned(state="stopped"), after=-3600)
    assert status(lab) == "SHUTOFF"  # nobody knows when a recording looked
    lab.now += 3600 * SECOND
    scan_again(lab, "cloud:prod")
    lab.tell("instance.power_on.end", versioned(), after=-61)
    assert status(lab) == "SHUTOFF"
    lab.tell("instance.power_on.end", versioned(), after=2)
    assert status(lab) == "ACTIVE"


def test_a_scan_that_could_not_list_everything_makes_nothing_late(lab: Lab) -> None:
    scopes = [Scope(entry, *REGION) for entry in LISTS if entry != "port"]
    lab.scan(known(lab), covered=scopes, origin="cloud:prod")
    lab.tell("instance.power_off.end", versioned(state="stopped"), after=-3600)
    assert status(lab) == "SHUTOFF"


def test_a_delete_is_true_at_any_time(lab: Lab) -> None:
    scan_again(lab, "cloud:prod")
    lab.tell("port.delete.end", {"port_id": "pa"}, after=-3600)
    assert lab.find("port", "pa") is None


def test_notices_are_forgotten_when_a_scan_makes_late_what_they_would(lab: Lab) -> None:
    lab.tell("port.delete.end", {"port_id": "pa"})
    lab.tell("network.update.end", resource("network", "net", 2, name="b"))
    lab.now += 3600 * SECOND
    lab.tell("network.update.end", resource("network", "out", 2, name="b"))
    scan_again(lab)
    assert list(lab.fold.ledger.notices) == [Ref("network", "out")]
    lab.tell("port.update.end", resource("port", "pa", 9, network_id="net"), after=-3600)
    assert lab.find("port", "pa") is None


def test_what_a_scan_finds_again_after_it_was_said_to_be_deleted_can_be_told_of_again(lab: Lab) -> None:
    lab.tell("port.delete.end", {"port_id": "pb"})
    lab.scan(rows())
    lab.tell("port.update.end", resource("port", "pb", 9, name="back", network_id="net2"))
    assert lab.there("port", "pb").get("name") == "back"


# -- while a scan is open ------------------------------------------------------------------------------------


def row(object_type: str, object_id: str) -> Row:
    """Answer how the scan of the small cloud sees an object."""
    return next(each for each in rows() if (each[3], each[6]) == (object_type, object_id))


ALL = {Scope(*each[:3]) for each in rows()} | {Scope(entry, *REGION) for entry in LISTS}


def test_what_is_born_while_a_scan_is_open_is_not_swept_by_it(lab: Lab) -> None:
    lab.begin()
    lab.tell("network.create.end", resource("network", "new", name="new"))
    lab.tell("instance.create.end", versioned("born", "h1"))
    lab.scan(rows(), begun=True)
    assert lab.find("network", "new") is not None
    assert lab.find("instance", "born") is not None
    lab.scan(rows())  # the next one, which began after that, does not find them
    assert lab.find("network", "new") is None
    assert lab.find("instance", "born") is None


def test_what_is_deleted_while_a_scan_is_open_does_not_come_back_by_its_older_look(lab: Lab) -> None:
    lab.begin()
    lab.tell("instance.delete.end", versioned(state="deleted"))
    lab.tell("network.delete.end", {"network_id": "net"})
    gone = (("instance", "i"), ("vnic", "h1-tapa"), ("vconnector", "h1-qbra"), ("network", "net"), ("port", "pa"))
    for each in rows():
        assert not (each[3:4] + each[6:7] in gone and lab.see(each))
    unknown: Row = ("port", *REGION, "port", "network", "net", "unknown", {"name": "x", "network_id": "net"})
    assert lab.see(unknown) == []  # nor does what was not known yet, below it
    lab.finish(ALL)
    assert not any(lab.find(*ref) for ref in (*gone, ("subnet", "sub"), ("port", "unknown")))


def test_a_fold_restored_in_an_open_scan_knows_what_was_told_since_it_began(lab: Lab) -> None:
    lab.begin()
    lab.tell("instance.delete.end", versioned(state="deleted"))
    lab.tell("network.create.end", resource("network", "new", name="new"))
    lab.fold, entries = Fold.restore("lab", lab.fold.offset, lab.fold.everything()), list(lab.entries)
    began = next(e.offset for e in reversed(entries) if type(e.event.payload).__name__ == "ScanStarted")
    for entry in entries[began:]:
        lab.fold.note(entry)
    lab.scan(rows(), begun=True)
    assert lab.find("instance", "i") is None
    assert lab.find("network", "new") is not None


def test_a_scan_that_looked_after_the_notification_completes_what_it_told(lab: Lab) -> None:
    lab.begin()
    lab.tell("network.create.end", resource("network", "new", 3, name="new"))
    seen = {"name": "new", "project_id": "p", "cidrs": [], "subnet_ids": [], "provider:network_type": "vxlan"}
    older, newer = {**seen, "revision_number": 2}, {**seen, "revision_number": 3}
    for document, kind in ((older, None), (newer, "vxlan")):
        lab.see(("network", *REGION, "network", "project", "p", "new", document))
        assert lab.there("network", "new").get("provider:network_type") == kind


def test_of_an_instance_the_scan_and_the_notification_compare_novas_stamp_of_the_last_change(lab: Lab) -> None:
    lab.begin()
    lab.tell("instance.power_off.end", versioned(state="stopped", updated_at="2026-11-22T12:00:09Z"))
    place = ("instance", "host", "h1", "instance", "host", "h1", "i")
    lab.see((*place, server("i", "h1", updated="2026-11-22T12:00:08Z")))
    assert status(lab) == "SHUTOFF"
    lab.see((*place, server("i", "h1", updated="2026-11-22T12:00:10Z")))
    assert status(lab) == "ACTIVE"


def test_what_followed_from_a_notification_is_not_undone_either(lab: Lab) -> None:
    lab.begin()
    lab.tell("port.delete.end", {"port_id": "pa"})
    lab.see(row("floating_ip", "f"))
    lab.see(row("instance", "i"))
    assert lab.there("floating_ip", "f").get("port_id") is None
    assert lab.there("instance", "i").get("network") == []


def test_outside_of_the_open_scan_a_sighting_is_taken(lab: Lab) -> None:
    lab.tell("instance.power_off.end", versioned(state="stopped", updated_at="2026-11-22T12:00:09Z"))
    lab.begin()
    lab.see(row("instance", "i"))  # by a scan that began after it
    assert status(lab) == "ACTIVE"


# -- targets -------------------------------------------------------------------------------------------------

H1 = Scope("instance-vnic", "host", "h1")


def test_a_target_says_since_when_and_why(lab: Lab) -> None:
    lab.tell("instance.power_off.end", versioned(state="stopped"))
    lab.tell("port.delete.end", {"port_id": "pa"})
    kept = {key: value for key, value in lab.fold.everything() if key.kind is Kind.TARGET}
    assert [(key.type, key.id, decode_document(value)) for key, value in kept.items()] == [
        (
            "host",
            "h1",
            {"offset": lab.fold.offset, "asked_at": lab.now, "because": ["instance.power_off.end", "port.delete.end"]},
        )
    ]


def test_a_target_is_met_by_a_scan_that_began_after_it_and_covered_what_is_below_it(lab: Lab) -> None:
    lab.tell("instance.power_off.end", versioned(state="stopped"))
    lab.scan([], covered=[Scope("instance-vnic", "host", "h2")])
    assert lab.asked == {"host h1"}
    lab.scan([row("vnic", "h1-tapa")], covered=[H1])
    assert lab.asked == set()


def test_a_target_is_not_met_by_a_scan_that_had_begun_nor_by_one_that_could_not_look(lab: Lab) -> None:
    lab.begin()
    lab.tell("instance.power_off.end", versioned(state="stopped"))
    lab.finish([H1])
    assert lab.asked == {"host h1"}
    lab.begin()
    lab.fail(Scope("linux-bridge", "host", "h1"))
    lab.finish([H1])
    assert lab.asked == {"host h1"}
    lab.begin()
    lab.fail(Scope("host:host_os", "host", "h1"))  # of its own details: what is below it was seen
    lab.finish([H1])
    assert lab.asked == set()


def test_a_target_that_is_gone_is_none(lab: Lab) -> None:
    lab.tell("instance.power_off.end", versioned(state="stopped"))
    assert lab.asked == {"host h1"}
    lab.scan([each for each in rows() if each[6] != "h1" and each[2] != "h1"], covered=ALL)
    assert lab.find("host", "h1") is None
    assert lab.asked == set()
