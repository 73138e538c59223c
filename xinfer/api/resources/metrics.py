"""`/metrics` in Prometheus' text format, over all gateway processes."""

from __future__ import annotations

import falcon

from xinfer.gateway.metrics import Metrics as Counters


class Metrics:
    """What the gateway counted and what the cluster reports."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/plain; version=0.0.4; charset=utf-8"
        resp.data = self._counters.render()
