"""The recording twin: asks through another access and writes each answer down as a bundle.

What was answered, refusals of an API included, is recorded, without its secrets. What could not be answered (no
connection, a time-out) is not, so that a scan of the bundle says "could not look" as well. The same question is asked
once: whoever asks it again gets the recorded answer, so that the bundle is exactly what the recorded scan saw.
"""

import hashlib
import os
import re
import shutil
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any

from producers.access import Access, Answer, DatabaseAccess, HostAccess, Table
from producers.answers import AnsweringCloud, ApiAnswer, parse_microversion
from producers.bundle import FORMAT, portable
from producers.pages import normal_request
from producers.settings import EnvironmentSettings
from producers.transcript import write_transcript
from schemas import canonical
from schemas.canonical import Document
from schemas.errors import BadBundle, BadInput, CommandFailed, Conflict
from schemas.redaction import redact_json, redact_text

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_OURS = re.compile(r"[A-Za-z0-9.-][A-Za-z0-9._-]*-[0-9a-f]{16}\.(json|txt)")
"""The names that `_file_name` makes."""
_HOST = re.compile(r"(?!\.)[^/\0\n]{1,255}")


class RecordingAccess(Access):
    """The doors of an environment, written down as they are used. Safe to call from several threads."""

    __slots__ = ("_folder", "_inner")
    _folder: "_Folder"
    _inner: Access

    def __init__(self, inner: Access, folder: Path) -> None:
        """Record what `inner` answers; nothing is written before the first answer.

        A recording of ours that is in the folder is then replaced; Conflict when anything else is.
        """
        if not isinstance(inner.cloud, AnsweringCloud):
            raise TypeError("a cloud is recorded by its raw answers: an AnsweringCloud is needed")
        place = _Folder(folder)
        database = None if inner.database is None else _RecordingDatabase(inner.database, place)
        Access.__init__(self, _RecordingCloud(inner.cloud, place), _RecordingHosts(inner.hosts, place), database)
        object.__setattr__(self, "_inner", inner)
        object.__setattr__(self, "_folder", place)

    def finish(self, settings: EnvironmentSettings, recorded_at: datetime | None = None) -> None:
        """Write what the bundle says about itself; how anything of the cloud is reached is left out.

        `recorded_at` is now unless it is given. Raises BadBundle when it cannot be written.
        """
        moment = (recorded_at or datetime.now(UTC)).astimezone(UTC)
        document = portable(settings.to_document())
        about = {"recorded_at": moment.isoformat(), "settings": document, "cloud": settings.cloud}
        self._folder.write_about(about | ({} if self.database is None else {"database": True}))

    def close(self) -> None:
        """End the sessions of the access that was recorded."""
        self._inner.close()


class _RecordingCloud(AnsweringCloud):
    """Writes down the answers of a cloud."""

    def __init__(self, inner: AnsweringCloud, folder: "_Folder") -> None:
        self._inner = inner
        self._folder = folder
        self._lock = Lock()
        self._answers: dict[tuple[object, ...], ApiAnswer] = {}

    def answer(self, service: str, path: str, microversion: str | None) -> ApiAnswer:
        key = ("GET", service, normal_request(path), parse_microversion(microversion))
        with self._lock:
            known = self._answers.get(key)
        return known or self._keep(key, self._inner.answer(service, path, microversion))

    def catalog_answer(self) -> ApiAnswer:
        with self._lock:
            known = self._answers.get(("catalog",))
        return known or self._keep(("catalog",), self._inner.catalog_answer())

    def _keep(self, key: tuple[object, ...], answer: ApiAnswer) -> ApiAnswer:
        """Record the first answer to a question and answer it to everybody."""
        try:
            body = canonical.decode(answer.body)
        except (BadInput, RecursionError):
            return answer  # no JSON: the reader fails, and so will the reader of the bundle
        with self._lock:
            kept = self._answers.setdefault(key, answer)
        if kept is answer:
            self._folder.write(_api_file(key, answer), canonical.encode(_document(answer, body)))
        return kept


class _RecordingHosts:
    """Writes down the answers of hosts (a HostAccess)."""

    def __init__(self, inner: HostAccess, folder: "_Folder") -> None:
        self._inner = inner
        self._folder = folder
        self._lock = Lock()
        self._answers: dict[tuple[str, str], Answer] = {}

    def run(self, host: str, command: str) -> Answer:
        if not _HOST.fullmatch(host) or "\n" in command:
            raise CommandFailed(f"host {host!r}: '{command}' cannot be recorded: one name, one line")
        with self._lock:
            known = self._answers.get((host, command))
        return known or self._keep(self._inner.run(host, command))

    def _keep(self, answer: Answer) -> Answer:
        name = _file_name((answer.host, answer.command), answer.command, "txt")
        recorded = Answer(answer.host, answer.command, redact_text(answer.text), answer.exit_code)
        with self._lock:
            kept = self._answers.setdefault((answer.host, answer.command), answer)
        if kept is answer:
            self._folder.write(Path("cli") / answer.host / name, write_transcript(recorded))
        return kept


class _RecordingDatabase:
    """Writes down the answers of the databases (a DatabaseAccess)."""

    def __init__(self, inner: DatabaseAccess, folder: "_Folder") -> None:
        self._inner = inner
        self._folder = folder
        self._lock = Lock()
        self._answers: dict[Table, list[Document]] = {}

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self._lock:
            known = self._answers.get(table)
        return known if known is not None else self._keep(table, self._inner.rows(table))

    def _keep(self, table: Table, rows: list[Document]) -> list[Document]:
        with self._lock:
            kept = self._answers.setdefault(table, rows)
        if kept is rows:
            place = {"database": table.database, "table": table.name, "columns": list(table.columns)}
            name = Path("db") / _file_name((table,), f"{table.database}.{table.name}", "json")
            self._folder.write(name, canonical.encode(place | {"rows": redact_json(rows)}))
        return kept


class _Folder:
    """Where a recording is written: a new or empty folder, or one that holds nothing but an older recording."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._begun = False
        if path.exists():
            _check_ours(path)

    def write(self, name: Path, content: bytes) -> None:
        """Write one file, whole or not at all. Raises BadBundle, naming it, when it cannot be written."""
        with self._lock:
            if not self._begun:
                self._begin()
                self._begun = True
        self._put(self._path / name, content)

    def write_about(self, about: Document) -> None:
        """Write `bundle.json`."""
        document = {"format": FORMAT, "calipso": _version()} | about
        self.write(Path("bundle.json"), canonical.encode(document))

    def _begin(self) -> None:
        """Say that the folder is a recording of ours, not finished yet; then remove an older one."""
        self._put(self._path / "bundle.json", canonical.encode({"format": FORMAT, "calipso": _version()}))
        for part in ("api", "cli", "db"):
            try:
                if (self._path / part).exists():
                    shutil.rmtree(self._path / part)
            except OSError as error:
                raise BadBundle(f"{self._path / part}: cannot be removed: {error.strerror}") from error

    def _put(self, path: Path, content: bytes) -> None:
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError as error:
            raise BadBundle(f"{path}: cannot be written: {error.strerror}") from error


def _check_ours(path: Path) -> None:
    """Refuse a folder that holds a file which no recording has made: recording again removes what is there."""
    if not path.is_dir():
        raise Conflict(f"{path}: is a file; a recording needs a folder")
    files = [file for file in path.rglob("*") if not file.is_dir() or file.is_symlink()]
    begun = _is_marked(path / "bundle.json")
    for file in files:
        if not begun or not _is_ours(file.relative_to(path)):
            raise Conflict(f"{path}: holds {file.relative_to(path)}, which is not of a recording of ours")


def _is_marked(path: Path) -> bool:
    """Answer whether a `bundle.json` of ours is there; other programs have files of that name too."""
    try:
        return canonical.decode_document(path.read_bytes()).keys() >= {"format", "calipso"}
    except (OSError, BadInput, RecursionError):
        return False


def _is_ours(file: Path) -> bool:
    name = file.name.removeprefix(".").removesuffix(".unfinished")
    if file.parts[0] in ("api", "db"):
        return len(file.parts) == 2 and _OURS.fullmatch(name) is not None
    if file.parts[0] == "cli":
        return len(file.parts) == 3 and _OURS.fullmatch(name) is not None
    return file.parts in (("bundle.json",), (".bundle.json.unfinished",))


def _api_file(key: tuple[object, ...], answer: ApiAnswer) -> Path:
    text = f"{answer.service}-{answer.microversion or ''}{answer.request}"
    return Path("api") / _file_name(key, text, "json")


def _document(answer: ApiAnswer, body: object) -> Document:
    return {
        "service": answer.service,
        "method": answer.method,
        "request": answer.request,
        "microversion": answer.microversion,
        "status": answer.status,
        "body": redact_json(body),
    }


def _file_name(key: tuple[object, ...], text: str, suffix: str) -> str:
    """Answer a name that is safe anywhere, tells a reader something and differs for each key."""
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    return f"{_UNSAFE.sub('_', text).strip('_.-')[:80] or 'x'}-{digest}.{suffix}"


def _version() -> str:
    try:
        return version("calipso")
    except PackageNotFoundError:
        return "unknown"
