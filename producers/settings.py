"""The settings of one environment: where its cloud and its hosts are, and what a scan cannot find out itself.

As TOML, and as a JSON document on the log. Secrets stand in neither: only references to them (`env:NAME`,
`file:PATH`) or the name of a cloud in clouds.yaml.
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from producers import kafka_address
from producers.secrets import is_reference
from schemas.canonical import Document
from schemas.errors import BadSettings

_T = TypeVar("_T")
_JUMP = re.compile(r"(?:(?P<user>[^@:\s]+)@)?(?P<address>\[[^\]\s]+\]|[^@:\s\[\]]+)(?::(?P<port>\d{1,5}))?")
_BUS = re.compile(r"(?P<scheme>amqps?)://(?P<user>[^@:/\s]+)@(?P<hosts>[^@/?#\s]+)(?:/(?P<vhost>[^?#\s]*))?")
_HTTP = re.compile(r"https?://[^@/?#\s]+(?:/[^@?#\s]*)?")
_MONITORING_TYPES: Final = ("sensu", "sensu-go")
_BUS_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_BUS_FORM: Final = "is written amqp://user@host:port/vhost (amqps for TLS), without the password"


@dataclass(frozen=True, slots=True)
class HostAddress:
    """Where SSH finds one host, when its name alone does not tell; None takes what holds for all hosts."""

    address: str | None = None
    port: int | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class SshSettings:
    """How the hosts are reached."""

    user: str
    port: int = 22
    key: str | None = None
    """A path of a private key, or a reference to one; with neither key nor password, the agent is asked."""
    password: str | None = None
    """A reference; also opens an encrypted key."""
    known_hosts: str = "~/.ssh/known_hosts"
    jump: str | None = None
    """`user@host:port` of a host through which all others are reached; user and port may be left out."""
    hosts: Mapping[str, HostAddress] = field(default_factory=dict)
    """By the host's name in the cloud."""
    sudo: bool = False
    """Run each command by `sudo -n`, for a user other than root."""
    command_timeout_seconds: float = 30.0
    connect_timeout_seconds: float = 10.0
    sessions: int = 8
    """How many commands run at once, over all hosts."""


@dataclass(frozen=True, slots=True)
class BusSettings:
    """How the cloud's message bus (RabbitMQ, or Kafka) is reached, and what is taken from it."""

    url: str
    """`amqp://user@host:port/vhost`, several hosts of a cluster with commas between; `amqps` for TLS.

    Or `kafka://user@host:port,host:port/vhost?security.protocol=SASL_SSL`."""
    password: str | None = None
    """A reference; None only where no user is named."""
    ca: str | None = None
    """A path of the certificates that TLS trusts; None: those that the system trusts."""
    exchanges: tuple[str, ...] = ("nova", "neutron", "keystone", "openstack")
    """`control_exchange` of the services; oslo.messaging calls it openstack where a service names none.

    Kafka has none."""
    topics: tuple[str, ...] = ("notifications", "versioned_notifications")
    queue: str | None = None
    """Durable, of Calipso alone, on Kafka its consumer group; None: `calipso.<environment>`."""

    @property
    def is_kafka(self) -> bool:
        """Answer whether it is Kafka, not RabbitMQ."""
        return self.url.startswith(kafka_address.SCHEME)


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """How the monitoring system is reached."""

    type: str
    """sensu (classic) or sensu-go."""
    url: str
    """`https://host:port` of its API."""
    user: str | None = None
    password: str | None = None
    """A reference."""
    ca: str | None = None
    """A path of the certificates that TLS trusts; None: those that the system trusts."""


@dataclass(frozen=True, slots=True)
class BusAddress:
    """What the URL of a bus says."""

    tls: bool
    user: str
    hosts: tuple[tuple[str, int], ...]
    vhost: str


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """How the databases of Neutron and Nova are reached, for what their APIs do not tell."""

    host: str
    user: str
    """One that may only read (GRANT SELECT) is enough."""
    password: str
    """A reference."""
    port: int = 3306
    ca: str | None = None
    """A path of the certificates that TLS trusts; None: without TLS."""
    neutron: str = "neutron"
    nova: tuple[str, ...] = ("nova",)
    """One for each cell."""
    timeout_seconds: float = 30.0
    """For the connection, and for each answer."""


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """What is known of an environment before it is scanned."""

    cloud: str | None = None
    """The name in clouds.yaml."""
    region: str | None = None
    uplinks: tuple[str, ...] = ()
    """Patterns (fnmatch) of the NICs that lead out of a host; none: physical devices only."""
    mechanism_drivers: tuple[str, ...] = ()
    type_drivers: tuple[str, ...] = ()
    distribution: str | None = None
    distribution_version: str | None = None
    listen: bool = False
    """Whether a listener is to be kept at its message bus."""
    monitor: bool = False
    """Whether its monitoring system is to be asked."""
    ssh: SshSettings | None = None
    bus: BusSettings | None = None
    database: DatabaseSettings | None = None
    monitoring: MonitoringSettings | None = None

    @classmethod
    def from_document(cls, document: Document, source: str = "the settings") -> "EnvironmentSettings":
        """Read a document such as `to_document` writes; keys may be left out.

        Raises BadSettings for an unknown key, a wrong type or a secret, naming `source` and key, no value.
        """
        table = _Table(document, source, "")
        settings = cls(
            cloud=table.text("cloud"),
            region=table.text("region"),
            uplinks=table.texts("uplinks"),
            mechanism_drivers=table.texts("mechanism_drivers"),
            type_drivers=table.texts("type_drivers"),
            distribution=table.text("distribution"),
            distribution_version=table.text("distribution_version"),
            listen=table.flag("listen"),
            monitor=table.flag("monitor"),
            ssh=_ssh(table.table("ssh")),
            bus=_bus(table.table("bus")),
            database=_database(table.table("database")),
            monitoring=_monitoring(table.table("monitoring")),
        )
        table.finish()
        return settings

    @classmethod
    def load(cls, path: Path) -> "EnvironmentSettings":
        """Read a TOML file. Raises BadSettings, naming file and key."""
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadSettings(f"{path}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:
            raise BadSettings(f"{path}: not UTF-8 text") from None
        except tomllib.TOMLDecodeError as error:
            raise BadSettings(f"{path}: not TOML: {error}") from None
        return cls.from_document(document, str(path))

    def to_document(self) -> Document:
        """Answer a JSON document with every key; secrets stand in it as references."""
        document = asdict(self)
        for key in ("uplinks", "mechanism_drivers", "type_drivers"):
            document[key] = list(document[key])
        if self.bus is not None:
            document["bus"] |= {"exchanges": list(self.bus.exchanges), "topics": list(self.bus.topics)}
        if self.database is not None:
            document["database"]["nova"] = list(self.database.nova)
        return document


def split_jump(jump: str) -> tuple[str | None, str, int]:
    """Answer user (or None), address and port of `user@host:port`. Raises BadSettings, without the text."""
    match = _JUMP.fullmatch(jump)
    port = int((match and match.group("port")) or 22)
    if match is None or not 0 < port < 65536:
        raise BadSettings("a jump host is written user@host:port")
    return match.group("user"), match.group("address").strip("[]"), port


def split_bus(url: str) -> BusAddress:
    """Take the URL of a bus apart. Raises BadSettings, without the text: somebody may have put a password there.

    An empty virtual host, or none, is `/`, as OpenStack's services read theirs.
    """
    match = _BUS.fullmatch(url)
    if match is None:
        raise BadSettings(f"a bus {_BUS_FORM}")
    default = _BUS_PORTS[match["scheme"]]
    hosts = tuple(_bus_host(host, default) for host in match["hosts"].split(","))
    vhost = unquote(match["vhost"] or "") or "/"
    return BusAddress(match["scheme"] == "amqps", unquote(match["user"]), hosts, vhost)


def _bus_host(text: str, default: int) -> tuple[str, int]:
    match = _JUMP.fullmatch(text)
    port = default if match is None or match["port"] is None else int(match["port"])
    if match is None or not 0 < port < 65536:
        raise BadSettings(f"a bus {_BUS_FORM}")
    return match["address"].strip("[]"), port


def _bus(table: "_Table | None") -> BusSettings | None:
    if table is None:
        return None
    default = BusSettings(url="", password="")
    url = table.required("url")
    settings = BusSettings(
        url=url,
        password=_bus_password(table, url),
        ca=table.text("ca"),
        exchanges=table.texts("exchanges") or default.exchanges,
        topics=table.texts("topics") or default.topics,
        queue=table.text("queue"),
    )
    table.finish()
    return settings


def _database(table: "_Table | None") -> DatabaseSettings | None:
    if table is None:
        return None
    default = DatabaseSettings(host="", user="", password="")
    settings = DatabaseSettings(
        host=table.required("host"),
        user=table.required("user"),
        password=_required_reference(table),
        port=table.port("port") or default.port,
        ca=table.text("ca"),
        neutron=table.text("neutron") or default.neutron,
        nova=table.texts("nova") or default.nova,
        timeout_seconds=table.seconds("timeout_seconds", default.timeout_seconds),
    )
    table.finish()
    return settings


def _bus_password(table: "_Table", url: str) -> str | None:
    """Answer the reference; it must be there if the URL names a user, which RabbitMQ's always does."""
    is_kafka = url.startswith(kafka_address.SCHEME)
    try:
        user = kafka_address.split_kafka(url).user if is_kafka else split_bus(url).user
    except BadSettings:
        raise table.bad("url", kafka_address.FORM if is_kafka else _BUS_FORM) from None
    return _checked_password(table) if user is None else _required_reference(table)


def _monitoring(table: "_Table | None") -> MonitoringSettings | None:
    if table is None:
        return None
    settings = MonitoringSettings(
        type=table.required("type"),
        url=table.required("url"),
        user=table.text("user"),
        password=_checked_password(table),
        ca=table.text("ca"),
    )
    if settings.type not in _MONITORING_TYPES:
        raise table.bad("type", f"must be {' or '.join(_MONITORING_TYPES)}")
    if not _HTTP.fullmatch(settings.url):
        raise table.bad("url", "is written https://host:port, without user and password")
    if (settings.user is None) != (settings.password is None):
        raise table.bad("password" if settings.password is None else "user", "is missing: they go together")
    table.finish()
    return settings


def _required_reference(table: "_Table") -> str:
    password = _checked_password(table)
    if password is None:
        raise table.bad("password", "is missing")
    return password


def _ssh(table: "_Table | None") -> SshSettings | None:
    if table is None:
        return None
    settings = SshSettings(
        user=table.required("user"),
        port=table.port("port") or 22,
        key=_checked_key(table),
        password=_checked_password(table),
        known_hosts=table.text("known_hosts") or "~/.ssh/known_hosts",
        jump=_checked_jump(table),
        hosts=_hosts(table.table("hosts")),
        sudo=table.flag("sudo"),
        command_timeout_seconds=table.seconds("command_timeout_seconds", 30.0),
        connect_timeout_seconds=table.seconds("connect_timeout_seconds", 10.0),
        sessions=table.count("sessions", 8),
    )
    table.finish()
    return settings


def _hosts(table: "_Table | None") -> dict[str, HostAddress]:
    if table is None:
        return {}
    found = {}
    for name in table.keys():  # noqa: SIM118 - a table is no dict
        host = table.table(name) or _Table({}, table.source, name)
        found[name] = HostAddress(host.text("address"), host.port("port"), host.text("user"))
        host.finish()
    return found


def _checked_password(table: "_Table") -> str | None:
    password = table.text("password")
    if password is not None and not is_reference(password):
        raise table.bad("password", "is a secret: write a reference to it, env:NAME or file:PATH")
    return password


def _checked_key(table: "_Table") -> str | None:
    key = table.text("key")
    if key is not None and ("\n" in key or "PRIVATE KEY" in key):
        raise table.bad("key", "is a secret: write its path or a reference to it, env:NAME or file:PATH")
    return key


def _checked_jump(table: "_Table") -> str | None:
    jump = table.text("jump")
    if jump is not None:
        try:
            split_jump(jump)
        except BadSettings:
            raise table.bad("jump", "is written user@host:port") from None
    return jump


class _Table:
    """The keys of one table, taken one by one; what nobody takes is unknown."""

    def __init__(self, values: Document, source: str, prefix: str) -> None:
        self._values = dict(values)
        self.source = source
        self._prefix = prefix

    def keys(self) -> list[str]:
        return list(self._values)

    def bad(self, key: str, reason: str) -> BadSettings:
        """Answer an error that names the key; the reason must not hold a value, which may be a secret."""
        return BadSettings(f"{self.source}: '{self._prefix}{key}' {reason}")

    def value(self, key: str, kind: type[_T], expected: str) -> _T | None:
        value = self._values.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.bad(key, f"must be {expected}")
        return value

    def flag(self, key: str) -> bool:
        return self.value(key, bool, "true or false") or False

    def text(self, key: str) -> str | None:
        text = self.value(key, str, "text")
        if text == "":
            raise self.bad(key, "must not be empty")
        return text

    def required(self, key: str) -> str:
        text = self.text(key)
        if text is None:
            raise self.bad(key, "is missing")
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        value: Any = self._values.pop(key, None)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
            raise self.bad(key, "must be a list of texts")
        return tuple(value)

    def port(self, key: str) -> int | None:
        port = self.value(key, int, "a number")
        if port is not None and not 0 < port < 65536:
            raise self.bad(key, "must be between 1 and 65535")
        return port

    def count(self, key: str, default: int) -> int:
        number = self.value(key, int, "a number")
        if number is not None and not 0 < number <= 1000:
            raise self.bad(key, "must be between 1 and 1000")
        return default if number is None else number

    def seconds(self, key: str, default: float) -> float:
        value: Any = self._values.pop(key, None)
        if value is None:
            return default
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not (math.isfinite(value) and 0 < value <= 86_400):
            raise self.bad(key, "must be seconds, more than 0 and at most a day")
        return float(value)

    def table(self, key: str) -> "_Table | None":
        value = self.value(key, dict, "a table")
        return None if value is None else _Table(value, self.source, f"{self._prefix}{key}.")

    def finish(self) -> None:
        """Refuse what is left."""
        if self._values:
            raise self.bad(min(map(str, self._values)), "is not a known key")
