"""`/v1/autostart/models`: what starts by itself, which is what is desired."""

from __future__ import annotations

from typing import Any

import falcon

from xinfer.api.schemas import autostart, body
from xinfer.services.autostart import Autostart as Service
from xinfer.services.launch_rights import LaunchRights
from xinfer.services.models import Models


class Autostart:
    """All entries, one more or another, one less, and their uids."""

    def __init__(self, entries: Service, models: Models, rights: LaunchRights) -> None:
        self._entries = entries
        self._models = models
        self._rights = rights

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._entries.entries(req.context.principal.models)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        asked = autostart.of(body.read(req, dict[str, Any], "entry"))
        spec = self._models.resolved(asked.spec, asked.hub)
        self._rights.check(req.context.principal, spec)
        self._entries.put(spec, asked.hub)
        resp.media = self._entries.entries(req.context.principal.models)

    def on_get_summary(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._entries.summary(req.context.principal.models)

    def on_delete_one(self, req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        self._entries.remove(uid)
        resp.media = self._entries.summary(req.context.principal.models)
