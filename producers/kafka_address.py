"""The URL of a message bus that is Kafka: `kafka://user@host:port,host:port/vhost?security.protocol=SASL_SSL`."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from schemas.errors import BadSettings

SCHEME: Final = "kafka://"
FORM: Final = (
    "is written kafka://user@host:port,host:port/vhost?name=value, without the password; user and vhost may be left out"
)
_OURS: Final = ("security.", "sasl.", "ssl.", "socket.")
_NEVER: Final = ("password", "secret", "pem", "sasl.username", "ssl.ca.location", "oauthbearer.config")


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """What the URL of a bus on Kafka says."""

    bootstrap: str
    user: str | None
    vhost: str
    """What oslo.messaging appends to each topic's name behind a dot; may be empty."""
    options: tuple[tuple[str, str], ...]
    """Of the connection, as librdkafka names them."""


def split_kafka(url: str) -> KafkaAddress:
    """Take the URL apart. Raises BadSettings, without the text: somebody may have put a password there."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise BadSettings(f"a bus {FORM}") from None
    user, _, hosts = parts.netloc.rpartition("@")
    vhost = parts.path.removeprefix("/")
    if not url.startswith(SCHEME) or ":" in user or parts.fragment or "/" in vhost or not _are_hosts(hosts):
        raise BadSettings(f"a bus {FORM}")
    for name, _value in options:
        if not name.startswith(_OURS) or any(word in name for word in _NEVER):
            raise BadSettings(f"a bus {FORM}")
    return KafkaAddress(hosts, unquote(user) or None, unquote(vhost), tuple(options))


def _are_hosts(text: str) -> bool:
    return all(_is_host(host) for host in text.split(","))


def _is_host(text: str) -> bool:
    name, _, port = text.rpartition(":")
    return bool(name) and port.isascii() and port.isdigit() and 0 < int(port) < 65536
