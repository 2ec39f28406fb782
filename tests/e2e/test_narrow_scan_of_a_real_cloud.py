"""Each object of a real cloud, scanned alone, is told of as a scan of everything tells of it."""

from pathlib import Path

import pytest

from tests.recordings import RECORDINGS, needs_recordings
from tests.unit.test_narrow_scan import OVN, SHIPPED, check_that_alone_is_as_in_all, check_that_nothing_changes

ZED = RECORDINGS / "zed-ovs"

pytestmark = needs_recordings


@pytest.mark.parametrize("bundle", [ZED / "monday", ZED / "tuesday", OVN], ids=lambda path: path.name)
def test_every_object_alone_after_a_scan_of_everything_changes_nothing(bundle: Path) -> None:
    check_that_nothing_changes(bundle)


@pytest.mark.parametrize(
    ("before", "after"),
    [(ZED / "monday", ZED / "tuesday"), (ZED / "tuesday", ZED / "monday"), (SHIPPED / "sunday", SHIPPED / "monday")],
    ids=["forth", "back", "shipped"],
)
def test_every_object_alone_after_a_change_changes_as_a_scan_of_everything_says(before: Path, after: Path) -> None:
    check_that_alone_is_as_in_all(before, after)
