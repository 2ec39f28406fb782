"""What a fetch looks with: the doors of the cloud, each distinct question of one scan asked only once."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from producers.access import Access, Answer, Table
from producers.settings import EnvironmentSettings
from schemas.canonical import Document
from schemas.errors import BadInput, CommandFailed, CouldNotLook, DatabaseFailed, HostUnreachable

_T = TypeVar("_T")

MALFORMED = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an answer raises whose shape is not what its source promises: as good as no answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of the cloud: on a host, or of an API (host is None)."""

    host: str | None
    request: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a question or of what was built of several: a value, or the error and why."""

    value: Any
    error: CouldNotLook | BadInput | None
    question: Question | None
    """The one that was asked last."""


class Memory:
    """The answers of one scan, failures included. Safe to share between threads: who asks second waits."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lock = threading.Lock()
        self._known: dict[Hashable, Future[_Outcome]] = {}
        self.unreachable: dict[str, str] = {}
        """Why, by host."""

    def recall(self, key: Hashable, find: Callable[[], _Outcome]) -> _Outcome:
        """Answer what `find` answered when the key was new. `find` must not recall the same key."""
        with self._lock:
            future = self._known.get(key)
            mine = future is None
            if future is None:
                future = self._known[key] = Future()
        if mine:
            _settle(future, find)
        return future.result()


def _settle(future: Future[_Outcome], find: Callable[[], _Outcome]) -> None:
    try:
        future.set_result(find())
    except BaseException as error:
        future.set_exception(error)
        raise


class Look:
    """One fetch's eyes. Belongs to one thread; its memory is shared by all fetches of the scan."""

    def __init__(self, access: Access, settings: EnvironmentSettings, memory: Memory) -> None:
        """Look through `access`; what any other fetch of the same memory asked is not asked again."""
        self.settings = settings
        self._access = access
        self._memory = memory
        self.asked: Question | None = None
        """The question that was asked last: the one to blame when the fetch fails."""
        self.warnings: list[str] = []
        """What an operator should know although nothing failed."""

    def resources(self, service: str, path: str, key: str, microversion: str | None = None) -> list[Document]:
        """Answer the list under `key` of all pages. Raises RequestFailed; BadInput if it is no list of objects."""

        def ask() -> list[Document]:
            rows = self._access.cloud.get_all(service, path, key, microversion)
            if not all(isinstance(row, dict) for row in rows):
                raise BadInput(f"{service} {path}: '{key}' is not a list of objects")
            return rows

        return self._ask(Question(None, f"{service} GET {path}"), ask)

    def catalog(self) -> list[Document]:
        """Answer the service catalogue. Raises RequestFailed."""
        return self._ask(Question(None, "identity catalogue"), self._access.cloud.catalog)

    @property
    def has_database(self) -> bool:
        """Answer whether somebody gave a way to the databases."""
        return self._access.database is not None

    def rows(self, table: Table) -> list[Document]:
        """Answer the rows of a table. Raises DatabaseFailed, also where nobody gave a way to the databases."""

        def ask() -> list[Document]:
            if self._access.database is None:
                raise DatabaseFailed(f"database {table}: nobody gave a way to the databases")
            return self._access.database.rows(table)

        return self._ask(Question(None, f"database {table}"), ask)

    def run(self, host: str, command: str) -> Answer:
        """Answer what a command on a host printed, whatever its exit code. Raises HostUnreachable, CommandFailed.

        A host that could not be reached once is not tried again in the same scan.
        """

        def ask() -> Answer:
            if host in self._memory.unreachable:
                raise HostUnreachable(self._memory.unreachable[host])
            try:
                return self._access.hosts.run(host, command)
            except HostUnreachable as error:
                self._memory.unreachable[host] = str(error)
                raise

        return self._ask(Question(host, command), ask)

    def text(self, host: str, command: str) -> str:
        """Answer what a command printed. Raises HostUnreachable; CommandFailed also when it ended with an error."""
        answer = self.run(host, command)
        if answer.exit_code != 0:
            raise failed(answer)
        return answer.text

    def shared(self, name: Hashable, build: Callable[[], _T]) -> _T:
        """Answer what `build` makes of this look's answers, made once in a scan and shared by its fetches."""
        return cast("_T", self._recall(("shared", name), build))

    def _ask(self, question: Question, ask: Callable[[], _T]) -> _T:
        def asking() -> _T:
            self.asked = question
            return ask()

        return cast("_T", self._recall(question, asking))

    def _recall(self, key: Hashable, find: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `find` answers
        def outcome() -> _Outcome:
            try:
                return _Outcome(find(), None, self.asked)
            except (CouldNotLook, BadInput) as error:
                return _Outcome(None, error, self.asked)
            except MALFORMED as error:
                return _Outcome(None, malformed(error), self.asked)

        found = self._memory.recall(key, outcome)
        self.asked = found.question
        if found.error is not None:
            raise type(found.error)(*found.error.args)
        return found.value


def malformed(error: Exception) -> BadInput:
    """Answer the error of an answer whose shape is not what its source promises."""
    return BadInput(f"{type(error).__name__}: {error}")


def failed(answer: Answer) -> CommandFailed:
    """Answer the error of a command that ended badly: host, command, exit code and the first line of its text."""
    said = next((line.strip() for line in answer.text.splitlines() if line.strip()), "said nothing")
    return CommandFailed(f"{answer.host}: '{answer.command}' ended with exit code {answer.exit_code}: {said}")
