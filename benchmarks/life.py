"""The life of one cell as events: scans, and between and inside them the notifications of what happens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from benchmarks.cell import Cell
from benchmarks.cloud import NAME, Instance, Seen, Size, name_of, objects_seen
from benchmarks.oslo import Bus
from schemas.canonical import encode
from schemas.events import Event, NotificationReceived, Payload, ScanFinished, ScanStarted

ACTS = 40
"""So many things happen between two scans."""
DAY = 25
"""Of so many scans one looks at the whole cell, the others at the hosts where something happened."""
MEANWHILE = 0.2
"""In so many scans a port changes while they run."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Events that follow each other; while a scan is open those of another cell cannot come between."""

    scan: bool
    events: list[Event]


class Life:
    """A cell with what happens to it; the same size and seed give the same events, byte by byte."""

    def __init__(self, size: Size, seed: int) -> None:
        """Begin before the first scan."""
        self._draw = Random(seed)  # noqa: S311 - a seed: the same life each time
        self._cell = Cell(size, self._draw)
        self._bus = Bus(self._cell)
        self._events = 0
        self._scans = 0
        self._touched: dict[str, None] = {}

    def segments(self) -> Iterator[Segment]:
        """Yield the first scan, then without end what happens and the scans that look at it."""
        yield Segment(True, list(self._scan([*self._cell.everything()])))
        while True:
            yield Segment(False, [event for _ in range(ACTS) for event in self._act()])
            yield Segment(True, list(self._look()))

    # -- scans -----------------------------------------------------------------------------------------

    def _look(self) -> Iterator[Event]:
        hosts, self._touched = sorted(self._touched), {}
        if self._scans % DAY == 0:
            hosts = [*self._cell.hosts, *self._cell.network_hosts]
            seen = [*self._cell.everything()]
        else:
            seen = [seen for host in hosts for seen in self._cell.below(host)]
        return self._scan(seen)

    def _scan(self, sights: list[Seen]) -> Iterator[Event]:
        """Cover what stands on hosts: what the APIs list, other cells have too."""
        self._scans += 1
        scan_id = name_of("scan", self._scans)
        settings = encode({"mechanism_drivers": ["OVS"], "type_drivers": ["vlan", "vxlan"]})
        yield self._event(ScanStarted(scan_id, "cloud:bench", settings))
        meanwhile = self._draw.randrange(len(sights)) if self._draw.random() < MEANWHILE and self._scans > 1 else None
        for number, seen in enumerate(sights):
            if seen.documents:
                self._cell.pass_time(0.05)
                yield self._event(objects_seen(scan_id, seen))
            if number == meanwhile:
                yield from self.flap()
        covered = dict.fromkeys(seen.scope for seen in sights if seen.scope.parent_type in ("host", "vedge"))
        yield self._event(ScanFinished(scan_id, "completed", list(covered)))

    # -- what happens ----------------------------------------------------------------------------------

    def _act(self) -> Iterator[Event]:
        self._cell.pass_time(self._draw.uniform(5, 60))
        acts, weights = zip(*_ACTS.items(), strict=True)
        (act,) = self._draw.choices(acts, weights)
        return act(self)

    def boot(self) -> Iterator[Event]:
        each = self._cell.boot()
        self._touch(each.host)
        yield from (self._told(self._bus.port("create", each, slot)) for slot in range(each.ports))
        yield self._told(self._bus.server("create", each))

    def delete(self) -> Iterator[Event]:
        for each in self._one():
            self._touch(each.host)
            told = self._bus.server("delete", each)
            self._cell.delete(each)
            yield self._told(told)
            yield from (self._told(self._bus.port_deleted(each.port(slot))) for slot in range(each.ports))

    def move(self) -> Iterator[Event]:
        for each in self._one():
            moved = self._cell.move(each)
            self._touch(each.host, moved.host)
            yield self._told(self._bus.server("live_migration_post", moved, each.host))
            yield from (self._told(self._bus.port("update", moved, slot)) for slot in range(each.ports))
            yield self._told(self._bus.server("live_migration_post_dest", moved))

    def switch(self) -> Iterator[Event]:
        for each in self._one():
            switched = self._cell.switch(each)
            self._touch(each.host)
            yield self._told(self._bus.server("power_on" if switched.running else "power_off", switched))

    def flap(self) -> Iterator[Event]:
        for each in self._one():
            slot = self._draw.randrange(each.ports)
            for _ in range(2):
                self._cell.pass_time(self._draw.uniform(1, 10))
                self._cell.flap(each, slot)
                yield self._told(self._bus.port("update", each, slot))

    def lead(self) -> Iterator[Event]:
        number = self._cell.any_floating_ip()
        for each in self._one():
            if number is not None:
                self._cell.lead(number, each)
                yield self._told(self._bus.floating_ip(number))

    def pause(self) -> Iterator[Event]:
        host = self._draw.choice(self._cell.hosts)
        self._cell.paused ^= {host}
        yield self._told(self._bus.agent(host))

    def restart(self) -> Iterator[Event]:
        """Let an agent die or come back: no notification tells, the next scan of the host sees it."""
        host = self._draw.choice(self._cell.hosts)
        self._cell.dead ^= {host}
        self._touch(host)
        return iter(())

    def _one(self) -> list[Instance]:
        each = self._cell.any_instance()
        return [] if each is None else [each]

    def _touch(self, *hosts: str) -> None:
        self._touched.update(dict.fromkeys(hosts))

    def _told(self, notification: NotificationReceived) -> Event:
        self._cell.pass_time(0.2)
        return self._event(notification)

    def _event(self, payload: Payload) -> Event:
        self._events += 1
        source = "openstack" if isinstance(payload, NotificationReceived) else "scan"
        return Event(name_of("event", self._events), NAME, source, self._cell.now, None, payload)


_ACTS: dict[Callable[[Life], Iterator[Event]], float] = {
    Life.flap: 49,
    Life.switch: 25,
    Life.boot: 6,
    Life.delete: 6,
    Life.move: 5,
    Life.restart: 4,
    Life.lead: 4,
    Life.pause: 1,
}
"""How often each happens, of a hundred."""
