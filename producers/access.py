"""How a scan reaches the world: two questions, asked of a live cloud or of a recorded one alike."""

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
class Access:
    """Both doors of one environment."""

    cloud: CloudAccess
    hosts: HostAccess

    def close(self) -> None:
        """End the sessions that the doors hold, if any."""
        for door in (self.cloud, self.hosts):
            close = getattr(door, "close", None)
            if close is not None:
                close()
