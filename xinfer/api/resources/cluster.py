"""The cluster: status, nodes, and whether keys are needed."""

from __future__ import annotations

import falcon

from xinfer.services.cluster import Cluster as ClusterService


class Cluster:
    """`/status`, `/v1/cluster/info`, `/v1/cluster/auth`."""

    def __init__(self, cluster: ClusterService, *, auth: bool) -> None:
        self._cluster = cluster
        self._auth = auth

    def on_get_status(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._cluster.status()

    def on_get_info(self, req: falcon.Request, resp: falcon.Response) -> None:
        detailed = bool(req.get_param_as_bool("detailed", blank_as_true=True, default=False))
        resp.media = self._cluster.info(detailed=detailed)

    def on_get_auth(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"auth": self._auth}
