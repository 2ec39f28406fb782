"""The read model always is what one would make from the history's present state, however it came there."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.change import Key, Kind
from projections.fold import Fold
from projections.tree import path
from schemas.canonical import Document, encode
from schemas.events import Event, ObjectsSeen, Payload, ScanFinished, ScanStarted, Scope
from streams.journal import Journal
from streams.local_log import LocalLog
from streams.mongo_client import Database
from streams.mongo_history import MongoHistory
from streams.read_model import (
    CLIQUES,
    INVENTORY,
    LINKS,
    clique_document,
    folder_documents,
    link_document,
    object_document,
)
from streams.read_model_store import POSITIONS, ReadModel, ServedHistory
from streams.worker import Worker
from tests.servers.mongo import MongoServer
from tests.unit.stories import ENVIRONMENTS, stories


def made_from_scratch(journal: Journal, environment: str, upto: int) -> dict[str, dict[object, Document]]:
    """Answer the documents of a state that was folded in memory, without any history."""
    fold, logged_at = Fold(environment), {}
    newest: dict[Key, int] = {}
    for entry in journal.read(environment, upto=upto):
        logged_at[entry.offset] = entry.logged_at
        newest.update((change.key, change.offset) for change in fold.apply(entry))
    everything = dict(fold.everything())
    focal = {(key.type, key.id) for key in everything if key.kind is Kind.CLIQUE}
    made: dict[str, list[Document]] = {INVENTORY: [], LINKS: [], CLIQUES: []}
    for key, value in everything.items():
        if key.kind is Kind.OBJECT:
            obj = fold.inventory.get(key.type, key.id)
            assert obj is not None
            way = path(obj, environment, lambda ref: fold.inventory.get(*ref))
            own = object_document(environment, obj, way, logged_at[newest[key]], (key.type, key.id) in focal)
            made[INVENTORY] += [own, *folder_documents(environment, obj, way)]
        elif key.kind is Kind.LINK:
            made[LINKS].append(link_document(environment, key, value))
        elif key.kind is Kind.CLIQUE:
            made[CLIQUES].append(clique_document(environment, key, value))
    return {name: {one["_id"]: _comparable(one) for one in documents} for name, documents in made.items()}


def _comparable(document: Document) -> Document:
    """Leave out what MongoDB rounds: the microseconds below a millisecond, and the zone, which is UTC."""
    if "last_scanned" not in document:
        return document
    at = document["last_scanned"]
    return {**document, "last_scanned": at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=None)}


def collections(database: Database, environment: str) -> dict[str, dict[object, Document]]:
    return {
        name: {row["_id"]: row for row in database.find(name, {"environment": environment})}
        for name in (INVENTORY, LINKS, CLIQUES)
    }


def assert_current(database: Database, journal: Journal, history: MongoHistory) -> None:
    for environment in ENVIRONMENTS:
        at = history.position(environment).offset
        assert collections(database, environment) == made_from_scratch(journal, environment, at)


@pytest.fixture
def database(mongo: MongoServer) -> Iterator[Database]:
    with closing(Database(mongo.uri, f"calipso-{uuid4().hex}")) as database:
        yield database


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(LocalLog(tmp_path))) as journal:
        yield journal


@settings(max_examples=12)
@given(events=stories(40), batches=st.lists(st.integers(1, 6), min_size=1))
def test_after_any_few_events_it_is_what_it_would_be_made_from_scratch(
    mongo: MongoServer, events: list[Event], batches: list[int]
) -> None:
    with TemporaryDirectory() as folder, closing(Journal(LocalLog(Path(folder)))) as journal:
        database = Database(mongo.uri, f"calipso-{uuid4().hex}")
        history = ServedHistory(database)
        worker, written = Worker(journal, history), 0
        while written < len(events):
            some = events[written : written + batches[written % len(batches)]]
            for event in some:
                journal.append([event])
            written += len(some)
            worker.catch_up_all()
            assert_current(database, journal, history)
        for environment in journal.environments():
            worker.rebuild(environment)
        assert_current(database, journal, history)
        history.close()


def seen(kind: str, parent: tuple[str, str], **documents: Document) -> ObjectsSeen:
    """Answer objects of a kind under a parent, seen by the scan `s`."""
    columns = list(documents), [encode(document) for document in documents.values()]
    return ObjectsSeen("s", Scope(kind, *parent), kind, *parent, *columns)


def told(journal: Journal, *payloads: Payload) -> None:
    for payload in payloads:
        journal.append([Event(str(uuid4()), "east", "scan", 5, None, payload)])


CLOUD = (
    ScanStarted("s", "bundle:b", b"{}"),
    seen("region", ("environment", "east"), r={"name": "r"}),
    seen("host", ("region", "r"), h={"name": "one"}),
    seen("instance", ("host", "h"), i={"name": "web", "a.b": {"$c": 2**70}, "id": "hidden"}),
    seen("vnic", ("instance", "i"), v={"name": "tap", "instance_id": "i", "host": "h"}),
    ScanFinished("s", "completed", []),
)
GONE = ScanFinished("t", "completed", [Scope("vnic", "instance", "i")])


def test_documents_have_the_shape_that_readers_of_the_original_know(database: Database, journal: Journal) -> None:
    history = ServedHistory(database)
    told(journal, *CLOUD)
    Worker(journal, history).catch_up("east")
    found = {row["id"]: row for row in database.find(INVENTORY, {"environment": "east"})}
    assert sorted(found) == ["east-regions", "h", "h-instances", "i", "i-vnics", "r", "v"]
    instance = found["i"]
    assert (instance["id_path"], instance["name_path"]) == (
        "/east/east-regions/r/h/h-instances/i",
        "/east/Regions/r/one/Instances/web",
    )
    assert (instance["parent_type"], instance["parent_id"]) == ("instances_folder", "h-instances")
    assert (instance["type"], instance["name"], instance["object_name"]) == ("instance", "web", "web")
    assert instance["a[dot]b"] == {"[dollar]c": str(2**70)}
    assert instance["clique"]
    folder = found["h-instances"]
    assert (folder["type"], folder["name"], folder["text"], folder["parent_id"]) == (
        "instances_folder",
        "Instances",
        "Instances",
        "h",
    )
    (link,) = database.find(LINKS, {"environment": "east"})
    assert (link["link_type"], link["source"], link["target"]) == ("instance-vnic", instance["_id"], found["v"]["_id"])
    assert (link["source_id"], link["target_id"], link["state"], link["implicit"]) == ("i", "v", "up", False)
    (clique,) = database.find(CLIQUES, {"environment": "east"})
    assert (clique["focal_point"], clique["focal_point_type"]) == (instance["_id"], "instance")
    assert (clique["links"], sorted(clique["nodes"], key=str)) == (
        [link["_id"]],
        sorted([instance["_id"], found["v"]["_id"]], key=str),
    )


def test_a_name_is_part_of_the_paths_below_and_a_folder_goes_with_the_last_in_it(
    database: Database, journal: Journal
) -> None:
    worker = Worker(journal, ServedHistory(database))
    told(journal, *CLOUD)
    worker.catch_up("east")
    told(journal, seen("host", ("region", "r"), h={"name": "two"}))
    worker.catch_up("east")
    paths = {row["id"]: row["name_path"] for row in database.find(INVENTORY, {"environment": "east"})}
    assert paths["v"] == "/east/Regions/r/two/Instances/web/vNICs/tap"
    assert paths["i-vnics"] == "/east/Regions/r/two/Instances/web/vNICs"
    told(journal, ScanStarted("t", "bundle:b", b"{}"), GONE)
    worker.catch_up("east")
    left = {row["id"]: row for row in database.find(INVENTORY, {"environment": "east"})}
    assert sorted(left) == ["east-regions", "h", "h-instances", "i", "r"]
    assert not left["i"]["clique"]
    assert [database.find(name, {}) for name in (LINKS, CLIQUES)] == [[], []]


class Dying(Database):
    """A database whose user dies after so many requests."""

    left = 10**9

    def _ask(self, request: Callable[[], Any]) -> Any:
        if self.left <= 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super()._ask(request)


CHANGES: Sequence[Sequence[Payload]] = (
    [seen("host", ("region", "r"), h={"name": "two"}, g={"name": "other"})],
    [seen("instance", ("host", "g"), i={"name": "web"})],
    [ScanStarted("t", "bundle:b", b"{}"), GONE, seen("host", ("region", "r"), h={"name": "one"})],
)


def test_killed_between_any_two_requests_it_converges_when_it_goes_on(mongo: MongoServer, tmp_path: Path) -> None:
    chance = random.Random(5)
    for requests in (2, 4, 6, *chance.sample(range(7, 90), 20)):
        name, folder = f"calipso-{uuid4().hex}", tmp_path / str(requests)
        folder.mkdir()
        with closing(Journal(LocalLog(folder))) as journal:
            dying = Dying(mongo.uri, name)
            history = ServedHistory(dying)
            told(journal, *CLOUD)
            worker = Worker(journal, history)
            worker.catch_up("east")
            dying.left = requests
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it dies somewhere in these
                for change in CHANGES:
                    told(journal, *change)
                    worker.catch_up("east")
                raise KeyboardInterrupt
            dying.close()
            told(journal, *CHANGES[2][2:])
            heir = ServedHistory(Database(mongo.uri, name))
            Worker(journal, heir).catch_up("east")
            assert_current(heir._database, journal, heir)
            heir.close()


class Slow(Database):
    """A database where others are faster than a bulk of documents."""

    meanwhile: Callable[[], object] | None = None

    def bulk(self, collection: str, requests: Any) -> None:
        """Let the others go first, once."""
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            asked = list(requests)
            meanwhile()
            return super().bulk(collection, asked)
        return super().bulk(collection, requests)


def test_one_who_is_slow_writes_again_what_others_wrote_meanwhile(mongo: MongoServer, journal: Journal) -> None:
    name = f"calipso-{uuid4().hex}"
    slow, fast = Slow(mongo.uri, name), Database(mongo.uri, name)
    plain, history = MongoHistory(slow), ServedHistory(fast)
    told(journal, *CLOUD)
    Worker(journal, history).catch_up("east")
    told(journal, *CHANGES[0])
    Worker(journal, MongoHistory(fast)).catch_up("east")  # the read model is behind

    def others() -> None:
        told(journal, ScanStarted("t", "bundle:b", b"{}"), GONE, *CHANGES[1])
        Worker(journal, history).catch_up("east")

    slow.meanwhile = others
    ReadModel(slow, plain).advance("east")
    assert_current(fast, journal, history)
    (position,) = fast.find(POSITIONS, {}, ["working"])
    assert position["working"] == {}
    slow.close()
    fast.close()


def test_it_is_never_empty_while_an_environment_is_folded_anew(database: Database, journal: Journal) -> None:
    history = ServedHistory(database)
    worker = Worker(journal, history)
    told(journal, *CLOUD)
    worker.catch_up("east")
    before = collections(database, "east")
    watched = []
    worker.rebuild("east", lambda *_: watched.append(collections(database, "east")))
    assert watched == [before]
    assert collections(database, "east") == before
    history.close()
