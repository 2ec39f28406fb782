"""Rules of the door to the databases, held against a real MariaDB."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import certifi
import pymysql
import pytest

from producers.access import Table
from producers.database import LiveDatabase
from producers.settings import DatabaseSettings
from schemas.errors import BadSettings, DatabaseFailed
from tests.servers.kafka import free_port
from tests.servers.mariadb import MariaDb

AGENTS = Table("neutron", "agents", ("id", "host", "load"))

TABLES = """
CREATE OR REPLACE TABLE neutron.agents (id VARCHAR(36), host VARCHAR(255), load_ INT, started DATETIME, alive BOOL,
  share DECIMAL(6,2), raw VARBINARY(8));
INSERT INTO neutron.agents VALUES
  ('b', 'grüße', 2, '2026-11-22 14:03:17', 1, 2.50, x'00ff'),
  ('a', 'h1', NULL, NULL, 0, 3.00, 'text');
CREATE OR REPLACE TABLE neutron.empty (id INT);
CREATE OR REPLACE TABLE hidden.agents (id INT);
CREATE OR REPLACE TABLE nova.instance_info_caches (instance_uuid VARCHAR(36));
INSERT INTO nova.instance_info_caches VALUES ('i2');
CREATE OR REPLACE TABLE nova_cell2.instance_info_caches (instance_uuid VARCHAR(36));
INSERT INTO nova_cell2.instance_info_caches VALUES ('i1');
"""


@pytest.fixture
def settings(mariadb: MariaDb, tmp_path: Path) -> DatabaseSettings:
    """Give settings that lead to the server, with tables in it."""
    mariadb.sql(TABLES)
    password = tmp_path / "password"
    password.write_text(mariadb.PASSWORD + "\n")
    return DatabaseSettings("127.0.0.1", mariadb.USER, f"file:{password}", mariadb.port, timeout_seconds=5.0)


def table(name: str, *columns: str, database: str = "neutron") -> Table:
    """Answer a question."""
    return Table(database, name, columns)


def refused(settings: DatabaseSettings, question: Table, *words: str) -> None:
    """State that the question fails in one line with the words in it, none of which is a password."""
    with pytest.raises(DatabaseFailed) as caught:
        LiveDatabase(settings).rows(question)
    text = str(caught.value)
    assert "\n" not in text
    assert MariaDb.PASSWORD not in text
    for word in (*words, question.name):
        assert word in text


def test_rows_come_as_json_in_one_order(settings: DatabaseSettings) -> None:
    rows = LiveDatabase(settings).rows(table("agents", "id", "host", "load_", "started", "alive", "share", "raw"))
    first = {"id": "a", "host": "h1", "load_": None, "started": None, "alive": 0, "share": 3, "raw": "text"}
    second = {"id": "b", "host": "grüße", "load_": 2, "alive": 1, "share": "2.50", "raw": "00ff"}
    assert rows == [first, second | {"started": "2026-11-22T14:03:17"}]
    assert json.loads(json.dumps(rows)) == rows


def test_an_empty_table_is_no_rows(settings: DatabaseSettings) -> None:
    assert LiveDatabase(settings).rows(table("empty", "id")) == []


def test_the_rows_of_all_cells_come_together(settings: DatabaseSettings) -> None:
    question = table("instance_info_caches", "instance_uuid", database="nova")
    both = replace(settings, nova=("nova", "nova_cell2"))
    assert LiveDatabase(both).rows(question) == [{"instance_uuid": "i1"}, {"instance_uuid": "i2"}]
    assert LiveDatabase(settings).rows(question) == [{"instance_uuid": "i2"}]


def test_a_cell_that_cannot_be_asked_fails_the_question(settings: DatabaseSettings) -> None:
    both = replace(settings, nova=("nova", "nova_gone"))
    refused(both, table("instance_info_caches", "instance_uuid", database="nova"), "nova_gone")


def test_the_version_is_the_server_s_own_word(settings: DatabaseSettings) -> None:
    assert "MariaDB" in LiveDatabase(settings).version()


def test_a_missing_table_or_column_is_told_and_never_no_rows(settings: DatabaseSettings) -> None:
    refused(settings, table("ml2_vxlan_endpoints", "host"), "database neutron", "no such table", "another release")
    refused(settings, table("agents", "id", "colour"), "no such column", "colour", "another release")


def test_a_database_that_is_not_there_or_not_granted_is_told(settings: DatabaseSettings) -> None:
    refused(replace(settings, neutron="neutron_old"), AGENTS, "neutron_old")
    refused(replace(settings, neutron="hidden"), table("agents", "id"), "hidden", "access denied", "GRANT SELECT")


def test_a_table_that_is_not_granted_is_told(settings: DatabaseSettings, mariadb: MariaDb) -> None:
    mariadb.sql(
        f"CREATE OR REPLACE TABLE hidden.open (id INT);GRANT SELECT ON hidden.open TO '{mariadb.USER}'@'127.0.0.1';"
    )
    try:
        refused(replace(settings, neutron="hidden"), table("agents", "id"), "access denied to this table")
        assert LiveDatabase(replace(settings, neutron="hidden")).rows(table("open", "id")) == []
    finally:
        mariadb.sql(f"REVOKE SELECT ON hidden.open FROM '{mariadb.USER}'@'127.0.0.1';")  # noqa: S608


def test_a_wrong_password_is_told_without_it(settings: DatabaseSettings, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("not the staple")
    with pytest.raises(DatabaseFailed, match="access denied: user or password is wrong") as caught:
        LiveDatabase(replace(settings, password=f"file:{tmp_path / 'wrong'}")).rows(AGENTS)
    assert "not the staple" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_and_not_tried_again_at_once(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    database = LiveDatabase(replace(settings, port=port))
    with pytest.raises(DatabaseFailed, match=f"neutron at 127.0.0.1:{port}, table agents: no connection"):
        database.rows(AGENTS)
    monkeypatch.setattr(pymysql, "connect", _not_called)
    with pytest.raises(DatabaseFailed, match="no connection"):
        database.rows(AGENTS)


def _not_called(**_: object) -> None:
    raise AssertionError("tried again")


def test_a_server_that_hangs_is_given_up_in_time(settings: DatabaseSettings, mariadb: MariaDb) -> None:
    quick = LiveDatabase(replace(settings, timeout_seconds=1.0))
    assert quick.rows(table("empty", "id")) == []
    mariadb.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(DatabaseFailed, match="table empty"):
            quick.rows(table("empty", "id"))
        assert time.monotonic() - began < 30
    finally:
        mariadb.thaw()
    assert LiveDatabase(settings).rows(table("empty", "id")) == []


def test_an_answer_that_the_server_cannot_give_in_time_is_ended_there(
    settings: DatabaseSettings, mariadb: MariaDb
) -> None:
    mariadb.sql("USE neutron; CREATE OR REPLACE VIEW slow AS SELECT seq AS id, SLEEP(0.2) AS nap FROM seq_1_to_100;")
    began = time.monotonic()
    refused(replace(settings, timeout_seconds=1.0), table("slow", "id", "nap"), "database neutron")
    assert time.monotonic() - began < 15
    mariadb.sql("DROP VIEW neutron.slow;")


def test_a_session_may_only_read(settings: DatabaseSettings, mariadb: MariaDb) -> None:
    """Even where the user was granted more than it needs."""
    mariadb.sql(
        f"GRANT ALL ON hidden.* TO '{mariadb.USER}'@'127.0.0.1';CREATE OR REPLACE TABLE hidden.written (id INT);"
    )
    try:
        database = LiveDatabase(replace(settings, neutron="hidden"))
        with (
            database._session("hidden", "table written") as cursor,
            pytest.raises(pymysql.MySQLError, match="READ ONLY"),
        ):
            cursor.execute("INSERT INTO written VALUES (1)")
        assert database.rows(table("written", "id")) == []
    finally:
        mariadb.sql(f"REVOKE ALL ON hidden.* FROM '{mariadb.USER}'@'127.0.0.1';")


def test_many_threads_may_ask_at_once(settings: DatabaseSettings) -> None:
    database = LiveDatabase(settings)

    def ask(_: int) -> int:
        return len(database.rows(table("agents", "id")))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(24))) == [2] * 24


def test_what_is_not_set_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    settings = DatabaseSettings("127.0.0.1", "u", f"file:{tmp_path / 'none'}")
    with pytest.raises(BadSettings, match="cannot be read"):
        LiveDatabase(settings)
    (tmp_path / "password").write_text("p")
    (tmp_path / "ca.pem").write_text("no certificate")
    for ca in ("none.pem", "ca.pem"):
        told = replace(settings, password=f"file:{tmp_path / 'password'}", ca=str(tmp_path / ca))
        with pytest.raises(BadSettings, match="no certificates"):
            LiveDatabase(told)


def test_a_server_without_tls_is_refused_where_tls_was_asked_for(settings: DatabaseSettings) -> None:
    refused(replace(settings, ca=certifi.where()), AGENTS, "database neutron", "SSL")
