"""A Confluent Schema Registry, or one that speaks its language: by which schema somebody else wrote a record.

Source: Confluent's "Schema Registry API reference", GET /schemas/ids/{id}.
"""

import threading
from typing import Any, Final

import requests

from schemas.errors import BadInput, NotFound, RequestFailed

_TIMEOUT: Final = 10.0
"""Seconds."""


class SchemaRegistry:
    """Asks each id once: a registry never gives one id to two schemas. Threads may share it."""

    def __init__(self, url: str, login: tuple[str, str] | None = None) -> None:
        """Ask nothing yet. `login`: name and password of HTTP's basic authentication."""
        self._url = url.rstrip("/")
        self._login = login
        self._known: dict[int, str] = {}
        self._turn = threading.Lock()

    def schema(self, number: int) -> str:
        """Answer the Avro schema of this id, as text.

        Raises NotFound for an id that the registry does not know, BadInput for a schema of another language or one
        in several parts, RequestFailed when the registry gives no usable answer: ask again later.
        """
        with self._turn:
            if number not in self._known:
                self._known[number] = _avro(self._asked(number), number)
            return self._known[number]

    def _asked(self, number: int) -> dict[str, Any]:
        where = f"GET {self._url}/schemas/ids/{number}"
        headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        try:
            answer = requests.get(
                f"{self._url}/schemas/ids/{number}", auth=self._login, headers=headers, timeout=_TIMEOUT
            )
            if answer.status_code == 404:
                raise NotFound(f"the schema registry knows no schema of id {number}")
            if answer.status_code != 200:
                raise RequestFailed(f"{where}: status {answer.status_code}")
            document = answer.json()
        except requests.RequestException as error:
            raise RequestFailed(f"{where}: {type(error).__name__}") from error
        if not isinstance(document, dict) or not isinstance(document.get("schema"), str):
            raise RequestFailed(f"{where}: the answer holds no schema")
        return document


def _avro(document: dict[str, Any], number: int) -> str:
    language = document.get("schemaType", "AVRO")
    if language != "AVRO":
        raise BadInput(f"schema {number} of the registry is {str(language)[:40]}, not AVRO")
    if document.get("references"):
        raise BadInput(f"schema {number} of the registry refers to others: register Alert.avsc as one")
    return str(document["schema"])
