"""Replicas by hand: more, fewer, a launch withdrawn, and what runs as Xinference lists it."""

from __future__ import annotations

import falcon
import msgspec

from xinfer.api import quirks
from xinfer.api.schemas import body
from xinfer.domain.routing import RouteState
from xinfer.errors import Conflict, Invalid
from xinfer.services import description
from xinfer.services.models import Models


class Addition(msgspec.Struct, kw_only=True):
    """How many more. What it runs on is the planner's choice."""

    replica: int = 1


class Replicas:
    """`/v1/models/{uid}/replicas`, `/{index}`, `/cancel`, `/v1/models/instances`."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def on_get(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        resp.media = [description.replica(entry) for entry in self._models.view().replicas(uid)]

    def on_post(self, req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        asked = body.read(req, Addition, "request") if req.content_length else Addition()
        if asked.replica < 1:
            raise Invalid(f"replica: {asked.replica} is not at least 1.", key="replica")
        with quirks.unknown_uid_is_bad_request():
            before = self._models.view().spec(uid).replicas
            self._models.scale(uid, before + asked.replica)
        added = [
            {
                "replica_id": index,
                "replica_model_uid": f"{uid}-rep{index}",
                "worker_address": None,
            }
            for index in range(before, before + asked.replica)
        ]
        resp.media = added[0] if len(added) == 1 else {"replica": len(added), "replicas": added}

    def on_delete_one(
        self, _req: falcon.Request, resp: falcon.Response, uid: str, index: int
    ) -> None:
        with quirks.unknown_uid_is_bad_request():
            count = self._models.view().spec(uid).replicas
        if index != count - 1:
            raise Invalid(
                f"Replica {index} of '{uid}' cannot be removed alone: it has {count}, and the last"
                " one goes first.",
                f"Remove replica {count - 1}.",
                key="replica_id",
            )
        self._models.scale(uid, count - 1)
        resp.media = {"remaining_replicas": count - 1}

    def on_post_cancel(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        view = self._models.view()
        with quirks.unknown_uid_is_bad_request():
            view.spec(uid)
        if view.routes()[uid].state is RouteState.READY:
            raise Conflict(
                f"Model '{uid}' is ready: there is no launch to cancel.", "Terminate it instead."
            )
        self._models.terminate(uid)
        quirks.null(resp)

    def on_get_instances(self, req: falcon.Request, resp: falcon.Response) -> None:
        view = self._models.view()
        uid, name = req.get_param("model_uid"), req.get_param("model_name")
        wanted = [
            each
            for each, spec in view.desired.models.items()
            if (uid in {None, each}) and (uid or name in {None, spec.family or each})
        ]
        resp.media = [description.instance(view, each) for each in wanted]
