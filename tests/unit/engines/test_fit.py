"""Slots and context that are chosen for a machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinfer.engines import fit
from xinfer.engines.gguf import Shape

GIB = 2**30
SMALL = Shape(architecture="llama", keys=5760, values=5760, trained_context=8192)
EIGHT_B = Shape(architecture="llama", keys=32768, values=32768, trained_context=131072)


def chosen(shape: Shape, weights: float, free: float, cores: int) -> fit.Fit:
    budget = fit.budget_bytes(int(weights * GIB), int(free * GIB))
    return fit.choose(budget // fit.token_bytes(shape, {}), shape.trained_context, cores)


@pytest.mark.parametrize(
    ("shape", "weights", "free", "cores", "slots", "context"),
    [
        pytest.param(SMALL, 0.1, 22, 2, 8, 4096, id="small model, two cores"),
        pytest.param(SMALL, 0.1, 22, 64, 16, 4096, id="small model, many cores"),
        pytest.param(SMALL, 0.1, 1, 2, 2, 2816, id="small model, 1 GiB"),
        pytest.param(EIGHT_B, 4.7, 10, 8, 4, 2560, id="8B model, laptop"),
        pytest.param(EIGHT_B, 4.7, 60, 16, 16, 3840, id="8B model, workstation"),
        pytest.param(EIGHT_B, 4.7, 4, 8, 1, 512, id="8B model that does not fit"),
    ],
)
def test_defaults_by_machine(
    shape: Shape, weights: float, free: float, cores: int, slots: int, context: int
) -> None:
    assert chosen(shape, weights, free, cores) == fit.Fit(slots=slots, context=context)


@given(
    keys=st.integers(0, 200_000),
    trained=st.integers(1, 1_000_000),
    weights=st.integers(0, 500 * GIB),
    free=st.integers(0, 2000 * GIB),
    cores=st.integers(1, 256),
)
def test_what_is_chosen_never_exceeds_the_budget(
    keys: int, trained: int, weights: int, free: int, cores: int
) -> None:
    shape = Shape(architecture="x", keys=keys, values=keys, trained_context=trained)
    per_token, budget = fit.token_bytes(shape, {}), fit.budget_bytes(weights, free)
    got = fit.choose(budget // per_token, trained, cores)
    least = fit.Fit(slots=1, context=min(512, trained))
    assert got == least or got.slots * got.context * per_token <= budget
    assert got.context <= trained
    assert 1 <= got.slots <= 4 * cores
    if got != least:
        assert weights + got.slots * got.context * per_token <= free


@given(slots=st.integers(1, 256), context=st.integers(1, 200_000), tokens=st.integers(0, 10**9))
def test_what_was_asked_for_is_given(slots: int, context: int, tokens: int) -> None:
    assert fit.choose(tokens, 4096, 4, slots, context) == fit.Fit(slots=slots, context=context)
    assert fit.choose(tokens, 4096, 4, slots=slots).slots == slots
    assert fit.choose(tokens, 4096, 4, context=context).context == context


def test_a_smaller_cache_type_leaves_room_for_more() -> None:
    whole = fit.token_bytes(SMALL, {})
    assert whole == 2 * (5760 + 5760)
    assert fit.token_bytes(SMALL, {"cache_type_k": "q8_0", "cache_type_v": "q4_0"}) == int(
        5760 * 34 / 32 + 5760 * 18 / 32
    )
