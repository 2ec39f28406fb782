"""What a worker counts and measures, as Prometheus collects it."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_FRESHNESS_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200)
"""Seconds."""

STATES: Final = ("settling", "following", "retrying", "stopped")
"""Of a partition: taken up in bulk, in step with the log, waiting for log or history, given up by an error."""


class Metrics:
    """The figures of one worker."""

    def __init__(self) -> None:
        """Start at nothing, in a registry of its own."""
        self.registry = CollectorRegistry()
        self.events = Counter("calipso_worker_events", "Events folded.", ("environment",), registry=self.registry)
        self.dead_letters = Counter(
            "calipso_worker_dead_letters", "Records that became dead letters.", ("topic",), registry=self.registry
        )
        self.alerts = Counter("calipso_worker_alerts", "Alerts of the inbox.", ("outcome",), registry=self.registry)
        self.lag = Gauge(
            "calipso_worker_lag_records",
            "Records of a partition that stand behind the newest one folded.",
            ("partition",),
            registry=self.registry,
        )
        self.state = Gauge(
            "calipso_worker_partition_state",
            "1 for the state that a partition of this worker is in.",
            ("partition", "state"),
            registry=self.registry,
        )
        self.offset = Gauge(
            "calipso_worker_history_offset",
            "Offset of the newest event in the history.",
            ("environment",),
            registry=self.registry,
        )
        self.freshness = Histogram(
            "calipso_worker_freshness_seconds",
            "From when an event was appended to when it can be asked for.",
            buckets=_FRESHNESS_BUCKETS,
            registry=self.registry,
        )

    def enter(self, partition: int, state: str) -> None:
        """Note the state of a partition."""
        for each in STATES:
            self.state.labels(str(partition), each).set(each == state)

    def leave(self, partition: int) -> None:
        """Forget a partition that went to another worker."""
        for each in STATES:
            self.state.remove(str(partition), each)
        if (str(partition),) in self.lag._metrics:  # noqa: SLF001 - its remove raises KeyError for one never set
            self.lag.remove(str(partition))

    def text(self) -> str:
        """Answer everything in Prometheus' text format."""
        return generate_latest(self.registry).decode()
