"""What a handler is."""

from collections.abc import Callable

from projections.notifications.draft import Draft

Handler = Callable[[Draft], None]
"""Writes into a draft what its notification says and what follows from that. A payload that is not what the event
type promises raises KeyError, TypeError, ValueError or AttributeError: the draft is then thrown away."""


def nothing(_draft: Draft) -> None:
    """Handle what says nothing about the topology."""


def all_seen_anew(draft: Draft) -> None:
    """Ask for what stands directly below the environment: projects, and the region by the catalogue."""
    draft.ask(draft.environment)


def region_seen_anew(draft: Draft) -> None:
    """Ask for what the APIs list."""
    draft.ask(draft.region)
