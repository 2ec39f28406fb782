"""Long lives of an environment as steps, by a number; and every answer that a history gives about one."""

import random
from collections.abc import Sequence

from projections.change import Key, Kind
from projections.inventory import Ref
from streams.history import History, Position, Step
from tests.contract.history_contract import ENV, NET, OTHER, chained, link_value, step, value

KEYS = [
    *(Key(Kind.OBJECT, "port", name) for name in ("a", "b", "é c")),
    *(Key(Kind.LINK, "vnic-vedge", f"{name}|e") for name in ("a", "b")),
    Key(Kind.CLIQUE, "port", "a"),
    Key(Kind.SCAN, "scan", "s"),
]
REFS = [NET, OTHER, Ref("vnic", "a"), Ref("vnic", "b"), Ref("vedge", "e")]


def life(number: int, length: int = 60) -> list[Step]:
    """Answer steps with gaps between their offsets, some of which change nothing."""
    chance = random.Random(number)
    offset, steps = -1, []
    for _ in range(length):
        offset += chance.choice([1, 1, 1, 3])
        keys = chance.sample(KEYS, chance.choice([0, 1, 1, 2, 4]))
        steps.append(step(offset, *((key, _value(chance, key, offset)) for key in sorted(keys))))
    return [_honest(one) for one in chained(steps)]


def _honest(one: Step) -> Step:
    """Leave out what is no change: a removal of what was not there."""
    kept = [change for change in one.changes if change.before != change.after]
    return Step(one.offset, one.logged_at, one.occurred_at, one.source, one.event_id, one.event, one.digest, kept)


def _value(chance: random.Random, key: Key, offset: int) -> bytes | None:
    if chance.random() < 0.3:
        return None
    if key.kind is Kind.OBJECT:
        return value(chance.choice([NET, OTHER]), number=offset)
    if key.kind is Kind.LINK:
        return link_value(Ref("vnic", key.id[0]), Ref("vedge", "e"))[:-1] + b',"x":%d}' % offset
    return b'"%d %s"' % (offset, b"long " * chance.choice([0, 400]))


def put(history: History, steps: Sequence[Step], after: int) -> bool:
    """Write steps that follow `after`."""
    last = steps[-1]
    return history.write(ENV, steps, Position(last.offset, last.offset + 1, last.digest, 1), after)


def go_on(history: History, steps: Sequence[Step], batch: int) -> None:
    """Write what of a life is missing, in batches, as a worker does that begins again from where the history is."""
    while True:
        reached = history.position(ENV).offset
        left = [one for one in steps if one.offset > reached]
        if not left:
            return
        put(history, left[:batch], reached)


def answers(history: History, moments: Sequence[int]) -> dict[str, object]:
    """Answer what the history says to every question, at some offsets."""
    latest = moments[-1]
    between = list(zip(moments, [*moments[1:], latest + 5], strict=True))
    return {
        "position": history.position(ENV),
        "environments": history.environments(),
        "get": [history.get(ENV, key, at) for key in KEYS for at in moments],
        "all": [list(history.all(ENV, kind, at)) for kind in Kind for at in moments],
        "links": [history.links(ENV, ref, at) for ref in REFS for at in moments],
        "children": [history.children(ENV, ref, at) for ref in REFS for at in moments],
        "versions": [history.versions(ENV, key, *bounds) for key in KEYS for bounds in [(-1, latest), *between]],
        "changed": [history.changed(ENV, *bounds) for bounds in [(-1, latest), *between]],
        "spans": [list(history.spans(ENV, *bounds)) for bounds in [(-1, latest), *between]],
        "blame": [history.blame(ENV, at) for at in range(latest + 2)],
        "checkpoints": list(history.checkpoints(ENV)),
        "step_changes": [history.step_changes(ENV, at) for at in range(latest + 2)],
    }
