"""The network services that run in the namespaces of a host, and their vNICs."""

from collections.abc import Iterator

from producers.fetchers import cloud
from producers.fetchers import host as on
from producers.found import Found
from producers.look import Look
from producers.parse.ip import Devices
from producers.parse.netns import parse_netns
from schemas.canonical import Document
from schemas.errors import CommandFailed

_DHCP, _ROUTERS = "qdhcp-", ("qrouter-", "snat-")


def fetch_vservices(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the namespaces of a host: qdhcp-<network>, qrouter-<router> and whatever else stands there."""
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
                yield Found("vnic", f"{host}-{device}", "vservice", vservice, _vnic(host, vservice, device, document))


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


def _vservice(look: Look, namespace: str) -> Document:
    if namespace.startswith(_DHCP):
        network = namespace.removeprefix(_DHCP)
        name = _names(look, "networks").get(network) or network
        return {"service_type": "dhcp", "name": f"{_DHCP}{name}", "network_id": network, "network": [network]}
    for prefix in _ROUTERS:
        if namespace.startswith(prefix):
            return _router(look, prefix, namespace.removeprefix(prefix))
    return {"service_type": "misc", "name": namespace, "network": []}


def _router(look: Look, prefix: str, router: str) -> Document:
    """Describe a router's namespace; the one that a distributed router keeps for its SNAT is part of the router."""
    name = _names(look, "routers").get(router) or router
    networks = sorted(cloud.networks_of_device(look, router))
    return {"service_type": "router", "name": f"{prefix}{name}", "router_id": router, "network": networks}


def _names(look: Look, kind: str) -> dict[str, str]:
    rows = {"networks": cloud.networks, "routers": cloud.routers}[kind]
    return look.shared(("names", kind), lambda: {row["id"]: row.get("name", "") for row in rows(look)})


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
