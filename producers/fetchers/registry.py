"""The fetchers by the names that a scan plan calls them by."""

from collections.abc import Callable, Mapping

from producers.fetchers import (
    bridge,
    compute,
    domain,
    linuxbridge,
    namespace,
    network,
    openvswitch,
    ovn,
    pnic,
    records,
    sriov,
    tenancy,
    vpp,
)
from producers.fetchers.contract import Completion, Detail, Planned, Source
from producers.fetchers.guarded import guarded
from producers.found import Found
from producers.look import Look
from schemas import plugins
from schemas.canonical import Document

_SHIPPED: Mapping[str, Source] = {
    "regions": Source("region", tenancy.fetch_regions),
    "projects": Source("project", tenancy.fetch_projects),
    "foreign_projects": Source("project", tenancy.fetch_foreign_projects),
    "availability_zones": Source("availability_zone", compute.fetch_zones),
    "aggregates": Source("aggregate", compute.fetch_aggregates),
    "host_refs": Source("host_ref", compute.fetch_host_refs),
    "hosts": Source("host", compute.fetch_hosts),
    "instances": Source("instance", compute.fetch_instances),
    "homeless_instances": Source("instance", compute.fetch_homeless_instances),
    "networks": Source("network", network.fetch_networks),
    "subnets": Source("subnet", network.fetch_subnets),
    "ports": Source("port", network.fetch_ports),
    "routers": Source("router", network.fetch_routers),
    "floating_ips": Source("floating_ip", network.fetch_floating_ips),
    "trunks": Source("trunk", network.fetch_trunks),
    "network_agents": Source("network_agent", network.fetch_agents),
    "vservices": Source("vservice", namespace.fetch_vservices),
    "vservice_vnics": Source("vnic", namespace.fetch_vservice_vnics),
    "ovn_vservices": Source("vservice", ovn.fetch_vservices),
    "ovn_vservice_vnics": Source("vnic", ovn.fetch_vservice_vnics),
    "instance_vnics": Source("vnic", domain.fetch_instance_vnics),
    "pnics": Source("host_pnic", pnic.fetch_pnics),
    "linux_bridges": Source("vconnector", bridge.fetch_linux_bridges),
    "ovs_bridges": Source("vconnector", openvswitch.fetch_ovs_bridges),
    "vedges": Source("vedge", openvswitch.fetch_vedges),
    "oteps": Source("otep", openvswitch.fetch_oteps),
    "linux_bridge_vedges": Source("vedge", linuxbridge.fetch_vedges),
    "linux_bridge_oteps": Source("otep", linuxbridge.fetch_oteps),
    "vpp_vedges": Source("vedge", vpp.fetch_vedges),
    "vpp_vconnectors": Source("vconnector", vpp.fetch_vconnectors),
    "vpp_pnics": Source("host_pnic", vpp.fetch_pnics),
    "sriov_vedges": Source("vedge", sriov.fetch_vedges),
}


def _checked(name: str, value: object) -> Planned:
    planned = plugins.of_type(Planned)(name, value)
    if not isinstance(planned.entry, dict) or not callable(planned.fetch):
        raise TypeError("a fetcher is a function, with an entry of the plan")
    return planned


ADDED: Mapping[str, Planned] = plugins.loaded(plugins.FETCHERS, _checked, _SHIPPED)
"""Those of plug-ins."""

_PLUGINS: Mapping[str, plugins.Plugin] = {plugin.name: plugin for plugin in plugins.installed(plugins.FETCHERS)}


def _source(name: str, planned: Planned) -> Source:
    return Source(str(planned.entry.get("type")), guarded(_PLUGINS[name], planned.fetch))


FETCHERS: Mapping[str, Source] = {**_SHIPPED, **{name: _source(name, planned) for name, planned in ADDED.items()}}

COMPLETERS: Mapping[str, Completion] = {
    "host_os": Completion(compute.complete_host, ("os",)),
}
"""What may complete the objects of an entry, one by one."""


def _recorded(describe: Callable[[Look, Found], Document], *attributes: str) -> Detail:
    return Detail(describe, attributes, lambda look: look.has_database)


DETAILS: Mapping[str, Detail] = {
    "port_bindings": _recorded(records.port_bindings, "bindings"),
    "provisioning_blocks": _recorded(records.provisioning_blocks, "provisioning_blocks"),
    "router_agents": _recorded(records.router_agents, "l3_agents"),
    "dhcp_agents": _recorded(records.dhcp_agents, "dhcp_agents"),
    "network_info": _recorded(records.network_info, "network_info"),
    "tunnel_registration": _recorded(records.registration, "registered"),
}
"""What another source may add to all objects of an entry."""
