"""The fold as it was at any past offset, taken from the history and not from the beginning of the log."""

from collections.abc import Iterable

from projections.change import Kind
from projections.digest import digest_of
from projections.fold import Fold, Stored
from schemas.canonical import decode_document
from schemas.errors import HistoryError
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
    return begun_again(journal, environment, at, kept)


def begun_again(journal: Journal, environment: str, at: int, kept: Iterable[Stored]) -> Fold:
    """Answer the fold that goes on from everything that there was after the event at an offset."""
    fold = Fold.restore(environment, at, kept)
    begin = open_scan(value for key, value in fold.records.items() if key.kind is Kind.SCAN)
    if begin is not None:
        for entry in journal.read(environment, after=begin - 1, upto=at):
            fold.note(entry)
    return fold


def open_scan(scans: Iterable[bytes]) -> int | None:
    """Answer, of all records of scans at one moment, where the one began that was open; None if none was."""
    found = map(decode_document, scans)
    return max((scan["started_offset"] for scan in found if scan["status"] == "running"), default=None)
