"""The live OpenStack APIs: the only door to openstacksdk, by the conventions of clouds.yaml."""

import logging
import os
import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
import yaml
from keystoneauth1 import exceptions as keystone
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session
from openstack import exceptions as sdk
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion
from openstack.config.loader import CONFIG_FILES, SECURE_FILES

from producers.answers import CATALOG, AnsweringCloud, ApiAnswer, Version, body_of, parse_microversion
from producers.settings import EnvironmentSettings
from schemas import canonical
from schemas.errors import BadInput, BadSettings, RequestFailed

for _name in ("openstack", "keystoneauth"):  # what is worth knowing comes as an error, not on the terminal
    logging.getLogger(_name).addHandler(logging.NullHandler())

_VERSIONED = re.compile(r"/v\d+(\.\d+)?(?=[/?]|$)")
"""Begins a path that names the API version itself."""
_VERSION_AT_END = re.compile(r"/v\d+(\.\d+)?(/[^/]+)?/*$")
"""Ends an endpoint that names a version, with the id of a project or without."""
_NOVA_TODAY = re.compile(r"/v2\.1(/[^/]+)?$")
"""Ends an endpoint of the Nova API that has microversions; catalogues also hold its root or the older /v2."""
_RETRIED = (429, 503)
_T = TypeVar("_T")


class Patience(NamedTuple):
    """How long a request may take and how often it is asked again."""

    timeout_seconds: float = 60.0
    """For the connection and for each wait for a part of an answer, unless clouds.yaml says `api_timeout`."""
    retries: int = 3
    """After a connection error, a 429 or a 503; never after a time-out."""
    longest_wait_seconds: float = 30.0
    """Before asking again, whatever Retry-After says."""


class LiveCloud(AnsweringCloud):
    """The OpenStack APIs of a cloud in clouds.yaml (a CloudAccess). Safe to call from several threads."""

    def __init__(self, settings: EnvironmentSettings, patience: Patience | None = None) -> None:
        """Read clouds.yaml; nothing is asked yet. Raises BadSettings, naming the file or the cloud."""
        self._region = _cloud_region(settings)
        self._patience = patience or Patience()
        self._session = _session(self._region, self._patience)
        self._lock = Lock()
        self._adapters: dict[str, Adapter] = {}
        self._limits: dict[str, Version | None] = {}

    def answer(self, service: str, path: str, microversion: str | None) -> ApiAnswer:
        """Answer a GET, refusals included. Raises RequestFailed when there is no answer, naming both."""
        what = f"{service} {path}"
        url = self._url(service, path, what)
        version = None if microversion is None else self._negotiate(service, microversion)
        response = self._send(what, lambda: self._get(service, url, version))
        return ApiAnswer(service, "GET", path, microversion, response.status_code, _body(response))

    def catalog_answer(self) -> ApiAnswer:
        """Answer the catalogue that came with the token (the token itself stays inside)."""
        catalog = self._translated(" ".join(CATALOG), self._region.get_service_catalog)
        body = {"token": {"catalog": [] if catalog is None else catalog.catalog}}
        return ApiAnswer(*CATALOG, None, 201, canonical.encode(body))

    def close(self) -> None:
        """End the connections."""
        self._session.session.close()

    def _url(self, service: str, path: str, what: str) -> str:
        """Answer the address of a path, whether or not the catalogue's endpoint names a version or a project."""
        endpoint = self._endpoint(service, what)
        if _VERSIONED.match(path):
            return _unversioned(endpoint) + path
        if service == "compute" and not _NOVA_TODAY.search(endpoint):
            return f"{_unversioned(endpoint)}/v2.1{path}"
        return endpoint + path

    def _endpoint(self, service: str, what: str) -> str:
        adapter = self._adapter(service)
        url = self._translated(what, lambda: adapter.get_endpoint(skip_discovery=True))
        if not url:
            raise RequestFailed(f"{what}: the cloud's catalogue has no {service} service")
        return str(url).rstrip("/")

    def _adapter(self, service: str) -> Adapter:
        with self._lock:
            if service not in self._adapters:
                self._adapters[service] = Adapter(
                    self._session,
                    service_type=service,
                    interface=self._region.get_interface(service),
                    region_name=self._region.get_region_name(service),
                    endpoint_override=self._region.get_endpoint(service),
                )
            return self._adapters[service]

    def _negotiate(self, service: str, wanted: str) -> str | None:
        """Answer the newest microversion that the service has and that is wanted; None if it has none at all."""
        with self._lock:
            known = service in self._limits
        if not known:
            newest = self._newest_microversion(service)
            with self._lock:
                self._limits[service] = newest
        newest = self._limits[service]
        if newest is None:
            return None
        chosen = min(newest, parse_microversion(wanted))
        return f"{chosen[0]}.{chosen[1]}"

    def _newest_microversion(self, service: str) -> Version | None:
        """Ask a service which microversions it has: Nova says so below its version, others at their root."""
        what = f"{service} /"
        root = _unversioned(self._endpoint(service, what))
        url = f"{root}/v2.1/" if service == "compute" else f"{root}/"
        response = self._send(what, lambda: self._get(service, url, None))
        status = 200 if response.status_code == 300 else response.status_code
        return _newest(body_of(ApiAnswer(service, "GET", "/", None, status, _body(response))), what)

    def _get(self, service: str, url: str, microversion: str | None) -> requests.Response:
        return self._session.get(
            url,
            raise_exc=False,
            microversion=microversion,
            microversion_service_type=service,
            headers={"Accept": "application/json"},
            connect_retries=0,
        )

    def _send(self, what: str, ask: Callable[[], requests.Response]) -> requests.Response:
        """Ask, and ask again while the service is busy or the connection fails, as long as patience lasts."""
        for attempt in range(self._patience.retries):
            try:
                response = ask()
            except (keystone.ConnectFailure, keystone.UnknownConnectionError):
                time.sleep(self._wait(attempt, None))
                continue
            except keystone.HttpError as error:  # of the token
                if error.http_status not in _RETRIED:
                    raise _failed(what, error) from None
                time.sleep(self._wait(attempt, error.response))
                continue
            except (keystone.ClientException, *_GARBAGE) as error:
                raise _failed(what, error) from None
            if response.status_code not in _RETRIED:
                return response
            time.sleep(self._wait(attempt, response))
        return self._translated(what, ask)

    def _wait(self, attempt: int, response: requests.Response | None) -> float:
        asked = None if response is None else _retry_after(response.headers.get("Retry-After", ""))
        return min(0.5 * 2**attempt if asked is None else asked, self._patience.longest_wait_seconds)

    def _translated(self, what: str, ask: Callable[[], _T]) -> _T:
        try:
            return ask()
        except (keystone.ClientException, *_GARBAGE) as error:
            raise _failed(what, error) from None


_GARBAGE = (ValueError, KeyError, TypeError, AttributeError)
"""What keystoneauth lets out when Keystone's answer is not what it should be."""


def _failed(what: str, error: Exception) -> RequestFailed:
    """Tell why, in one line; keystoneauth's texts hold addresses but neither tokens nor passwords."""
    text = " ".join(str(error).split())[:500]
    if isinstance(error, _GARBAGE):
        text = f"an answer that cannot be read ({type(error).__name__})"
    return RequestFailed(f"{what}: {text or type(error).__name__}")


def _unversioned(endpoint: str) -> str:
    """Answer an endpoint without the version and the project's id that it may end with."""
    parts = urlsplit(endpoint)
    return urlunsplit((parts.scheme, parts.netloc, _VERSION_AT_END.sub("", parts.path).rstrip("/"), "", ""))


def _body(response: requests.Response) -> bytes:
    """Answer the body of a good answer as it came; the one of a refusal as JSON, whatever a proxy made of it."""
    if response.ok:
        return response.content
    try:
        return canonical.encode(canonical.decode(response.content))
    except (BadInput, RecursionError):
        return canonical.encode(response.text[:2000])


def _newest(document: object, what: str) -> Version | None:
    """Read the newest microversion of a version document: `{"version": {}}` or `{"versions": [{}]}`."""
    if not isinstance(document, dict):
        raise RequestFailed(f"{what}: not a document of versions")
    entries = document.get("versions") or [document.get("version")]
    try:
        texts = [entry.get("version") or entry.get("max_version") for entry in entries]
        found = [parse_microversion(text) for text in texts if text]
    except (AttributeError, TypeError, BadInput) as error:
        raise RequestFailed(f"{what}: not a document of versions") from error
    return max(found, default=None)


def _retry_after(text: str) -> float | None:
    """Read Retry-After, seconds or a date; None when it says nothing usable."""
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _session(region: CloudRegion, patience: Patience) -> Session:
    try:
        session = region.get_session()
    except (sdk.SDKException, keystone.ClientException) as error:
        raise BadSettings(f"the cloud '{region.name}': {' '.join(str(error).split())}") from None
    if session.timeout is None:
        session.timeout = patience.timeout_seconds
    return session


def _cloud_region(settings: EnvironmentSettings) -> CloudRegion:
    read = _readable("OS_CLIENT_CONFIG_FILE", CONFIG_FILES)
    _readable("OS_CLIENT_SECURE_FILE", SECURE_FILES)
    what = f"the cloud '{settings.cloud}'" if settings.cloud else "a cloud that is not named"
    where = f"of {read}" if read else "(there is no clouds.yaml)"
    try:
        config = OpenStackConfig(app_name="calipso")
        return config.get_one(cloud=settings.cloud, region_name=settings.region)
    except (sdk.SDKException, keystone.ClientException, *_GARBAGE) as error:
        text = " ".join(str(error).split())[:300]
        reason = f"cannot be used ({type(error).__name__})" if isinstance(error, _GARBAGE) else text
        raise BadSettings(f"{what} {where}: {reason}") from None


def _readable(variable: str, usual: list[str]) -> Path | None:
    """Answer the file that the SDK will read, after checking it: the SDK itself passes over a broken one.

    The complaint of the YAML parser is not repeated: it shows the line, which may hold a password.
    """
    named = os.environ.get(variable)
    if named and not Path(named).is_file():
        raise BadSettings(f"{named}: there is no such file ({variable} names it)")
    path = next((Path(one) for one in ([named] if named else usual) if Path(one).is_file()), None)
    if path is None:
        return None
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise BadSettings(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadSettings(f"{path}: not YAML{'' if mark is None else f' (line {mark.line + 1})'}") from None
    if not isinstance(content, dict) or not isinstance(content.get("clouds"), dict):
        raise BadSettings(f"{path}: has no 'clouds'")
    return path
