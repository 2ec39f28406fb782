"""Networks and subnets."""

from projections.inventory import Ref
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler
from projections.notifications.resources import deleted, hosts_of_dhcp, renew_networks, tell, text, told
from schemas import neutron
from schemas.canonical import Document

_PROVIDER = "provider:network_type"
"""Told only to those who may see how a network is made."""


def network_told(draft: Draft) -> None:
    """Write networks; ask how a new one is made if that was not told."""
    for body in told(draft.notification.payload, "network"):
        document = neutron.network(body, _subnets(draft, body["id"]))
        if not document.get("router:external"):
            document.pop("is_default", None)  # a list of networks says it of external ones only
        network = tell(draft, "network", body, Ref("project", neutron.owner(body)), document)
        if network is not None and network.get(_PROVIDER) is None:
            draft.ask(draft.region)


def network_deleted(draft: Draft) -> None:
    """Remove networks with their subnets and ports; ask the hosts that serve them."""
    for network_id in deleted(draft.notification.payload, "network"):
        ref = Ref("network", network_id)
        ports = [obj for obj in draft.children(ref) if obj.type == "port"]
        if draft.get(*ref) is not None:
            draft.ask_hosts(*hosts_of_dhcp(draft, network_id), *(port.get("binding:host_id") for port in ports))
        draft.bury(ref)
        for port in ports:
            renew_networks(draft, port.get("device_id"))


def subnet_told(draft: Draft) -> None:
    """Write subnets and what their networks say of them; ask for the ports and namespaces of DHCP."""
    for body in told(draft.notification.payload, "subnet"):
        network_id = text(body["network_id"])
        subnet = tell(draft, "subnet", body, Ref("network", network_id), neutron.resource(body))
        if subnet is None:
            continue
        _renew(draft, network_id)
        draft.ask(draft.region)
        draft.ask_hosts(*hosts_of_dhcp(draft, network_id))


def subnet_deleted(draft: Draft) -> None:
    """Remove subnets; ask for the ports that had addresses of them, and the namespaces of DHCP."""
    for subnet_id in deleted(draft.notification.payload, "subnet"):
        ref = Ref("subnet", subnet_id)
        subnet = draft.get(*ref)
        draft.bury(ref)
        if subnet is not None:
            _renew(draft, subnet.parent.id)
            draft.ask(draft.region)
            draft.ask_hosts(*hosts_of_dhcp(draft, subnet.parent.id))


def _renew(draft: Draft, network_id: str) -> None:
    """Write again what a network says of its subnets."""
    network = draft.get("network", network_id)
    if network is not None:
        drawn = neutron.network({"id": network_id}, _subnets(draft, network_id))
        draft.change(network, {name: drawn[name] for name in ("subnet_ids", "cidrs")})


def _subnets(draft: Draft, network_id: str) -> list[Document]:
    below = draft.children(Ref("network", network_id))
    return [{"id": obj.id, "cidr": obj.get("cidr")} for obj in below if obj.type == "subnet"]


HANDLERS: dict[str, Handler] = {
    "network.create": network_told,
    "network.update": network_told,
    "network.delete": network_deleted,
    "subnet.create": subnet_told,
    "subnet.update": subnet_told,
    "subnet.delete": subnet_deleted,
}
