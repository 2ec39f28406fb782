"""The fold as it was at any past offset, taken from the history and not from the beginning of the log."""

from collections.abc import Iterable

from projections.change import Kind
from projections.digest import digest_of
from projections.fold import Fold
from schemas.canonical import decode_document
from schemas.errors import HistoryError
from schemas.events import Entry
from streams.history import History
from streams.journal import Journal
from streams.worker import stored


def restored(journal: Journal, history: History, environment: str, at: int) -> Fold:
    """Answer the fold after the event at an offset, ready to go on as one that was never interrupted.

    Costs what there was, and the events of the scan that was open then. HistoryError if the state is not what the
    digest of its event says; between two events there is none, and nothing is compared.
    """
    kept = list(stored(history, environment, at))
    step = history.blame(environment, at)
    if step is not None and digest_of(kept) != step.digest:
        raise HistoryError(
            f"environment {environment}: what the history keeps of offset {at} is not what its digest says "
            f"(calipso verify {environment} names where it began, calipso rebuild {environment} mends it)"
        )
    fold = Fold.restore(environment, at, kept)
    for entry in _of_open_scan(journal, fold):
        fold.note(entry)
    return fold


def open_scan(fold: Fold) -> int | None:
    """Answer where the scan began that the records say is running, None if there is none."""
    scans = (decode_document(value) for key, value in fold.records.items() if key.kind is Kind.SCAN)
    return max((scan["started_offset"] for scan in scans if scan["status"] == "running"), default=None)


def _of_open_scan(journal: Journal, fold: Fold) -> Iterable[Entry]:
    begin = open_scan(fold)
    return [] if begin is None else journal.read(fold.environment, after=begin - 1, upto=fold.offset)
