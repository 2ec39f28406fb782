"""The embedded history keeps the promises of a history, and says so when its file is no history."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.change import Kind
from schemas.errors import HistoryError
from streams.local_history import FILE, LocalHistory
from tests.contract.history_contract import ENV, HistoryContract, key, step, write


class TestLocalHistory(HistoryContract):
    @pytest.fixture
    def history(self, tmp_path: Path) -> Iterator[LocalHistory]:
        history = LocalHistory(tmp_path)
        yield history
        history.close()


def test_a_history_opened_again_is_the_same(tmp_path: Path) -> None:
    first = LocalHistory(tmp_path)
    write(first, step(1, (key("a"), b"1")))
    first.close()
    second = LocalHistory(tmp_path)
    assert second.get(ENV, key("a"), 1) == (1, b"1")
    second.close()


def test_a_file_that_is_no_history_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, and long enough to be looked at as one" * 20)
    with pytest.raises(HistoryError, match=r"history\.db.*delete it"):
        LocalHistory(tmp_path)


def test_a_reader_sees_whole_steps_while_another_writes(tmp_path: Path) -> None:
    writer, reader = LocalHistory(tmp_path), LocalHistory(tmp_path, read_only=True)
    for offset in range(1, 30):
        write(writer, step(offset, (key("a"), b"%d" % offset), (key("b"), b"%d" % offset)))
        at = reader.position(ENV).offset
        values = {item.version.value for item in reader.all(ENV, Kind.SNAPSHOT, at)}
        assert values == {b"%d" % at}
    reader.close()
    writer.close()
