"""The network services that run in the namespaces of a host, and their vNICs."""

from collections.abc import Iterator

from producers.fetchers import cloud
from producers.fetchers import host as on
from producers.found import Found
from producers.look import Look
from producers.parse.ip import Devices, peer
from producers.parse.netns import parse_netns
from schemas.canonical import Document
from schemas.errors import CommandFailed

_DHCP, _ROUTERS, _METADATA = "qdhcp-", ("qrouter-", "snat-"), "ovnmeta-"


def fetch_vservices(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the namespaces of a host: qdhcp-<network>, qrouter-<router>, ovnmeta-<network> and any other."""
    for namespace in _namespaces(look, parent.id):
        document = _vservice(look, namespace)
        document |= {"host": parent.id, "local_service_id": namespace}
        yield parent.child("vservice", _id(parent.id, namespace), document)


def fetch_vservice_vnics(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the vNICs in the namespaces of a host, each below its vservice."""
    host = parent.id
    for namespace in _namespaces(look, host):
        vservice = _id(host, namespace)
        for device, document in _devices(look, host, namespace).items():
            if document["link_type"] == "ether":
                vnic = _vnic(host, vservice, device, document) | _peer(look, host, document)
                yield Found("vnic", f"{host}-{device}", "vservice", vservice, vnic)


def _namespaces(look: Look, host: str) -> list[str]:
    return parse_netns(look.text(host, "ip netns"))


def _id(host: str, namespace: str) -> str:
    return f"{host}-{namespace}"


def _devices(look: Look, host: str, namespace: str) -> Devices:
    """Answer the devices of a namespace, none if it went away since it was listed."""
    try:
        return on.addresses(look, host, namespace)
    except CommandFailed as error:
        if "Cannot open network namespace" in str(error):
            return {}
        raise


def _peer(look: Look, host: str, device: Document) -> Document:
    """Answer the host's end of a device that leads out of its namespace."""
    end = peer(on.devices(look, host), device) if "peer_index" in device else None
    return {} if end is None else {"peer": end}


def _vservice(look: Look, namespace: str) -> Document:
    for prefix, service_type in ((_DHCP, "dhcp"), (_METADATA, "misc")):
        if namespace.startswith(prefix):
            network = namespace.removeprefix(prefix)
            name = cloud.names(look, "networks").get(network) or network
            return {
                "service_type": service_type,
                "name": f"{prefix}{name}",
                "network_id": network,
                "network": [network],
            }
    for prefix in _ROUTERS:
        if namespace.startswith(prefix):
            return _router(look, prefix, namespace.removeprefix(prefix))
    return {"service_type": "misc", "name": namespace, "network": []}


def _router(look: Look, prefix: str, router: str) -> Document:
    """Describe a router's namespace; the one that a distributed router keeps for its SNAT is part of the router."""
    name = cloud.names(look, "routers").get(router) or router
    networks = sorted(cloud.networks_of_device(look, router))
    return {"service_type": "router", "name": f"{prefix}{name}", "router_id": router, "network": networks}


def _vnic(host: str, vservice: str, device: str, document: Document) -> Document:
    kept = {key: document[key] for key in ("mac_address", "addresses", "mtu", "state")}
    return {
        **kept,
        "name": device,
        "device": device,
        "host": host,
        "vnic_type": "vservice_vnic",
        "vservice_id": vservice,
    }
