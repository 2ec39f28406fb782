"""Regions and projects: what stands directly below the environment."""

from collections.abc import Iterator

from producers.fetchers import cloud
from producers.found import Found
from producers.look import Look
from producers.parse import keystone
from schemas.errors import RequestFailed
from schemas.neutron import NO_PROJECT


def fetch_regions(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the one region that the environment looks at.

    Raises RequestFailed when the catalogue does not tell which: one environment is one region.
    """
    regions = keystone.regions(look.catalog())
    wanted = look.settings.region or (next(iter(regions)) if len(regions) == 1 else None)
    if wanted not in regions:
        names = ", ".join(sorted(regions)) or "none"
        what = "names none of them" if wanted is None else f"says {wanted}"
        raise RequestFailed(f"the catalogue has the regions {names}; the environment's setting 'region' {what}")
    yield parent.child("region", wanted, regions[wanted])


def fetch_projects(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the projects that Keystone knows."""
    for body in cloud.projects(look):
        yield parent.child("project", body["id"], keystone.project(body))


def fetch_foreign_projects(look: Look, parent: Found) -> Iterator[Found]:
    """Yield the projects that own something although Keystone does not know them (any more)."""
    known = {body["id"] for body in cloud.projects(look)}
    for owner in sorted(cloud.owners(look) - known):
        name = "(no project)" if owner == NO_PROJECT else owner
        yield parent.child("project", owner, {"name": name, "enabled": None, "description": "not in Keystone"})
