"""Rules of a description of an environment: what contradicts itself is refused, naming the key."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calipso.described import KEYS, completed
from producers.kafka_address import KafkaAddress, split_kafka
from producers.rules import check, check_sources
from producers.settings import EnvironmentSettings
from schemas.errors import BadSettings

BUS = "[bus]\nurl = 'amqp://a@h'\npassword = 'env:A'\n"
MONITORING = "[monitoring]\ntype = 'sensu'\nurl = 'http://h:4567'\n"


def settings(text: str) -> EnvironmentSettings:
    return EnvironmentSettings.from_document(tomllib.loads(text), "lab.toml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mechanism_drivers = ['OVS', 'openvswitch']", "'mechanism_drivers' has 'openvswitch', which is none of"),
        ("type_drivers = ['VXLAN']", "'type_drivers' has 'VXLAN', which is none of flat"),
        ("distribution_version = '1'", "'distribution' is missing"),
        ("listen = true", "'bus' is missing"),
        ("monitor = true", "'monitoring' is missing"),
        (f"distribution = 'Stratoscale'\nlisten = true\n{BUS}", "'listen' cannot be: Stratoscale"),
        (
            f"distribution = 'Mercury'\ndistribution_version = '10239'\nmonitor = true\n{MONITORING}",
            "'monitor' cannot be: Mercury 10239",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_naming_file_and_key(text: str, reason: str) -> None:
    with pytest.raises(BadSettings) as caught:
        check(settings(text), "lab.toml")
    assert str(caught.value).startswith(f"lab.toml: {reason}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mechanism_drivers = ['OVN']\ntype_drivers = ['geneve']",
        f"listen = true\nmonitor = true\n{BUS}{MONITORING}",
        f"distribution = 'Mercury'\ndistribution_version = '10918'\nmonitor = true\n{MONITORING}",
        f"distribution = 'of tomorrow'\nlisten = true\n{BUS}",
    ],
)
def test_what_fits_is_taken(text: str) -> None:
    check(settings(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "'cloud' is missing"),
        ("uplinks = ['eth0']", "'cloud' is missing"),
        ("cloud = 'a'", "'ssh.user' is missing"),
    ],
)
def test_an_environment_says_where_to_look(text: str, reason: str) -> None:
    with pytest.raises(BadSettings, match=reason):
        check_sources(settings(text))


@pytest.mark.parametrize("text", [BUS, MONITORING, "cloud = 'a'\n[ssh]\nuser = 'b'"])
def test_one_source_is_enough(text: str) -> None:
    check_sources(settings(text))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("kafka://h:9092", KafkaAddress("h:9092", None, "", ())),
        (
            "kafka://me%40here@a:1,[::1]:9093/prod?security.protocol=SASL_SSL&sasl.mechanism=PLAIN",
            KafkaAddress(
                "a:1,[::1]:9093",
                "me@here",
                "prod",
                (("security.protocol", "SASL_SSL"), ("sasl.mechanism", "PLAIN")),
            ),
        ),
    ],
)
def test_the_url_of_a_bus_on_kafka_says_where_and_how(url: str, address: KafkaAddress) -> None:
    assert split_kafka(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "kafka://h",
        "kafka://",
        "kafka://h:0",
        "kafka://me:planted@h:9092",
        "kafka://h:9092/a/b",
        "kafka://h:9092?sasl.password=planted",
        "kafka://h:9092?group.id=x",
        "kafka://h:9092?nothing",
        "http://h:9092",
    ],
)
def test_a_url_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadSettings, match="is written kafka://") as caught:
        split_kafka(url)
    assert "planted" not in str(caught.value)


VALUES = {str: st.just("OVS"), int: st.just(5), bool: st.booleans(), list: st.just(["OVS"])}


@given(st.sets(st.sampled_from(KEYS)).flatmap(lambda keys: st.fixed_dictionaries({k: VALUES[k.kind] for k in keys})))
def test_options_say_just_their_keys(said: dict) -> None:  # type: ignore[type-arg]  # of Key and any value
    before = EnvironmentSettings().to_document()
    after = completed(before, {key.name: value for key, value in said.items()})
    paths = {key.path: value for key, value in said.items()}
    for path, value in paths.items():
        table, _, inner = path.partition(".")
        assert (after[table][inner] if inner else after[table]) == value
    assert {name for name in after if after[name] != before[name]} <= {path.partition(".")[0] for path in paths}


def test_what_no_option_says_stays() -> None:
    before = {"cloud": "a", "ssh": {"user": "b", "port": 22}, "bus": None}
    after = completed(before, {"ssh_port": 23, "cloud": None, "uplink": []})
    assert after == {"cloud": "a", "ssh": {"user": "b", "port": 23}, "bus": None}
    assert before["ssh"] == {"user": "b", "port": 22}
