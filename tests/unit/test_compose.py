"""docker-compose.yml and its small brother: valid, without a password, and as closed as they can be."""

import copy
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = ("docker-compose.yml", "docker-compose.embedded.yml")
SERVICES = {"kafka", "mongo", "worker", "api", "scanner", "listener"}
VARIABLE = re.compile(r"(?<!\$)\$\{?(\w+)(:\?[^}]+)?")
HOW = "install docker-compose (Debian and Ubuntu: apt-get install docker-compose; no Docker need run)"


def read(name: str) -> dict[str, Any]:
    """Answer a file as YAML says it, before variables are put in."""
    found = yaml.safe_load((ROOT / name).read_text())
    assert isinstance(found, dict)
    return found


def faults(document: dict[str, Any]) -> list[str]:
    """Answer what is wrong with a file, service by service."""
    found = [f"{name}: {fault}" for name, service in document["services"].items() for fault in _of_service(service)]
    return found + [f"secret {name}" for name, secret in document.get("secrets", {}).items() if set(secret) != {"file"}]


def _of_service(service: dict[str, Any]) -> Iterator[str]:
    if str(service.get("user", "root")).split(":")[0] in ("root", "0"):
        yield "runs as root"
    if service.get("read_only") is not True:
        yield "may write its root file system"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add") or service.get("privileged"):
        yield "keeps capabilities"
    if service.get("security_opt") != ["no-new-privileges:true"]:
        yield "may gain privileges"
    if service.get("restart") != "unless-stopped":
        yield "is not restarted"
    if service.get("healthcheck", {}).get("test", ["NONE"])[0] != "CMD":
        yield "has no health check"
    if not all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", [])):
        yield "is published beyond the loopback"
    if "build" not in service and not re.fullmatch(r"[\w/]+:\d[\w.]*", service["image"]):
        yield "is of no named version"
    yield from _of_mounts(service.get("volumes", []))
    yield from _of_settings(service.get("environment", {}))


def _of_mounts(volumes: list[str]) -> Iterator[str]:
    for volume in volumes:
        if volume.startswith((".", "/", "$")) and not volume.endswith(":ro"):
            yield f"may write {volume}"
        if "docker.sock" in volume:
            yield "holds the keys of Docker"


def _of_settings(environment: dict[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        if re.search("PASSWORD|SECRET|TOKEN", name) and not name.endswith("_FILE"):
            yield f"has the secret {name} in its environment"
        if re.search(r"://[^/@]*:[^/@]*@|password=(?!file:/run/secrets/)", str(value)):
            yield f"has a password in {name}"


@pytest.mark.parametrize("name", FILES)
def test_each_service_is_closed_watched_and_without_a_password(name: str) -> None:
    assert faults(read(name)) == []


def test_all_services_are_there() -> None:
    assert set(read("docker-compose.yml")["services"]) == SERVICES


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"user": "0:0"}, "runs as root"),
        ({"user": None}, "runs as root"),
        ({"read_only": False}, "may write its root"),
        ({"cap_drop": []}, "keeps capabilities"),
        ({"privileged": True}, "keeps capabilities"),
        ({"security_opt": []}, "may gain privileges"),
        ({"restart": "no"}, "is not restarted"),
        ({"healthcheck": {"test": ["NONE"]}}, "has no health check"),
        ({"ports": ["9092:9092"]}, "is published"),
        ({"ports": ["0.0.0.0:9092:9092"]}, "is published"),
        ({"image": "apache/kafka:latest"}, "is of no named version"),
        ({"volumes": ["./deploy:/etc/calipso"]}, "may write ./deploy"),
        ({"environment": {"MONGO_INITDB_ROOT_PASSWORD": "x"}}, "has the secret"),
        ({"environment": {"CALIPSO_HISTORY": "mongodb://calipso:x@mongo/calipso"}}, "has a password"),
        ({"environment": {"CALIPSO_LOG": "kafka://kafka/x?sasl.password=x"}}, "has a password"),
    ],
)
def test_a_service_that_is_less_closed_would_be_found(change: dict[str, Any], fault: str) -> None:
    document = copy.deepcopy(read("docker-compose.yml"))
    document["services"]["kafka"].update({name: value for name, value in change.items() if value is not None})
    for name in (name for name, value in change.items() if value is None):
        del document["services"]["kafka"][name]
    assert any(found.startswith(f"kafka: {fault}") for found in faults(document)), faults(document)


def variables() -> dict[str, bool]:
    """Answer the variables of the services, and whether each is required everywhere it stands."""
    found: dict[str, bool] = {}
    for name, required in VARIABLE.findall((ROOT / "docker-compose.yml").read_text()):
        found[name] = found.get(name, True) and bool(required)
    return found


def test_every_variable_is_required_and_has_no_default() -> None:
    assert variables() == {"CALIPSO_SECRETS": True, "CALIPSO_LAB": True}
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == set(variables())


def test_every_service_waits_for_what_it_needs_and_keeps_its_data() -> None:
    document = read("docker-compose.yml")
    for name in SERVICES - {"kafka", "mongo"}:
        needed = {"kafka", "mongo"} | ({"worker"} if name in ("scanner", "listener") else set())
        needs = document["services"][name]["depends_on"]
        assert needs == {key: {"condition": "service_healthy"} for key in needed}, name
    kept = {volume.split(":")[0] for service in document["services"].values() for volume in service["volumes"]}
    assert set(document["volumes"]) == {name for name in kept if re.fullmatch(r"[\w-]+", name)}
    assert [document["services"][name]["networks"] for name in ("kafka", "mongo")] == [["inner"], ["inner"]]
    assert document["networks"]["inner"] == {"internal": True}


@pytest.fixture(scope="module")
def docker_compose() -> str:
    """Answer the program; the test is skipped, or fails where servers are required, when it is not installed."""
    found = shutil.which("docker-compose")
    if found is None:
        told = f"no docker-compose on this machine: {HOW}"
        if os.environ.get("CALIPSO_TEST_SERVERS") == "required":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)
    return found


def config(docker_compose: str, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Have docker-compose read a file; the example sets nothing, and keeps an .env of this checkout out."""
    words = [docker_compose, "--env-file", str(ROOT / ".env.example"), "-f", str(ROOT / name), "config"]
    environ = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", FILES)
def test_docker_compose_takes_the_file(docker_compose: str, name: str) -> None:
    done = config(docker_compose, name, CALIPSO_SECRETS="/somewhere", CALIPSO_LAB="/elsewhere")
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(read(name)["services"])


@pytest.mark.parametrize("missing", ["CALIPSO_SECRETS", "CALIPSO_LAB"])
def test_docker_compose_refuses_without_a_variable_and_says_what_it_is(docker_compose: str, missing: str) -> None:
    given = {name: "/somewhere" for name in variables() if name != missing}
    done = config(docker_compose, "docker-compose.yml", **given)
    assert done.returncode != 0
    assert "the folder with" in done.stderr
    assert ".env.example" in done.stderr
