"""How many slots of what context llama.cpp gets, so that memory fits. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xinfer.engines.gguf import Shape

_OVERHEAD_BYTES = 256 * 2**20
"""Compute buffers and the process itself; measured generously, on small models."""

_SHARE_OF_REST = 1 / 2
"""Of what the weights leave free, how much the cache of keys and values takes at most."""

_SHARE_OF_FREE = 1 / 8
"""Of all that is free, the same: the cache is cleared at start, and a gigabyte takes a second."""

_MIN_CONTEXT = 512
_USEFUL_CONTEXT = 2048
_MAX_CONTEXT = 4096
_STEP = 256
_SLOTS = (16, 8, 4, 2, 1)
_SLOTS_PER_CORE = 4

BYTES = {
    "f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32, "q4_1": 20 / 32,
    "iq4_nl": 18 / 32, "q5_0": 22 / 32, "q5_1": 24 / 32,
}  # fmt: skip
"""Bytes of one cached number, by the type of the cache; blocks of 32 carry their scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """`slots` requests at once, each with `context` tokens."""

    slots: int
    context: int


def token_bytes(shape: Shape, options: Mapping[str, object]) -> int:
    """Memory that one token of context takes with these options; at least 1."""
    keys = BYTES[str(options.get("cache_type_k") or "f16")]
    values = BYTES[str(options.get("cache_type_v") or "f16")]
    return max(1, int(shape.keys * keys + shape.values * values))


def budget_bytes(weights_bytes: int, free_bytes: int) -> int:
    """What the cache of keys and values may take where nothing was asked; never negative.

    `free_bytes` are those of the memory that the model goes to.
    """
    rest = free_bytes - weights_bytes - _OVERHEAD_BYTES
    return max(0, int(min(rest * _SHARE_OF_REST, free_bytes * _SHARE_OF_FREE)))


def choose(
    tokens: int, trained: int, cores: int, slots: int | None = None, context: int | None = None
) -> Fit:
    """The given `slots` and `context` (per slot), and defaults for what is None.

    `tokens` is what the budget holds. A context of 2,048 comes before more slots, more slots (up to
    four per core, at most 16) before a longer context (up to 4,096, or what the model was trained
    for). One slot gets 512 even where the budget holds less.
    """
    longest = min(trained, _MAX_CONTEXT)
    if slots is None:
        want = context or min(_USEFUL_CONTEXT, longest)
        most = max(1, cores) * _SLOTS_PER_CORE
        slots = next((each for each in _SLOTS if each <= most and each * want <= tokens), 1)
    if context is None:
        affordable = tokens // slots // _STEP * _STEP
        context = max(min(_MIN_CONTEXT, longest), min(longest, affordable))
    return Fit(slots=slots, context=context)
