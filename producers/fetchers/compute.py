"""Zones, aggregates, hosts and instances, as Nova names them."""

from collections.abc import Iterator

from producers.fetchers import cloud
from producers.found import Found
from producers.look import Look
from producers.parse import nova
from producers.parse.os_release import parse_os_release, parse_uname
from schemas.canonical import Document
from schemas.neutron import owner


def fetch_zones(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the availability zones of a region, `internal` included."""
    for body in cloud.zones(look):
        yield parent.child("availability_zone", body["zoneName"], nova.availability_zone(body))


def fetch_aggregates(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the host aggregates of a region."""
    for body in look.resources("compute", "/os-aggregates", "aggregates", cloud.COMPUTE_VERSION):
        yield parent.child("aggregate", str(body["id"]), nova.aggregate(body))


def fetch_host_refs(_look: Look, parent: Found) -> Iterator[Found]:
    """Yield the hosts of an aggregate: the aggregate itself says all there is to say."""
    for host in parent.document["hosts"]:
        name = f"aggregate-{parent.document['name']}-{host}"
        yield parent.child("host_ref", name, {"name": host, "host": host})


def fetch_hosts(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the hosts, each below its availability zone, or below the region if it has none."""
    for name, document in cloud.hosts(look).items():
        zone = document["zone"]
        parent_type, parent_id = ("availability_zone", zone) if zone else (parent.type, parent.id)
        yield Found("host", name, parent_type, parent_id, document)


def complete_host(look: Look, host: Found) -> Found:
    """Add `os`: what only the host itself can tell."""
    release = parse_os_release(look.text(host.id, "cat /etc/os-release; arch"))
    kernel = parse_uname(look.text(host.id, "hostname; uname -sr")).get("kernel")
    document = {**host.document, "os": {**release, "kernel": kernel}}
    return Found(host.type, host.id, host.parent_type, host.parent_id, document)


def fetch_instances(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the instances that a host runs."""
    for body in cloud.servers_by_host(look).get(parent.id, []):
        yield parent.child("instance", body["id"], _instance(look, body))


def fetch_homeless_instances(look: Look, _parent: Found) -> Iterator[Found]:
    """Yield the instances that no known host runs (not scheduled, shelved), each below its project."""
    for body in cloud.servers_by_host(look).get("", []):
        yield Found("instance", body["id"], "project", owner(body), _instance(look, body))


def _instance(look: Look, body: Document) -> Document:
    return nova.instance(body, cloud.networks_of_device(look, body["id"]))
