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

RULES: tuple[Rule, ...] = (
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
