"""The settings of the program: read from the environment once, at the composition root, and handed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from producers.secrets import Secret, resolve
from schemas.errors import BadSettings

DEFAULT_LOG = "local:./calipso-data"

_KAFKA: Final = "kafka://HOST:PORT[,HOST:PORT]/TOPIC?partitions=N&replicas=N&security.protocol=..."
_MONGO: Final = "mongodb://[USER@]HOST[:PORT][,...]/DATABASE?password=env:NAME|file:PATH&name=value..."
_MONGO_SECRETS: Final = ("password", "tlsCertificateKeyFilePassword")
_REGISTRY: Final = "https://HOST:PORT, and for a login ?username=NAME&password=env:NAME behind it"
_SECRET_WORDS: Final = ("password", "secret", "pem", "sasl.oauthbearer.config")
"""In the name of an option of Kafka: its value is written as a reference (env:NAME, file:PATH)."""


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where the log lives when it lives on Kafka."""

    bootstrap: str
    topic: str
    partitions: int = 1
    replicas: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    """More options, by name."""

    def resolved(self) -> dict[str, str]:
        """Answer all options, secrets in place: for the client, not to be shown."""
        return {**self.options, **{name: secret.reveal() for name, secret in self.secrets.items()}}


@dataclass(frozen=True, slots=True)
class MongoSettings:
    """Where the history lives when it lives on a MongoDB."""

    uri: str
    """As its client takes it, without a secret."""
    database: str
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    """More options, by name."""

    def resolved(self) -> dict[str, str]:
        """Answer the secret options in plain: for the client, not to be shown."""
        return {name: secret.reveal() for name, secret in self.secrets.items()}


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """Where the schemas are that outside monitors write their alerts by."""

    url: str
    username: str = ""
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the data lives."""

    folder: Path
    """Of the embedded log, of the embedded history, and of the locks and the worker's tables in any case."""
    kafka: KafkaSettings | None = None
    """None: the embedded log."""
    registry: RegistrySettings | None = None
    """None: monitors that frame their alerts as for a schema registry are taken at their word."""

    mongo: MongoSettings | None = None
    """None: the embedded history."""

    @property
    def place(self) -> str:
        """Answer where the log is, in words."""
        return str(self.folder) if self.kafka is None else f"topic {self.kafka.topic} of {self.kafka.bootstrap}"


def read(environ: Mapping[str, str]) -> Settings:
    """Answer the settings; BadSettings names the variable that is wrong, and repeats no secret."""
    log = environ.get("CALIPSO_LOG", DEFAULT_LOG)
    registry = _registry(environ)
    history = environ.get("CALIPSO_HISTORY")
    mongo = _mongo(history, environ) if history is not None and history.startswith(_SCHEMES) else None
    if log.startswith("kafka://"):
        place = DEFAULT_LOG if history is None or mongo is not None else history
        folder = _folder("CALIPSO_HISTORY", place, f"local:FOLDER or {_MONGO.partition('?')[0]}")
        return Settings(folder, _kafka(log, environ), registry, mongo)
    if history is not None and mongo is None:
        raise BadSettings(
            "CALIPSO_HISTORY: the history of an embedded log is in its folder or on a MongoDB: "
            f"write {_MONGO} or leave it out"
        )
    folder = _folder("CALIPSO_LOG", log, "local:FOLDER or kafka://HOST:PORT/TOPIC")
    return Settings(folder, registry=registry, mongo=mongo)


def _folder(variable: str, value: str, form: str) -> Path:
    engine, _, place = value.partition(":")
    if engine != "local" or not place:
        raise BadSettings(f"{variable}={value}: write {form} (default {DEFAULT_LOG})")
    return Path(place).expanduser()


def _kafka(url: str, environ: Mapping[str, str]) -> KafkaSettings:
    """Take the URL apart. It is not repeated in errors: somebody may have written a password in it."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise BadSettings(f"CALIPSO_LOG: write {_KAFKA}, name=value with & between behind the question mark") from None
    topic = parts.path.removeprefix("/")
    if not parts.netloc or "@" in parts.netloc or not topic or "/" in topic or parts.fragment:
        raise BadSettings(f"CALIPSO_LOG: write {_KAFKA}")
    counts = {name: _count(name, options.pop(name, "1")) for name in ("partitions", "replicas")}
    secrets = {
        name: _secret(f"CALIPSO_LOG, {name}", options.pop(name), environ) for name in list(options) if _is_secret(name)
    }
    return KafkaSettings(parts.netloc, topic, **counts, options=options, secrets=secrets)


_SCHEMES: Final = ("mongodb://", "mongodb+srv://")


def _mongo(url: str, environ: Mapping[str, str]) -> MongoSettings:
    """Take the URL apart. It is not repeated in errors: somebody may have written a password in it."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise BadSettings(
            f"CALIPSO_HISTORY: write {_MONGO}, name=value with & between behind the question mark"
        ) from None
    user, _, hosts = parts.netloc.rpartition("@")
    database = parts.path.removeprefix("/")
    if ":" in user:
        raise BadSettings("CALIPSO_HISTORY: a password does not stand in the URL: password=env:NAME or file:PATH")
    if not hosts or not database or set(database) & _NOT_IN_NAMES or parts.fragment:
        raise BadSettings(f"CALIPSO_HISTORY: write {_MONGO}")
    secrets = {name: _secret(f"CALIPSO_HISTORY, {name}", v, environ) for name, v in options if name in _MONGO_SECRETS}
    if "password" in secrets and not user:
        raise BadSettings("CALIPSO_HISTORY: a password without a user: write mongodb://USER@HOST/DATABASE")
    plain = urlencode([(name, value) for name, value in options if name not in _MONGO_SECRETS])
    return MongoSettings(urlunsplit((parts.scheme, parts.netloc, parts.path, plain, "")), database, secrets)


_NOT_IN_NAMES: Final = frozenset('/\\. "$*<>:|?%')
"""Of databases, by MongoDB's documentation ("Naming Restrictions"), and what would have to be quoted in a URL."""


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10_000):
        raise BadSettings(f"CALIPSO_LOG: {name} is a number from 1 to 10000")
    return int(text)


def _is_secret(name: str) -> bool:
    return any(word in name for word in _SECRET_WORDS)


def _secret(where: str, reference: str, environ: Mapping[str, str]) -> Secret:
    try:
        return resolve(reference, environ)
    except BadSettings as error:
        raise BadSettings(f"{where}: {error}") from None


def _registry(environ: Mapping[str, str]) -> RegistrySettings | None:
    """Take the URL of the schema registry apart; not repeated in errors, as above."""
    url = environ.get("CALIPSO_SCHEMA_REGISTRY", "")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        login = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise BadSettings(f"CALIPSO_SCHEMA_REGISTRY: write {_REGISTRY}") from None
    known = login.keys() in (set(), {"username", "password"})
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc or parts.fragment or not known:
        raise BadSettings(f"CALIPSO_SCHEMA_REGISTRY: write {_REGISTRY}")
    base = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if not login:
        return RegistrySettings(base)
    password = _secret("CALIPSO_SCHEMA_REGISTRY, password", login["password"], environ)
    return RegistrySettings(base, login["username"], password)
