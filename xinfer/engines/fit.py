"""How many slots of what context llama.cpp gets, so that memory fits. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from xinfer.engines.gguf import Shape

_SHARE = 0.6
"""Of the memory that is free, how much a model may take by default."""

_OVERHEAD_BYTES = 256 * 2**20
"""Compute buffers and the process itself, measured generously on small models."""

_CACHE_SHARE = 1 / 16
"""Of the memory that is free, how much keys and values take by default: a start clears it all."""

_MIN_CONTEXT = 2048
_MAX_CONTEXT = 8192
_SLOTS = (16, 8, 4, 2, 1)
_SLOTS_PER_CORE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """`slots` requests at once, each with `context` tokens."""

    slots: int
    context: int


def choose(
    shape: Shape, free_bytes: int, cores: int, slots: int | None = None, context: int | None = None
) -> Fit:
    """The defaults for what was not given (`slots`, `context` per slot).

    Prefers a context of at least 2,048 tokens over more slots, then slots up to four per core,
    then a longer context up to 8,192 tokens or what the model was trained for.
    """
    room = int(free_bytes * _SHARE) - shape.size_bytes - _OVERHEAD_BYTES
    tokens = max(0, min(room, int(free_bytes * _CACHE_SHARE))) // max(1, shape.kv_bytes_per_token)
    longest = max(1, min(shape.trained_context, _MAX_CONTEXT))
    least = min(_MIN_CONTEXT, longest)
    if slots is None:
        want = context or least
        allowed = [count for count in _SLOTS if count <= max(1, cores) * _SLOTS_PER_CORE]
        slots = next((count for count in allowed if count * want <= tokens), 1)
    if context is None:
        affordable = tokens // max(1, slots)
        context = max(least, min(longest, affordable // 256 * 256))
    return Fit(slots=slots, context=context)


def memory_bytes(shape: Shape, fit: Fit) -> int:
    """What the engine is expected to take: weights, keys and values, and overhead."""
    return shape.size_bytes + fit.slots * fit.context * shape.kv_bytes_per_token + _OVERHEAD_BYTES
