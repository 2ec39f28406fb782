"""The schema registry: what it says is kept, what it does not know is told apart from what it could not say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from calipso.intake import inbox
from calipso.settings import RegistrySettings, read
from schemas import codec
from schemas.errors import BadInput, BadSettings, CalipsoError, NotFound, RequestFailed
from streams.registry import SchemaRegistry
from tests.servers.registry import Registry, registry
from tests.unit.alerts import ALERT, framed, opened

PLANTED = "tr0ub4dor"


@pytest.fixture
def served() -> Iterator[Registry]:
    with registry() as found:
        yield found


def test_a_schema_is_asked_for_once(served: Registry) -> None:
    number = served.register('"string"')
    asking = SchemaRegistry(f"{served.url}/")
    assert [asking.schema(number) for _ in range(3)] == ['"string"'] * 3
    assert served.asked == [f"GET /schemas/ids/{number}"]


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (None, NotFound, "knows no schema of id 1"),
        ({"schema": "message A {}", "schemaType": "PROTOBUF"}, BadInput, "is PROTOBUF, not AVRO"),
        ({"schema": '"a.B"', "references": [{"name": "a.B"}]}, BadInput, "refers to others"),
        ({"schema": 7}, RequestFailed, "holds no schema"),
        ({}, RequestFailed, "holds no schema"),
    ],
)
def test_an_answer_without_a_usable_schema_is_told(
    served: Registry, answer: dict[str, Any] | None, error: type[CalipsoError], told: str
) -> None:
    if answer is not None:
        served.answers[1] = answer
    with pytest.raises(error, match=told):
        SchemaRegistry(served.url).schema(1)


@pytest.mark.parametrize(("status", "raw"), [(500, None), (503, b"<html>"), (200, b"<html>"), (401, None)])
def test_a_registry_in_trouble_is_asked_again_later(served: Registry, status: int, raw: bytes | None) -> None:
    number = served.register('"string"')
    served.status, served.raw = status, raw
    asking = SchemaRegistry(served.url)
    with pytest.raises(RequestFailed, match=rf"GET {served.url}/schemas/ids/1: "):
        asking.schema(number)
    served.status, served.raw = 200, None
    assert asking.schema(number) == '"string"'


def test_a_registry_that_is_not_there_is_named() -> None:
    with pytest.raises(RequestFailed, match=r"GET http://127\.0\.0\.1:1/schemas/ids/1: ConnectionError"):
        SchemaRegistry("http://127.0.0.1:1").schema(1)


def test_a_login_is_handed_over_and_a_wrong_one_not_repeated(served: Registry) -> None:
    served.login = ("calipso", PLANTED)
    number = served.register('"string"')
    assert SchemaRegistry(served.url, ("calipso", PLANTED)).schema(number) == '"string"'
    with pytest.raises(RequestFailed, match="status 401") as told:
        SchemaRegistry(served.url, ("calipso", PLANTED[1:])).schema(number)
    assert PLANTED[1:] not in str(told.value)


def test_the_settings_name_the_registry_and_the_login_by_reference(served: Registry, tmp_path: Path) -> None:
    served.login = ("calipso", PLANTED)
    url = f"{served.url}?username=calipso&password=env:WORD"
    settings = read({"CALIPSO_LOG": f"local:{tmp_path}", "CALIPSO_SCHEMA_REGISTRY": url, "WORD": PLANTED})
    assert settings.registry is not None
    assert (settings.registry.url, settings.registry.username) == (served.url, "calipso")
    number = served.register(codec.schema_text("Alert"))
    with opened(tmp_path) as journal:
        assert inbox(settings, journal).take(b"zed", framed(ALERT, number)) == 1
    assert served.asked == [f"GET /schemas/ids/{number}"]


def test_without_a_setting_no_registry_is_asked(tmp_path: Path) -> None:
    settings = read({"CALIPSO_LOG": f"local:{tmp_path}"})
    assert settings.registry is None
    with opened(tmp_path) as journal:
        assert inbox(settings, journal).take(b"zed", framed(ALERT, 99)) == 1
    assert read({"CALIPSO_SCHEMA_REGISTRY": "https://one:8081/base"}).registry == RegistrySettings(
        "https://one:8081/base"
    )


@pytest.mark.parametrize(
    "url",
    [
        "one:8081",
        "ftp://one",
        "http://",
        f"http://calipso:{PLANTED}@one:8081",
        f"http://one?password={PLANTED}",
        f"http://one?username=calipso&password={PLANTED}",
        "http://one?username=calipso&password=env:MISSING",
        "http://one?colour=red",
        "http://one#x",
        "http://[one",
    ],
)
def test_a_wrong_setting_is_refused_by_name_without_its_secret(url: str) -> None:
    with pytest.raises(BadSettings, match=r"^CALIPSO_SCHEMA_REGISTRY") as told:
        read({"CALIPSO_SCHEMA_REGISTRY": url})
    assert PLANTED not in str(told.value)
