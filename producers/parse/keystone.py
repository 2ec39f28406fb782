"""Keystone's catalogue and projects as documents."""

from collections.abc import Iterable

from schemas.canonical import Document

NO_REGION = "No-Region"
"""The region of a catalogue that names none."""

_PROJECT_LEFT_OUT = {"id", "links", "options"}


def regions(catalog: Iterable[Document]) -> dict[str, Document]:
    """Answer the regions of the catalogue by name, with `endpoints` {service type: {interface: url}}."""
    found: dict[str, Document] = {}
    for service in catalog:
        for endpoint in service.get("endpoints") or []:
            name = endpoint.get("region_id") or endpoint.get("region") or NO_REGION
            region = found.setdefault(name, {"name": name, "endpoints": {}})
            interfaces = region["endpoints"].setdefault(service["type"], {})
            interfaces[endpoint["interface"]] = endpoint["url"]
    return found


def project(body: Document) -> Document:
    """Answer a project."""
    document = {key: value for key, value in body.items() if key not in _PROJECT_LEFT_OUT}
    return document | {"name": body.get("name") or body["id"], "tags": sorted(body.get("tags") or [])}
