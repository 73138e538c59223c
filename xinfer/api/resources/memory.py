"""`/v1/model_memory`: what a text model is said to need, and which nodes have it free."""

from __future__ import annotations

import falcon

from xinfer.api.schemas import body
from xinfer.api.schemas.memory import MemoryBody
from xinfer.services.memory import Memory as Service


class Memory:
    """An estimate; nothing is launched."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, MemoryBody, "question")
        resp.media = self._service.estimate(given.asked())
