"""The Kafka topics: their names, what each must be like, and which partition an environment lives in. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zlib import crc32

LARGEST_APPEND: Final = 32 << 20
"""Bytes of one append that a topic of ours takes (max.message.bytes)."""

_FOREVER: Final = {
    "cleanup.policy": "delete",  # never compacted: each event counts, not the last one of a key
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",  # when it became known: the broker's word, not a producer's
    "unclean.leader.election.enable": "false",  # a copy that lags must not take the place of the log
}

_DAY: Final = 24 * 3600 * 1000
"""Milliseconds."""


def _days(number: int) -> dict[str, str]:
    """Answer the settings by which a record is deleted after so many days, or a day later."""
    return {"retention.ms": str(number * _DAY), "segment.ms": str(_DAY)}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a topic is for: the settings with which it is made, and what one that is there must be like."""

    name: str
    settings: Mapping[str, str]
    must: frozenset[str]
    """Of the settings: those that are refused when they are others."""
    counted: bool
    """Whether the number of partitions must be the one asked for."""
    synced: bool
    """Whether more than one machine, or one disk, must have a record before it is acknowledged."""
    largest: int = LARGEST_APPEND
    """Bytes of one record batch."""


LOG: Final = Kind("the event log", _FOREVER, frozenset(_FOREVER), counted=True, synced=True)

DEAD: Final = Kind(
    "the topic of dead letters",
    _FOREVER | _days(30),  # the bytes were not redacted: they must not stay for ever
    frozenset({"cleanup.policy"}),
    counted=True,
    synced=False,
    largest=LARGEST_APPEND + (1 << 20),  # a letter is at most a record of the log, with its origin and the reason
)

INBOX: Final = Kind(
    "the inbox of alerts",
    _FOREVER | _days(7),  # not redacted either
    frozenset({"cleanup.policy"}),
    counted=False,
    synced=False,
    largest=1 << 20,
)

CHANGES: Final = Kind(
    "the topic of changes",
    _FOREVER | {"retention.ms": str(7 * _DAY)},  # for who follows the state; the history keeps them for ever
    frozenset({"cleanup.policy"}),
    counted=False,
    synced=False,
)

_REMOVED_IN_4_0: Final = "message.downconversion.enable"
"""Every topic of a broker from 2.0 to 3.9 has this setting; 4.0 dropped it (KIP-724)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What is asked for. `replicas` counts only when the topic is made."""

    name: str
    partitions: int = 1
    replicas: int = 1
    kind: Kind = LOG

    def settings(self) -> dict[str, str]:
        """Answer the settings with which the topic is made.

        A majority of the replicas must have an append before it is acknowledged. A single replica has nobody
        to fall back on, so it syncs each append to its disk; otherwise Kafka leaves that to the kernel.
        """
        synced = {"flush.messages": "1"} if self.replicas == 1 else {}
        return {
            **self.kind.settings,
            "min.insync.replicas": str(self.replicas // 2 + 1),
            "max.message.bytes": str(self.kind.largest),
            **synced,
        }


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """What the broker says of the topic. `replicas`: of the partition that has the fewest."""

    partitions: int
    replicas: int
    settings: Mapping[str, str]

    @property
    def largest_append(self) -> int:
        """Bytes."""
        return int(self.settings["max.message.bytes"])


def faults(asked: Topic, found: FoundTopic) -> list[str]:
    """Answer what makes the topic unfit for its kind, each with what it must be; empty if it is fit."""
    if _REMOVED_IN_4_0 in found.settings:
        return ["the broker is older than Kafka 4.0"]
    must = {name: value for name, value in asked.kind.settings.items() if name in asked.kind.must}
    wrong = [_fault(found, name, value) for name, value in must.items() if found.settings.get(name) != value]
    if asked.kind.counted and found.partitions != asked.partitions:
        wrong.append(
            f"it has {found.partitions} partitions, not {asked.partitions} (their number says where a record is)"
        )
    return wrong + _lost(found) if asked.kind.synced else wrong


def _lost(found: FoundTopic) -> list[str]:
    """Answer by what a record that was acknowledged could be lost."""
    if found.replicas > 1 and int(found.settings["min.insync.replicas"]) < 2:
        return [_fault(found, "min.insync.replicas", "2 or more")]
    if found.replicas == 1 and found.settings["flush.messages"] != "1":
        return [_fault(found, "flush.messages", "1 for a single replica")]
    return []


def _fault(found: FoundTopic, name: str, must: str) -> str:
    return f"{name} is {found.settings.get(name, 'unknown')}, must be {must}"


def partition_of(key: bytes, partitions: int) -> int:
    """Answer the partition of a key: CRC-32 modulo their number.

    librdkafka calls it partitioner=consistent, so that every client built on it can find the same place.
    """
    return crc32(key) % partitions


def dead_topic(log: str) -> str:
    """Answer the name of the topic of dead letters that belongs to the log's topic."""
    return f"{log}.dead"


def inbox_topic(log: str) -> str:
    """Answer the name of the topic to which outside monitors write their alerts."""
    return f"{_base(log)}.alerts"


def changes_topic(log: str) -> str:
    """Answer the name of the topic on which the changes are published."""
    return f"{_base(log)}.changes"


def _base(log: str) -> str:
    return log.removesuffix(".events") or log
