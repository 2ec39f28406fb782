"""The one door to MongoDB: requests that wait for a server which comes back, and errors that name the place.

Every write that is asked for here has the same effect when it is done twice, since one whose answer was lost is done
again. There are no transactions: a server that is no replica set has none.
"""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlsplit

from bson import ObjectId
from bson.errors import BSONError
from pymongo import DeleteOne, MongoClient, ReadPreference, ReplaceOne, UpdateOne
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    ExecutionTimeout,
    PyMongoError,
    WaitQueueTimeoutError,
)

from schemas.canonical import Document
from schemas.errors import HistoryError

PATIENCE: Final = 30.0
"""Seconds that a request waits for a server that does not answer."""

FIRST: Final = 5.0
"""Seconds for the first request: a server that never answered may be none, and somebody waits at a terminal."""

LARGEST: Final = 16 * 1024 * 1024 - 64 * 1024
"""Bytes of a value that fit into a document of MongoDB, whose limit is 16 MiB, beside its other fields."""

_DEFAULTS: Final[Mapping[str, int]] = {
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 60_000,
    "waitQueueTimeoutMS": 10_000,
}
"""Options that hold where the URL says nothing: no request waits for ever."""

_PASSING: Final = (AutoReconnect, ExecutionTimeout, WaitQueueTimeoutError)
"""What a server that is on its way back answers, or does not; AutoReconnect is the root of those of the network."""

_TWICE: Final = 11000
"""Code of the error that a key is there already."""

_T = TypeVar("_T")

Fields = Sequence[tuple[str, int]]
"""Names with 1 (rising) or -1 (falling)."""


class Update(NamedTuple):
    """A change of the document of an id."""

    id: str
    change: Document
    upsert: bool = True

    def request(self) -> UpdateOne:
        """Answer it in pymongo's words."""
        return UpdateOne({"_id": self.id}, self.change, upsert=self.upsert)


class Put(NamedTuple):
    """A document in the place of the one of its `_id`, if there is one."""

    document: Document

    def request(self) -> "ReplaceOne[Document]":
        """Answer it in pymongo's words."""
        return ReplaceOne({"_id": self.document["_id"]}, self.document, upsert=True)


class Remove(NamedTuple):
    """No document of an id."""

    id: object

    def request(self) -> DeleteOne:
        """Answer it in pymongo's words."""
        return DeleteOne({"_id": self.id})


def object_id(data: bytes) -> object:
    """Answer MongoDB's own type of id, of 12 bytes."""
    return ObjectId(data)


class Database:
    """One database of a MongoDB. May be shared by threads; not by processes that fork."""

    def __init__(
        self, uri: str, name: str, secrets: Mapping[str, str] | None = None, patience: float = PATIENCE
    ) -> None:
        """Connect when first asked. HistoryError if the URL or an option of it cannot be understood.

        `secrets`: options that do not stand in the URL, such as `password`.
        """
        self.place = f"database {name} of {urlsplit(uri).netloc.rpartition('@')[2]}"
        self._patience = patience
        self._answered = False
        given = {option.lower() for option, _ in parse_qsl(urlsplit(uri).query)}
        options: dict[str, Any] = {option: value for option, value in _DEFAULTS.items() if option.lower() not in given}
        options.update(secrets or {})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # an option that is misspelled
                self._client: MongoClient[Document] = MongoClient(uri, appname="calipso", **options)
        except (PyMongoError, ValueError, TypeError, UserWarning) as error:
            raise self._error(error) from None  # without the cause: its text may repeat options
        # Positions and rows are read from one server, for a secondary may have the one and not yet the other.
        self._database = self._client.get_database(name, read_preference=ReadPreference.PRIMARY)

    def index(self, collection: str, name: str, fields: Fields) -> None:
        """Declare an index; one that is there already costs nothing."""
        self._ask(lambda: self._database[collection].create_index(list(fields), name=name))

    def one(self, collection: str, wanted: Document, fields: Sequence[str] | None = None) -> Document | None:
        """Answer a document that is as wanted, None if there is none."""
        return self._ask(lambda: self._database[collection].find_one(wanted, fields))

    def find(
        self,
        collection: str,
        wanted: Document,
        fields: Sequence[str] | None = None,
        sort: Fields = (),
        limit: int = 0,
    ) -> list[Document]:
        """Answer the documents that are as wanted, at most `limit` (0: all)."""

        def ask() -> list[Document]:
            projection = None if fields is None else {"_id": 0, **dict.fromkeys(fields, 1)}
            projection = {"_id": 1} if fields == ["_id"] else projection
            found = self._database[collection].find(wanted, projection, limit=limit)
            return list(found.sort(list(sort)) if sort else found)

        return self._ask(ask)

    def insert(self, collection: str, document: Document) -> bool:
        """Put a new document; False if its id is taken, as it is when an answer was lost and the request done again."""
        try:
            self._ask(lambda: self._database[collection].insert_one(document))
        except _Taken:
            return False
        return True

    def update(self, collection: str, wanted: Document, change: Document, *, upsert: bool = False) -> bool:
        """Change one document that is as wanted, in one step; answer whether there was one."""
        found = self._ask(lambda: self._database[collection].update_one(wanted, change, upsert=upsert))
        return found.matched_count > 0

    def bulk(self, collection: str, requests: Iterable[Update | Put | Remove]) -> None:
        """Do all of the requests, in any order."""
        asked = [request.request() for request in requests]
        if asked:
            self._ask(lambda: self._database[collection].bulk_write(asked, ordered=False))

    def delete(self, collection: str, wanted: Document) -> None:
        """Delete the documents that are as wanted."""
        self._ask(lambda: self._database[collection].delete_many(wanted))

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _ask(self, request: Callable[[], _T]) -> _T:
        """Answer what the server does; HistoryError if it cannot be asked for as long as patience lasts."""
        patience = self._patience if self._answered else min(self._patience, FIRST)
        deadline, pause = time.monotonic() + patience, 0.05
        while True:
            try:
                answer = request()
            except DuplicateKeyError as error:
                raise _Taken(str(error)) from error
            except (PyMongoError, BSONError, OverflowError) as error:
                if not _passes(error) or time.monotonic() + pause > deadline:
                    raise self._error(error) from error
            else:
                self._answered = True
                return answer
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _error(self, error: Exception) -> HistoryError:
        said = str(error).partition(", full error")[0].partition(" (configured timeouts")[0]
        return HistoryError(f"MongoDB, {self.place}: {said[:300]}")


class _Taken(HistoryError):
    """The id of a new document is another's."""


def _passes(error: Exception) -> bool:
    """Answer whether the same request may succeed later."""
    if isinstance(error, BulkWriteError):
        # Two that put the same new document at once: MongoDB lets one of them fail, and finds it there the next time.
        return all(one.get("code") == _TWICE for one in (error.details or {}).get("writeErrors", ()))
    return isinstance(error, _PASSING) or (
        isinstance(error, PyMongoError) and error.has_error_label("RetryableWriteError")
    )
