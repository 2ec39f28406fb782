"""The inbox of alerts, put together from the settings: for the worker and for the API."""

from calipso.settings import Settings
from streams.inbox import Inbox
from streams.journal import Journal


def inbox(settings: Settings, journal: Journal) -> Inbox:
    """Answer an inbox that appends to the journal, and asks the schema registry of the settings if they name one."""
    found = settings.registry
    if found is None:
        return Inbox(journal)
    from streams.registry import SchemaRegistry  # here, for who has no registry should not wait for requests

    login = None if found.password is None else (found.username, found.password.reveal())
    return Inbox(journal, SchemaRegistry(found.url, login))
