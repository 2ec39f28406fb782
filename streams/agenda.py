"""What is to be asked for now: the scans that schedules and targets of an environment are due for.

Each request has an id that follows from what it is asked for, so whoever asks for the same, asks for one scan.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from projections.inventory import Ref
from projections.schedule import schedule_of
from schemas.canonical import Document
from schemas.events import Event, ScanRequested
from schemas.vocabulary import ENVIRONMENT

BY_SCHEDULE: Final = "schedule"
BY_TARGET: Final = "notifications"
AGAIN: Final = "manager"
ALONE: Final = "scan"
"""Sources of requests; of the last, whoever asked scans himself."""

PATIENCE: Final = 60_000_000
"""Microseconds that targets wait at most until no more come, and between two tries after the first that failed."""
LONGEST_PAUSE: Final = 3600_000_000
CROWD: Final = 3
"""So many hosts are scanned one by one at most, if that is not more than half of all."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A target, as it waits."""

    ref: Ref
    offset: int
    """Of the newest notification that made it one."""
    because: tuple[str, ...]
    since: int
    """When it was first met with, and"""
    newest: int
    """when that newest notification was logged: microseconds since 1970-01-01 UTC."""


def is_open(scan: Document) -> bool:
    """Answer whether a scan waits or runs."""
    return scan["status"] in ("pending", "running")


def asked_at(scan: Document) -> int:
    """Answer the offset at which a scan became known: its request, or else its start."""
    offset: int = scan["requested_offset"] if "requested_offset" in scan else scan["started_offset"]
    return offset


def last_run(schedule: Document, scans: Mapping[str, Document]) -> int | None:
    """Answer when the schedule's last run ended, or was asked for if that is all that is known."""
    scan = scans.get(schedule["last_scan"] or "", {})
    times = [time for time in (scan.get("finished_at"), schedule["last_at"]) if time is not None]
    return max(times, default=None)


def by_schedules(
    environment: str, schedules: Iterable[Document], scans: Mapping[str, Document], now: int
) -> list[Event]:
    """Answer the requests of schedules that are due; one whose last scan has not ended waits for that."""
    found = []
    for kept in schedules:
        last = scans.get(kept["last_scan"] or "")
        due = None if last is not None and is_open(last) else schedule_of(kept).due(last_run(kept, scans), now)
        if due is not None:
            request = _request(kept["object"], f"schedule {kept['name']}")
            found.append(Event(_id(kept["id"], due), environment, BY_SCHEDULE, now, kept["id"], request))
    return found


def by_targets(
    environment: str,
    groups: Mapping[Ref, Sequence[Waiting]],
    scans: Iterable[Document],
    now: int,
    settle: int,
    cause: Callable[[int], str | None],
) -> list[Event]:
    """Answer the requests for targets that have settled, one for each object that is to be scanned for them.

    `groups` are as `merged` answers them; `cause` answers the id of the event at an offset. After a scan that met them
    not, the pause doubles; and a scan that is wider than a host is followed by a pause as long as it was.
    """
    ended = list(scans)
    found = []
    for ref, waiting in groups.items():
        newest = max(waiting, key=lambda one: one.offset)
        tried = [scan for scan in ended if scan.get("requested_by") == BY_TARGET and _object(scan, environment) == ref]
        if any(map(is_open, tried)) or not _settled(waiting, now, settle) or now < _not_before(ref, tried, newest):
            continue
        request_id = _id(environment, *ref, newest.offset, len(tried))
        request = _request(None if ref.type == ENVIRONMENT else ref, _reason(waiting))
        found.append(Event(request_id, environment, BY_TARGET, now, cause(newest.offset), request))
    return found


def merged(
    targets: Sequence[Waiting],
    environment: str,
    parent: Callable[[Ref], Ref | None],
    regions: Sequence[Ref],
    hosts: int,
) -> dict[Ref, list[Waiting]]:
    """Answer what to scan for which targets: what is below one host, one region or the environment goes together.

    `hosts`: how many there are. Where most of them are targets, their region is scanned.
    """
    places = {one.ref: _wide(one.ref, environment, parent, regions) for one in targets}
    wanted = set(places.values())
    root = Ref(ENVIRONMENT, environment)
    if root not in wanted and len(regions) == 1:
        crowd = [ref for ref in wanted if ref.type == "host"]
        if regions[0] in wanted or len(crowd) > max(CROWD, hosts // 2):
            wanted = {regions[0]}
    whole = root if root in wanted else regions[0] if regions and regions[0] in wanted else None
    groups: dict[Ref, list[Waiting]] = {}
    for one in sorted(targets, key=lambda one: one.offset):
        groups.setdefault(whole or places[one.ref], []).append(one)
    return groups


def again(environment: str, scan: Document, scans: Mapping[str, Document], now: int) -> Event | None:
    """Answer the request to do a scan again that somebody asked for and that broke off; None if it is not to be.

    It is not if it was cancelled, if who asked did it himself, or if it was such a second try already.
    """
    first = scan["name"]
    request_id = _id(first, "again")
    asked = "requested_offset" in scan and scan["requested_by"] != ALONE
    if scan["status"] != "aborted" or not asked or "cancelled" in scan:
        return None
    if scan.get("cause") in scans or request_id in scans:
        return None
    request = _request(scan["object"], f"again, for scan {first[:8]} broke off")
    return Event(request_id, environment, AGAIN, now, first, request)


def _wide(ref: Ref, environment: str, parent: Callable[[Ref], Ref | None], regions: Sequence[Ref]) -> Ref:
    """Answer the narrowest object around a target whose scan looks at all that is below it."""
    current: Ref | None = ref
    while current is not None and current.type not in ("host", "region", ENVIRONMENT):
        current = parent(current)
    if current is not None and (current.type != ENVIRONMENT or ref.type == ENVIRONMENT):
        return current
    return regions[0] if len(regions) == 1 else Ref(ENVIRONMENT, environment)


def _settled(waiting: Iterable[Waiting], now: int, settle: int) -> bool:
    """Answer whether no more came for a while, or whether they have waited for that too long."""
    return all(now - one.newest >= settle for one in waiting) or any(now - one.since >= PATIENCE for one in waiting)


def _not_before(ref: Ref, tried: Sequence[Document], newest: Waiting) -> int:
    """Answer when an object may be scanned for targets again."""
    last = max((scan for scan in tried if "finished_at" in scan), key=asked_at, default=None)
    if last is None:
        return 0
    ended = int(last["finished_at"])
    failed = sum(asked_at(scan) > newest.offset for scan in tried)
    pause = min(PATIENCE << min(failed - 1, 10), LONGEST_PAUSE) if failed else 0
    lasted = ended - int(last.get("started_at", ended))
    return ended + max(pause, 0 if ref.type == "host" else lasted)


def _request(wanted: Sequence[str] | None, reason: str) -> ScanRequested:
    return ScanRequested(None, None, reason) if wanted is None else ScanRequested(wanted[0], wanted[1], reason)


def _object(scan: Document, environment: str) -> Ref:
    return Ref(ENVIRONMENT, environment) if scan.get("object") is None else Ref(*scan["object"])


def _reason(waiting: Sequence[Waiting]) -> str:
    newest = sorted(waiting, key=lambda one: -one.offset)
    told = [f"{', '.join(one.because)} at #{one.offset} ({one.ref.type} {one.ref.id})" for one in newest[:3]]
    more = len(newest) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


def _id(*parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(map(str, parts))))
