"""What a scan finds beside what notifications had told."""

import re
from pathlib import Path
from typing import Any

import pytest

from projections.change import Key, Kind
from projections.drift import unannounced
from projections.drift.covered import Covered
from projections.drift.finding import Mark
from projections.fold import Fold
from schemas.canonical import Document, decode_document
from schemas.events import NotificationReceived, Scope
from schemas.vocabulary import OBJECT_TYPES
from tests.unit.api_demo import ENV, demo
from tests.unit.notified import LISTS, REGION, Lab, Row, network, resource, rows, versioned

DOCS = Path(__file__).parents[2] / "docs" / "drift.md"


def findings(lab: Lab) -> dict[str, Document]:
    """Answer what the newest scan found, by `type id`."""
    kept = {key: value for key, value in lab.fold.everything() if key.kind is Kind.DRIFT}
    return {f"{key.type} {key.id}": decode_document(value) for key, value in kept.items()}


def told(lab: Lab) -> list[str]:
    """Answer its lines as `object: how what field source`."""
    return [
        " ".join(map(str, (ref + ":", line["how"], line["what"], line["field"], line.get("source"))))
        for ref, finding in findings(lab).items()
        for line in finding["lines"]
    ]


def renamed(row: Row, **more: Any) -> Row:
    return (*row[:7], {**row[7], **more})


def other(row_id: str, **more: Any) -> list[Row]:
    """Answer the rows of the small cloud, one of them changed."""
    return [renamed(row, **more) if row[6] == row_id else row for row in rows()]


def test_a_first_scan_misses_nothing() -> None:
    assert told(Lab()) == []


def test_a_scan_that_finds_all_as_it_was_misses_nothing() -> None:
    lab = Lab()
    lab.scan(rows())
    assert told(lab) == []


def test_a_change_that_nobody_told_lies_between_the_scan_before_and_the_look() -> None:
    lab = Lab()
    began = len(lab.entries)
    lab.scan(other("net", name="renamed"))
    assert told(lab) == ["network net: missed change name scan"]
    (line,) = findings(lab)["network net"]["lines"]
    assert (line["believed"], line["found"], line["after"]["offset"]) == ("net", "renamed", 0)
    assert began < findings(lab)["network net"]["look"]["offset"] < len(lab.entries)


def test_what_came_and_went_unannounced_is_a_missed_create_and_a_missed_delete() -> None:
    lab = Lab()
    new: Row = ("network", *REGION, "network", "project", "p", "new", network("new"))
    lab.scan([row for row in rows() if row[6] != "pb"] + [new])
    assert told(lab) == ["network new: missed create None scan", "port pb: missed delete None scan"]


def test_what_was_told_rightly_is_counted_with_when_it_was_known() -> None:
    lab = Lab()
    lab.tell("network.update.end", resource("network", "net", 2, name="renamed"))
    at = len(lab.entries) - 1
    lab.scan(other("net", name="renamed"))
    assert told(lab) == ["network net: told change name None"]
    (line,) = findings(lab)["network net"]["lines"]
    assert line["by"] == {"offset": at, "at": lab.entries[at].event.occurred_at}


def test_a_loss_after_a_notification_lies_behind_it() -> None:
    lab = Lab()
    lab.tell("network.update.end", resource("network", "net", 2, name="renamed"))
    at = len(lab.entries) - 1
    lab.scan(other("net", name="again"))
    assert told(lab) == ["network net: missed change name notifications"]
    assert findings(lab)["network net"]["lines"][0]["after"]["offset"] == at


def test_what_was_told_to_be_gone_and_is_there_was_missed() -> None:
    lab = Lab()
    lab.tell("floatingip.delete.end", {"floatingip_id": "f"})
    lab.scan(rows())
    assert "floating_ip f: missed create None notifications" in told(lab)


def test_what_was_told_to_be_gone_and_is_gone_was_told() -> None:
    lab = Lab()
    lab.tell("trunk.delete.end", {"trunk_id": "t"})
    lab.scan([row for row in rows() if row[6] != "t"])
    assert "trunk t: told delete None None" in told(lab)


def test_what_came_and_went_between_two_scans_only_notifications_know() -> None:
    lab = Lab()
    lab.tell("network.create.end", resource("network", "new", 1, name="new"))
    lab.tell("network.delete.end", {"network_id": "new"})
    assert told(lab) == ["network new: passed create None None"]


def test_findings_are_those_of_the_newest_look_at_a_place() -> None:
    lab = Lab()
    lab.scan(other("net", name="renamed"))
    lab.scan([], [Scope("trunk", *REGION)])
    assert told(lab) == ["network net: missed change name scan", "trunk t: missed delete None scan"]
    lab.scan([row for row in other("net", name="renamed") if row[0] == "network"], [Scope("network", *REGION)])
    assert told(lab) == ["trunk t: missed delete None scan"]


def test_a_scan_that_broke_off_says_of_no_place_that_it_was_looked_at() -> None:
    lab = Lab(scanned=False)
    lab.begin()
    lab.see(rows()[0])
    lab.begin()
    lab.see(renamed(rows()[0], name="other"))
    lab.finish([])
    assert told(lab) == []


def test_a_place_that_was_empty_is_remembered_to_have_been_looked_at() -> None:
    lab = Lab(scanned=False)
    region, project = rows()[:2]
    lab.scan([region, project], [Scope(entry, *REGION) for entry in LISTS])
    lab.scan([region, project, rows()[2]], [Scope(entry, *REGION) for entry in LISTS])
    assert told(lab) == ["network net: missed create None scan"]


def test_what_is_told_while_a_scan_goes_on_waits_for_the_next() -> None:
    lab = Lab()
    lab.begin()
    lab.tell("network.update.end", resource("network", "net", 2, name="renamed"))
    lab.scan(rows(), begun=True)
    assert told(lab) == []
    lab.scan(other("net", name="renamed"))
    assert told(lab) == ["network net: told change name None"]


def test_scans_of_the_same_places_keep_one_record_of_them() -> None:
    lab = Lab()
    for _ in range(3):
        lab.scan(rows())
    assert [key for key, _ in lab.fold.everything() if key.kind is Kind.COVERED] == [Key(Kind.COVERED, "scan", "s")]


def test_all_of_it_is_restored() -> None:
    lab = Lab()
    lab.scan(other("net", name="renamed"))
    lab.tell("instance.power_off.end", versioned(state="stopped"))
    again = Fold.restore("lab", lab.fold.offset, lab.fold.everything())
    assert list(again.everything()) == list(lab.fold.everything())
    lab.tell("instance.power_on.end", versioned(state="active"))
    assert again.apply(lab.entries[-1])
    assert list(again.everything()) == list(lab.fold.everything())


def test_notifications_that_nobody_understood_are_counted_beside_what_was_missed(tmp_path: Path) -> None:
    with demo(tmp_path) as api:
        api.tell(NotificationReceived("m-9", "vpn.update", "network.n1", "x", "notifications.info", b"{}"))
        assert api.get(f"/v1/environments/{ENV}/drift")["not_understood"]["vpn.update"] == 1


# -- what is never announced ---------------------------------------------------------------------------------


def test_the_reason_is_that_of_the_first_row_that_fits() -> None:
    assert unannounced.reason("port", "create", None, {"device_owner": "network:dhcp"})
    assert unannounced.reason("port", "create", None, {"device_owner": "compute:az"}) is None
    assert unannounced.reason("port", "change", "status", {"device_owner": "compute:az"})
    assert unannounced.reason("port", "change", "name", {"device_owner": "compute:az"}) is None
    assert unannounced.reason("project", "delete", None, {}) is None


@pytest.mark.parametrize("object_type", sorted(unannounced.table()))
def test_the_table_speaks_of_types_that_are(object_type: str) -> None:
    assert object_type in OBJECT_TYPES


def test_the_table_is_the_one_of_the_docs() -> None:
    written = re.findall(r"^\| (\w+) \| ([\w, ]+) \| (.+?) \| (.+?) \| (.+?) \|$", DOCS.read_text(), re.M)
    rows_ = [
        (
            name,
            ", ".join(row.get("what", [])) or "any",
            ", ".join(f"`{field}`" for field in row.get("fields", [])) or "all",
            ", ".join(f"`{key}` {value}..." for key, value in row.get("when", {}).items()) or "-",
            row["reason"],
        )
        for name, found in unannounced.table().items()
        for row in found
    ]
    assert [line for line in written if line[0] != "type"] == rows_


# -- which scan covered a place last -------------------------------------------------------------------------


def test_a_scan_is_remembered_while_it_is_the_last_that_covered_some_place() -> None:
    covered, inventory = Covered(), Lab().fold.inventory
    nets, ports = Scope("network", *REGION), Scope("port", *REGION)
    covered.take("a", Mark(1, 10), [nets, ports], inventory)
    covered.take("b", Mark(5, 50), [ports], inventory)
    assert (covered.looked(nets), covered.looked(ports)) == (Mark(1, 10), Mark(5, 50))
    again = Covered()
    for key, value in reversed(covered.stored().items()):
        again.restore(key, value)
    assert (again.looked(nets), again.looked(ports)) == (Mark(1, 10), Mark(5, 50))
    covered.take("c", Mark(9, 90), [nets], inventory)
    assert {key.id for key in covered.stored()} == {"b", "c"}


def test_places_below_what_is_gone_are_forgotten() -> None:
    covered, inventory = Covered(), Lab().fold.inventory
    gone = Scope("vnic", "host", "nowhere")
    covered.take("a", Mark(1, 10), [gone], inventory)
    assert covered.looked(gone) == Mark(1, 10)
    covered.take("b", Mark(5, 50), [Scope("port", *REGION)], inventory)
    assert covered.looked(gone) is None
    assert {key.id for key in covered.stored()} == {"b"}
