"""What a scan finds out itself: the mechanism and type drivers of a cloud."""

from dataclasses import replace

from producers.fetchers import cloud
from producers.look import Look
from producers.settings import EnvironmentSettings
from schemas.errors import BadInput, CouldNotLook

_DRIVERS = {
    "Open vSwitch agent": "OVS",
    "Linux bridge agent": "LXB",
    "NIC Switch agent": "SRIOV",
    "OVN Controller agent": "OVN",
    "OVN Controller Gateway agent": "OVN",
    "VPP agent": "VPP",
}
"""Mechanism driver, in Calipso's word, by Neutron's type of agent."""


def settings_in_force(look: Look) -> EnvironmentSettings:
    """Answer the settings with the drivers that they leave open: those of the agents and networks there are.

    What cannot be found out stays open, with a warning.
    """
    settings = look.settings
    try:
        if not settings.mechanism_drivers:
            settings = replace(settings, mechanism_drivers=_mechanism_drivers(look))
        if not settings.type_drivers:
            settings = replace(settings, type_drivers=_type_drivers(look))
    except (CouldNotLook, BadInput) as error:
        look.warnings.append(f"the drivers of the cloud could not be found out: {error}")
    return settings


def _mechanism_drivers(look: Look) -> tuple[str, ...]:
    types = {agent.get("agent_type") for agent in cloud.agents(look)}
    return tuple(sorted({driver for agent_type, driver in _DRIVERS.items() if agent_type in types}))


def _type_drivers(look: Look) -> tuple[str, ...]:
    types = {network.get("provider:network_type") for network in cloud.networks(look)}
    return tuple(sorted(name for name in types if isinstance(name, str) and name))
