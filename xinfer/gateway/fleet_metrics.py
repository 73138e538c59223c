"""What the cluster's state looks like to Prometheus: read at each scrape, stored nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from xinfer.domain.replica import Phase
from xinfer.domain.routing import RouteState, as_told, routes
from xinfer.domain.state import Assigned, Desired, Observed

_GAUGES = {
    "running": ("xinfer_engine_requests_running", "Requests that the engine works on."),
    "waiting": ("xinfer_engine_requests_waiting", "Requests that wait inside the engine."),
    "cache_usage": ("xinfer_engine_cache_usage_ratio", "Share of its cache in use, 0..1."),
}
"""What engines measure of themselves, under one name for all engines."""


class FleetMetrics(Collector):
    """`read()` gives the three states; it is called once per scrape."""

    def __init__(self, read: Callable[[], tuple[Desired, Assigned, Observed]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Models, replicas and nodes."""
        desired, assigned, observed = self._read()
        ready = GaugeMetricFamily("xinfer_model_ready", "1 if it serves.", labels=["model"])
        for uid, route in routes(desired, assigned, observed).items():
            told = as_told(route, assigned)
            ready.add_metric([uid], float(told.state is RouteState.READY))
        yield ready
        labels = ["model", "replica", "node"]
        up = GaugeMetricFamily("xinfer_replica_up", "1 if its engine serves.", labels=labels)
        restarts = CounterMetricFamily(
            "xinfer_replica_restarts", "Starts after the first.", labels=labels
        )
        memory = GaugeMetricFamily(
            "xinfer_replica_memory_bytes", "Memory of its processes.", labels=labels
        )
        for name, state in observed.nodes.items():
            for replica in state.report.replicas:
                values = [replica.uid, replica.replica_id, name]
                up.add_metric(values, float(replica.phase is Phase.READY and not replica.unwell))
                restarts.add_metric(values, replica.restarts)
                if replica.memory_bytes is not None:
                    memory.add_metric(values, replica.memory_bytes)
        yield from (up, restarts, memory)
        yield from _gauges(observed)
        seen = GaugeMetricFamily(
            "xinfer_node_seen_seconds", "Unix time of its last report.", labels=["node"]
        )
        for name, state in observed.nodes.items():
            seen.add_metric([name], state.seen_at_s)
        yield seen


def _gauges(observed: Observed) -> Iterator[Metric]:
    for name, (metric, doc) in _GAUGES.items():
        family = GaugeMetricFamily(metric, doc, labels=["model", "replica", "node"])
        for node, state in observed.nodes.items():
            for replica in state.report.replicas:
                if name in replica.gauges:
                    family.add_metric([replica.uid, replica.replica_id, node], replica.gauges[name])
        yield family
