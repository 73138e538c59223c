"""Is the process alive, and can it serve."""

from __future__ import annotations

import falcon

from xinfer.domain.routing import RouteState
from xinfer.gateway.table import Table


class Health:
    """`/health` and `/healthz`: this process answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_JSON
        resp.data = b'{"status":"ok"}'

    def on_head(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_JSON


class Readiness:
    """`/readyz`: the state was read and the routes are known. Models may still be loading; the
    body counts them.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        routes = self._table.routes.values()
        ready = sum(route.state is RouteState.READY for route in routes)
        loaded = self._table.loaded
        resp.status = falcon.HTTP_200 if loaded else falcon.HTTP_503
        resp.media = {
            "status": "ready" if loaded else "starting",
            "models": {"desired": len(routes), "ready": ready},
        }
