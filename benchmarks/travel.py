"""Questions about a moment at random, put to the history and to the references that hold the same changes."""

from collections.abc import Callable, Iterator
from contextlib import closing
from random import Random
from statistics import median
from typing import Any

from benchmarks.bare import Bare
from benchmarks.cloud import NAME
from benchmarks.lab import Lab
from benchmarks.measure import Measure
from benchmarks.peer import TOLD, Item, Peer
from benchmarks.ticks import latencies, percentile
from projections.change import Key, Kind
from projections.inventory import Ref
from streams.history import History

Question = tuple[Key, int]
"""A key, and the offset at which it is asked for."""

_WARM = 10
"""One of so many questions is asked before the clock runs."""
_ROUNDS = 3
"""A percentile is the median of those of so many rounds of questions, of which none is asked twice."""
_WHOLE = 3
"""So often the whole environment is asked for."""


def object_at(lab: Lab) -> Iterator[Measure]:
    """One object at a random offset: its whole value, p50 and p99."""
    return _questions(lab, "object-at", Kind.OBJECT, _get, lambda peer: lambda asked: peer.get(*asked))


def clique_at(lab: Lab) -> Iterator[Measure]:
    """One clique at a random offset: its whole value, p50 and p99."""
    return _questions(lab, "clique-at", Kind.CLIQUE, _get, lambda peer: lambda asked: peer.get(*asked))


def neighbours_at(lab: Lab) -> Iterator[Measure]:
    """The links at one object at a random offset with their values, p50 and p99."""
    return _questions(lab, "neighbours-at", Kind.OBJECT, _links, lambda peer: lambda asked: peer.links(*_at(asked)))


def environment_at(lab: Lab) -> Iterator[Measure]:
    """All objects, links and cliques at a random offset with their values."""
    draw = Random(4)  # noqa: S311 - a seed
    offsets = [draw.randrange(lab.estate.events // 10, lab.estate.events) for _ in range(_WHOLE)]
    peers = list(lab.peers())

    with closing(lab.opened()) as history:

        def ours(at: int) -> list[Item]:
            return everything(history, at)

        asked: list[Callable[[int], list[Item]]] = [ours, *(peer.everything for peer in peers)]
        times = latencies(offsets, [_in_any_order(ask) for ask in asked], lab.clock, block=1)
    value = median(times[0]) * 1e3
    for peer, theirs in zip(peers, times[1:], strict=True):
        yield _better_low("environment-at", lab.size, value, lab.unit("ms"), median(theirs) * 1e3, peer.name, 1.0)
    replay = Bare.upto(lab.estate, [sorted(offsets)[_WHOLE // 2]], lab.clock)[0]
    yield _better_low("environment-at", lab.size, value, lab.unit("ms"), replay * 1e3, Bare.name, 1.0)


def as_of_age(lab: Lab) -> Iterator[Measure]:
    """An object and its links in the oldest tenth of the history and in the newest, p95."""
    tenth, end = lab.estate.events // 10, lab.estate.events
    draw = Random(5)  # noqa: S311 - a seed
    old_ones = lab.estate.some(draw, Kind.OBJECT, 2 * lab.extent.questions, before=tenth)
    new_ones = lab.estate.some(draw, Kind.OBJECT, 2 * lab.extent.questions, since=end - tenth)
    old: list[float] = []
    new: list[float] = []
    with closing(lab.opened()) as history:
        for pair in zip(old_ones, new_ones, strict=True):
            for times, question in zip((old, new), pair, strict=True):
                times += latencies([question], [lambda asked: _both(history, *asked)], lab.clock)[0]
    value, reference = percentile(_warm(old), 95) * 1e6, percentile(_warm(new), 95) * 1e6
    yield _better_low(
        "as-of-age", lab.size, value, lab.unit("us p95"), reference, "the newest tenth", round(1 / 1.2, 3)
    )


def everything(history: History, at: int) -> list[Item]:
    """Answer all objects, links and cliques that a history has at an offset."""
    return [
        (item.key, item.version.value)
        for kind in TOLD
        for item in history.all(NAME, kind, at)
        if item.version.value is not None
    ]


def _questions(
    lab: Lab,
    name: str,
    kind: Kind,
    ask_us: Callable[[History], Callable[[Question], Any]],
    ask_peer: Callable[[Peer], Callable[[Question], Any]],
) -> Iterator[Measure]:
    """Ask beside each reference something else, of a history that is opened anew: nothing is remembered.

    Then ask `again`: about the same keys at other moments, as who has been asked about them before answers.
    """
    for peer in lab.peers():
        draw = Random(f"{name} {peer.name}")  # noqa: S311 - a seed
        questions = lab.estate.some(draw, kind, _ROUNDS * lab.extent.questions)
        later = [(key, draw.randrange(at, lab.estate.events)) for key, at in questions]
        with closing(lab.opened()) as history:
            ask = ask_us(history)
            first = latencies(questions, [ask, ask_peer(peer)], lab.clock)
            for question in questions:
                ask(question)
            again = latencies(later, [ask, ask_peer(peer)], lab.clock)
        for words, times in (("", first), ("-again", again)):
            for percent in (50, 99):
                value, reference = (_settled(each, percent) * 1e6 for each in times)
                row = f"{name}{words}-p{percent}"
                yield _better_low(row, lab.size, value, lab.unit("us"), reference, peer.name, 1.0)


def _settled(times: list[float], percent: float) -> float:
    """Answer the median of the percentiles of the rounds."""
    a_round = len(times) // _ROUNDS
    rounds = [_warm(times[start : start + a_round]) for start in range(0, a_round * _ROUNDS, a_round)]
    return median(percentile(each, percent) for each in rounds)


def _warm(times: list[float]) -> list[float]:
    return times[len(times) // _WARM :]


def _better_low(
    name: str, size: str, value: float, unit: str, reference: float, reference_name: str, goal: float
) -> Measure:
    return Measure(name, size, value, unit, reference, reference_name, reference / value, goal)


def _get(history: History) -> Callable[[Question], bytes | None]:
    def ask(asked: Question) -> bytes | None:
        version = history.get(NAME, *asked)
        return None if version is None else version.value

    return ask


def _links(history: History) -> Callable[[Question], list[Item]]:
    def ask(asked: Question) -> list[Item]:
        found = history.links(NAME, *_at(asked))
        return [(item.key, item.version.value) for item in found if item.version.value is not None]

    return ask


def _at(asked: Question) -> tuple[Ref, int]:
    key, at = asked
    return Ref(key.type, key.id), at


def _both(history: History, key: Key, at: int) -> object:
    return history.get(NAME, key, at), history.links(NAME, Ref(key.type, key.id), at)


class _AnyOrder(list[Item]):
    """Items that are equal to others whatever their order, which is looked at only when they are compared."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and sorted(self) == sorted(other)

    __hash__ = None  # type: ignore[assignment]  # they are lists


def _in_any_order(ask: Callable[[int], list[Item]]) -> Callable[[int], list[Item]]:
    return lambda at: _AnyOrder(ask(at))


BENCHMARKS = {
    "object-at": object_at,
    "neighbours-at": neighbours_at,
    "clique-at": clique_at,
    "environment-at": environment_at,
    "as-of-age": as_of_age,
}
