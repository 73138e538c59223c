"""Running models: list, launch, describe, terminate, and what they do."""

from __future__ import annotations

from collections.abc import Callable

import falcon
import msgspec

from xinfer.api import quirks
from xinfer.api.schemas import launch
from xinfer.api.schemas.query import flag
from xinfer.domain.ports import EventStore
from xinfer.services import description
from xinfer.services.descriptions import Descriptions
from xinfer.services.launch_rights import LaunchRights
from xinfer.services.models import Models as ModelService
from xinfer.services.view import View


class Models:
    """`/v1/models`. `cached` gives a view that is read once per change of the store."""

    def __init__(
        self,
        models: ModelService,
        cached: Callable[[], View],
        rights: LaunchRights,
        descriptions: Descriptions,
    ) -> None:
        self._models = models
        self._descriptions = descriptions
        self._cached = cached
        self._rights = rights
        self._body: tuple[View, bytes] | None = None

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        # Another process may just have answered this client's launch.
        self._models.notice()
        view = self._cached()
        allowed = req.context.principal.models
        if allowed is not None:
            own = [uid for uid in view.desired.models if uid in allowed]
            resp.media = {"object": "list", "data": self._descriptions.models(view, own)}
            return
        if self._body is None or self._body[0] is not view:
            entries = self._descriptions.models(view, view.desired.models)
            self._body = (view, msgspec.json.encode({"object": "list", "data": entries}))
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._body[1]

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"model_uid": self.begin(req, launch.read(req))}

    def begin(self, req: falcon.Request, asked: launch.Launch) -> str:
        """Launch on behalf of the caller, and wait if the query does not say otherwise."""
        # A registered family may name local files, so what it stands for is looked at; and that is
        # launched, whatever the family stands for a moment later.
        spec = self._models.resolved(asked.spec, asked.hub)
        self._rights.check(req.context.principal, spec)
        wait = flag(req, "wait_ready", default=True)
        begin = self._models.launch_and_wait if wait else self._models.launch
        return begin(spec, uid_is_given=asked.uid_is_given, hub=asked.hub).uid


class Model:
    """`/v1/models/{uid}`."""

    def __init__(self, models: ModelService, descriptions: Descriptions) -> None:
        self._models = models
        self._descriptions = descriptions

    def on_get(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        with quirks.unknown_uid_is_bad_request():
            resp.media = self._descriptions.model(self._models.view(), uid)

    def on_delete(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        with quirks.unknown_uid_is_bad_request():
            self._models.terminate(uid)
        quirks.null(resp)


class ModelParts:
    """`/v1/models/{uid}/timeline`, `/progress`, `/events`."""

    def __init__(self, models: ModelService, events: EventStore) -> None:
        self._models = models
        self._events = events

    def on_get_timeline(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        resp.media = [description.timeline(entry) for entry in self._models.view().replicas(uid)]

    def on_get_progress(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        resp.media = description.progress(self._models.view(), uid)

    def on_get_events(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        resp.media = [
            {"event_type": event.kind, "event_ts": event.at_s, "event_content": event.message}
            for event in self._events.events(uid)
        ]
