"""Raw answers of APIs, and the one way to read them: the live cloud, a bundle and a recording share it."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from producers.pages import all_pages
from schemas import canonical
from schemas.errors import BadInput, RequestFailed

CATALOG = ("identity", "POST", "/v3/auth/tokens")
"""Service, method and request whose answer holds the service catalogue."""

Version = tuple[int, int]
"""A microversion, as numbers that compare."""

_LATEST: Version = (1 << 30, 0)
_MICROVERSION = re.compile(r"(\d{1,6})\.(\d{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What one service answered to one request, whatever the status."""

    service: str
    method: str
    request: str
    """Path and query, below the service's endpoint."""
    microversion: str | None
    """The one that was wanted."""
    status: int
    body: bytes
    """JSON; kept encoded, so that every reader gets a value of its own."""


class AnsweringCloud(ABC):
    """A CloudAccess that says what it was answered before it is judged, so that it can be recorded."""

    @abstractmethod
    def answer(self, service: str, path: str, microversion: str | None) -> ApiAnswer:
        """Answer a GET, refusals included. Raises RequestFailed when there is no answer."""

    @abstractmethod
    def catalog_answer(self) -> ApiAnswer:
        """Answer the request that holds the service catalogue. Raises RequestFailed when there is none."""

    def get(self, service: str, path: str, microversion: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Answer the JSON body of GET `path` (see CloudAccess)."""
        return body_of(self.answer(service, path, microversion))

    def get_all(self, service: str, path: str, key: str, microversion: str | None = None) -> list[Any]:
        """Answer the list under `key` of all pages (see CloudAccess)."""
        return all_pages(lambda page: self.get(service, page, microversion), service, path, key)

    def catalog(self) -> list[dict[str, Any]]:
        """Answer the service catalogue (see CloudAccess)."""
        body = body_of(self.catalog_answer())
        token = body.get("token") if isinstance(body, dict) else None
        catalog = token.get("catalog") if isinstance(token, dict) else None
        if not isinstance(catalog, list):
            raise RequestFailed("identity POST /v3/auth/tokens: the answer holds no catalogue")
        return catalog

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """End the sessions that are held, if any."""


def body_of(answer: ApiAnswer) -> Any:  # noqa: ANN401 - JSON
    """Answer the JSON of an answer; RequestFailed with the API's reason when it is a refusal or not JSON."""
    what = f"{answer.service} {answer.request}"
    try:
        body = canonical.decode(answer.body)
    except (BadInput, RecursionError) as error:
        raise RequestFailed(f"{what} answered {answer.status} with a body that is {error}") from error
    if not 200 <= answer.status < 300:
        raise RequestFailed(f"{what} answered {answer.status}: {_reason(body)}")
    return body


def parse_microversion(text: str | None) -> Version:
    """Answer a microversion as numbers; none is the lowest, `latest` the highest. Raises BadInput."""
    if text is None:
        return (0, 0)
    if text == "latest":
        return _LATEST
    match = _MICROVERSION.fullmatch(text)
    if match is None:
        raise BadInput(f"'{text}' is not a microversion, such as 2.93")
    return (int(match.group(1)), int(match.group(2)))


def _reason(body: object) -> str:
    """Find what an API said when it refused, in one line: each service wraps it otherwise."""
    values = list(body.values()) if isinstance(body, dict) else [body]
    for value in values:
        reason = value if isinstance(value, str) else _message(value)
        if reason:
            return " ".join(reason.split())[:500]
    return "no reason given"


def _message(value: object) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return ""
    return next((str(value[key]) for key in ("message", "detail", "title") if value.get(key)), "")
