"""What the options of a command say of an environment: each is one key of its settings."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.canonical import Document


class Key(NamedTuple):
    """An option, and the key of the settings that it gives a value."""

    option: str
    path: str
    """Keys on the way, joined by dots."""
    kind: type
    """str, int, bool; list for an option that may be repeated."""
    metavar: str
    help: str

    @property
    def name(self) -> str:
        """Answer the name of the parameter."""
        return self.option.removeprefix("--").replace("-", "_")


KEYS: Final = (
    Key("--cloud", "cloud", str, "NAME", "Of the cloud in clouds.yaml."),
    Key("--region", "region", str, "NAME", "When the cloud has several."),
    Key("--uplink", "uplinks", list, "PATTERN", "NICs that lead out of a host, such as 'eth*' (repeatable)."),
    Key("--distribution", "distribution", str, "NAME", "Such as Kolla."),
    Key("--distribution-version", "distribution_version", str, "VERSION", "Of it."),
    Key("--mechanism-driver", "mechanism_drivers", list, "DRIVER", "OVS, OVN, LXB, SRIOV, VPP ... (repeatable)."),
    Key("--type-driver", "type_drivers", list, "DRIVER", "vxlan, vlan, flat, gre, geneve (repeatable)."),
    Key("--listen", "listen", bool, "", "Keep a listener at its message bus."),
    Key("--monitor", "monitor", bool, "", "Ask its monitoring system."),
    Key("--ssh-user", "ssh.user", str, "USER", "On the hosts."),
    Key("--ssh-key", "ssh.key", str, "PATH", "Of the private key."),
    Key("--ssh-password", "ssh.password", str, "REFERENCE", "env:NAME or file:PATH; opens the key as well."),
    Key("--ssh-port", "ssh.port", int, "PORT", "Of the hosts."),
    Key("--ssh-known-hosts", "ssh.known_hosts", str, "PATH", "Of the hosts' keys."),
    Key("--ssh-jump", "ssh.jump", str, "USER@HOST:PORT", "Through which all hosts are reached."),
    Key("--ssh-sudo", "ssh.sudo", bool, "", "Run each command by sudo -n."),
    Key("--bus", "bus.url", str, "URL", "amqp://user@host:port/vhost, or kafka://host:port."),
    Key("--bus-password", "bus.password", str, "REFERENCE", "env:NAME or file:PATH."),
    Key("--bus-exchange", "bus.exchanges", list, "NAME", "control_exchange of a service (repeatable)."),
    Key("--bus-topic", "bus.topics", list, "NAME", "Of notifications (repeatable)."),
    Key("--bus-queue", "bus.queue", str, "NAME", "Of Calipso alone."),
    Key("--database", "database.host", str, "HOST", "Of the databases of Neutron and Nova."),
    Key("--database-port", "database.port", int, "PORT", "Of it."),
    Key("--database-user", "database.user", str, "USER", "One that may read is enough."),
    Key("--database-password", "database.password", str, "REFERENCE", "env:NAME or file:PATH."),
    Key("--monitoring", "monitoring.url", str, "URL", "https://host:port of its API."),
    Key("--monitoring-type", "monitoring.type", str, "TYPE", "sensu or sensu-go."),
    Key("--monitoring-user", "monitoring.user", str, "USER", "Of its API."),
    Key("--monitoring-password", "monitoring.password", str, "REFERENCE", "env:NAME or file:PATH."),
)


def completed(before: Document, said: Mapping[str, object]) -> Document:
    """Answer the settings with what the options say, by name of parameter; what they do not say stays."""
    after: Document = {name: dict(v) if isinstance(v, dict) else v for name, v in before.items()}
    for key in KEYS:
        value = said.get(key.name)
        if value is not None and value != []:
            _put(after, key.path.split("."), value)
    return after


def _put(document: Document, path: list[str], value: object) -> None:
    table, key = (document, path[0]) if len(path) == 1 else (document.get(path[0]) or {}, path[1])
    table[key] = list(value) if isinstance(value, list | tuple) else value
    if len(path) > 1:
        document[path[0]] = table
