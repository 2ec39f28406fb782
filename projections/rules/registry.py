"""The rules that join objects into links, in the order of the way of a packet."""

from projections.rules import (
    floating_ip_port,
    host_pnic_network,
    instance_vnic,
    otep_host_pnic,
    otep_vconnector,
    router_vservice,
    trunk_port,
    vconnector_host_pnic,
    vconnector_vedge,
    vedge_host_pnic,
    vedge_otep,
    vnic_port,
    vnic_vconnector,
    vnic_vedge,
    vservice_vnic,
)
from projections.rules.rule import Rule
from schemas import plugins
from schemas.vocabulary import OBJECT_TYPES

_SHIPPED: tuple[Rule, ...] = (
    instance_vnic.RULE,
    vservice_vnic.RULE,
    vnic_vconnector.RULE,
    vnic_vedge.RULE,
    vconnector_vedge.RULE,
    vconnector_host_pnic.RULE,
    vedge_host_pnic.RULE,
    vedge_otep.RULE,
    otep_vconnector.RULE,
    otep_host_pnic.RULE,
    host_pnic_network.RULE,
    vnic_port.RULE,
    floating_ip_port.RULE,
    router_vservice.RULE,
    trunk_port.RULE,
)


def _checked(name: str, value: object) -> Rule:
    rule = plugins.of_type(Rule)(name, value)
    if rule.link_type != name:
        raise ValueError(f"joins links of the type {rule.link_type!r}")
    if not all(end in OBJECT_TYPES for end in name.split("-")) or name.count("-") != 1:
        raise ValueError("a link type is two types of objects with a dash between")
    if not set(rule.watches) <= set(OBJECT_TYPES) or not rule.depends <= {"source", "target"}:
        raise ValueError("'watches' names types of objects, 'depends' source or target")
    return rule


_ADDED = plugins.loaded(plugins.RULES, _checked, {rule.link_type for rule in _SHIPPED})
RULES: tuple[Rule, ...] = (*_SHIPPED, *_ADDED.values())
