"""What the byte path counts, for Prometheus. Labels are looked up once per model, not per request.

With the environment variable PROMETHEUS_MULTIPROC_DIR set before import, the numbers of all
processes that share the folder are added up when scraped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.registry import Collector

from xinfer.gateway.usage import Usage

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_TELL_S = 1.0
"""How often a stream that goes on tells how far it is."""
_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


@dataclass(slots=True)
class ModelMetrics:
    """The labelled children of one model."""

    in_flight: Gauge
    queued: Gauge
    streaming: Gauge
    first_token: Histogram
    per_token: Histogram
    duration: Histogram
    requests: dict[int, Counter] = field(default_factory=dict)
    tokens: dict[str, tuple[Counter, Counter]] = field(default_factory=dict)


class Metrics:
    """Counters of this process; `render` adds those of its siblings and of `collectors`."""

    def __init__(self, collectors: Iterable[Collector] = ()) -> None:
        self._registry = CollectorRegistry()
        self._collectors = tuple(collectors)
        self._models: dict[str, ModelMetrics] = {}
        registry = self._registry
        self._requests = Counter(
            "xinfer_requests", "Requests by their final status.", ("model", "status"),
            registry=registry,
        )  # fmt: skip
        self._tokens = Counter(
            "xinfer_tokens", "Tokens as the engines count them.",
            ("model", "replica", "direction"), registry=registry,
        )  # fmt: skip
        self._in_flight = self._gauge("xinfer_requests_in_flight", "Requests at the engines.")
        self._queued = self._gauge("xinfer_requests_queued", "Requests that wait for a replica.")
        self._streaming = self._gauge(
            "xinfer_tokens_streaming", "Tokens of streams that have not ended, about."
        )
        self._first_token = self._histogram(
            "xinfer_time_to_first_token_seconds", "Request to first piece of a stream.", _SECONDS
        )
        self._per_token = self._histogram(
            "xinfer_inter_token_latency_seconds",
            "Mean time between output tokens of a stream.",
            _TOKEN_SECONDS,
        )
        self._duration = self._histogram(
            "xinfer_request_duration_seconds", "Request to end of reply.", _SECONDS
        )

    def model(self, uid: str) -> ModelMetrics:
        """The metrics of one model, made at its first request."""
        found = self._models.get(uid)
        if found is None:
            found = self._models[uid] = ModelMetrics(
                in_flight=self._in_flight.labels(uid),
                queued=self._queued.labels(uid),
                streaming=self._streaming.labels(uid),
                first_token=self._first_token.labels(uid),
                per_token=self._per_token.labels(uid),
                duration=self._duration.labels(uid),
            )
        return found

    def count(self, uid: str, status: int) -> None:
        """One request has ended with this HTTP status."""
        requests = self.model(uid).requests
        counter = requests.get(status)
        if counter is None:
            counter = requests[status] = self._requests.labels(uid, str(status))
        counter.inc()

    def count_tokens(self, uid: str, replica_id: str, usage: Usage) -> None:
        """Tokens of one request, in and out."""
        tokens = self.model(uid).tokens
        pair = tokens.get(replica_id)
        if pair is None:
            pair = tokens[replica_id] = (
                self._tokens.labels(uid, replica_id, "in"),
                self._tokens.labels(uid, replica_id, "out"),
            )
        pair[0].inc(usage.prompt_tokens)
        pair[1].inc(usage.completion_tokens)

    def render(self) -> bytes:
        """Prometheus text over all processes."""
        registry = CollectorRegistry()
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry.register(self._registry)
        for collector in self._collectors:
            registry.register(collector)
        return bytes(generate_latest(registry))

    def _gauge(self, name: str, doc: str) -> Gauge:
        return Gauge(name, doc, ("model",), registry=self._registry, multiprocess_mode="livesum")

    def _histogram(self, name: str, doc: str, buckets: Iterable[float]) -> Histogram:
        return Histogram(name, doc, ("model",), registry=self._registry, buckets=tuple(buckets))


class Timer:
    """The times of one request; `end` may be called any number of times."""

    def __init__(self, metrics: Metrics, uid: str) -> None:
        self._metrics = metrics
        self._uid = uid
        self._model = metrics.model(uid)
        self._began = time.perf_counter()
        self._first = 0.0
        self._told = 0
        self._told_at = 0.0
        self._ended = False

    def piece(self, events: int) -> None:
        """A piece of a stream goes to the client, the end of so many events."""
        now = time.perf_counter()
        if not self._first:
            self._first = self._told_at = now
            self._model.first_token.observe(now - self._began)
        elif now - self._told_at >= _TELL_S:
            self._model.streaming.inc(events - self._told)
            self._told, self._told_at = events, now

    def end(self, status: int, replica_id: str = "", usage: Usage | None = None) -> None:
        """The request is over."""
        if self._ended:
            return
        self._ended = True
        now = time.perf_counter()
        if self._told:
            self._model.streaming.dec(self._told)
        self._metrics.count(self._uid, status)
        self._model.duration.observe(now - self._began)
        if usage is not None:
            self._metrics.count_tokens(self._uid, replica_id, usage)
            if self._first and usage.completion_tokens > 1:
                self._model.per_token.observe((now - self._first) / (usage.completion_tokens - 1))
