"""A change: one key of the projected state got another value, because of one event."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a key of the projected state stands for."""

    __hash__ = str.__hash__  # that of an enumeration is several times as slow, and every key is looked up by it

    OBJECT = "object"
    LINK = "link"
    CLIQUE = "clique"
    SCAN = "scan"
    SNAPSHOT = "snapshot"
    ENVIRONMENT = "environment"
    NOTICE = "notice"
    """What notifications said last of an object."""
    TARGET = "target"
    """An object below which is to be looked again, because of what a notification said."""
    SIGHTED = "sighted"
    """An object as a scan saw it last, while notifications have told something else since."""
    COVERED = "covered"
    """The scopes that a scan was the last to look at."""
    DRIFT = "drift"
    """What the newest look at a place found of an object, beside what had been believed of it."""
    SCHEDULE = "schedule"
    """When scans are asked for again and again."""


class Key(NamedTuple):
    """One thing inside an environment: object type and id, link type and id, focal type and id ..."""

    kind: Kind
    type: str
    id: str


class Change(NamedTuple):
    """`before` and `after` are canonical JSON; None where the thing is not there."""

    key: Key
    before: bytes | None
    after: bytes | None
    offset: int
    """The offset of the event that caused it."""
