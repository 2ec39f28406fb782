"""A client for outside monitors: sends alerts to the inbox of a Calipso whose log is on Kafka (docs/alerts.md)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

from schemas.alert import Alert, encode_alert
from schemas.errors import NotFound
from streams.kafka_client import KafkaClient
from streams.kafka_topic import partition_of

__all__ = ["Alert", "AlertClient"]

_NO_OPTIONS: Final[Mapping[str, str]] = MappingProxyType({})


class AlertClient:
    """Sends alerts, one at a time. Threads may share it; do not carry it across a fork."""

    def __init__(
        self,
        bootstrap: str,
        topic: str = "calipso.alerts",
        options: Mapping[str, str] = _NO_OPTIONS,
        *,
        timeout: float = 20.0,
    ) -> None:
        """Connect to the inbox topic; a worker of Calipso makes it.

        `bootstrap`: host:port, several with commas between. `options`: librdkafka's settings of the connection
        (security.protocol, sasl.*, ssl.*). `timeout`: seconds that the brokers may be silent before LogError.
        Raises BadSettings for an option of another kind, NotFound when the topic is not there, LogError.
        """
        self._client = KafkaClient(bootstrap, topic, options, timeout)
        try:
            self._partitions = self._found()
        except BaseException:
            self._client.close()
            raise

    def _found(self) -> int:
        found = self._client.find()
        if found is None:
            raise NotFound(f"{self._client.name}: there is no such topic (calipso worker makes the inbox of its log)")
        return found.partitions

    def send(self, alert: Alert) -> None:
        """Send an alert; when this returns, the brokers have it.

        Raises BadAlert, naming what breaks the contract: nothing was sent. LogError: the alert may be there or not, so
        send it again with the same id; it is taken once.
        """
        value = encode_alert(alert)
        key = alert.environment.encode()
        self._client.send(partition_of(key, self._partitions), key, [value])

    def close(self) -> None:
        """Release the connections; closing twice does no harm."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
