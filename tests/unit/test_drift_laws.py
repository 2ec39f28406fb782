"""Laws of drift: the next scan names what was lost, and when."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.losses import Life, Loss, objects

LIVES = 12
LONG = 300
"""Things that happen in a life."""


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_the_next_scan_finds_what_was_lost_and_each_loss_lies_in_the_interval_that_is_named(share: float) -> None:
    lost, missed, found, within = 0, 0, 0, 0
    for seed in range(LIVES):
        loss = Loss()
        loss.live(Life(seed).happen(LONG), random.Random(seed), share)
        gone = loss.missed()
        named = loss.scan()
        lost += loss.lost
        missed += len(gone)
        found += len(gone & named.keys())
        within += sum(named[fact][0] <= loss.turned(fact) < named[fact][1] for fact in gone & named.keys())
    assert lost > LIVES * LONG * share / 2
    assert missed > 0
    assert found >= 0.99 * missed
    assert within >= 0.99 * found


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from((0.0, 0.05, 0.3, 1.0)), st.integers(1, 60))
def test_a_scan_names_all_that_nobody_told_and_nothing_else(seed: int, share: float, length: int) -> None:
    loss = Loss()
    loss.live(Life(seed).happen(length), random.Random(seed), share)
    gone = loss.missed()
    assert loss.scan().keys() == gone
    assert {ref: obj.document for ref, obj in objects(loss.believed).items()} == {
        ref: obj.document for ref, obj in objects(loss.truth).items()
    }
    assert loss.scan() == {}  # a second look has nothing to correct
