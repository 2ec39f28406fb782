"""Which rules a history was folded by, in one number."""

from hypothesis import given
from hypothesis import strategies as st

from projections.version import composed, meaning_of
from schemas.plugins import FOLDED, GROUPS, Plugin, installed

plugins = st.builds(Plugin, st.sampled_from(FOLDED), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
sets = st.sets(plugins, min_size=1, max_size=4)


@given(st.integers(1, 255), sets)
def test_a_version_tells_calipso_s_own_part_and_fits_into_json(meaning: int, found: set[Plugin]) -> None:
    version = composed(meaning, found)
    assert meaning_of(version) == meaning
    assert meaning < version < 2**53


@given(sets, sets)
def test_other_plug_ins_are_another_version_and_their_order_is_none(one: set[Plugin], other: set[Plugin]) -> None:
    assert (composed(3, one) == composed(3, other)) == (one == other)
    assert composed(3, sorted(one)) == composed(3, sorted(one, reverse=True))


def test_without_plug_ins_the_version_is_calipso_s_own() -> None:
    assert composed(3, []) == 3
    assert installed() == []
    assert set(FOLDED) < set(GROUPS)
