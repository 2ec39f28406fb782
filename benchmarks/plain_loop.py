"""The reference of the worker: one confluent-kafka consumer, the same fold, the same history, and nothing else.

Reads CALIPSO_LOG and CALIPSO_HISTORY, as the worker does; ends when it is told to.
"""

import os
import time

from confluent_kafka import Consumer, TopicPartition

from calipso import collector
from calipso.settings import read
from streams.journal import Journal
from streams.kafka_log import KafkaLog
from streams.local_history import LocalHistory
from streams.log import Record
from streams.worker import Worker

_BATCH = 200


def main() -> None:
    """Fold partition 0 for ever."""
    collector.seldom()  # as the program itself does
    settings = read(os.environ)
    assert settings.kafka is not None
    journal = Journal(KafkaLog(settings.kafka.bootstrap, settings.kafka.topic))
    worker = Worker(journal, LocalHistory(settings.folder))
    consumer = Consumer({"bootstrap.servers": settings.kafka.bootstrap, "group.id": "plain", "fetch.wait.max.ms": 10})
    consumer.assign([TopicPartition(settings.kafka.topic, 0, 0)])
    while True:
        messages = consumer.consume(_BATCH, timeout=0.05)
        entries: dict[str, list] = {}  # type: ignore[type-arg]
        for message in messages:
            environment = message.key().decode()
            record = Record(message.offset(), message.timestamp()[1] * 1000, message.value())
            entries.setdefault(environment, []).append(journal.entry(environment, record))
        for environment, those in entries.items():
            worker.follow(environment, those)
        if not messages:
            time.sleep(0.001)


main()
