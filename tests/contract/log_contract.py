"""What every engine of the log must keep. An engine's test inherits `LogContract` and says how to open it.

Nothing here counts with offsets or sets a clock: offsets are those that `append` answered, times those that
`read` answered, so that an engine with gaps and a clock of its own can pass.
"""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.log import Log, Record

# Each example works in environments of its own, so one log for all of them is sound (and a broker is slow to make).
# Each engine's test runs these same methods: that is what they are for.
_law = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)

_batches = st.lists(st.tuples(st.integers(0, 2), st.lists(st.binary(max_size=40), max_size=5)), min_size=1, max_size=20)
"""Appends in the order in which they are made: which of three environments, and what."""


def fresh() -> str:
    """Answer the name of an environment that no other test uses."""
    return f"environment-{uuid4()}"


def values(log: Log, environment: str, after: int = -1, upto: int | None = None) -> list[bytes]:
    """Answer what a read yields, without its place."""
    return [record.value for record in log.read(environment, after, upto)]


def _several_batches(log: Log, environment: str) -> list[Record]:
    for number in range(6):
        log.append(environment, [b"%d.%d" % (number, part) for part in range(3)])
    return list(log.read(environment))


class LogContract:
    """Inherit it as `Test...`, and override the fixture `log` and the method `another`."""

    @pytest.fixture
    def log(self) -> Iterator[Log]:
        """Open an empty log; close it after the test."""
        raise NotImplementedError

    def another(self, log: Log) -> Log:
        """Open the same stored log once more, beside the one that is open or after it was closed."""
        raise NotImplementedError

    def test_an_empty_log_has_nothing_and_says_so(self, log: Log) -> None:
        environment = fresh()
        assert list(log.read(environment)) == []
        assert log.head(environment) == -1
        assert log.offset_at(environment, 2**62) == -1
        assert log.time_of(environment, 2**62) is None
        assert environment not in log.environments()

    def test_nothing_appended_leaves_no_trace(self, log: Log) -> None:
        environment = fresh()
        assert log.append(environment, []) == []
        assert log.head(environment) == -1
        assert environment not in log.environments()

    def test_records_are_read_in_the_order_of_their_appending(self, log: Log) -> None:
        environment = fresh()
        offsets = log.append(environment, [b"a", b"b"]) + log.append(environment, [b"c"])
        records = list(log.read(environment))
        assert [record.value for record in records] == [b"a", b"b", b"c"]
        assert [record.offset for record in records] == offsets
        assert offsets == sorted(set(offsets))

    def test_the_head_is_the_newest_offset(self, log: Log) -> None:
        environment = fresh()
        for batch in ([b"a"], [b"b", b"c"]):
            assert log.head(environment) < log.append(environment, batch)[-1]
        assert log.head(environment) == [record.offset for record in log.read(environment)][-1]

    def test_environments_are_listed_sorted(self, log: Log) -> None:
        names = {fresh() for _ in range(3)} | {f"{fresh()} with ünïcode / and 'quotes'"}
        for name in names:
            log.append(name, [b"a"])
        listed = log.environments()
        assert listed == sorted(listed)
        assert names <= set(listed)

    @_law
    @given(batches=_batches)
    def test_environments_do_not_touch_each_other(self, log: Log, batches: list[tuple[int, list[bytes]]]) -> None:
        names = [fresh() for _ in range(3)]
        expected: dict[str, list[tuple[int, bytes]]] = {name: [] for name in names}
        for which, batch in batches:
            offsets = log.append(names[which], batch)
            assert len(offsets) == len(batch)
            expected[names[which]] += zip(offsets, batch, strict=True)
        for name, pairs in expected.items():
            assert [(record.offset, record.value) for record in log.read(name)] == pairs
            assert log.head(name) == (pairs[-1][0] if pairs else -1)

    @_law
    @given(batches=_batches, after=st.integers(-3, 40), upto=st.none() | st.integers(-3, 40))
    def test_a_read_yields_what_lies_between_its_bounds(
        self, log: Log, batches: list[tuple[int, list[bytes]]], after: int, upto: int | None
    ) -> None:
        environment = fresh()
        for _, batch in batches:
            log.append(environment, batch)
        last = 2**62 if upto is None else upto
        everything = list(log.read(environment))
        assert list(log.read(environment, after, upto)) == [r for r in everything if after < r.offset <= last]

    def test_bounds_far_outside_are_no_errors(self, log: Log) -> None:
        environment = fresh()
        log.append(environment, [b"a"])
        assert values(log, environment, after=-(2**70), upto=2**70) == [b"a"]
        assert values(log, environment, after=2**70) == []
        assert values(log, environment, upto=-(2**70)) == []
        assert log.time_of(environment, 2**70) is not None
        assert log.time_of(environment, -(2**70)) is None

    def test_a_read_ends_at_the_head_of_the_moment_of_its_call(self, log: Log) -> None:
        environment = fresh()
        log.append(environment, [b"a", b"b"])
        records = log.read(environment)
        log.append(environment, [b"c"])
        assert [record.value for record in records] == [b"a", b"b"]

    def test_a_read_that_is_under_way_does_not_stop_an_append(self, log: Log) -> None:
        environment = fresh()
        log.append(environment, [b"%d" % number for number in range(5000)])
        records = log.read(environment)
        next(records)
        log.append(environment, [b"last"])
        assert [record.value for record in records][-1] == b"4999"
        assert values(log, environment)[-1] == b"last"

    def test_an_append_that_fails_leaves_nothing_behind(self, log: Log) -> None:
        environment = fresh()
        log.append(environment, [b"before"])
        with pytest.raises((TypeError, ValueError)):
            log.append(environment, [b"one", b"two", None])  # type: ignore[list-item]  # the fault is the test
        log.append(environment, [b"after"])
        assert values(log, environment) == [b"before", b"after"]

    def test_time_never_decreases_with_the_offset(self, log: Log) -> None:
        times = [record.logged_at for record in _several_batches(log, fresh())]
        assert times == sorted(times)

    def test_offset_at_answers_the_newest_record_not_later_than_the_time(self, log: Log) -> None:
        environment = fresh()
        records = _several_batches(log, environment)
        times = {record.logged_at + step for record in records for step in (-1, 0, 1)} | {0, -1, 2**62}
        for time in times:
            known = [record.offset for record in records if record.logged_at <= time]
            assert log.offset_at(environment, time) == max(known, default=-1)

    def test_time_of_answers_the_time_of_the_newest_record_not_beyond_the_offset(self, log: Log) -> None:
        environment = fresh()
        records = _several_batches(log, environment)
        for offset in (-2, -1, *(record.offset + step for record in records for step in (-1, 0, 1, 100))):
            known = [record.logged_at for record in records if record.offset <= offset]
            assert log.time_of(environment, offset) == (known[-1] if known else None)

    @pytest.mark.parametrize("size", [0, 1, 255, 4096, 70_000, 1_000_000])
    def test_values_of_every_size_come_back_as_they_were(self, log: Log, size: int) -> None:
        environment = fresh()
        batch = [b"", bytes(index * 7 % 256 for index in range(256)) * (size // 256 + 1), b"\x00\xff\n"]
        batch[1] = batch[1][:size]
        log.append(environment, batch)
        log.append(environment, batch[::-1])
        assert values(log, environment) == batch + batch[::-1]

    def test_another_instance_sees_at_once_what_was_acknowledged(self, log: Log) -> None:
        environment = fresh()
        other = self.another(log)
        try:
            for number in range(5):
                log.append(environment, [b"%d" % number])
                assert other.head(environment) == log.head(environment)
                assert list(other.read(environment)) == list(log.read(environment))
        finally:
            other.close()

    def test_two_instances_append_to_one_order(self, log: Log) -> None:
        environment = fresh()
        other = self.another(log)
        try:
            for number in range(10):
                (log, other)[number % 2].append(environment, [b"%d" % number])
            assert values(log, environment) == [b"%d" % number for number in range(10)]
        finally:
            other.close()

    def test_a_log_that_is_closed_and_opened_again_is_the_same(self, log: Log) -> None:
        environment = fresh()
        written = _several_batches(log, environment)
        log.close()
        again = self.another(log)
        try:
            assert list(again.read(environment)) == written
            assert again.append(environment, [b"next"])[0] > written[-1].offset
        finally:
            again.close()
