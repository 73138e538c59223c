"""The cluster: status, nodes, and whether keys are needed."""

from __future__ import annotations

from collections.abc import Callable

import falcon

import xinfer
from xinfer.api.schemas.query import flag
from xinfer.services.cluster import Cluster as ClusterService


class Cluster:
    """`/status`, `/v1/cluster/...`, `/v1/workers`, `/v1/supervisor`, `/v1/address`, `/v1/clusters`.

    `stop()` lets the installation end soon after, and says whether it can.
    """

    def __init__(self, cluster: ClusterService, *, auth: bool, stop: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._auth = auth
        self._stop = stop

    def on_get_status(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._cluster.status()

    def on_get_info(self, req: falcon.Request, resp: falcon.Response) -> None:
        detailed = flag(req, "detailed", default=False)
        resp.media = self._cluster.info(detailed=detailed)

    def on_get_auth(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"auth": self._auth}

    def on_get_version(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"version": xinfer.__version__, "full-revisionid": ""}

    def on_get_devices(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._cluster.devices()

    def on_get_workers(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._cluster.workers()

    def on_get_supervisor(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"supervisor_ip": self._cluster.supervisor()}

    def on_get_address(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._cluster.supervisor()

    def on_delete_all(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"result": self._stop()}
