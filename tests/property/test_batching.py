"""Batches of texts: every text once, limits held, groups of like length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xinfer.engines.hosts.embedder.batch import Limits, by_length, take

lengths = st.lists(st.integers(0, 2000), max_size=60)
limits = st.builds(Limits, texts=st.integers(1, 20), weight=st.integers(1, 20_000))


@given(lengths, limits)
def test_batches_hold_their_limits_and_take_everything_in_order(
    waiting: list[int], limit: Limits
) -> None:
    left, taken = list(waiting), []
    while left:
        count = take(left, limit)
        batch, left = left[:count], left[count:]
        taken += batch
        assert 1 <= len(batch) <= limit.texts
        assert len(batch) == 1 or max([*batch, 1]) * len(batch) <= limit.weight
        if left and len(batch) < limit.texts:
            assert max([*batch, left[0], 1]) * (len(batch) + 1) > limit.weight, "it had room"
    assert taken == waiting
    assert take([], limit) == 0


@given(lengths, st.integers(1, 8))
def test_groups_have_every_place_once_the_longest_first(waiting: list[int], parts: int) -> None:
    groups = by_length(waiting, parts)
    places = [place for group in groups for place in group]
    assert sorted(places) == list(range(len(waiting)))
    assert len(groups) <= parts
    ordered = [waiting[place] for place in places]
    assert ordered == sorted(waiting, reverse=True)
