"""What an environment's settings name is tried: its APIs, databases, message bus, monitoring, hosts and OVN."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Final, NoReturn

from producers import sensu
from producers.access import Access, Table
from producers.bus import Bus
from producers.cloud import LiveCloud, Patience
from producers.database import LiveDatabase
from producers.drivers import settings_in_force
from producers.fetchers import cloud, ovn
from producers.kafka_address import split_kafka
from producers.kafka_bus import KafkaBus
from producers.look import Look, Memory, failed
from producers.secrets import resolve
from producers.settings import BusSettings, DatabaseSettings, EnvironmentSettings, SshSettings, split_bus
from producers.ssh import SshHosts
from producers.trial import Trial, Tried, tried
from schemas.canonical import Document
from schemas.errors import BadInput, BusUnreachable, CalipsoError, CommandFailed, CouldNotLook, RequestFailed

_APIS: Final = (
    ("identity", "/v3/projects", "projects"),
    ("compute", "/os-services", "services"),
    ("network", "/v2.0/agents", "agents"),
)
"""Service, a question of it that only who may see the whole cloud is answered, and the list in the answer."""

_TABLES: Final = (Table("neutron", "agents", ("id",)), Table("nova", "services", ("id",)))
_WHO: Final = "hostname; uname -sr"
_DEVICES: Final = "ip -j addr"
_OLD_DEVICES: Final = "ip addr"
"""For an iproute2 that knows no JSON."""
_SWITCHES: Final = {
    "OVS": "ovs-vsctl -f json list Bridge",
    "OVN": "ovs-vsctl -f json list Bridge",
    "VPP": "vppctl show ver",
}
"""What asks the switch of a compute host, by mechanism driver."""


def try_all(environment: str, settings: EnvironmentSettings, seconds: float) -> list[Tried]:
    """Try every source that the settings name, and answer how each went.

    The hosts are those that the cloud's APIs name; if these do not answer, those of `[ssh.hosts]`.
    """
    with ExitStack() as doors:
        api = _api(settings, seconds, doors)
        first = tried(
            [*_of_apis(api), *_of_database(settings), *_of_bus(environment, settings), *_of_monitoring(settings)],
            seconds,
        )
        well = all(one.passed for one in first if one.source == "api")
        return first + tried(_of_hosts(settings, api if well else None, seconds, doors), seconds)


class _Api:
    """The APIs, or why there are none."""

    def __init__(self, door: LiveCloud | None, trouble: CalipsoError | None) -> None:
        self.door = door
        self.trouble = trouble

    def asked(self, service: str, path: str, key: str) -> str:
        if self.door is None:
            raise self.trouble or RequestFailed(f"{service}: no cloud is named")
        return f"{len(self.door.get_all(service, path, key))} {key}"


def _api(settings: EnvironmentSettings, seconds: float, doors: ExitStack) -> _Api | None:
    if settings.cloud is None:
        return None
    try:
        door = LiveCloud(settings, Patience(timeout_seconds=seconds, retries=0))
    except CalipsoError as error:
        return _Api(None, error)
    doors.callback(door.close)
    return _Api(door, None)


def _of_apis(api: _Api | None) -> list[Trial]:
    if api is None:
        return []
    return [Trial("api", service, _later(api.asked, service, path, key)) for service, path, key in _APIS]


def _of_database(settings: EnvironmentSettings) -> list[Trial]:
    database = settings.database
    if database is None:
        return []
    target = f"{database.host}:{database.port}"
    return [Trial("database", target, lambda: _read(database))]


def _read(settings: DatabaseSettings) -> str:
    """Read a small table of each database: that the server lets us in, does not yet let us read."""
    door = LiveDatabase(settings)
    version = door.version()
    found = (f"{len(door.rows(table))} {table.name} of {table.database}" for table in _TABLES)
    return f"{version}, {', '.join(found)}"


def _of_bus(environment: str, settings: EnvironmentSettings) -> list[Trial]:
    bus = settings.bus
    if bus is None:
        return []
    if bus.is_kafka:
        address = split_kafka(bus.url)
        return [Trial("bus", address.bootstrap, _later(_look_for_topics, environment, bus))]
    return [
        Trial("bus", f"{host}:{port}", _later(_look_around, environment, bus, host, port))
        for host, port in split_bus(bus.url).hosts
    ]


def _look_around(environment: str, settings: BusSettings, host: str, port: int) -> str:
    found = Bus(settings, environment, resolve(settings.password or "")).look_around(host, port)
    missing = [name for name in settings.exchanges if name not in found]
    if not found:
        raise BusUnreachable(f"{host}:{port}: none of the exchanges is there: {', '.join(missing)}")
    return f"exchanges {', '.join(found)}" + (f"; not there: {', '.join(missing)}" if missing else "")


def _look_for_topics(environment: str, settings: BusSettings) -> str:
    password = None if settings.password is None else resolve(settings.password)
    bus = KafkaBus(settings, environment, password)
    found = bus.look_around()
    if not found:
        raise BusUnreachable(f"{bus.place}: none of the topics is there: {', '.join(settings.topics)}")
    return f"topics {', '.join(found)}"


def _of_monitoring(settings: EnvironmentSettings) -> list[Trial]:
    monitoring = settings.monitoring
    return [] if monitoring is None else [Trial("monitoring", monitoring.url, lambda: sensu.well(monitoring))]


# Hosts


def _of_hosts(settings: EnvironmentSettings, api: _Api | None, seconds: float, doors: ExitStack) -> list[Trial]:
    if settings.ssh is None:
        return []
    try:
        ssh = SshHosts(_hurried(settings.ssh, seconds))
    except CalipsoError as error:
        return [Trial("host", name, _later(_refuse, error)) for name in settings.ssh.hosts or ("any",)]
    doors.callback(ssh.close)
    if api is not None and api.door is not None:
        look = Look(Access(api.door, ssh), settings, Memory())
        with suppress(CouldNotLook, BadInput):  # then as where the APIs do not answer
            return _of_known_hosts(look, ssh)
    return [Trial("host", name, _later(_host, ssh, name, ())) for name in sorted(settings.ssh.hosts)]


def _of_known_hosts(look: Look, ssh: SshHosts) -> list[Trial]:
    drivers = settings_in_force(look).mechanism_drivers
    hosts = sorted(cloud.hosts(look).items())
    found = [Trial("host", name, _later(_host, ssh, name, _commands(host, drivers))) for name, host in hosts]
    if "OVN" in drivers:
        found += [Trial("ovn", client, _later(_ovn, look, client)) for client in ovn.CLIENTS]
    return found


def _hurried(ssh: SshSettings, seconds: float) -> SshSettings:
    return replace(
        ssh,
        connect_timeout_seconds=min(ssh.connect_timeout_seconds, seconds),
        command_timeout_seconds=min(ssh.command_timeout_seconds, seconds),
        sessions=max(ssh.sessions, 32),
    )


def _commands(host: Document, drivers: Sequence[str]) -> tuple[str, ...]:
    """Answer what a scan will run on such a host and cannot do without."""
    types = set(host["host_type"])
    if "Compute" in types:
        return (_DEVICES, "virsh list --all", *sorted({_SWITCHES[one] for one in drivers if one in _SWITCHES}))
    return (_DEVICES,) if "Network" in types else ()


def _host(ssh: SshHosts, name: str, commands: Sequence[str]) -> str:
    answers = [ssh.run(name, command) for command in (_WHO, *commands)]
    if any(answer.command == _DEVICES and answer.exit_code != 0 for answer in answers):
        answers = [ssh.run(name, _OLD_DEVICES) if one.command == _DEVICES else one for one in answers]
    wrong = [str(failed(answer)) for answer in answers if answer.exit_code != 0]
    if wrong:
        raise CommandFailed("; ".join(wrong))
    tools = ", ".join(command.split()[0] for command in commands)
    return f"lets us in; {tools} work" if tools else "lets us in"


def _ovn(look: Look, client: str) -> str:
    return f"answered on {ovn.host_of(look, client, ovn.CLIENTS[client])}"


def _refuse(error: CalipsoError) -> NoReturn:
    raise error


def _later(ask: Callable[..., str], *words: object) -> Callable[[], str]:
    return lambda: ask(*words)
