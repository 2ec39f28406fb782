"""A history that many short-lived threads ask keeps no files open for those that ended."""

import threading
from pathlib import Path

import pytest

from tests.unit.api_demo import ENV, demo

OPEN_FILES = Path("/proc/self/fd")


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="counts open files as Linux shows them")
def test_the_files_of_a_thread_are_closed_when_it_ends(tmp_path: Path) -> None:
    with demo(tmp_path) as asked:
        asked.worker.catch_up(ENV)
        before = len(list(OPEN_FILES.iterdir()))
        for _ in range(20):
            thread = threading.Thread(target=asked.history.position, args=(ENV,))
            thread.start()
            thread.join()
        assert len(list(OPEN_FILES.iterdir())) <= before + 1
