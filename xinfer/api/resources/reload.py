"""`/v1/models/{uid}/reload` and `/reload/config`: other options for a model that serves."""

from __future__ import annotations

import falcon

from xinfer.api import quirks
from xinfer.api.schemas import body
from xinfer.api.schemas.reload import ReloadBody, options
from xinfer.services.launch_rights import LaunchRights
from xinfer.services.reload import Reload as Service


class Reload:
    """Begun by one request, followed by others."""

    def __init__(self, service: Service, rights: LaunchRights) -> None:
        self._service = service
        self._rights = rights

    def on_post(self, req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        given = body.read(req, ReloadBody, "reload")
        by = req.context.principal
        with quirks.unknown_uid_is_bad_request():
            asked = options(given, self._service.engine(uid))
            resp.media = self._service.begin(
                uid, asked, lambda new: self._rights.check(by, new), given.drain_timeout
            )
        resp.status = falcon.HTTP_202

    def on_get(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        with quirks.unknown_uid_is_bad_request():
            resp.media = self._service.operation(uid)

    def on_get_config(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        with quirks.unknown_uid_is_bad_request():
            resp.media = self._service.options(uid)
