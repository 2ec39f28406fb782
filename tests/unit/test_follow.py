"""A worker that is handed entries as they arrive reaches what one that reads the log reaches, whatever happens."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from projections.fold import Fold
from schemas.events import Entry, Event
from streams.history import Step
from streams.journal import Journal
from streams.local_history import LocalHistory
from streams.verify import verify
from streams.worker import Worker
from tests.unit.stories import stories
from tests.unit.test_fold import engine

ENV = "east"
DISTURBANCES = ("nothing", "again", "released", "another", "forgotten", "restarted", "ahead")


class Followed:
    """A worker that is handed what is appended, and disturbed before it sees it."""

    def __init__(self, journal: Journal, history: LocalHistory) -> None:
        self._journal = journal
        self._history = history
        self.announced: set[int] = set()
        self.worker = Worker(journal, history, self._announce)

    def _announce(self, _environment: str, steps: Sequence[Step]) -> None:
        self.announced.update(step.offset for step in steps)

    def tell(self, batch: Sequence[Event], disturbance: str) -> None:
        before = self._journal.head(ENV)
        self._journal.append(batch)
        entries: list[Entry] = list(self._journal.read(ENV, before))
        if disturbance == "again":
            entries = [*self._journal.read(ENV, max(-1, before - 3), before), *entries]
        self._disturb(disturbance)
        self.worker.follow(ENV, entries)

    def _disturb(self, disturbance: str) -> None:
        match disturbance:
            case "released":
                self.worker.release(ENV)
            case "another":
                Worker(self._journal, self._history).catch_up(ENV)
            case "forgotten":
                self._history.forget(ENV)
            case "restarted":
                self.worker = Worker(self._journal, self._history, self._announce)
            case "ahead":
                self.worker.hold(ENV)


def replayed(journal: Journal) -> Fold:
    fold = Fold(ENV)
    for entry in journal.read(ENV):
        fold.apply(entry)
    return fold


@given(stories(), st.lists(st.tuples(st.integers(1, 5), st.sampled_from(DISTURBANCES)), max_size=12))
def test_following_reaches_what_reading_reaches(events: list[Event], cuts: list[tuple[int, str]]) -> None:
    events = [replace(event, environment=ENV) for event in events]
    with engine() as (journal, history):
        followed = Followed(journal, history)
        for count, disturbance in [*cuts, (len(events), "nothing")]:
            batch, events = events[:count], events[count:]
            if not batch:
                break
            followed.tell(batch, disturbance)
            held, _ = followed.worker.hold(ENV)
            assert list(held.everything()) == list(replayed(journal).everything())
            assert history.position(ENV).offset == journal.head(ENV)
        assert verify(journal, history, ENV).problem is None
        if "another" not in {disturbance for _, disturbance in cuts}:
            assert followed.announced == {entry.offset for entry in journal.read(ENV)}
