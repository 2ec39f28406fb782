"""The history in a MongoDB keeps the promises of a history, whoever writes it at once and whatever dies."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from streams.mongo_client import Database
from streams.mongo_history import MongoHistory
from tests.contract.history_contract import HistoryContract
from tests.servers.mongo import MongoServer


@pytest.fixture
def name() -> str:
    """Answer the name of a database that no other test uses."""
    return f"calipso-{uuid4().hex}"


@pytest.fixture
def history(mongo: MongoServer, name: str) -> Iterator[MongoHistory]:
    history = MongoHistory(Database(mongo.uri, name))
    yield history
    history.close()


class TestMongoHistory(HistoryContract):
    pass
