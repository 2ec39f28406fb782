"""The databases of Neutron and Nova: the only door to PyMySQL.

Each question has a session of its own, which may only read. A server that has no word for a time limit of its own is
held to the limit by the connection.
"""

import datetime
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pymysql
from pymysql.constants import CR, ER
from pymysql.cursors import DictCursor

from producers.access import Table
from producers.secrets import resolve
from producers.settings import DatabaseSettings
from schemas import canonical
from schemas.errors import BadSettings, DatabaseFailed

ROWS_BOUND: Final = 1_000_000
"""A table with more rows is not what a scan asks for: it has failed."""
RETRY_UNREACHABLE_SECONDS: Final = 30.0
"""So long a server that could not be reached is not tried again: it must not cost a time-out a table."""
_UNREACHABLE: Final = (CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR)
_RELEASE: Final = "another release of OpenStack?"
_WHY: Final = {
    ER.ACCESS_DENIED_ERROR: "access denied: user or password is wrong, or this host may not connect",
    ER.DBACCESS_DENIED_ERROR: "access denied to this database (GRANT SELECT)",
    ER.TABLEACCESS_DENIED_ERROR: "access denied to this table (GRANT SELECT)",
    ER.COLUMNACCESS_DENIED_ERROR: "access denied to a column (GRANT SELECT)",
    ER.BAD_DB_ERROR: "there is no such database; the settings name it under [database]",
    ER.NO_SUCH_TABLE: f"there is no such table ({_RELEASE})",
    ER.BAD_FIELD_ERROR: f"there is no such column ({_RELEASE})",
    CR.CR_CONN_HOST_ERROR: "no connection",
}
"""What to say before the server's own words, by its number of the error."""


class LiveDatabase:
    """The databases of a cloud on one server (a DatabaseAccess). Safe to call from several threads."""

    def __init__(self, settings: DatabaseSettings) -> None:
        """Find the password and the certificates; nothing is asked yet. Raises BadSettings, naming what is missing."""
        self._settings = settings
        self._password = resolve(settings.password)
        self._tls = None if settings.ca is None else _trusting(settings.ca)
        self._names = {"neutron": (settings.neutron,), "nova": settings.nova}
        self._down = (0.0, "")
        """Until when a server that could not be reached is not tried again, and why."""

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Answer every row of a table (see DatabaseAccess)."""
        names = self._names[table.database]
        found = [row for name in names for row in self._ask(name, table)]
        return sorted(found, key=canonical.encode)

    def version(self) -> str:
        """Answer what the server calls its version. Raises DatabaseFailed, when it cannot be asked."""
        with self._session(None, "its version") as cursor:
            cursor.execute("SELECT VERSION() AS version")
            return str(cursor.fetchall()[0]["version"])

    def _ask(self, name: str, table: Table) -> list[dict[str, Any]]:
        columns = ", ".join(f"`{column}`" for column in table.columns)
        with self._session(name, f"table {table.name}") as cursor:
            cursor.execute(f"SELECT {columns} FROM `{table.name}` LIMIT {ROWS_BOUND + 1}")  # noqa: S608 - names of ours
            rows = cursor.fetchall()
        if len(rows) > ROWS_BOUND:
            raise self._failed(name, f"table {table.name}", f"more than {ROWS_BOUND} rows")
        return [{column: _json(value) for column, value in row.items()} for row in rows]

    @contextmanager
    def _session(self, name: str | None, what: str) -> Iterator[DictCursor]:
        until, why = self._down
        if time.monotonic() < until:
            raise self._failed(name, what, why)
        try:
            with self._connected(name) as connection, connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
                self._limit(cursor)
                yield cursor
        except pymysql.MySQLError as error:
            reason = _reason(error)
            if error.args and error.args[0] in _UNREACHABLE:
                self._down = (time.monotonic() + RETRY_UNREACHABLE_SECONDS, reason)
            raise self._failed(name, what, reason) from None
        except (OSError, UnicodeError, ValueError) as error:
            raise self._failed(name, what, f"{type(error).__name__}: {error}") from None

    def _connected(self, name: str | None) -> "pymysql.connections.Connection[DictCursor]":
        return pymysql.connect(
            host=self._settings.host,
            port=self._settings.port,
            user=self._settings.user,
            password=self._password.reveal(),
            database=name,
            charset="utf8mb4",
            cursorclass=DictCursor,
            autocommit=True,
            ssl=self._tls,
            connect_timeout=max(1, round(self._settings.timeout_seconds)),
            read_timeout=self._settings.timeout_seconds,
            write_timeout=self._settings.timeout_seconds,
            program_name="calipso",
        )

    def _limit(self, cursor: DictCursor) -> None:
        """Tell the server the limit, so that it ends what nobody waits for any more: MariaDB's way, or MySQL's."""
        seconds = self._settings.timeout_seconds
        for way, limit in (("max_statement_time", seconds), ("max_execution_time", round(seconds * 1000))):
            with suppress(pymysql.err.OperationalError, pymysql.err.InternalError):
                cursor.execute(f"SET SESSION {way} = %s", (limit,))
                return

    def _failed(self, name: str | None, what: str, reason: str) -> DatabaseFailed:
        place = f"{self._settings.host}:{self._settings.port}"
        return DatabaseFailed(f"database {name or 'server'} at {place}, {what}: {reason}")


def _trusting(ca: str) -> ssl.SSLContext:
    path = Path(ca).expanduser()
    try:
        return ssl.create_default_context(cafile=str(path))
    except OSError as error:  # what is no certificate is one, too
        raise BadSettings(f"{path}: no certificates that TLS could trust: {error.strerror or error}") from None


def _reason(error: pymysql.MySQLError) -> str:
    """Tell why, in one line: ours, then the server's, which holds names but no passwords."""
    number = error.args[0] if error.args else None
    words = " ".join(str(error.args[-1] if error.args else error).split())[:300] or type(error).__name__
    known = _WHY.get(number) if isinstance(number, int) else None
    return f"{known}: {words}" if known else words


def _json(value: object) -> object:
    """Answer a column's value as JSON: bytes that are no text by their digits."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime.datetime() | datetime.date():
            return value.isoformat()
        case bytes():
            return _text(value)
        case Decimal():
            return int(value) if value == value.to_integral_value() else str(value)
        case _:
            return str(value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()
