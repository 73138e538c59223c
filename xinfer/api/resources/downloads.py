"""Downloads: `POST /v1/cache/models` and what follows from it, and `/v1/downloads`."""

from __future__ import annotations

from typing import Any

import falcon

from xinfer.api import quirks
from xinfer.api.schemas import download
from xinfer.api.schemas.query import flag
from xinfer.domain.identity import Principal
from xinfer.services.downloads import Downloads as Service
from xinfer.services.downloads import Placed
from xinfer.services.launch_rights import LaunchRights
from xinfer.services.operation import operation


class Downloads:
    """The list of all, and one of them. A caller sees what is for models that it may use."""

    def __init__(self, downloads: Service, rights: LaunchRights) -> None:
        self._downloads = downloads
        self._rights = rights

    def begin(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Fetch the files of a model, and wait for them if the query does not say otherwise."""
        wanted = download.read(req)
        by: Principal = req.context.principal
        spec = self._downloads.resolved(wanted.launch.spec, wanted.launch.hub)
        self._rights.check(by, spec)
        begun = self._downloads.begin(spec, wanted.cache_uid)
        if flag(req, "wait_ready", default=True):
            begun = self._downloads.wait(begun)
        resp.media = operation(begun)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        allowed = req.context.principal.models
        found = self._downloads.list()
        resp.media = {
            "list": [
                operation(one)
                for one in found
                if allowed is None or one.download.spec.uid in allowed
            ]
        }

    def on_get_progress(self, req: falcon.Request, resp: falcon.Response, cache_uid: str) -> None:
        resp.media = operation(self._find(req, cache_uid))

    def on_post_cancel(self, req: falcon.Request, resp: falcon.Response, cache_uid: str) -> None:
        self._downloads.change(self._find(req, cache_uid), "cancel")
        quirks.null(resp)

    def on_post_pause(self, req: falcon.Request, resp: falcon.Response, cache_uid: str) -> None:
        resp.media = self._changed(req, cache_uid, "pause")

    def on_post_resume(self, req: falcon.Request, resp: falcon.Response, cache_uid: str) -> None:
        resp.media = self._changed(req, cache_uid, "resume")

    def on_delete_one(self, req: falcon.Request, resp: falcon.Response, cache_uid: str) -> None:
        resp.media = self._changed(req, cache_uid, "forget")

    def _changed(self, req: falcon.Request, cache_uid: str, verb: str) -> dict[str, Any]:
        return operation(self._downloads.change(self._find(req, cache_uid), verb))

    def _find(self, req: falcon.Request, cache_uid: str) -> Placed:
        found = self._downloads.find(cache_uid)
        by: Principal = req.context.principal
        by.require_model(found.download.spec.uid)
        return found
