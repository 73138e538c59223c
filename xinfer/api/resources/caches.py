"""`/v1/cache/models`: model files that nodes keep, and are to keep."""

from __future__ import annotations

import falcon

from xinfer.api.resources.downloads import Downloads
from xinfer.services.caches import Caches as Service


class Caches:
    """The list, the files of one version, its removal, and the download of more."""

    def __init__(self, caches: Service, downloads: Downloads) -> None:
        self._caches = caches
        self._downloads = downloads

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        name = req.get_param("model_name") or ""
        resp.media = {"list": self._caches.list(name, req.get_param("worker_ip") or "")}

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._downloads.begin(req, resp)

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        version = req.get_param("model_version", required=True)
        resp.media = {"result": self._caches.remove(version, req.get_param("worker_ip") or "")}

    def on_get_files(self, req: falcon.Request, resp: falcon.Response) -> None:
        version = req.get_param("model_version", required=True)
        resp.media = self._caches.files(version, req.get_param("worker_ip") or "")
