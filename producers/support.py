"""What is known not to work on some distributions. Nothing is known against a distribution that is not named here."""

from typing import Final, NamedTuple

from producers.settings import EnvironmentSettings


class Features(NamedTuple):
    """What can be done with an environment, beside scanning it."""

    listening: bool = True
    monitoring: bool = True


_ALL: Final = Features()
_EXCEPTIONS: Final[dict[tuple[str, str | None], Features]] = {
    ("Stratoscale", None): Features(listening=False),
    ("Mercury", "10239"): Features(monitoring=False),
    ("Mercury", "10307"): Features(monitoring=False),
}
"""By distribution, and version or None for each version."""


def features(settings: EnvironmentSettings) -> Features:
    """Answer what can be done with such an environment."""
    if settings.distribution is None:
        return _ALL
    exact = (settings.distribution, settings.distribution_version)
    return _EXCEPTIONS.get(exact) or _EXCEPTIONS.get((settings.distribution, None), _ALL)
