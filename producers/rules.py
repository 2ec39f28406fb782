"""What an operator's description of an environment must keep, beyond that each key is of its kind.

What stands on the log already is never judged by this: rules may grow.
"""

from collections.abc import Collection
from typing import Final

from producers.settings import EnvironmentSettings
from producers.support import features
from schemas.errors import BadSettings

MECHANISM_DRIVERS: Final = ("Arista", "LXB", "Nexus", "OVN", "OVS", "SRIOV", "VPP")
TYPE_DRIVERS: Final = ("flat", "geneve", "gre", "local", "vlan", "vxlan")


def check(settings: EnvironmentSettings, source: str = "the settings") -> None:
    """Raise BadSettings, naming source and key, if a description contradicts itself or says what is not there."""
    _check_words(source, "mechanism_drivers", settings.mechanism_drivers, MECHANISM_DRIVERS)
    _check_words(source, "type_drivers", settings.type_drivers, TYPE_DRIVERS)
    if settings.distribution_version is not None and settings.distribution is None:
        raise _bad(source, "distribution", "is missing: 'distribution_version' says nothing without it")
    if settings.listen and settings.bus is None:
        raise _bad(source, "bus", "is missing: 'listen' needs to know where the message bus is")
    if settings.monitor and settings.monitoring is None:
        raise _bad(source, "monitoring", "is missing: 'monitor' needs to know where the monitoring system is")
    _check_support(settings, source)


def check_sources(settings: EnvironmentSettings, source: str = "the settings") -> None:
    """Raise BadSettings, naming source and key, if nothing says where to look, or a scan would lack something."""
    if settings.cloud is not None and settings.ssh is None:
        raise _bad(source, "ssh.user", "is missing: a scan of the cloud asks its hosts over SSH")
    if settings.cloud is None and settings.bus is None and settings.monitoring is None:
        raise _bad(source, "cloud", "is missing: the name of the cloud in clouds.yaml")


def _check_support(settings: EnvironmentSettings, source: str) -> None:
    known = features(settings)
    named = f"{settings.distribution} {settings.distribution_version or ''}".rstrip()
    if settings.listen and not known.listening:
        raise _bad(source, "listen", f"cannot be: {named} has no notifications to listen to")
    if settings.monitor and not known.monitoring:
        raise _bad(source, "monitor", f"cannot be: {named} takes no monitoring clients")


def _check_words(source: str, key: str, found: Collection[str], known: Collection[str]) -> None:
    unknown = [word for word in found if word not in known]
    if unknown:
        raise _bad(source, key, f"has {unknown[0]!r}, which is none of {', '.join(known)}")


def _bad(source: str, key: str, reason: str) -> BadSettings:
    return BadSettings(f"{source}: '{key}' {reason}")
