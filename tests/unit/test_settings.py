"""Rules of an environment's settings and of secrets."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.secrets import Secret, is_reference, resolve
from producers.settings import (
    BusSettings,
    DatabaseSettings,
    EnvironmentSettings,
    HostAddress,
    MonitoringSettings,
    SshSettings,
    split_bus,
    split_jump,
)
from schemas import canonical
from schemas.errors import BadSettings

PLANTED = "tr0ub4dor&3"

FULL = """
cloud = "production"
region = "RegionOne"
uplinks = ["eth*", "phy-*"]
mechanism_drivers = ["openvswitch"]
type_drivers = ["vxlan", "vlan"]
distribution = "Debian"
distribution_version = "Zed"

[ssh]
user = "calipso"
port = 2222
key = "~/.ssh/id_ed25519"
password = "env:SSH_PASSWORD"
known_hosts = "/etc/calipso/known_hosts"
jump = "me@bastion.example.org:2200"
sudo = true
command_timeout_seconds = 20
connect_timeout_seconds = 2.5
sessions = 4

[ssh.hosts.compute-1]
address = "10.20.0.11"
port = 22
user = "root"

[ssh.hosts."compute-2.example.org"]
"""

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
addresses = st.builds(HostAddress, st.none() | names, st.none() | st.integers(1, 65535), st.none() | names)
ssh_settings = st.builds(
    SshSettings,
    user=names,
    port=st.integers(1, 65535),
    key=st.none() | st.just("~/.ssh/id") | st.just("env:KEY"),
    password=st.none() | st.just("file:/run/secrets/ssh"),
    known_hosts=names,
    jump=st.none() | st.just("me@[fe80::1]:22"),
    hosts=st.dictionaries(names, addresses, max_size=3),
    sudo=st.booleans(),
    command_timeout_seconds=st.floats(0.001, 86_400),
    connect_timeout_seconds=st.floats(0.001, 86_400),
    sessions=st.integers(1, 1000),
)
bus_settings = st.builds(
    BusSettings,
    url=st.sampled_from(["amqps://calipso@one:5671,two/%2Fvhost", "kafka://calipso@one:9093/v?sasl.mechanism=PLAIN"]),
    password=st.just("env:BUS_PASSWORD"),
    ca=st.none() | names,
    exchanges=st.lists(names, min_size=1, max_size=3).map(tuple),
    topics=st.lists(names, min_size=1, max_size=3).map(tuple),
    queue=st.none() | names,
)
database_settings = st.builds(
    DatabaseSettings,
    host=names,
    user=names,
    password=st.just("file:/run/secrets/db"),
    port=st.integers(1, 65535),
    ca=st.none() | names,
    neutron=names,
    nova=st.lists(names, min_size=1, max_size=3).map(tuple),
    timeout_seconds=st.floats(0.001, 86_400),
)
monitoring_settings = st.builds(
    MonitoringSettings,
    type=st.sampled_from(["sensu", "sensu-go"]),
    url=st.just("https://monitor:8080/api"),
    user=st.just("calipso"),
    password=st.just("env:SENSU_PASSWORD"),
    ca=st.none() | names,
)
all_settings = st.builds(
    EnvironmentSettings,
    cloud=st.none() | names,
    region=st.none() | names,
    uplinks=st.lists(names, max_size=3).map(tuple),
    mechanism_drivers=st.lists(names, max_size=3).map(tuple),
    type_drivers=st.lists(names, max_size=3).map(tuple),
    distribution=st.none() | names,
    distribution_version=st.none() | names,
    ssh=st.none() | ssh_settings,
    bus=st.none() | bus_settings,
    database=st.none() | database_settings,
    listen=st.booleans(),
    monitor=st.booleans(),
    monitoring=st.none() | monitoring_settings,
)


@given(all_settings)
def test_settings_survive_the_way_over_the_log(settings: EnvironmentSettings) -> None:
    stored = canonical.encode(settings.to_document())
    assert EnvironmentSettings.from_document(canonical.decode(stored)) == settings


def test_a_file_says_everything(tmp_path: Path) -> None:
    path = tmp_path / "production.toml"
    path.write_text(FULL)
    settings = EnvironmentSettings.load(path)
    assert (settings.cloud, settings.uplinks) == ("production", ("eth*", "phy-*"))
    assert settings.ssh is not None
    assert settings.ssh.hosts == {
        "compute-1": HostAddress("10.20.0.11", 22, "root"),
        "compute-2.example.org": HostAddress(),
    }
    assert (settings.ssh.command_timeout_seconds, settings.ssh.sudo) == (20.0, True)


def test_nothing_needs_to_be_said() -> None:
    assert EnvironmentSettings.from_document({}) == EnvironmentSettings()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("clowd = 'x'", "'clowd' is not a known key"),
        ("cloud = 1", "'cloud' must be text"),
        ("cloud = ''", "'cloud' must not be empty"),
        ("uplinks = 'eth*'", "'uplinks' must be a list of texts"),
        ("uplinks = [1]", "'uplinks' must be a list of texts"),
        ("ssh = 'root'", "'ssh' must be a table"),
        ("[ssh]", "'ssh.user' is missing"),
        ("[ssh]\nuser = 'a'\nport = 0", "'ssh.port' must be between"),
        ("[ssh]\nuser = 'a'\nport = true", "'ssh.port' must be a number"),
        ("[ssh]\nuser = 'a'\nsudo = 1", "'ssh.sudo' must be true or false"),
        ("[ssh]\nuser = 'a'\nsessions = 0", "'ssh.sessions' must be between"),
        ("[ssh]\nuser = 'a'\nconnect_timeout_seconds = nan", "'ssh.connect_timeout_seconds' must be seconds"),
        ("[ssh]\nuser = 'a'\ncommand_timeout_seconds = 0", "'ssh.command_timeout_seconds' must be seconds"),
        ("[ssh]\nuser = 'a'\nhosts = {h = {adress = 'x'}}", "'ssh.hosts.h.adress' is not a known key"),
        ("[ssh]\nuser = 'a'\nhosts = {h = 'x'}", "'ssh.hosts.h' must be a table"),
        ("[ssh]\nuser = 'a'\njump = 'host:99999'", "'ssh.jump' is written user@host:port"),
        ("[bus]\npassword = 'env:A'", "'bus.url' is missing"),
        ("[bus]\nurl = 'amqp://a@h'", "'bus.password' is missing"),
        ("[bus]\nurl = 'http://a@h'\npassword = 'env:A'", "'bus.url' is written amqp://user@host:port/vhost"),
        ("[bus]\nurl = 'amqp://a@h:0'\npassword = 'env:A'", "'bus.url' is written amqp://user@host:port/vhost"),
        ("[bus]\nurl = 'kafka://a@h:1'", "'bus.password' is missing"),
        ("[bus]\nurl = 'kafka://h'", "'bus.url' is written kafka://user@host:port"),
        ("[monitoring]\nurl = 'http://h'", "'monitoring.type' is missing"),
        ("[monitoring]\ntype = 'nagios'\nurl = 'http://h'", "'monitoring.type' must be sensu or sensu-go"),
        ("[monitoring]\ntype = 'sensu'\nurl = 'http://a:b@h'", "'monitoring.url' is written https://host:port"),
        ("[monitoring]\ntype = 'sensu'\nurl = 'http://h'\nuser = 'a'", "'monitoring.password' is missing"),
        ("listen = 'yes'", "'listen' must be true or false"),
        ("[bus]\nurl = 'amqp://a@h'\npassword = 'env:A'\nvhost = '/'", "'bus.vhost' is not a known key"),
        ("[ssh", "not TOML"),
    ],
)
def test_a_wrong_setting_is_refused_naming_file_and_key(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(BadSettings) as caught:
        EnvironmentSettings.load(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"\x00\x01"])
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSettings, match=r"bad\.toml: "):
        EnvironmentSettings.load(path)


@pytest.mark.parametrize(
    "ssh",
    [
        {"password": PLANTED},
        {"key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{PLANTED}\n"},
        {"jump": f"me:{PLANTED}@bastion"},
        {"passphrase": PLANTED},
        {"password": [PLANTED]},
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(ssh: dict[str, Any]) -> None:
    with pytest.raises(BadSettings) as caught:
        EnvironmentSettings.from_document({"ssh": {"user": "root"} | ssh})
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize(
    ("jump", "parts"),
    [
        ("bastion", (None, "bastion", 22)),
        ("me@bastion:2200", ("me", "bastion", 2200)),
        ("me@[fe80::1]", ("me", "fe80::1", 22)),
    ],
)
def test_a_jump_host_is_user_address_and_port(jump: str, parts: tuple[str | None, str, int]) -> None:
    assert split_jump(jump) == parts


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    secret = Secret(PLANTED)
    assert secret.reveal() == PLANTED
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{secret!r}", str([secret])):
        assert PLANTED not in shown
    with pytest.raises(TypeError, match="neither copied nor stored"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_a_secret_is_found_where_its_reference_says(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PLANTED}\n")
    assert resolve("env:PASSWORD", {"PASSWORD": PLANTED}).reveal() == PLANTED
    assert resolve(f"file:{tmp_path}/password", {}).reveal() == PLANTED


@pytest.mark.parametrize("reference", ["env:MISSING", "env:EMPTY", "file:/nowhere/at/all", "file:/"])
def test_a_secret_that_is_not_there_is_named_by_its_reference(reference: str) -> None:
    with pytest.raises(BadSettings, match=reference):
        resolve(reference, {"EMPTY": ""})


def test_a_secret_in_place_of_a_reference_is_not_repeated() -> None:
    assert not is_reference(PLANTED)
    with pytest.raises(BadSettings) as caught:
        resolve(PLANTED, {})
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize("bus", [{"password": PLANTED}, {"url": f"amqp://me:{PLANTED}@host:5672/"}])
def test_a_literal_secret_of_the_bus_is_refused_and_not_repeated(bus: dict[str, Any]) -> None:
    with pytest.raises(BadSettings) as caught:
        EnvironmentSettings.from_document({"bus": {"url": "amqp://me@host/", "password": "env:A"} | bus})
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("amqp://me@host", (False, "me", (("host", 5672),), "/")),
        ("amqp://me@host:5673/", (False, "me", (("host", 5673),), "/")),
        ("amqp://me@host//", (False, "me", (("host", 5672),), "/")),
        ("amqps://me@one,[fe80::1]:5/lab%2Fone", (True, "me", (("one", 5671), ("fe80::1", 5)), "lab/one")),
    ],
)
def test_a_bus_is_user_hosts_and_virtual_host(url: str, parts: tuple[Any, ...]) -> None:
    found = split_bus(url)
    assert (found.tls, found.user, found.hosts, found.vhost) == parts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[database]\nhost = 'h'\nuser = 'u'", "'database.password' is missing"),
        ("[database]\nuser = 'u'\npassword = 'env:P'", "'database.host' is missing"),
        (f"[database]\nhost = 'h'\nuser = 'u'\npassword = '{PLANTED}'", "'database.password' is a secret"),
        ("[database]\nhost = 'h'\nuser = 'u'\npassword = 'env:P'\nnova = 'nova'", "'database.nova' must be a list"),
        ("[database]\nhost = 'h'\nuser = 'u'\npassword = 'env:P'\nname = 'x'", "'database.name' is not a known key"),
    ],
)
def test_a_bad_way_to_the_databases_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(text)
    with pytest.raises(BadSettings, match=reason.replace("'", ".")) as caught:
        EnvironmentSettings.load(path)
    assert PLANTED not in str(caught.value)
