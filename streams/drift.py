"""What scans found beside what notifications had told: each missed fact, and how complete and fresh a source is."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from projections.change import Key, Kind
from projections.drift import unannounced
from projections.fold import NOT_UNDERSTOOD, environment_key
from schemas.canonical import Document, decode_document
from schemas.errors import HistoryError
from streams.history import History
from streams.moments import Moment, iso

NOTIFICATIONS: Final = "notifications"
SCAN: Final = "scan"


def drift(history: History, environment: str, after: Moment | None, upto: Moment, object_type: str | None) -> Document:
    """Answer the scores of each type and source, and the lines of what was missed, between two moments.

    `after` None: since the first event. Lines come in the order in which scans found them; `reason` says why OpenStack
    could not have told, null if it should have. `not_understood` counts, by type and since the first event, the
    notifications that changed nothing because no handler knows them or they were not what their type promises.
    """
    logged = _Logged(history, environment)
    findings = list(_findings(history, environment, -1 if after is None else after.offset, upto.offset, object_type))
    lines = [line for finding in findings for line in _lines(*finding)]
    return {
        "environment": environment,
        "from": None if after is None else _moment(after),
        "to": _moment(upto),
        "scores": list(_scores(findings, logged)),
        "lines": lines,
        "unexplained": sum(line["reason"] is None for line in lines),
        "not_understood": _not_understood(history, environment, upto),
    }


def _not_understood(history: History, environment: str, upto: Moment) -> Document:
    version = history.get(environment, environment_key(environment), upto.offset)
    known = {} if version is None or version.value is None else decode_document(version.value)
    counted: Document = known.get(NOT_UNDERSTOOD, {})
    return counted


def _moment(moment: Moment) -> Document:
    return {"offset": moment.offset, "time": iso(moment.time)}


def _findings(
    history: History, environment: str, after: int, upto: int, object_type: str | None
) -> Iterator[tuple[Key, Document]]:
    keys = (key for key in history.changed(environment, after, upto) if key.kind is Kind.DRIFT)
    found = [
        (version.offset, key, version.value)
        for key in keys
        if object_type in (None, key.type)
        for version in history.versions(environment, key, after, upto)
        if version.value is not None
    ]
    yield from ((key, decode_document(value)) for _offset, key, value in sorted(found))


def _lines(key: Key, finding: Document) -> Iterator[Document]:
    for line in finding["lines"]:
        if line["how"] == "missed":
            yield {
                "type": key.type,
                "id": key.id,
                "name": finding["name"],
                "kind": line["what"],
                "field": line["field"],
                "believed": line.get("believed"),
                "found": line.get("found"),
                "source": line["source"],
                "after": _mark(line["after"]),
                "before": _mark(finding["look"]),
                "scan": finding["scan"],
                "reason": _reason(key, finding, line),
            }


def _mark(mark: Document) -> Document:
    return {"offset": mark["offset"], "time": iso(mark["at"])}


def _reason(key: Key, finding: Document, line: Document) -> str | None:
    return unannounced.reason(key.type, line["what"], line["field"], finding["of"])


# -- scores --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tally:
    """What is counted of one type; times in microseconds."""

    told: int = 0
    missed: int = 0
    explained: int = 0
    passed: int = 0
    told_after: list[int] = field(default_factory=list)
    """How long until each fact that was told was known."""
    seen_after: list[int] = field(default_factory=list)
    """How old each fact was at most when a scan saw it."""

    def count(self, key: Key, finding: Document, line: Document, logged: "_Logged") -> None:
        """Take in one line."""
        if line["how"] == "passed":
            self.passed += 1
        elif line["how"] == "told":
            self.told += 1
            self.seen_after.append(finding["look"]["at"] - line["by"]["at"])
        else:
            self.missed += 1
            self.explained += _reason(key, finding, line) is not None
            self.seen_after.append(finding["look"]["at"] - line["after"]["at"])
        if line["how"] != "missed":
            self.told_after.append(logged.at(line["by"]["offset"]) - line["by"]["at"])


class _Logged:
    """When events were logged, each looked up once."""

    def __init__(self, history: History, environment: str) -> None:
        self._history = history
        self._environment = environment
        self._known: dict[int, int] = {}

    def at(self, offset: int) -> int:
        if offset not in self._known:
            blame = self._history.blame(self._environment, offset)
            if blame is None:
                raise HistoryError(f"{self._environment}: no event at offset {offset}, which drift names")
            self._known[offset] = blame.logged_at
        return self._known[offset]


def _scores(findings: Iterable[tuple[Key, Document]], logged: _Logged) -> Iterator[Document]:
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    for key, finding in findings:
        for line in finding["lines"]:
            tallies[key.type].count(key, finding, line, logged)
    for object_type, tally in sorted(tallies.items()):
        told, seen = tally.told + tally.passed, tally.told + tally.missed
        changed = told + tally.missed
        announced = changed - tally.explained
        yield _score(object_type, NOTIFICATIONS, changed, told, announced, tally.told_after)
        yield _score(object_type, SCAN, changed, seen, changed, tally.seen_after)


def _score(object_type: str, source: str, changed: int, known: int, knowable: int, ages: list[int]) -> Document:
    return {
        "type": object_type,
        "source": source,
        "changed": changed,
        "known": known,
        "completeness": known / changed,
        "knowable": knowable,
        "completeness_of_knowable": known / knowable if knowable else None,
        "freshness_seconds": {"p50": _percentile(ages, 50), "p99": _percentile(ages, 99)},
    }


def _percentile(ages: list[int], percent: int) -> float | None:
    """Answer the smallest age that so many percent of them do not exceed, in seconds; None of none."""
    if not ages:
        return None
    return sorted(ages)[max(0, -(-len(ages) * percent // 100) - 1)] / 1_000_000
