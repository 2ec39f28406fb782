"""What end-to-end tests start from."""

from importlib import resources
from pathlib import Path

import pytest

from tests.e2e.program import Program
from tests.recordings import RECORDINGS

SHIPPED = Path(str(resources.files("calipso") / "demo_bundles"))
BEFORE = SHIPPED / "sunday"
AFTER = SHIPPED / "monday"
"""A small real cloud before and after changes, as shipped for the demo."""
MONDAY = RECORDINGS / "zed-ovs" / "monday"
TUESDAY = RECORDINGS / "zed-ovs" / "tuesday"
NOTIFICATIONS = RECORDINGS / "zed-ovs" / "monday-to-tuesday.jsonl"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Give the program an empty data folder."""
    return Program(tmp_path / "data")


@pytest.fixture(scope="session")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Give a real cloud on monday and on tuesday, with the notifications between. Only to be read."""
    program = Program(tmp_path_factory.mktemp("two-days") / "data")
    program.scan("zed", MONDAY)
    program.run("snapshot", "zed", "monday")
    program.run("listen", "zed", "--from", str(NOTIFICATIONS))
    program.scan("zed", TUESDAY)
    program.run("snapshot", "zed", "tuesday")
    return program
