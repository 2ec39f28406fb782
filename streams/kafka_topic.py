"""The Kafka topic of the event log: what it must be like, and which partition an environment lives in. Pure."""

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

_REMOVED_IN_4_0: Final = "message.downconversion.enable"
"""Every topic of a broker from 2.0 to 3.9 has this setting; 4.0 dropped it (KIP-724)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What is asked for. `replicas` counts only when the topic is made."""

    name: str
    partitions: int = 1
    replicas: int = 1

    def settings(self) -> dict[str, str]:
        """Answer the settings with which the topic is made.

        A majority of the replicas must have an append before it is acknowledged. A single replica has nobody
        to fall back on, so it syncs each append to its disk; otherwise Kafka leaves that to the kernel.
        """
        synced = {"flush.messages": "1"} if self.replicas == 1 else {}
        return {
            **_FOREVER,
            "min.insync.replicas": str(self.replicas // 2 + 1),
            "max.message.bytes": str(LARGEST_APPEND),
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
    """Answer what makes the topic unfit to be the log, each with what it must be; empty if it is fit."""
    if _REMOVED_IN_4_0 in found.settings:
        return ["the broker is older than Kafka 4.0"]
    wrong = [_fault(found, name, value) for name, value in _FOREVER.items() if found.settings.get(name) != value]
    if found.partitions != asked.partitions:
        wrong.append(
            f"it has {found.partitions} partitions, not {asked.partitions} (their number says where an environment is)"
        )
    if found.replicas > 1 and int(found.settings["min.insync.replicas"]) < 2:
        wrong.append(_fault(found, "min.insync.replicas", "2 or more"))
    if found.replicas == 1 and found.settings["flush.messages"] != "1":
        wrong.append(_fault(found, "flush.messages", "1 for a single replica"))
    return wrong


def _fault(found: FoundTopic, name: str, must: str) -> str:
    return f"{name} is {found.settings.get(name, 'unknown')}, must be {must}"


def partition_of(key: bytes, partitions: int) -> int:
    """Answer the partition of a key: CRC-32 modulo their number.

    librdkafka calls it partitioner=consistent, so that every client built on it can find the same place.
    """
    return crc32(key) % partitions
