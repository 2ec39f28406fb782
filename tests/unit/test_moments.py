"""Moments as a person writes them, and what cannot be one."""

from collections.abc import Iterator

import pytest

from schemas.errors import BadMoment, NotFound
from tests.unit.api_demo import ENV, Demo, demo


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("data")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "offset"),
    [("0", 0), (" 7 ", 7), ("2026-11-01T12:07Z", 7), ("2026-11-01 12:07:59", 7), ("2026-11-01T13:07+01:00", 7)],
)
def test_one_moment_is_written_in_many_ways(asked: Demo, text: str, offset: int) -> None:
    assert asked.questions.moment(ENV, text).offset == offset


def test_an_age_is_counted_from_now(asked: Demo) -> None:
    # the demo's clock stands a day behind its first event
    assert asked.questions.moment(ENV, "-1435m").offset == 5
    assert asked.questions.moment(ENV, "-23.5h").offset == 30


@pytest.mark.parametrize(
    "text", ["", "yesterday", "-2", "-2y", "9" * 5000, f"-{'9' * 400}w", "²", "2026-13-01", "@", "1e3", "-1"]
)
def test_what_cannot_be_a_moment_is_refused_in_one_line(asked: Demo, text: str) -> None:
    with pytest.raises((BadMoment, NotFound)) as refused:
        asked.questions.moment(ENV, text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["999999999999999999", "-999999999999w", "0001-01-01T00:00+23:59", "@none"])
def test_a_moment_before_or_after_all_that_is_known_is_not_found(asked: Demo, text: str) -> None:
    with pytest.raises(NotFound):
        asked.questions.moment(ENV, text)
