"""Following the pages of a long list, alike for a live cloud and for a recorded one."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from schemas.errors import RequestFailed


def normal_request(path: str) -> str:
    """Answer the path with its query in one order, so that `?a=1&b=2` and `?b=2&a=1` are the same request."""
    plain, _, query_text = path.partition("?")
    query = sorted(parse_qsl(query_text, keep_blank_values=True))
    return plain + "".join(f"\n{key}={value}" for key, value in query)


def all_pages(ask: Callable[[str], Any], service: str, path: str, key: str) -> list[Any]:
    """Answer the list under `key` of the first page and of each page that follows it.

    `ask` answers the JSON of one path; the first path asked is `path` unchanged. Raises RequestFailed when a
    page has no such list, leads to another request, or leads back to a page already read.
    """
    found: list[Any] = []
    seen: set[str] = set()
    following: str | None = path
    while following is not None:
        if normal_request(following) in seen:
            raise RequestFailed(f"{service} {path}: the pages lead round in a circle at {following}")
        seen.add(normal_request(following))
        page = ask(following)
        found += _list_of(page, service, following, key)
        following = _next_path(page, service, path, key)
    return found


def _list_of(page: object, service: str, path: str, key: str) -> list[Any]:
    items = page.get(key) if isinstance(page, dict) else None
    if not isinstance(items, list):
        raise RequestFailed(f"{service} {path}: the answer holds no list '{key}'")
    return items


def _next_path(page: dict[str, Any], service: str, path: str, key: str) -> str | None:
    """Answer the path of the next page: pages of one list differ in the query only.

    The address of a link is the one that the service believes to have, which a proxy may have changed.
    """
    href = _next_link(page, key)
    if not href:
        return None
    asked, target = path.partition("?")[0], urlsplit(href)
    if not target.path.endswith(asked):
        raise RequestFailed(f"{service} {path}: the next page leads to another request, {target.path}")
    return f"{asked}?{target.query}"


def _next_link(page: dict[str, Any], key: str) -> str | None:
    """Find the link in the shape of Nova and Neutron, of Keystone, or of Glance."""
    links = page.get(f"{key}_links")
    if isinstance(links, list):
        nexts = [link.get("href") for link in links if isinstance(link, dict) and link.get("rel") == "next"]
        return next((href for href in nexts if isinstance(href, str)), None)
    links = page.get("links")
    href = links.get("next") if isinstance(links, dict) else page.get("next")
    return href if isinstance(href, str) else None
