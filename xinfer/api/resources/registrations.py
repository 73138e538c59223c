"""`/v1/model_registrations`: the catalog, and what users add to it."""

from __future__ import annotations

from typing import Any

import falcon
import msgspec

from xinfer.api import quirks
from xinfer.api.schemas import body
from xinfer.api.schemas.query import flag
from xinfer.errors import Invalid
from xinfer.services.registrations import Registrations as Service


class RegistrationBody(msgspec.Struct, kw_only=True):
    """`model` is JSON or YAML as text, or the object itself."""

    model: str | dict[str, Any]
    worker_ip: str | None = None
    persist: bool = True


class Registrations:
    """A kind's families, and one of them."""

    def __init__(self, registrations: Service) -> None:
        self._registrations = registrations

    def on_get(self, req: falcon.Request, resp: falcon.Response, kind: str) -> None:
        if flag(req, "summary", default=False):
            resp.media = self._registrations.summaries(kind)
            return
        detailed = flag(req, "detailed", default=False)
        resp.media = self._registrations.list(kind, detailed=detailed)

    def on_post(self, req: falcon.Request, resp: falcon.Response, kind: str) -> None:
        given = body.read(req, RegistrationBody, "registration")
        if not given.model:
            raise Invalid("model: it is empty.", "Give the family as JSON.", key="model")
        self._registrations.register(kind, given.model)
        quirks.null(resp)

    def on_get_one(self, _req: falcon.Request, resp: falcon.Response, kind: str, name: str) -> None:
        with quirks.unknown_uid_is_bad_request():
            resp.media = self._registrations.get(kind, name)

    def on_get_history(
        self, _req: falcon.Request, resp: falcon.Response, kind: str, name: str
    ) -> None:
        resp.media = self._registrations.history(kind, name)

    def on_delete_one(
        self, _req: falcon.Request, resp: falcon.Response, kind: str, name: str
    ) -> None:
        self._registrations.unregister(kind, name)
        quirks.null(resp)


class Lists:
    """What can be read off the catalog: families by ability, prompts, architectures, versions."""

    def __init__(self, registrations: Service) -> None:
        self._registrations = registrations

    def on_get_families(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._registrations.abilities()

    def on_get_prompts(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._registrations.prompts()

    def on_get_vllm(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = self._registrations.architectures()

    def on_get_versions(
        self, _req: falcon.Request, resp: falcon.Response, uid: str, name: str
    ) -> None:
        with quirks.unknown_uid_is_bad_request():
            resp.media = self._registrations.versions(uid, name)
