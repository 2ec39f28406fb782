"""A scan or a recording, from the words of a command to its result."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from calipso import bar, definition, show
from calipso.terminal import line, trouble, warning
from calipso.wiring import Engine, now
from producers.access import Access
from producers.bundle import read_bundle
from producers.recording import RecordingAccess
from producers.scan import ScanReport
from producers.scan import scan as run_scan
from producers.settings import EnvironmentSettings
from schemas.canonical import Document
from schemas.errors import BadSettings
from schemas.events import Event
from streams.locks import environment_lock


@dataclass(frozen=True, slots=True)
class Source:
    """What a scan looks at."""

    access: Access
    origin: str
    settings: EnvironmentSettings
    clock: Callable[[], int]


def scan(
    engine: Engine, environment: str, bundle: Path | None, define: Path | None, uplinks: Sequence[str]
) -> Document:
    """Scan a bundle or the live cloud into the log, fold it, and answer what came of it."""
    definition.check_name(environment)
    with (
        environment_lock(engine.settings.folder, environment, "scanning"),
        _source(engine, environment, bundle, define, uplinks) as source,
    ):
        definition.write(engine, environment, source.settings)
        report = _run(environment, source, engine.journal.append)
    engine.worker.catch_up(environment)
    return _result(engine, environment, report, source.origin)


def record(
    engine: Engine | None, environment: str, folder: Path, define: Path | None, uplinks: Sequence[str]
) -> Document:
    """Walk the live cloud as a scan does and save every answer in a new folder; the log, if any, stays as it is."""
    definition.check_name(environment)
    with _source(engine, environment, None, define, uplinks) as source:
        recording = RecordingAccess(source.access, folder)
        report = _run(
            environment, replace(source, access=recording), len
        )  # a recording goes into the folder, not on the log
        recording.finish(source.settings)
    return _result(None, environment, report, f"{source.origin}, saved in {folder}")


@contextmanager
def _source(
    engine: Engine | None, environment: str, bundle: Path | None, define: Path | None, uplinks: Sequence[str]
) -> Iterator[Source]:
    recorded = None if bundle is None else read_bundle(bundle)
    known = None if define is not None else definition.known(engine, environment)
    if define is not None:
        settings = definition.load(define)
    elif known is not None:
        settings = known
    else:
        settings = EnvironmentSettings.from_document((recorded.settings if recorded else None) or {})
    if uplinks:
        settings = replace(settings, uplinks=tuple(uplinks))
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


def _run(environment: str, source: Source, append: Callable[[list[Event]], object]) -> ScanReport:
    with bar.shown(f"scanning {environment}") as progress:
        return run_scan(
            environment,
            source.access,
            source.settings,
            append,
            origin=source.origin,
            now=source.clock,
            progress=progress,
            new_id=lambda: str(uuid.uuid4()),
        )


def _result(engine: Engine | None, environment: str, report: ScanReport, origin: str) -> Document:
    return {
        "environment": environment,
        "origin": origin,
        "scan_id": report.scan_id,
        "status": report.status,
        "offset": None if engine is None else engine.journal.head(environment),
        "objects": dict(report.counts),
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
    show.counts(result["objects"])
    for text in result["warnings"]:
        warning(text)
    for reason, entries in reasons.items():
        trouble(f"{', '.join(entries)}: {reason}")
    reach = "" if result["offset"] is None else f", log at offset {result['offset']}"
    return line(f"{result['environment']}: scan of {result['origin']} {result['status']}{reach}")


def _reasons(failures: list[Document]) -> dict[str, list[str]]:
    """Answer each reason (it names host and command, or the request) with the entries of the plan that it stopped."""
    reasons: dict[str, list[str]] = {}
    for failure in failures:
        reasons.setdefault(failure["reason"], []).append(failure["entry"])
    return reasons
