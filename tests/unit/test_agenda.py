"""What is to be asked for now: requests of schedules and for targets, as a matter of what is known and the time."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.inventory import Ref
from schemas.canonical import Document
from schemas.events import Event, ScanRequested
from streams.agenda import ALONE, BY_TARGET, Waiting, again, by_schedules, by_targets, merged

SECOND = 1_000_000
MINUTE = 60 * SECOND
SETTLE = 10 * SECOND
REGION, ROOT = Ref("region", "r"), Ref("environment", "e")
PARENTS = {
    Ref("vedge", "v1"): Ref("host", "h1"),
    Ref("vnic", "n1"): Ref("instance", "i1"),
    Ref("instance", "i1"): Ref("host", "h1"),
    Ref("network", "web"): Ref("project", "p"),
    Ref("project", "p"): ROOT,
}


def host(number: int) -> Ref:
    """Answer a host."""
    return Ref("host", f"h{number}")


def target(ref: Ref, offset: int = 5, newest: int = 0, since: int = 0) -> Waiting:
    """Answer a target that waits."""
    return Waiting(ref, offset, ("port.create.end",), since, newest)


def groups(*refs: Ref, hosts: int = 10) -> dict[Ref, set[Ref]]:
    """Answer what is to be scanned for which targets."""
    found = merged([target(ref) for ref in refs], "e", PARENTS.get, [REGION], hosts)
    return {ref: {one.ref for one in waiting} for ref, waiting in found.items()}


def asked(
    now: int, waiting: Sequence[Waiting] = (target(host(1)),), scans: Sequence[Document] = ()
) -> list[tuple[ScanRequested, str | None]]:
    """Answer the requests for targets that are all met by one scan of h1."""
    found = by_targets("e", {host(1): waiting}, scans, now, SETTLE, lambda offset: f"event {offset}")
    return [(event.payload, event.cause) for event in found if isinstance(event.payload, ScanRequested)]


def scan(status: str, **more: Any) -> Document:
    """Answer a scan of h1 for targets."""
    kept = {"name": "s", "status": status, "object": ["host", "h1"], "requested_by": BY_TARGET, "requested_offset": 9}
    return {**kept, **more}


def test_what_is_below_one_host_is_one_scan_of_the_host() -> None:
    below = Ref("vedge", "v1"), Ref("vnic", "n1"), host(1)
    assert groups(*below, host(2)) == {host(1): set(below), host(2): {host(2)}}


def test_a_region_meets_its_hosts_and_what_lists_hold_and_the_environment_meets_all() -> None:
    assert groups(REGION, host(1), host(2)) == {REGION: {REGION, host(1), host(2)}}
    assert groups(Ref("network", "web")) == {REGION: {Ref("network", "web")}}
    assert groups(ROOT, REGION, host(1)) == {ROOT: {ROOT, REGION, host(1)}}


def test_a_crowd_of_hosts_is_one_scan_of_the_region() -> None:
    assert set(groups(*map(host, range(3)), hosts=4)) == {host(0), host(1), host(2)}
    assert set(groups(*map(host, range(4)), hosts=4)) == {REGION}
    assert set(groups(*map(host, range(4)), hosts=100)) == set(map(host, range(4)))


def test_a_target_that_is_not_known_any_more_is_looked_for_in_its_region() -> None:
    assert set(groups(Ref("vnic", "gone"))) == {REGION}
    assert set(merged([target(Ref("vnic", "gone"))], "e", PARENTS.get, [], 0)) == {ROOT}


def test_a_target_waits_until_no_more_come_but_not_for_ever() -> None:
    assert asked(SETTLE - 1) == []
    assert len(asked(SETTLE)) == 1
    restless = [target(host(1), newest=50 * SECOND, since=0)]
    assert asked(59 * SECOND, restless) == []
    assert len(asked(60 * SECOND, restless)) == 1


def test_the_request_names_what_told_and_is_caused_by_the_newest() -> None:
    ((request, cause),) = asked(SETTLE, [target(host(1), 5), target(Ref("vedge", "v1"), 7)])
    assert (request.object_type, request.object_id, cause) == ("host", "h1", "event 7")
    assert request.reason == "port.create.end at #7 (vedge v1); port.create.end at #5 (host h1)"


def test_a_scan_that_waits_or_runs_is_not_asked_for_twice() -> None:
    assert asked(SETTLE, scans=[scan("pending")]) == []
    assert asked(SETTLE, scans=[scan("running", started_at=0)]) == []
    assert len(asked(SETTLE, scans=[scan("running", started_at=0, object=["host", "h2"])])) == 1


def test_after_each_scan_that_did_not_meet_it_a_target_waits_twice_as_long_and_at_most_an_hour() -> None:
    for failed, pause in ((1, 1), (2, 2), (3, 4), (7, 60), (20, 60)):
        tried = [scan("failed", requested_offset=9 + n, started_at=0, finished_at=MINUTE) for n in range(failed)]
        due = MINUTE + pause * MINUTE
        assert asked(due - 1, scans=tried) == []
        assert len(asked(due, scans=tried)) == 1


def test_a_target_of_later_than_the_last_try_begins_anew() -> None:
    assert len(asked(SETTLE, [target(host(1), offset=12)], [scan("failed", started_at=0, finished_at=0)])) == 1


def test_after_a_scan_of_a_region_targets_wait_as_long_as_it_lasted() -> None:
    done = scan("completed", object=["region", "r"], started_at=0, finished_at=10 * MINUTE)
    waiting = [target(REGION, offset=12)]
    for now, count in ((20 * MINUTE - 1, 0), (20 * MINUTE, 1)):
        assert len(by_targets("e", {REGION: waiting}, [done], now, SETTLE, str)) == count


@given(st.lists(st.sampled_from([host(1), host(2), host(3), REGION, ROOT, *PARENTS]), unique=True), st.integers(0, 9))
def test_every_target_is_met_by_exactly_one_scan_whatever_their_order(refs: list[Ref], hosts: int) -> None:
    found = groups(*refs, hosts=hosts)
    assert sorted(ref for group in found.values() for ref in group) == sorted(refs)
    assert found == groups(*reversed(refs), hosts=hosts)
    assert {ref.type for ref in found} <= {"host", "region", "environment"}


SCHEDULE: Document = {
    "name": "often",
    "id": "d",
    "cron": None,
    "every": "10m",
    "timezone": "UTC",
    "object": None,
    "begins_at": None,
    "ends_at": None,
    "defined_at": 0,
    "last_scan": None,
    "last_at": None,
}


def due(now: int, scans: dict[str, Document] | None = None, **more: Any) -> list[Event]:
    """Answer the requests of one schedule."""
    return by_schedules("e", [{**SCHEDULE, **more}], scans or {}, now)


def test_a_schedule_asks_at_once_and_names_itself_and_asks_twice_for_nothing() -> None:
    (first,) = due(3)
    assert (first.cause, first.payload) == ("d", ScanRequested(None, None, "schedule often"))
    assert due(5)[0].id == first.id, "two managers ask for one scan"
    assert due(10 * MINUTE)[0].id != first.id


def test_a_schedule_waits_for_its_last_scan_and_leaves_out_what_was_due_meanwhile() -> None:
    last = {"last_scan": "s", "last_at": 0}
    assert due(25 * MINUTE, {"s": scan("running")}, **last) == []
    assert due(25 * MINUTE, {"s": scan("completed", finished_at=24 * MINUTE)}, **last) == []
    assert len(due(30 * MINUTE, {"s": scan("completed", finished_at=24 * MINUTE)}, **last)) == 1


def test_what_broke_off_is_asked_for_again_once_unless_that_was_wished() -> None:
    asked_for = {"name": "s1", "status": "aborted", "object": None, "requested_by": "operator", "requested_offset": 1}
    found = again("e", asked_for, {"s1": asked_for}, 7)
    assert found is not None
    assert (found.cause, found.payload) == ("s1", ScanRequested(None, None, "again, for scan s1 broke off"))
    second = {**asked_for, "name": found.id, "cause": "s1"}
    both = {"s1": asked_for, found.id: second}
    assert [again("e", one, both, 7) for one in both.values()] == [None, None]
    wished: list[Document] = [{"cancelled": {}}, {"requested_by": ALONE}, {"status": "failed"}]
    for more in wished:
        assert again("e", {**asked_for, **more}, {}, 7) is None
