"""A scan or a recording, from the words of a command to its result."""

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from calipso import bar, definition, show
from calipso.aiming import aim, named
from calipso.cancelling import hearing
from calipso.progress import told
from calipso.terminal import line, trouble, warning
from calipso.wiring import Engine, event, now
from producers.access import Access
from producers.aim import Aim
from producers.bundle import read_bundle
from producers.progress import Progress
from producers.recording import RecordingAccess
from producers.scan import ScanReport
from producers.scan import scan as run_scan
from producers.settings import EnvironmentSettings
from projections.inventory import Ref
from schemas.canonical import Document
from schemas.errors import BadSettings
from schemas.events import Event, ScanRequested
from streams.agenda import ALONE
from streams.locks import environment_lock
from streams.past import Past


@dataclass(frozen=True, slots=True)
class Source:
    """What a scan looks at."""

    access: Access
    origin: str
    settings: EnvironmentSettings
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Described:
    """What the words of a command say of an environment."""

    bundle: Path | None = None
    """None: the live cloud."""
    define: Path | None = None
    """None: it is known, or the bundle says."""
    uplinks: Sequence[str] = ()


def scan(
    engine: Engine,
    environment: str,
    described: Described,
    wanted: tuple[str, str] | None = None,
) -> Document:
    """Scan a bundle or the live cloud into the log, fold it, and answer what came of it.

    `wanted` is type and id (or name) of the one object to look at, and below.
    """
    definition.check_name(environment)
    with (
        environment_lock(engine.settings.folder, environment, "scanning"),
        source_of(engine, environment, described) as source,
    ):
        definition.write(engine, environment, source.settings)
        past = None if wanted is None else _past(engine, environment)
        ref = named(past, wanted)
        if ref is None:
            report = run(engine, environment, source)
        else:
            request = event(environment, ScanRequested(*ref, ""), ALONE)
            engine.journal.append([request])
            report = run(engine, environment, source, aim(past, ref), request.id)
    engine.worker.catch_up(environment)
    return _result(engine, environment, report, source.origin, ref)


def run(
    engine: Engine,
    environment: str,
    source: Source,
    aimed: Aim | None = None,
    request: str | None = None,
    stop: threading.Event | None = None,
    since: int | None = None,
) -> ScanReport:
    """Scan what a source shows into the log, until it is done, is cancelled, or `stop` is set (Stopped).

    `since` is the offset behind which a cancellation is heard; None: from now on.
    """
    with (
        hearing(engine.journal, environment, stop or threading.Event(), since) as ears,
        bar.shown(f"scanning {environment}") as shown,
        told(engine.settings.folder, environment, shown) as progress,
    ):

        def append(events: list[Event]) -> object:
            ears.hear_of(events)
            progress.scan_id = ears.scan_id
            return engine.journal.append(events)

        return _run(environment, source, append, progress, aimed, request, ears.stop)


def _past(engine: Engine, environment: str) -> Past | None:
    return None if engine.journal.head(environment) < 0 else engine.questions.past(environment)


def record(
    engine: Engine | None, environment: str, folder: Path, define: Path | None, uplinks: Sequence[str]
) -> Document:
    """Walk the live cloud as a scan does and save every answer in a new folder; the log, if any, stays as it is."""
    definition.check_name(environment)
    with source_of(engine, environment, Described(None, define, uplinks)) as source:
        recording = RecordingAccess(source.access, folder)
        with bar.shown(f"recording {environment}") as progress:  # it goes into the folder, not on the log
            report = _run(environment, replace(source, access=recording), len, progress)
        recording.finish(source.settings)
    return _result(None, environment, report, f"{source.origin}, saved in {folder}")


@contextmanager
def source_of(engine: Engine | None, environment: str, described: Described) -> Iterator[Source]:
    """Yield what a scan is to look at. Raises BadSettings, BadBundle, Conflict for a removed environment."""
    recorded = None if described.bundle is None else read_bundle(described.bundle)
    known = None if described.define is not None else definition.known(engine, environment)
    if described.define is not None:
        settings = definition.load(described.define)
    elif known is not None:
        settings = known
    else:
        settings = EnvironmentSettings.from_document((recorded.settings if recorded else None) or {})
    if described.uplinks:
        settings = replace(settings, uplinks=tuple(described.uplinks))
    if recorded is not None:
        moment = recorded.recorded_at
        yield Source(recorded.access, f"bundle:{recorded.name}", settings, now if moment is None else lambda: moment)
        return
    access = live(environment, settings)
    try:
        yield Source(access, f"cloud:{settings.cloud}", settings, now)
    finally:
        access.close()


def live(environment: str, settings: EnvironmentSettings) -> Access:
    """Answer the doors to a live cloud; BadSettings says what is missing."""
    if settings.cloud is None:
        raise BadSettings(
            f"environment {environment}: no cloud is named; scan a bundle with --from DIR, "
            "or describe the environment in a TOML file with cloud = '<name in clouds.yaml>' and --define FILE"
        )
    if settings.ssh is None:
        raise BadSettings(
            f"environment {environment}: how its hosts are reached is not known; "
            "describe it under [ssh] in a TOML file and name that with --define FILE"
        )
    from producers.cloud import LiveCloud  # here, for openstacksdk and paramiko take a second to import,
    from producers.database import LiveDatabase  # which no other command should wait for
    from producers.ssh import SshHosts

    database = None if settings.database is None else LiveDatabase(settings.database)
    return Access(LiveCloud(settings), SshHosts(settings.ssh), database)


def _run(
    environment: str,
    source: Source,
    append: Callable[[list[Event]], object],
    progress: Progress,
    aimed: Aim | None = None,
    request: str | None = None,
    stop: threading.Event | None = None,
) -> ScanReport:
    return run_scan(
        environment,
        source.access,
        source.settings,
        append,
        origin=source.origin,
        now=source.clock,
        progress=progress,
        new_id=lambda: str(uuid.uuid4()),
        aim=aimed,
        request=request,
        stop=stop,
    )


def _result(
    engine: Engine | None, environment: str, report: ScanReport, origin: str, ref: Ref | None = None
) -> Document:
    return {
        "environment": environment,
        "object": None if ref is None else list(ref),
        "origin": origin,
        "scan_id": report.scan_id,
        "status": report.status,
        "offset": None if engine is None else engine.journal.head(environment),
        "objects": dict(report.counts),
        "missed": [list(name) for name in report.missed],
        "failures": [
            {"entry": f.scope.entry, "host": f.host, "request": f.request, "reason": f.reason} for f in report.failures
        ],
        "warnings": list(report.warnings),
    }


def show_result(result: Document) -> None:
    """Print what a scan found and what it could not look at, each reason once."""
    reasons = _reasons(result["failures"])
    if result["status"] == "failed":
        reason = next(iter(reasons), "no source answered")
        return trouble(f"{result['environment']}: scan of {result['origin']} failed, nothing was seen: {reason}")
    if result["objects"]:
        show.counts(result["objects"])
    for text in result["warnings"]:
        warning(text)
    for reason, entries in reasons.items():
        trouble(f"{', '.join(entries)}: {reason}")
    _show_what_is_missing(result)
    what = "scan" if result["object"] is None else f"scan of {' '.join(result['object'])}"
    of = " of " if result["object"] is None else " in "
    reach = "" if result["offset"] is None else f", log at offset {result['offset']}"
    return line(f"{result['environment']}: {what}{of}{result['origin']} {result['status']}{reach}")


def exit_code(result: Document) -> int:
    """Answer 0 if all that was to be looked at was: not if it is an object that is not known, nor there."""
    return 0 if result["status"] == "completed" and not _found_nothing(result) else 2


def _found_nothing(result: Document) -> bool:
    return result["object"] is not None and not (result["missed"] or result["objects"])


def _show_what_is_missing(result: Document) -> None:
    for object_type, object_id in result["missed"]:
        line(f"{object_type} {object_id}: not there any more")
    if _found_nothing(result):
        warning(f"{' '.join(result['object'])}: nothing is known of it, and it was not found")


def _reasons(failures: list[Document]) -> dict[str, list[str]]:
    """Answer each reason (it names host and command, or the request) with the entries of the plan that it stopped."""
    reasons: dict[str, list[str]] = {}
    for failure in failures:
        reasons.setdefault(failure["reason"], []).append(failure["entry"])
    return reasons
