"""A bundle: a folder of recorded answers of one cloud, asked like the cloud itself.

Files describe themselves and their names carry no meaning, but for the folder of a host:

- `api/*.json`: `{"service", "method", "request", "microversion", "status", "body"}`, one answer of one
  service; the one of POST /v3/auth/tokens holds the service catalogue;
- `cli/<host>/*.txt`: one command on one host (see `producers.transcript`);
- `db/*.json`: `{"database", "table", "columns", "rows"}`, the rows of one table as `{column: value}`;
- `bundle.json`, optional: `{"format", "calipso", "recorded_at", "settings", "cloud", "database"}`; the last says
  whether the databases were asked.

Everything is read when the bundle is opened, so that a bad one is refused before a scan begins. What a
bundle does not hold is "could not look", never "nothing there".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from producers.access import Access, Answer, DatabaseAccess, Table
from producers.answers import CATALOG, AnsweringCloud, ApiAnswer, Version, parse_microversion
from producers.pages import normal_request
from producers.transcript import read_transcript
from schemas import canonical
from schemas.canonical import Document
from schemas.errors import BadBundle, BadInput, CommandFailed, DatabaseFailed, RequestFailed

FORMAT = 1
"""The newest shape of `bundle.json` that this Calipso reads, and the one that it writes."""

_OF_ITS_PLACE: Final = frozenset({"ssh", "database", "bus", "monitoring", "listen", "monitor"})
"""Settings that hold where the cloud can be reached. Who scans a bundle elsewhere must not get there."""

_TYPES: dict[str, tuple[type, ...]] = {
    "service": (str,),
    "method": (str,),
    "request": (str,),
    "microversion": (str, type(None)),
    "status": (int,),
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder of recorded answers, read whole."""

    name: str
    """The folder's name: a scan of it has the origin `bundle:<name>`."""
    access: Access
    recorded_at: int | None
    """Microseconds since 1970-01-01 UTC; None when the bundle does not say."""
    settings: Document | None
    """The settings of the environment when it was recorded, as `portable` answers them; None when it does not say."""


def portable(settings: Document) -> Document:
    """Answer the settings without how hosts, databases, bus and monitoring are reached, and what is done with those."""
    return {key: value for key, value in settings.items() if key not in _OF_ITS_PLACE}


def open_bundle(folder: Path) -> Access:
    """Answer both doors of a recorded cloud. Raises BadBundle, naming the file and the reason."""
    return read_bundle(folder).access


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle whole. Raises BadBundle, naming the file and the reason."""
    _check_folder(folder)
    about = _read_about(folder / "bundle.json")
    cloud = BundleCloud(folder, _read_api(folder))
    hosts = BundleHosts(folder, _read_cli(folder))
    database = _database(folder, asked=about.database)
    return Bundle(folder.resolve().name, Access(cloud, hosts, database), about.recorded_at, about.settings)


class BundleCloud(AnsweringCloud):
    """The OpenStack APIs as they answered when the bundle was recorded."""

    def __init__(self, folder: Path, answers: list[tuple[Path, ApiAnswer]]) -> None:
        """Take the answers with the files that hold them; BadBundle if two files contradict each other."""
        self._folder = folder
        self._answers: dict[tuple[str, str, str], dict[Version, ApiAnswer]] = {}
        for path, answer in answers:
            self._add(path, answer)

    def _add(self, path: Path, answer: ApiAnswer) -> None:
        key = (answer.service, answer.method, normal_request(answer.request))
        versions = self._answers.setdefault(key, {})
        try:
            version = parse_microversion(answer.microversion)
        except BadInput as error:
            raise BadBundle(f"{path}: {error}") from error
        other = versions.setdefault(version, answer)
        if (other.status, other.body) != (answer.status, answer.body):
            raise BadBundle(f"{path}: another file holds another answer of {answer.service} {answer.request}")

    def answer(self, service: str, path: str, microversion: str | None) -> ApiAnswer:
        """Answer the recorded one with the newest microversion not above the wanted one, else the oldest."""
        return self._find(service, "GET", path, parse_microversion(microversion))

    def catalog_answer(self) -> ApiAnswer:
        """Answer the recorded request that holds the service catalogue."""
        return self._find(*CATALOG, parse_microversion(None))

    def _find(self, service: str, method: str, path: str, wanted: Version) -> ApiAnswer:
        versions = self._answers.get((service, method, normal_request(path)))
        if versions is None:
            raise RequestFailed(f"the bundle {self._folder} does not hold {service} {method} {path}")
        older = [version for version in versions if version <= wanted]
        return versions[max(older) if older else min(versions)]


class BundleHosts:
    """The hosts' commands as they answered when the bundle was recorded (a HostAccess)."""

    def __init__(self, folder: Path, answers: list[tuple[Path, Answer]]) -> None:
        """Take the answers with the files that hold them; BadBundle if two files contradict each other."""
        self._folder = folder
        self._answers: dict[tuple[str, str], Answer] = {}
        for path, answer in answers:
            other = self._answers.setdefault((answer.host, answer.command), answer)
            if other != answer:
                raise BadBundle(f"{path}: another file holds another answer of '{answer.command}'")

    def run(self, host: str, command: str) -> Answer:
        """Answer what the command printed then; CommandFailed when the bundle does not hold it."""
        answer = self._answers.get((host, command))
        if answer is None:
            raise CommandFailed(f"the bundle {self._folder} does not hold '{command}' of host {host}")
        return answer


class BundleDatabase:
    """The databases as they answered when the bundle was recorded (a DatabaseAccess)."""

    def __init__(self, folder: Path, answers: list[tuple[Path, Table, list[Document]]]) -> None:
        """Take the answers with the files that hold them; BadBundle if two files contradict each other."""
        self._folder = folder
        self._answers: dict[Table, list[Document]] = {}
        for path, table, rows in answers:
            if self._answers.setdefault(table, rows) != rows:
                raise BadBundle(f"{path}: another file holds another answer of {table}")

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Answer the rows of then, each as a value of its own; DatabaseFailed when the bundle does not hold them."""
        rows = self._answers.get(table)
        if rows is None:
            raise DatabaseFailed(f"the bundle {self._folder} does not hold the table {table.database}.{table.name}")
        return [dict(row) for row in rows]


@dataclass(frozen=True, slots=True)
class _About:
    """What a bundle says of itself."""

    recorded_at: int | None = None
    settings: Document | None = None
    database: bool = False


def _database(folder: Path, *, asked: bool) -> DatabaseAccess | None:
    """Answer the databases, if they were asked, whether or not they answered."""
    answers = [(path, *_table(path, data)) for path, data in _files(folder / "db", "*.json")]
    return BundleDatabase(folder, answers) if answers or asked else None


def _table(path: Path, data: bytes) -> tuple[Table, list[Document]]:
    document = _document(path, data)
    texts, rows = [document.get("database"), document.get("table")], document.get("rows")
    columns = document.get("columns")
    if not isinstance(columns, list) or not all(isinstance(text, str) for text in [*texts, *columns]):
        raise BadBundle(f"{path}: 'database', 'table' and the 'columns' are not all texts")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and set(row) == set(columns) for row in rows):
        raise BadBundle(f"{path}: 'rows' is not a list of objects with the columns as keys")
    return Table(str(texts[0]), str(texts[1]), tuple(columns)), rows


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise BadBundle(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise BadBundle(f"{folder}: a bundle is a folder, not a file")


def _files(folder: Path, pattern: str) -> Iterator[tuple[Path, bytes]]:
    """Yield the files in order of their names; hidden ones are none of ours."""
    for path in sorted(folder.glob(pattern)):
        if not path.name.startswith("."):
            yield path, _read(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadBundle(f"{path}: cannot be read: {error.strerror}") from error


def _read_api(folder: Path) -> list[tuple[Path, ApiAnswer]]:
    answers = [(path, _api_answer(path, data)) for path, data in _files(folder / "api", "*.json")]
    if not answers:
        raise BadBundle(f"{folder}: not a bundle: it holds no answers of an API (api/*.json)")
    return answers


def _api_answer(path: Path, data: bytes) -> ApiAnswer:
    document = _document(path, data)
    missing = sorted({*_TYPES, "body"} - document.keys())
    if missing:
        raise BadBundle(f"{path}: lacks '{missing[0]}'")
    for key, types in _TYPES.items():
        if not isinstance(document[key], types) or isinstance(document[key], bool):
            raise BadBundle(f"{path}: '{key}' is not of the right type")
    body = canonical.encode(document["body"])
    return ApiAnswer(**{key: document[key] for key in _TYPES}, body=body)


def _document(path: Path, data: bytes) -> Document:
    try:
        return canonical.decode_document(data)
    except (BadInput, RecursionError) as error:
        raise BadBundle(f"{path}: {error}") from error


def _read_cli(folder: Path) -> list[tuple[Path, Answer]]:
    answers = []
    for path, data in _files(folder / "cli", "*/*.txt"):
        try:
            answers.append((path, read_transcript(path.parent.name, data)))
        except BadBundle as error:
            raise BadBundle(f"{path}: {error}") from error
    return answers


def _read_about(path: Path) -> _About:
    """Answer when the bundle was recorded, with which settings and from where, as far as it says."""
    if not path.exists():
        return _About()
    document = _document(path, _read(path))
    if not isinstance(document.get("format"), int):
        raise BadBundle(f"{path}: 'format' is not a number")
    if document["format"] > FORMAT:
        raise BadBundle(f"{path}: written by a newer Calipso (format {document['format']}, known: {FORMAT})")
    settings = document.get("settings")
    if settings is not None and not isinstance(settings, dict):
        raise BadBundle(f"{path}: 'settings' is not an object")
    kept = None if settings is None else portable(settings)  # bundles of older versions hold more
    return _About(_moment(path, document.get("recorded_at")), kept, document.get("database") is True)


def _moment(path: Path, text: object) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise BadBundle(f"{path}: 'recorded_at' is not an ISO time: {text}") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
