"""The fetchers by the names that a scan plan calls them by."""

from collections.abc import Mapping

from producers.fetchers import (
    bridge,
    compute,
    domain,
    namespace,
    network,
    openvswitch,
    ovn,
    pnic,
    tenancy,
)
from producers.fetchers.contract import Completion, Source

FETCHERS: Mapping[str, Source] = {
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
}

COMPLETERS: Mapping[str, Completion] = {
    "host_os": Completion(compute.complete_host, ("os",)),
}
"""What may complete the objects of an entry, one by one."""
