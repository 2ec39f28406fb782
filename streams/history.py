"""The contract of a history: every value that every key ever had, found without a replay."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from projections.change import Change, Key, Kind
from projections.inventory import Ref


class Version(NamedTuple):
    """One value of one key: it holds from `offset` to the key's next version. None: the key is not there."""

    offset: int
    value: bytes | None


class KeyVersion(NamedTuple):
    """A key with one of its versions."""

    key: Key
    version: Version


class Span(NamedTuple):
    """One key from one offset to another: the version in force at the first, and those that came behind it."""

    key: Key
    first: Version | None
    versions: list[Version]
    """At least one, oldest first, removals included."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event that was folded: what it was and what came of it."""

    offset: int
    logged_at: int
    """Microseconds since 1970-01-01 UTC, as the log has it."""
    occurred_at: int
    source: str
    event_id: str
    event: str
    """The kind of event, such as ObjectsSeen."""
    digest: int
    """Of the whole state after it (see projections.digest)."""
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Blame:
    """The event behind an offset."""

    offset: int
    logged_at: int
    occurred_at: int
    source: str
    event_id: str
    event: str
    digest: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far a history reaches."""

    offset: int
    """Every event up to here is in it; -1 before the first."""
    resume_from: int
    """Where a fold that starts again from this history must read the log again (see Fold.resume_from)."""
    digest: int
    fold_version: int


NOTHING = Position(offset=-1, resume_from=0, digest=0, fold_version=0)
"""The position of a history that holds nothing."""


class History(Protocol):
    """Versions of keys by offset. `at` is an offset everywhere: the state after the event there."""

    def position(self, environment: str) -> Position:
        """Answer how far it reaches."""
        ...

    def write(self, environment: str, steps: Sequence[Step], position: Position, after: int) -> bool:
        """Take in the steps that follow the event at `after` (-1: from the first), in order and all or none.

        Steps at or before the present position are ignored: another has written them. Answers False, and takes
        nothing, if the history does not reach `after` or was folded by another version: another began it anew.
        """
        ...

    def get(self, environment: str, key: Key, at: int) -> Version | None:
        """Answer the key's version in force, None if it is not there."""
        ...

    def all(
        self, environment: str, kind: Kind, at: int, *, type: str | None = None, after: Key | None = None
    ) -> Iterator[KeyVersion]:
        """Yield everything of a kind (and type) that is there, sorted by key, beginning behind `after`."""
        ...

    def links(self, environment: str, ref: Ref, at: int) -> list[KeyVersion]:
        """Answer the links at an object, sorted by key."""
        ...

    def children(self, environment: str, parent: Ref, at: int) -> list[KeyVersion]:
        """Answer the objects directly under a parent, sorted by key."""
        ...

    def versions(self, environment: str, key: Key, after: int, upto: int) -> list[Version]:
        """Answer the key's versions with after < offset <= upto, oldest first, removals included."""
        ...

    def spans(self, environment: str, after: int, upto: int, kinds: Collection[Kind] = tuple(Kind)) -> Iterator[Span]:
        """Yield what each key of some kinds was and became, sorted by key.

        Those that have a version with after < offset <= upto.
        """
        ...

    def changed(self, environment: str, after: int, upto: int) -> list[Key]:
        """Answer the keys that have a version with after < offset <= upto, sorted."""
        ...

    def blame(self, environment: str, offset: int) -> Blame | None:
        """Answer the event at an offset, None if it is not in the history."""
        ...

    def checkpoints(self, environment: str, after: int | None = None) -> Iterator[Blame]:
        """Yield the folded events (behind an offset) with the digest after each, in order."""
        ...

    def step_changes(self, environment: str, offset: int) -> list[KeyVersion]:
        """Answer what the event at an offset changed, sorted by key."""
        ...

    def environments(self) -> list[str]:
        """Answer the environments it holds, sorted."""
        ...

    def forget(self, environment: str) -> None:
        """Drop everything of an environment: the log can tell it again."""
        ...

    def draft(self, environment: str) -> "History":
        """Answer the history that an environment is folded anew into, as far as it has come; close it in the end.

        Readers of this one go on with what is here until `adopt`. There is one draft of an environment, whoever writes
        it; it stays when who wrote it is gone.
        """
        ...

    def fresh(self, environment: str) -> "History":
        """As `draft`, begun again: it holds nothing of the environment yet."""
        ...

    def adopt(self, environment: str) -> bool:
        """Let what was folded into the draft take the place of what is here, in one moment for every reader.

        False, and nothing happens, if it does not reach as far as what is here, or another adopted it or began again.
        """
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a history holds; None where that cannot be told."""

    changes: int | None
    """Versions of keys, removals included."""
    things: Mapping[Kind, Mapping[str, int]]
    """How many there are now, by kind and type."""
    bytes: int | None
    """On the disk, of all environments together."""


@runtime_checkable
class Measured(Protocol):
    """A history that tells how much it holds without reading it."""

    def extent(self, environment: str) -> Extent:
        """Answer how much it holds of an environment."""
        ...


class Anchor(NamedTuple):
    """Where a history has written down everything of one type, so that it need not be gathered from far back."""

    offset: int
    kind: Kind
    type: str


@runtime_checkable
class Anchored(Protocol):
    """A history that answers some questions from what it wrote down of a whole type at one offset."""

    def anchors(self, environment: str) -> list[Anchor]:
        """Answer where that is, by offset: there a verification has to compare the type as a whole."""
        ...
