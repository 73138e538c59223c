"""`/v1/models/{uid}/requests/{request_id}/abort`: end a request that runs, by its id."""

from __future__ import annotations

import falcon
import msgspec

from xinfer.api.schemas import body
from xinfer.domain.identity import Principal, Scope
from xinfer.errors import Invalid
from xinfer.gateway.running import Ending, Order
from xinfer.services.models import Models

_BLOCK_S = 30.0


class AbortBody(msgspec.Struct, kw_only=True):
    """`block_duration`: for how many seconds a request that comes under this id is refused."""

    block_duration: float = _BLOCK_S


class Abort:
    """The id is that of the header X-Request-ID, or of the body's `request_id`.

    A caller ends own requests; who may start and stop models, everybody's.
    """

    def __init__(self, models: Models, requests: Ending) -> None:
        self._models = models
        self._requests = requests

    def on_post(
        self, req: falcon.Request, resp: falcon.Response, uid: str, request_id: str
    ) -> None:
        asked = body.read(req, AbortBody, "request") if body.is_given(req) else AbortBody()
        if asked.block_duration < 0:
            raise Invalid("block_duration: it is below 0.", key="block_duration")
        if uid not in self._models.view().desired.models:
            resp.media = {"msg": "NO_OP"}
            return
        caller: Principal = req.context.principal
        order = Order(
            uid=uid,
            request_id=request_id,
            owner=None if Scope.MODELS_WRITE in caller.scopes else caller.id,
            block_s=asked.block_duration,
        )
        resp.media = {"msg": "DONE" if self._requests.end(order) else "NOT_FOUND"}
