"""How a scan tells whoever watches where its walk is."""

from typing import Protocol

from schemas.events import Scope


class Progress(Protocol):
    """Called by the thread that runs the scan, never by two at once. Must be quick."""

    def planned(self, fetches: int) -> None:
        """So many fetches are known by now; the number grows while objects are found."""
        ...

    def began(self, scope: Scope) -> None:
        """A fetch was handed to the workers."""
        ...

    def ended(self, scope: Scope, found: int, *, failed: bool) -> None:
        """A fetch ended with so many objects; `failed` if it could not look to the end."""
        ...


class Silence:
    """Nobody watches."""

    def planned(self, fetches: int) -> None:
        """Say nothing."""

    def began(self, scope: Scope) -> None:
        """Say nothing."""

    def ended(self, scope: Scope, found: int, *, failed: bool) -> None:
        """Say nothing."""
