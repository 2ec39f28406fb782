"""Rules of the live cloud, by the real openstacksdk against a small OpenStack of HTTP on the loopback."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from producers.access import Access
from producers.bundle import BundleHosts, open_bundle
from producers.cloud import LiveCloud, Patience
from producers.recording import RecordingAccess
from producers.settings import EnvironmentSettings
from schemas.errors import BadSettings, RequestFailed
from tests.e2e.keystone import NOVA, PASSWORD, Cloud, Reply

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:Support for InfluxDB:openstack.warnings.RemovedInSDK60Warning"
    ),  # openstacksdk warns of its own default whenever it reads clouds.yaml
]

IMPATIENT = Patience(timeout_seconds=20.0, retries=2, longest_wait_seconds=0.2)
PORTS = "/v2.0/ports"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Start a cloud whose endpoints look as most do."""
    server = Cloud()
    server.endpoints = {
        "identity": "/identity",
        "network": "/network",
        "compute": "/compute/v2.1",
        "placement": "/placement",
    }
    server.say("/compute/v2.1/", NOVA)
    yield server
    server.stop()


@pytest.fixture
def clouds_yaml(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a clouds.yaml that leads there."""
    path = tmp_path / "clouds.yaml"
    path.write_text(
        "clouds:\n  here:\n    region_name: RegionOne\n    auth:\n"
        f"      auth_url: {cloud.url}/identity/v3\n      username: admin\n      password: '{PASSWORD}'\n"
        "      project_name: admin\n      user_domain_name: Default\n      project_domain_name: Default\n"
    )
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    return path


@pytest.fixture
def live(clouds_yaml: Path) -> Iterator[LiveCloud]:
    """Answer the cloud as it is asked by a scan, with little patience."""
    assert clouds_yaml.exists()
    door = LiveCloud(EnvironmentSettings(cloud="here"), IMPATIENT)
    yield door
    door.close()


def failed(live: LiveCloud, *words: str, path: str = PORTS) -> None:
    """State that a request fails, in one line with the words in it and no secret."""
    with pytest.raises(RequestFailed) as caught:
        live.get("network", path)
    said = str(caught.value)
    assert "\n" not in said
    assert PASSWORD not in said
    assert "token-" not in said
    for word in ("network", path, *words):
        assert word in said


def test_a_request_answers_the_json_of_the_service(cloud: Cloud, live: LiveCloud) -> None:
    cloud.say("/network/v2.0/ports", {"ports": [{"id": "p"}]})
    assert live.get("network", PORTS) == {"ports": [{"id": "p"}]}


@pytest.mark.parametrize(
    ("service", "endpoint", "path", "asked"),
    [
        ("network", "/network", "/v2.0/ports", "/network/v2.0/ports"),
        ("network", "/network/", "/v2.0/ports", "/network/v2.0/ports"),
        ("network", "/network/v2.0", "/v2.0/ports", "/network/v2.0/ports"),
        ("network", "/network/v2.0/", "/v2.0/ports?a=1", "/network/v2.0/ports?a=1"),
        ("network", "", "/v2.0/ports", "/v2.0/ports"),
        ("compute", "/compute/v2.1", "/servers/detail?all_tenants=1", "/compute/v2.1/servers/detail?all_tenants=1"),
        ("compute", "/compute/v2.1/", "/os-services", "/compute/v2.1/os-services"),
        ("compute", "/compute/v2.1/0123abcd", "/os-services", "/compute/v2.1/0123abcd/os-services"),
        ("compute", "/compute", "/os-services", "/compute/v2.1/os-services"),
        ("compute", "/compute/v2/0123abcd", "/os-services", "/compute/v2.1/os-services"),
        ("identity", "/identity", "/v3/projects", "/identity/v3/projects"),
        ("identity", "/identity/v3/", "/v3/projects", "/identity/v3/projects"),
        ("identity", "/identity/v2.0", "/v3/projects", "/identity/v3/projects"),
        ("image", "/image", "/v2/images", "/image/v2/images"),
        ("placement", "/placement", "/resource_providers", "/placement/resource_providers"),
    ],
)
def test_an_endpoint_may_name_a_version_and_a_project_or_not(
    cloud: Cloud, live: LiveCloud, service: str, endpoint: str, path: str, asked: str
) -> None:
    cloud.endpoints[service] = endpoint
    cloud.say(asked, {"found": True})
    assert live.get(service, path) == {"found": True}


@pytest.mark.parametrize(
    ("wanted", "sent"), [("2.50", "2.50"), ("2.93", "2.93"), ("2.99", "2.93"), ("latest", "2.93"), (None, None)]
)
def test_the_newest_microversion_that_is_wanted_and_there_is_sent(
    cloud: Cloud, live: LiveCloud, wanted: str | None, sent: str | None
) -> None:
    cloud.say("/compute/v2.1/os-services", {"services": []})
    for _ in range(2):
        assert live.get("compute", "/os-services", wanted) == {"services": []}
    header = cloud.header("/compute/v2.1/os-services", "OpenStack-API-Version")
    assert header == (None if sent is None else f"compute {sent}")
    assert cloud.count("/compute/v2.1/") == (0 if wanted is None else 1)


def test_a_service_says_its_microversions_at_its_root(cloud: Cloud, live: LiveCloud) -> None:
    versions = [{"id": "v1.0", "max_version": "1.39", "min_version": "1.0"}]
    cloud.say("/placement/", Reply({"versions": versions}, 300))
    cloud.say("/placement/traits", {"traits": []})
    assert live.get("placement", "/traits", "1.99") == {"traits": []}
    assert cloud.header("/placement/traits", "OpenStack-API-Version") == "placement 1.39"


def test_a_service_without_microversions_is_sent_none(cloud: Cloud, live: LiveCloud) -> None:
    cloud.say("/compute/v2.1/", {"version": {"id": "v2.1", "version": "", "min_version": ""}})
    cloud.say("/compute/v2.1/os-services", {"services": []})
    assert live.get("compute", "/os-services", "2.93") == {"services": []}
    assert cloud.header("/compute/v2.1/os-services", "OpenStack-API-Version") is None


@pytest.mark.parametrize("said", [[], {"version": 7}, {"versions": [{"version": "new"}]}, Reply({}, 500)])
def test_microversions_that_cannot_be_read_are_a_failed_request_not_an_old_answer(
    cloud: Cloud, live: LiveCloud, said: Any
) -> None:
    cloud.say("/compute/v2.1/", said)
    cloud.say("/compute/v2.1/os-services", {"services": []})
    with pytest.raises(RequestFailed, match="compute /"):
        live.get("compute", "/os-services", "2.93")


def test_the_pages_of_neutron_are_followed_and_the_first_is_asked_as_it_is(cloud: Cloud, live: LiveCloud) -> None:
    following = f"{cloud.url}/network/v2.0/ports?marker=a"
    links = [{"rel": "previous", "href": "x"}, {"rel": "next", "href": following}]
    cloud.say("/network/v2.0/ports", {"ports": ["a"], "ports_links": links})
    cloud.say("/network/v2.0/ports?marker=a", {"ports": ["b"], "ports_links": links[:1]})
    assert live.get_all("network", PORTS, "ports") == ["a", "b"]


def test_the_pages_of_nova_keep_the_microversion(cloud: Cloud, live: LiveCloud) -> None:
    first = "/servers/detail?all_tenants=1"
    following = "http://internal:8774/v2.1/servers/detail?all_tenants=1&marker=a"
    cloud.say(f"/compute/v2.1{first}", {"servers": ["a"], "servers_links": [{"rel": "next", "href": following}]})
    cloud.say(f"/compute/v2.1{first}&marker=a", {"servers": ["b"]})
    assert live.get_all("compute", first, "servers", "2.50") == ["a", "b"]
    assert cloud.header(f"/compute/v2.1{first}&marker=a", "OpenStack-API-Version") == "compute 2.50"


def test_pages_in_a_circle_are_a_failed_request(cloud: Cloud, live: LiveCloud) -> None:
    body = {"ports": [1], "ports_links": [{"rel": "next", "href": f"{cloud.url}{PORTS}?marker=a"}]}
    cloud.say("/network/v2.0/ports", body)
    cloud.say("/network/v2.0/ports?marker=a", body)
    with pytest.raises(RequestFailed, match="in a circle"):
        live.get_all("network", PORTS, "ports")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, {"NeutronError": {"type": "X", "message": "not\nallowed"}}, "answered 403: not allowed"),
        (404, {"itemNotFound": {"code": 404, "message": "gone"}}, "answered 404: gone"),
        (500, b"<html>\n<h1>Internal Server Error</h1></html>", "Internal Server Error"),
        (500, b"\xff\x00", "answered 500"),
        (502, b"", "answered 502: no reason given"),
        (409, {"errors": [{"status": 409, "detail": "busy"}]}, "answered 409: busy"),
    ],
)
def test_a_refusal_is_told_with_its_status_and_reason(
    cloud: Cloud, live: LiveCloud, status: int, body: Any, reason: str
) -> None:
    cloud.say("/network/v2.0/ports", Reply(body, status))
    failed(live, reason)
    assert cloud.count("/network/v2.0/ports") == 1


@pytest.mark.parametrize("body", [b"<html>login</html>", b'{"ports": [', b"", b"\x00\xff", b"[" * 100_000])
def test_an_answer_that_is_no_json_is_a_failed_request(cloud: Cloud, live: LiveCloud, body: bytes) -> None:
    cloud.say("/network/v2.0/ports", Reply(body))
    failed(live, "answered 200")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(cloud: Cloud, live: LiveCloud, status: int) -> None:
    busy = Reply({"error": {"message": "slow down"}}, status, {"Retry-After": "0"})
    cloud.say("/network/v2.0/ports", busy, busy, {"ports": []})
    assert live.get("network", PORTS) == {"ports": []}
    assert cloud.count("/network/v2.0/ports") == 3


def test_a_service_that_stays_busy_is_given_up(cloud: Cloud, live: LiveCloud) -> None:
    cloud.say("/network/v2.0/ports", Reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "0"}))
    failed(live, "answered 429: slow down")
    assert cloud.count("/network/v2.0/ports") == 3


@pytest.mark.parametrize("after", ["3600", formatdate(time.time() + 3600, usegmt=True), "soon"])
def test_patience_has_an_end_whatever_a_service_asks_for(cloud: Cloud, live: LiveCloud, after: str) -> None:
    cloud.say("/network/v2.0/ports", Reply({}, 503, {"Retry-After": after}), {"ports": []})
    started = time.monotonic()
    assert live.get("network", PORTS) == {"ports": []}
    assert time.monotonic() - started < 60


def test_an_answer_that_breaks_off_is_asked_for_again(cloud: Cloud, live: LiveCloud) -> None:
    broken = Reply({"ports": [1]})
    broken.cut = True
    cloud.say("/network/v2.0/ports", broken, {"ports": []})
    assert live.get("network", PORTS) == {"ports": []}


def test_an_answer_that_always_breaks_off_is_a_failed_request(cloud: Cloud, live: LiveCloud) -> None:
    broken = Reply({"ports": [1]})
    broken.cut = True
    cloud.say("/network/v2.0/ports", broken)
    failed(live)


def test_a_service_that_hangs_is_given_up_in_time_and_not_asked_again(cloud: Cloud, clouds_yaml: Path) -> None:
    assert clouds_yaml.exists()
    live = LiveCloud(EnvironmentSettings(cloud="here"), IMPATIENT._replace(timeout_seconds=2.0))
    cloud.say("/network/v2.0/ports", Reply({"ports": []}, after=10))
    started = time.monotonic()
    failed(live, "timed out")
    live.close()
    assert time.monotonic() - started < 10
    assert cloud.count("/network/v2.0/ports") == 1


def test_a_service_that_is_not_there_is_a_failed_request(cloud: Cloud, live: LiveCloud) -> None:
    with pytest.raises(RequestFailed, match="dns /v2/zones"):
        live.get("dns", "/v2/zones")
    assert cloud.tokens == 1


def test_an_expired_token_is_renewed(cloud: Cloud, live: LiveCloud) -> None:
    cloud.say("/network/v2.0/ports", {"ports": []})
    live.get("network", PORTS)
    cloud.expired.add("token-1")
    assert live.get("network", PORTS) == {"ports": []}
    assert cloud.tokens == 2


def test_a_token_that_is_always_refused_is_a_failed_request(cloud: Cloud, live: LiveCloud) -> None:
    cloud.say("/network/v2.0/ports", {"ports": []})
    cloud.expired = {f"token-{i}" for i in range(10)}
    failed(live, "answered 401: expired")


def test_a_wrong_password_is_a_failed_request(clouds_yaml: Path) -> None:
    clouds_yaml.write_text(clouds_yaml.read_text().replace(PASSWORD, "open-barley"))
    live = LiveCloud(EnvironmentSettings(cloud="here"), IMPATIENT)
    failed(live, "wrong password")
    with pytest.raises(RequestFailed, match="wrong password"):
        live.catalog()
    live.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<html>", 201, {"X-Subject-Token": "token-x"}),
        Reply({}, 201, {"X-Subject-Token": "token-x"}),
        Reply({"token": []}, 201, {"X-Subject-Token": "token-x"}),
        Reply({"token": {}}, 201),
        Reply({"error": {"message": "broken"}}, 500),
        Reply({"error": {"message": "busy"}}, 503, {"Retry-After": "0"}),
    ],
)
def test_a_keystone_that_talks_nonsense_is_a_failed_request(cloud: Cloud, live: LiveCloud, reply: Reply) -> None:
    cloud.token_reply = lambda: reply
    failed(live)


def test_a_cloud_that_is_down_is_a_failed_request(cloud: Cloud, clouds_yaml: Path) -> None:
    clouds_yaml.write_text(clouds_yaml.read_text().replace(cloud.url, "http://127.0.0.1:1"))
    live = LiveCloud(EnvironmentSettings(cloud="here"), IMPATIENT)
    failed(live, "127.0.0.1")
    live.close()


def test_a_region_that_clouds_yaml_does_not_know_is_refused(clouds_yaml: Path) -> None:
    with pytest.raises(BadSettings, match="Region Mars") as caught:
        LiveCloud(EnvironmentSettings(cloud="here", region="Mars"))
    assert str(clouds_yaml) in str(caught.value)


def test_the_region_of_the_settings_is_the_one_that_is_asked(cloud: Cloud, clouds_yaml: Path) -> None:
    clouds_yaml.write_text(clouds_yaml.read_text().replace("region_name: RegionOne", "verify: false"))
    cloud.say("/network/v2.0/ports", {"ports": []})
    there = LiveCloud(EnvironmentSettings(cloud="here", region="RegionOne"), IMPATIENT)
    assert there.get("network", PORTS) == {"ports": []}
    there.close()
    elsewhere = LiveCloud(EnvironmentSettings(cloud="here", region="Mars"), IMPATIENT)
    failed(elsewhere, "Mars")
    elsewhere.close()


@pytest.mark.parametrize(
    ("cloud_name", "content", "reason"),
    [
        ("nowhere", None, "nowhere"),
        ("here", "clouds: [", "not YAML"),
        ("here", "clouds:\n  here:\n    auth: {password: tr0ub4dor&3, 'x\n", "not YAML"),
        ("here", "\0\1\2", "not YAML"),
        ("here", "", "has no 'clouds'"),
        ("here", "clouds: 7", "has no 'clouds'"),
        ("here", "clouds: {here: {auth_type: psychic, auth: {}}}", "psychic"),
        ("here", "clouds: {here: {auth: {username: admin}}}", "here"),
        ("here", "clouds: {here: 7}", "here"),
        ("here", "clouds: {here: {auth: 7}}", "here"),
        (None, "clouds: {}", "cloud"),
    ],
)
def test_a_wrong_clouds_yaml_is_refused_in_one_line(
    clouds_yaml: Path, cloud_name: str | None, content: str | None, reason: str
) -> None:
    if content is not None:
        clouds_yaml.write_text(content)
    with pytest.raises((BadSettings, RequestFailed)) as caught:
        LiveCloud(EnvironmentSettings(cloud=cloud_name), IMPATIENT).get("network", PORTS)
    assert "\n" not in str(caught.value)
    assert reason in str(caught.value)
    assert "tr0ub4dor" not in str(caught.value)


def test_a_clouds_yaml_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "missing.yaml"))
    with pytest.raises(BadSettings, match=r"missing\.yaml: there is no such file"):
        LiveCloud(EnvironmentSettings(cloud="here"))


def test_many_threads_share_one_token(cloud: Cloud, live: LiveCloud) -> None:
    for i in range(20):
        cloud.say(f"/compute/v2.1/servers/{i}", {"server": i})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: live.get("compute", f"/servers/{i}", "2.93")["server"], range(20)))
    assert found == list(range(20))
    assert cloud.tokens == 1


def test_a_recording_of_the_live_cloud_answers_the_same(cloud: Cloud, live: LiveCloud, tmp_path: Path) -> None:
    href = f"{cloud.url}/network/v2.0/ports?marker=a"
    cloud.say("/network/v2.0/ports", {"ports": ["a"], "ports_links": [{"rel": "next", "href": href}]})
    cloud.say("/network/v2.0/ports?marker=a", {"ports": ["b"]})
    cloud.say("/network/v2.0/agents", Reply(b"<html>Forbidden</html>", 403))
    cloud.say("/compute/v2.1/os-services", {"services": [{"id": 1}]})
    recording = RecordingAccess(Access(live, BundleHosts(tmp_path, [])), tmp_path / "bundle")
    answers = [_ask(recording), _ask(open_bundle(tmp_path / "bundle"))]
    assert answers[0] == answers[1]
    assert "token-1" not in "".join(path.read_text() for path in tmp_path.rglob("*.json"))


def _ask(access: Access) -> str:
    with pytest.raises(RequestFailed) as refusal:
        access.cloud.get("network", "/v2.0/agents")
    answers = [
        access.cloud.get_all("network", PORTS, "ports"),
        access.cloud.get("compute", "/os-services", "2.99"),
        access.cloud.catalog(),
        str(refusal.value),
    ]
    return json.dumps(answers)
