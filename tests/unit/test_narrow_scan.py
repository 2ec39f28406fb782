"""A scan of one object says of it and of what is below it exactly what a scan of everything would say."""

import threading
import time
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest

import calipso
from producers.access import Access, Answer
from producers.aim import Aim, Known, aim_at
from producers.bundle import read_bundle
from producers.plan import load_plan
from producers.scan import ScanReport, scan
from producers.settings import EnvironmentSettings
from projections.fold import Fold
from projections.inventory import Ref
from schemas.canonical import decode_document
from schemas.errors import HostUnreachable, Stopped
from schemas.events import Entry, Event, ObjectMissed, ScanFinished, ScanRequested, ScanStarted, Scope
from tests.unit.answers import Cloud

SHIPPED = Path(calipso.__file__).parent / "demo_bundles"
DATA = Path(__file__).parents[1] / "data"
OVN = DATA / "ovn"
OTHERS = [DATA / name for name in ("linux-bridge", "vpp", "sriov")]
SETTINGS = EnvironmentSettings(uplinks=("eth*", "phy-*"))
Place = tuple[Ref, Scope, bytes]
"""Parent, scope and attributes of an object."""


@cache
def recorded(bundle: Path) -> Access:
    """Answer the doors of a bundle."""
    return read_bundle(bundle).access


class Log:
    """Events with their offsets, folded as they come."""

    def __init__(self, bundle: Path) -> None:
        """Begin with a scan of everything."""
        self.fold = Fold("e")
        self._offsets = count()
        self.scan(bundle)

    def append(self, events: Iterable[Event]) -> None:
        """Fold events."""
        for event in events:
            offset = next(self._offsets)
            self.fold.apply(Entry(offset, offset, event))

    def scan(self, bundle: Path, aim: Aim | None = None, name: str = "s") -> tuple[ScanReport, list[Event]]:
        """Scan a bundle, of it all or what `aim` says; answer what was said, too."""
        said: list[Event] = []
        request = None
        if aim is not None:
            request = f"{name} of {aim.type} {aim.id}"
            self.append([Event(request, "e", "operator", 0, None, ScanRequested(aim.type, aim.id, ""))])
        report = scan(
            "e",
            recorded(bundle),
            SETTINGS,
            said.extend,
            origin=f"bundle:{bundle.name}",
            now=lambda: 0,
            aim=aim,
            request=request,
            workers=2,
        )
        self.append(said)
        return report, said

    def aim(self, ref: Ref) -> Aim:
        """Answer the aim at an object by what is known now."""
        return aim_at(*ref, known(self.fold), load_plan())

    def objects(self) -> dict[Ref, Place]:
        """Answer all objects that are known now."""
        inventory = self.fold.inventory
        return {
            obj.ref: (obj.parent, scope, obj.raw)
            for name in inventory.types()
            for obj in inventory.of_type(name)
            if (scope := inventory.scope_of(obj.ref)) is not None
        }


def known(fold: Fold) -> Iterator[Known]:
    """Yield what is known of every object."""
    for name in fold.inventory.types():
        for obj in fold.inventory.of_type(name):
            scope = fold.inventory.scope_of(obj.ref)
            assert scope is not None
            yield Known(*obj.ref, *obj.parent, scope)


def below(tops: set[Ref], state: dict[Ref, Place]) -> set[Ref]:
    """Answer objects and all that stands below them, in the tree or in the plan."""
    found = set(tops)
    while more := {
        ref
        for ref, (parent, scope, _) in state.items()
        if ref not in found and (parent in found or Ref(scope.parent_type, scope.parent_id) in found)
    }:
        found |= more
    return found


def check_that_nothing_changes(bundle: Path, every: int = 1) -> None:
    """Scan a bundle whole, and then again each object (or each so many) alone."""
    log = Log(bundle)
    state = log.objects()
    for ref in sorted(state)[::every]:
        report, _ = log.scan(bundle, log.aim(ref))
        assert (report.status, report.missed, log.objects() == state) == ("completed", (), True), ref


def check_that_alone_is_as_in_all(before: Path, after: Path, every: int = 1) -> None:
    """Scan a bundle whole, and then of the other each object (or each so many) alone, each time anew."""
    log, everything = Log(before), Log(before)
    old = log.objects()
    everything.scan(after)
    new = everything.objects()
    kept = list(log.fold.everything())
    for ref in sorted(old.keys() | new.keys())[::every]:
        log.fold = Fold.restore("e", log.fold.offset, kept)
        log.scan(after, log.aim(ref))
        told = below(below({ref}, old), new)  # what was below it takes along what is now below that
        expected = {name: place for name, place in old.items() if name not in told}
        expected |= {name: new[name] for name in told if name in new}
        assert log.objects() == expected, ref


@pytest.mark.parametrize("bundle", [SHIPPED / "sunday", SHIPPED / "monday", OVN, *OTHERS], ids=lambda path: path.name)
def test_alone_after_a_scan_of_everything_no_object_changes(bundle: Path) -> None:
    check_that_nothing_changes(bundle, every=3)


def test_alone_after_a_change_each_object_changes_as_a_scan_of_everything_says() -> None:
    check_that_alone_is_as_in_all(SHIPPED / "sunday", SHIPPED / "monday", every=4)


def test_what_is_not_known_yet_is_looked_for_everywhere() -> None:
    log = Log(SHIPPED / "sunday")
    old = log.objects()
    (new,) = [ref for ref, (_, _, raw) in Log(SHIPPED / "monday").objects().items() if b'"name":"cache-1"' in raw]
    assert new not in old
    assert log.aim(new).sought == ()
    log.scan(SHIPPED / "monday", log.aim(new))
    assert below({new}, log.objects()) - {new}, "its vNIC was found, too"


def test_of_what_is_not_there_and_never_was_nothing_is_said() -> None:
    log = Log(SHIPPED / "sunday")
    old = log.objects()
    report, said = log.scan(SHIPPED / "monday", log.aim(Ref("instance", "nowhere")))
    assert (report.status, report.counts, report.missed) == ("completed", {}, ())
    assert [type(event.payload).__name__ for event in said] == ["ScanStarted", "ScanFinished"]
    assert log.objects() == old


def test_what_is_looked_for_alone_covers_nothing_and_what_is_looked_at_whole_does() -> None:
    log = Log(SHIPPED / "sunday")
    host = next(ref for ref in log.objects() if ref.type == "host" and ref.id == "compute-1")
    _, said = log.scan(SHIPPED / "sunday", log.aim(host))
    finished = said[-1].payload
    assert isinstance(finished, ScanFinished)
    assert {scope.parent_type for scope in finished.covered} == {"host", "vedge"}
    assert {scope.parent_id for scope in finished.covered if scope.parent_type == "host"} == {"compute-1"}


def test_only_the_hosts_on_the_way_are_asked() -> None:
    log = Log(SHIPPED / "sunday")
    bundle = read_bundle(SHIPPED / "sunday")
    for ref, (_, _, raw) in log.objects().items():
        hosts = _Asked(bundle.access)
        scan("e", Access(bundle.access.cloud, hosts), SETTINGS, len, origin="b", aim=log.aim(ref), workers=1)
        at = decode_document(raw).get("host")
        wide = ref.type in ("region", "availability_zone")
        assert wide or hosts.asked <= ({at} if at else {ref.id}), ref


class _Asked:
    """Hosts, and which of them were asked anything."""

    def __init__(self, access: Access) -> None:
        self._hosts = access.hosts
        self.asked: set[str] = set()

    def run(self, host: str, command: str) -> Answer:
        """Answer as recorded."""
        self.asked.add(host)
        return self._hosts.run(host, command)


def test_an_object_that_could_not_be_looked_at_is_not_gone() -> None:
    log = Log(SHIPPED / "sunday")
    old = log.objects()
    bundle = read_bundle(SHIPPED / "sunday")
    said: list[Event] = []
    for ref in (ref for ref in old if ref.type == "vnic"):
        access = Access(bundle.access.cloud, _Unreachable())
        report = scan("e", access, SETTINGS, said.extend, origin="b", aim=log.aim(ref))
        assert (report.status, report.missed) == ("failed", ())
    log.append(said)
    assert log.objects() == old


class _Unreachable:
    """Hosts that nobody reaches."""

    def run(self, host: str, command: str) -> Answer:
        """Answer nothing."""
        raise HostUnreachable(f"{host}: no session for {command}")


def test_what_is_looked_for_alone_and_is_gone_is_told_with_all_below_it_and_goes() -> None:
    log = Log(SHIPPED / "sunday")
    old, new = log.objects(), Log(SHIPPED / "monday").objects()
    gone = next(ref for ref in old.keys() - new.keys() if ref.type == "instance")
    report, said = log.scan(SHIPPED / "monday", log.aim(gone))
    missed = {Ref(p.object_type, p.object_id) for event in said if isinstance(p := event.payload, ObjectMissed)}
    assert missed == below({gone}, old) == {Ref(*name) for name in report.missed}
    assert len(missed) > 1
    assert log.objects().keys() == old.keys() - missed


def test_a_scan_that_is_told_to_stop_breaks_off_and_sweeps_nothing() -> None:
    log = Log(SHIPPED / "sunday")
    old = log.objects()
    gone = next(ref for ref in old if ref.type == "instance")
    for aim in (None, log.aim(gone)):
        stop = threading.Event()
        stop.set()
        said: list[Event] = []
        with pytest.raises(Stopped):
            scan("e", read_bundle(SHIPPED / "monday").access, SETTINGS, said.extend, origin="b", aim=aim, stop=stop)
        finished = said[-1].payload
        assert isinstance(finished, ScanFinished)
        assert (finished.status, finished.covered) == ("aborted", [])
        log.append(said)
        assert log.objects() == old


def test_a_scan_that_waits_for_an_answer_notices_that_it_is_to_stop() -> None:
    stop, asked = threading.Event(), threading.Event()

    class Silent(Cloud):
        def run(self, host: str, command: str) -> Answer:
            asked.set()
            stop.wait(20)
            time.sleep(3)
            return super().run(host, command)

    began = time.monotonic()

    def tell() -> None:
        asked.wait(20)
        stop.set()

    threading.Thread(target=tell).start()
    with pytest.raises(Stopped):
        scan("e", Silent().access(), EnvironmentSettings(), len, origin="cloud:c", stop=stop)
    assert time.monotonic() - began < 3


def test_a_scan_that_was_asked_for_has_the_id_of_the_request_and_is_caused_by_it() -> None:
    _, said = Log(SHIPPED / "sunday").scan(SHIPPED / "sunday", Aim("region", "RegionOne"))
    started = said[0].payload
    assert isinstance(started, ScanStarted)
    assert started.scan_id == said[0].cause == "s of region RegionOne"
    assert {event.cause for event in said[1:]} == {said[0].id}


def test_what_a_driver_that_is_off_would_find_is_not_missed_though_what_it_hangs_on_was_not_met() -> None:
    log = Log(OVN)
    otep = next(ref for ref in log.objects() if ref.type == "otep")
    events: list[Event] = []
    others = EnvironmentSettings(uplinks=SETTINGS.uplinks, mechanism_drivers=("SRIOV",))
    report = scan("e", recorded(OVN), others, events.extend, origin="bundle:ovn", aim=log.aim(otep), request="r")
    assert report.missed == ()
    assert not [event for event in events if isinstance(event.payload, ObjectMissed)]
