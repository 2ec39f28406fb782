"""Rules of the settings that say where the data lives."""

from pathlib import Path

import pytest

from calipso.settings import KafkaSettings, read
from schemas.errors import BadSettings

PLANTED = "tr0ub4dor"


def test_the_embedded_log_is_the_default() -> None:
    assert (read({}).folder, read({}).kafka) == (Path("calipso-data"), None)
    assert read({"CALIPSO_LOG": "local:/somewhere"}).folder == Path("/somewhere")


def test_a_log_on_kafka_is_brokers_topic_and_options() -> None:
    settings = read(
        {
            "CALIPSO_LOG": "kafka://one:9092,two:9092/calipso.events?partitions=4&replicas=3&ssl.ca.location=%2Fetc%2Fca",
            "CALIPSO_HISTORY": "local:/var/lib/calipso",
        }
    )
    assert settings.folder == Path("/var/lib/calipso")
    assert settings.kafka == KafkaSettings(
        "one:9092,two:9092", "calipso.events", partitions=4, replicas=3, options={"ssl.ca.location": "/etc/ca"}
    )
    assert settings.place == "topic calipso.events of one:9092,two:9092"


def test_a_history_stands_in_the_default_folder_unless_told() -> None:
    assert read({"CALIPSO_LOG": "kafka://one:9092/events"}).folder == Path("calipso-data")


def test_a_secret_of_the_connection_is_found_where_its_reference_says() -> None:
    settings = read({"CALIPSO_LOG": "kafka://one:9092/events?sasl.password=env:WORD", "WORD": PLANTED})
    assert settings.kafka is not None
    assert settings.kafka.secrets["sasl.password"].reveal() == PLANTED
    assert settings.kafka.options == {}
    assert PLANTED not in repr(settings)


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("mysql://here", "write local:FOLDER or kafka://HOST:PORT/TOPIC"),
        ("local:", "write local:FOLDER"),
        ("kafka://one:9092", "write kafka://"),
        ("kafka://one:9092/", "write kafka://"),
        ("kafka:///events", "write kafka://"),
        ("kafka://one:9092/a/b", "write kafka://"),
        (f"kafka://me:{PLANTED}@one:9092/events", "write kafka://"),
        (f"kafka://one:9092/events?{PLANTED}", "name=value"),
        (f"kafka://[{PLANTED}/events", "write kafka://"),
        (f"kafka://one:9092/events?sasl.password={PLANTED}", "sasl.password: a secret is written as a reference"),
        (f"kafka://one:9092/events?ssl.key.pem={PLANTED}", "ssl.key.pem: a secret is written as a reference"),
        ("kafka://one:9092/events?sasl.password=env:NOWHERE", "env:NOWHERE is empty or not set"),
        ("kafka://one:9092/events?partitions=0", "partitions is a number from 1"),
        ("kafka://one:9092/events?replicas=many", "replicas is a number from 1"),
    ],
)
def test_a_wrong_place_is_refused_and_no_secret_repeated(log: str, told: str) -> None:
    with pytest.raises(BadSettings) as refused:
        read({"CALIPSO_LOG": log})
    assert "CALIPSO_LOG" in str(refused.value)
    assert told in str(refused.value)
    assert PLANTED not in str(refused.value)


def test_the_folder_of_a_history_must_be_one_and_be_meant() -> None:
    with pytest.raises(BadSettings, match="CALIPSO_HISTORY=mysql://x: write local:FOLDER or mongodb://"):
        read({"CALIPSO_LOG": "kafka://one:9092/events", "CALIPSO_HISTORY": "mysql://x"})
    with pytest.raises(BadSettings, match="CALIPSO_HISTORY: the history of an embedded log"):
        read({"CALIPSO_LOG": "local:/x", "CALIPSO_HISTORY": "local:/y"})


def test_a_history_on_mongodb_goes_with_either_log() -> None:
    history = "mongodb://calipso@one:27017,two/topology?authSource=admin&tls=true&password=env:WORD&replicaSet=r"
    for log, folder in (("kafka://one:9092/events", "calipso-data"), ("local:/x", "/x")):
        settings = read({"CALIPSO_LOG": log, "CALIPSO_HISTORY": history, "WORD": PLANTED})
        assert settings.folder == Path(folder)
        assert settings.mongo is not None
        assert settings.mongo.uri == "mongodb://calipso@one:27017,two/topology?authSource=admin&tls=true&replicaSet=r"
        assert settings.mongo.database == "topology"
        assert settings.mongo.resolved() == {"password": PLANTED}
        assert PLANTED not in repr(settings)
    found = read({"CALIPSO_HISTORY": "mongodb+srv://cluster.example/topology"}).mongo
    assert found is not None
    assert (found.uri, found.secrets) == ("mongodb+srv://cluster.example/topology", {})


@pytest.mark.parametrize(
    ("history", "told"),
    [
        ("mongodb://one", "write mongodb://"),
        ("mongodb://one/", "write mongodb://"),
        ("mongodb:///topology", "write mongodb://"),
        ("mongodb://one/a.b", "write mongodb://"),
        (f"mongodb://me:{PLANTED}@one/topology", "a password does not stand in the URL"),
        (f"mongodb://me@one/topology?password={PLANTED}", "password: a secret is written as a reference"),
        (f"mongodb://me@one/topology?tlsCertificateKeyFilePassword={PLANTED}", "a secret is written as a reference"),
        (f"mongodb://me@one/topology?{PLANTED}", "name=value"),
        (f"mongodb://[{PLANTED}/topology", "write mongodb://"),
        ("mongodb://me@one/topology?password=env:NOWHERE", "env:NOWHERE is empty or not set"),
        ("mongodb://one/topology?password=env:HOME", "a password without a user"),
    ],
)
def test_a_wrong_place_of_a_history_is_refused_and_no_secret_repeated(history: str, told: str) -> None:
    with pytest.raises(BadSettings) as refused:
        read({"CALIPSO_HISTORY": history, "HOME": PLANTED})
    assert "CALIPSO_HISTORY" in str(refused.value)
    assert told in str(refused.value)
    assert PLANTED not in str(refused.value)
