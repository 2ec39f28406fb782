"""A fetcher of a plug-in: whatever it does wrong is a failure of its own fetch, and ends no scan."""

from collections.abc import Iterator

from producers.fetchers.contract import Fetcher
from producers.found import Found
from producers.look import MALFORMED, Look, malformed
from schemas import canonical
from schemas.errors import BadInput, CouldNotLook
from schemas.plugins import Plugin


def guarded(plugin: Plugin, fetch: Fetcher) -> Fetcher:
    """Answer a fetcher that raises only CouldNotLook and BadInput; what the plug-in did not mean to raise names it."""

    def fetching(look: Look, parent: Found) -> Iterator[Found]:
        try:
            for one in fetch(look, parent):
                yield _checked(one)
        except (CouldNotLook, BadInput):
            raise
        except MALFORMED as error:
            raise BadInput(f"{plugin}: {malformed(error)}") from error
        except Exception as error:
            raise CouldNotLook(f"{plugin}: {type(error).__name__}: {error}") from error

    return fetching


def _checked(found: object) -> Found:
    """Answer an object that the log can take. Raises TypeError for anything else."""
    if not isinstance(found, Found):
        raise TypeError(f"yields a {type(found).__name__}, where a Found was expected")
    canonical.encode(found.document)
    return found
