"""Where the recordings of a real cloud stand: they are larger than what ships with the package."""

import os
from pathlib import Path

import pytest

RECORDINGS = Path(os.environ.get("CALIPSO_RECORDINGS", Path(__file__).parents[2] / "shared" / "recordings")).resolve()

needs_recordings = pytest.mark.skipif(
    not (RECORDINGS / "zed-ovs").is_dir(),
    reason="no recordings of a real cloud (CALIPSO_RECORDINGS names their folder)",
)
