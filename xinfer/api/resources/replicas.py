"""Replicas by hand: more, a certain one less, and a launch withdrawn."""

from __future__ import annotations

from typing import Any

import falcon
import msgspec

from xinfer.api import quirks
from xinfer.api.schemas import body
from xinfer.domain.routing import RouteState
from xinfer.errors import Conflict, Invalid
from xinfer.services import description
from xinfer.services.models import Models
from xinfer.services.replicas import Replicas as ReplicaService


class Addition(msgspec.Struct, kw_only=True):
    """How many more. They are as the others are; where they run is the planner's choice."""

    replica: int = 1
    replica_config: dict[str, Any] | list[dict[str, Any]] | None = None
    model_engine: str | None = None
    n_gpu: int | str | None = None


class Replicas:
    """`/v1/models/{uid}/replicas`, `/{index}`, `/cancel`."""

    def __init__(self, models: Models, replicas: ReplicaService) -> None:
        self._models = models
        self._replicas = replicas

    def on_get(self, _req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        resp.media = [description.replica(entry) for entry in self._models.view().replicas(uid)]

    def on_post(self, req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        asked = body.read(req, Addition, "request") if body.is_given(req) else Addition()
        for key, (neutral, hint) in quirks.REFUSED_REPLICA_KEYS.items():
            if getattr(asked, key) not in neutral:
                raise Invalid(f"{key}: this is not supported.", hint, key=key)
        if asked.replica < 1:
            raise Invalid(f"replica: {asked.replica} is not at least 1.", key="replica")
        with quirks.unknown_uid_is_bad_request():
            placed = self._replicas.add(uid, asked.replica)
        added = [description.placed(one) for one in placed]
        # One that was asked for and waits for a node has no name yet.
        added += [description.placed(None)] * (asked.replica - len(added))
        resp.media = added[0] if len(added) == 1 else {"replica": len(added), "replicas": added}

    def on_delete_one(
        self, _req: falcon.Request, resp: falcon.Response, uid: str, index: int
    ) -> None:
        with quirks.unknown_uid_is_bad_request():
            resp.media = {"remaining_replicas": self._replicas.remove(uid, index)}

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
