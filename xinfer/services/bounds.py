"""The numbers and variables that a model may be declared with, whichever way it was declared."""

from __future__ import annotations

from collections.abc import Iterator

from xinfer.domain.model import MAX_REPLICAS, ModelSpec
from xinfer.errors import Invalid


def check_bounds(spec: ModelSpec) -> None:
    """Raises Invalid with the key of the first value that is out of its bounds."""
    check_replicas(spec.replicas)
    for key, value, least in _numbers(spec):
        if value is not None and not value >= least:
            raise Invalid(f"{key}: {value} is below {least}.", key=key)
    for name in spec.env:
        if not name or "=" in name:
            raise Invalid(f"env: {name!r} cannot be the name of a variable.", key="env")


def check_replicas(count: int) -> None:
    """Raises Invalid for a count that no model can have."""
    if not 0 <= count <= MAX_REPLICAS:
        raise Invalid(f"replicas: {count} is not from 0 to {MAX_REPLICAS}.", key="replicas")


def _numbers(spec: ModelSpec) -> Iterator[tuple[str, float | None, int]]:
    """Keys as recipes spell them, values, and the least that each may be."""
    limits, restart, n_gpu = spec.limits, spec.restart, spec.placement.n_gpu
    yield "memory", spec.memory_bytes, 1
    yield "launch_timeout_s", spec.launch_timeout_s, 0
    yield "drain_timeout_s", spec.drain_timeout_s, 0
    yield "limits.max_in_flight", limits.max_in_flight, 1
    yield "limits.max_queue", limits.max_queue, 0
    yield "limits.queue_timeout_s", limits.queue_timeout_s, 0
    yield "restart.max_failures", restart.max_failures, 1
    yield "restart.backoff_s", restart.backoff_s, 0
    yield "restart.backoff_max_s", restart.backoff_max_s, 0
    yield "n_gpu", n_gpu if isinstance(n_gpu, int) else None, 0
    yield from (("gpu_idx", index, 0) for index in spec.placement.gpu_idx)
