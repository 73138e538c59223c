"""What the embedder measures of itself, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Mapping

from xinfer.engines.hosts.embedder.pool import Pool

_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def page(pool: Pool | None) -> str:
    """The numbers of the queue; zeros while the model loads."""
    begun = sum(each.begun for each in pool.requests) if pool else 0
    numbers = {
        "embedder_requests_running": begun,
        "embedder_requests_waiting": len(pool.requests) - begun if pool else 0,
        "embedder_texts_running": pool.running if pool else 0,
        "embedder_texts_waiting": pool.waiting if pool else 0,
        "embedder_busy_seconds_total": pool.busy_s if pool else 0,
    }
    lines = [f"{name} {value}" for name, value in numbers.items()]
    return "\n".join([*lines, *_histogram("embedder_batch_texts", pool.sizes if pool else {}), ""])


def _histogram(name: str, sizes: Mapping[int, int]) -> list[str]:
    """`sizes`: how often a batch of that many texts was computed."""
    count = sum(sizes.values())
    buckets = [
        f'{name}_bucket{{le="{bound}"}} {sum(n for size, n in sizes.items() if size <= bound)}'
        for bound in _BOUNDS
    ]
    total = sum(size * n for size, n in sizes.items())
    return [
        f"# TYPE {name} histogram",
        *buckets,
        f'{name}_bucket{{le="+Inf"}} {count}',
        f"{name}_sum {total}",
        f"{name}_count {count}",
    ]
