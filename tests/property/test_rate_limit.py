"""Whatever comes when: never more than the allowance, and a told wait is long enough."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xinfer.domain.rate import Bucket, day_of, guess_wait_s, month_of, next_month_s

PER_MINUTE = st.integers(1, 1000)
PAUSES = st.lists(st.floats(0, 100), min_size=1, max_size=200)


@given(PER_MINUTE, PAUSES)
def test_requests_let_through_are_bounded_over_every_span(
    per_minute: int, pauses: list[float]
) -> None:
    bucket, now, let_through = Bucket(per_minute, 0.0), 0.0, []
    for pause in pauses:
        now += pause
        if bucket.wait_s(now) == 0:
            bucket.take(now)
            let_through.append(now)
    for first, begin in enumerate(let_through):
        for last in range(first, len(let_through)):
            span = let_through[last] - begin
            assert last - first + 1 <= per_minute * (1 + span / 60) + 0.001


@given(PER_MINUTE, PAUSES)
def test_who_waits_as_told_is_let_through(per_minute: int, pauses: list[float]) -> None:
    bucket, now = Bucket(per_minute, 0.0), 0.0
    for pause in pauses:
        now += pause
        wait = bucket.wait_s(now)
        assert wait <= 60 / per_minute + 0.001
        now += wait + 0.00001
        assert bucket.wait_s(now) == 0
        bucket.take(now)


@given(PER_MINUTE, st.lists(st.tuples(st.floats(0, 30), st.integers(0, 5000)), max_size=50))
def test_tokens_known_only_afterwards_are_paid_by_waiting(
    per_minute: int, uses: list[tuple[float, int]]
) -> None:
    bucket, now, spent, largest = Bucket(per_minute, 0.0), 0.0, 0, 0
    for pause, tokens in uses:
        now += pause
        if bucket.wait_s(now) == 0:
            bucket.take(now, tokens)
            spent += tokens
            largest = max(largest, tokens)
    assert spent <= per_minute * (1 + now / 60) + largest + 0.001


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_clock_that_jumps_neither_locks_out_nor_lets_in(first: float, second: float) -> None:
    bucket = Bucket(60, first)
    assert bucket.wait_s(second, 1000) == 0, "more than a bucketful is never waited for"
    for _ in range(60):
        bucket.take(second)
    assert 0 < bucket.wait_s(min(first, second)) <= 1.001


@given(st.integers(0, 10_000), st.integers(1, 20), st.floats(0, 1e6))
@example(1, 1, 0.9999999999999999)
def test_guessing_gets_slower_and_never_stops_anybody_for_long(
    failures: int, free: int, later_s: float
) -> None:
    # From 0 on no time is rounded.
    wait = guess_wait_s(failures, free, 0.0, later_s)
    assert 0 <= wait <= 300
    assert wait <= guess_wait_s(failures + 1, free, 0.0, later_s)
    assert (wait == 0) if failures < free else (wait > 0 or later_s >= 1)


@pytest.mark.parametrize(
    ("at_s", "day", "left_s"),
    [
        (0.0, "1970-01-01", 31 * 86400),
        (951_782_400.0, "2000-02-29", 86400),
        (978_307_199.0, "2000-12-31", 1),
    ],
)
def test_months_are_those_of_utc(at_s: float, day: str, left_s: float) -> None:
    assert (day_of(at_s), month_of(at_s), next_month_s(at_s)) == (day, day[:7], left_s)
