"""How a scan reaches the world: three questions, asked of a live cloud or of a recorded one alike."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command on a host answered: standard output and error as they came, and its exit code."""

    host: str
    command: str
    text: str
    exit_code: int


class CloudAccess(Protocol):
    """The OpenStack APIs of one cloud. Safe to call from several threads."""

    def get(self, service: str, path: str, microversion: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Answer the JSON body of GET `path` (with its query, below the endpoint of `service`).

        `service` is the service type of the catalogue (compute, network, identity ...); `path` starts with
        a slash and names the API version where the service's endpoint does not ("/v2.0/ports" of network,
        "/servers/detail?all_tenants=1" of compute, "/v3/projects" of identity).
        `microversion` is the newest one wanted: an older cloud answers with the newest that it has.
        Raises RequestFailed (status, 401, time-out, not in the bundle), naming service and path.
        """
        ...

    def get_all(self, service: str, path: str, key: str, microversion: str | None = None) -> list[Any]:
        """Answer the list under `key` of all pages: `<key>_links`/`links`/`next` are followed to the end."""
        ...

    def catalog(self) -> list[dict[str, Any]]:
        """Answer the service catalogue: name, type, endpoints[{region, interface, url}]."""
        ...


class HostAccess(Protocol):
    """Commands on the hosts of one cloud. Safe to call from several threads."""

    def run(self, host: str, command: str) -> Answer:
        """Run one command and answer what it printed, whatever its exit code.

        Raises HostUnreachable (no session), CommandFailed (timed out; not in the bundle), naming host and command.
        """
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """A question to a database: some columns of a table, of all its rows."""

    database: str
    """What Calipso calls it: neutron or nova. How it is called where it runs, the settings say."""
    name: str
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.database}.{self.name} ({', '.join(self.columns)})"


class DatabaseAccess(Protocol):
    """The databases of one cloud, only to be read. Safe to call from several threads."""

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Answer every row as {column: JSON}, in the order of their canonical JSON; those of all cells together.

        A moment is text, `2026-11-25T20:15:00`. Raises DatabaseFailed (no connection, access denied, no such table or
        column, time-out, not in the bundle), naming database and table.
        """
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """The doors of one environment."""

    cloud: CloudAccess
    hosts: HostAccess
    database: DatabaseAccess | None = None
    """None where nobody gave a way to it: what only it tells is then not looked for."""

    def close(self) -> None:
        """End the sessions that the doors hold, if any."""
        for door in (self.cloud, self.hosts):
            close = getattr(door, "close", None)
            if close is not None:
                close()
