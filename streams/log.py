"""The contract of the event log: what the embedded engine and Kafka both promise."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Record(NamedTuple):
    """One encoded event where it stands."""

    offset: int
    logged_at: int
    """Microseconds since 1970-01-01 UTC; within an environment it never decreases with the offset."""
    value: bytes


class Log(Protocol):
    """An append-only log of bytes per environment.

    Offsets of one environment grow strictly; they may have gaps. One call of `append` is all or nothing:
    after it returns, its records survive the death of the process and of the machine; if the process dies
    before, none of them or all of them are there, never some.
    """

    def append(self, environment: str, values: Sequence[bytes]) -> list[int]:
        """Append in order, durably; answer the offsets. Raises LogFull, LogError."""
        ...

    def read(self, environment: str, after: int = -1, upto: int | None = None) -> Iterator[Record]:
        """Yield records with after < offset <= upto (None: the head when the call was made), in order.

        An unknown environment yields nothing. Raises LogCorrupt when stored bytes are not what was written.
        """
        ...

    def head(self, environment: str) -> int:
        """Answer the offset of the newest record, -1 if there is none."""
        ...

    def offset_at(self, environment: str, time: int) -> int:
        """Answer the newest offset with logged_at <= time (microseconds), -1 if there is none."""
        ...

    def time_of(self, environment: str, offset: int) -> int | None:
        """Answer logged_at of the newest record at or before the offset, None if there is none."""
        ...

    def environments(self) -> list[str]:
        """Answer the environments that have a record, sorted."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...


@runtime_checkable
class Sized(Protocol):
    """A log that tells how much it holds without reading it."""

    def sizes(self, environment: str, upto: int) -> Iterator[tuple[int, int]]:
        """Yield offset and length of the records up to an offset, in order; the records themselves are not read."""
        ...

    def footprint(self) -> int:
        """Answer the bytes that all environments together take on the disk."""
        ...
