"""The vNICs of instances, as libvirt on their host knows them."""

import shlex
from collections.abc import Iterator

from producers.fetchers import cloud
from producers.found import Found
from producers.look import Look, failed
from producers.parse.libvirt import Domain, parse_domain, parse_domain_list

_VANISHED = ("failed to get domain", "Domain not found")


def fetch_instance_vnics(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the vNICs of the instances that a host runs, each below its instance.

    A domain that is no instance of this host (one that migrates to it, or none of Nova's) is left out.
    """
    host = parent.id
    instances = {body["id"] for body in cloud.servers_by_host(look).get(host, [])}
    for name in parse_domain_list(look.text(host, "virsh list --all")):
        domain = _domain(look, host, name)
        if domain is not None and domain.uuid in instances:
            yield from _vnics(host, domain)


def _domain(look: Look, host: str, name: str) -> Domain | None:
    """Answer a domain, None if it went away since it was listed."""
    answer = look.run(host, f"virsh dumpxml {shlex.quote(name)}")
    if answer.exit_code == 0:
        return parse_domain(answer.text)
    if any(text in answer.text for text in _VANISHED):
        return None
    raise failed(answer)


def _vnics(host: str, domain: Domain) -> Iterator[Found]:
    for interface in domain.interfaces:
        device = interface["device"]
        document = {**interface, "name": device, "host": host}
        document |= {"vnic_type": "instance_vnic", "instance_id": domain.uuid}
        yield Found("vnic", f"{host}-{device}", "instance", domain.uuid, document)
