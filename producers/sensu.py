"""Sensu's API, the classic one and that of Sensu Go: is it there, and is it well?

Source: Sensu Core 1.x "Info API" (GET /info); Sensu Go "Health API" (GET /health), "Authentication API" (GET /auth).
"""

import re
from typing import Any, Final

import requests

from producers.secrets import resolve
from producers.settings import MonitoringSettings
from schemas.errors import RequestFailed

_TIMEOUT: Final = 10.0
"""Seconds."""


def well(settings: MonitoringSettings) -> str:
    """Answer in one line what Sensu says of itself. Raises RequestFailed, BadSettings."""
    login = None
    if settings.user is not None and settings.password is not None:
        login = (settings.user, resolve(settings.password).reveal())
    return _classic(settings, login) if settings.type == "sensu" else _go(settings, login)


def _classic(settings: MonitoringSettings, login: tuple[str, str] | None) -> str:
    said = _asked(settings, "/info", login)
    lost = [part for part in ("transport", "redis") if not _table(said, part).get("connected")]
    if lost:
        raise RequestFailed(f"Sensu at {settings.url} is not connected to its {' and '.join(lost)}")
    return f"Sensu {_table(said, 'sensu').get('version', 'of unknown version')}"


def _go(settings: MonitoringSettings, login: tuple[str, str] | None) -> str:
    said = _asked(settings, "/health", None)
    members = said.get("ClusterHealth") or []
    sick = [str(one.get("Name")) for one in members if isinstance(one, dict) and not one.get("Healthy")]
    if sick:
        raise RequestFailed(f"Sensu at {settings.url}: not connected to its members {', '.join(sick)}")
    if login is not None:
        _asked(settings, "/auth", login)
    return f"Sensu Go, {len(members)} members healthy"


def _asked(settings: MonitoringSettings, path: str, login: tuple[str, str] | None) -> dict[str, Any]:
    where = f"GET {settings.url.rstrip('/')}{path}"
    try:
        answer = requests.get(
            f"{settings.url.rstrip('/')}{path}", auth=login, timeout=_TIMEOUT, verify=settings.ca or True
        )
        if answer.status_code != 200:
            raise RequestFailed(f"{where}: status {answer.status_code}")
        document = answer.json()
    except (requests.RequestException, OSError) as error:
        raise RequestFailed(f"{where}: {_reason(error)}") from None
    if not isinstance(document, dict):
        raise RequestFailed(f"{where}: the answer is no object")
    return document


def _reason(error: Exception) -> str:
    """Answer the cause at the bottom of what requests says in many words."""
    text = " ".join(str(error).split())
    found = re.search(r"\[(?:Errno|SSL)[^\]]*\][^'\")]*", text)
    return found[0] if found else text[:200] or type(error).__name__


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}
