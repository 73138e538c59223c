"""`/v1/models/{uid}/logs`: the engine's own output, relayed from the node that keeps it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import falcon

from xinfer.api.auth import Authenticator
from xinfer.api.remote_log import RemoteLog
from xinfer.api.schemas.query import flag
from xinfer.domain.identity import Scope
from xinfer.gateway.watcher import client_gone
from xinfer.gateway.ways import Ways
from xinfer.services.models import Models

_DEFAULT_TAIL = 200
_MAX_TAIL = 100_000


class Logs:
    """`token_file` holds the cluster token, by which workers know the supervisor; `ways` lead to
    nodes that cannot be connected to.
    """

    def __init__(self, models: Models, token_file: Path, ways: Ways) -> None:
        self._models = models
        self._ways = ways
        self._token_file = token_file

    def on_get(self, req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        tail = req.get_param_as_int("tail", min_value=0, max_value=_MAX_TAIL, default=_DEFAULT_TAIL)
        number = req.get_param_as_int("replica", min_value=0)
        follow = flag(req, "follow", default=False)
        entry = self._models.view().replica(uid, number)
        resp.content_type = "text/plain; charset=utf-8"
        resp.stream = RemoteLog(
            entry.contact,
            entry.assigned.replica_id,
            self._ways,
            tail=tail,
            gone=_ended(req, uid) if follow else None,
            token=self._token_file.read_text(encoding="utf-8").strip(),
        )


def _ended(req: falcon.Request, uid: str) -> Callable[[], bool]:
    """Whether nobody reads any more who may: a key can be revoked meanwhile."""
    authenticator: Authenticator = req.context.authenticator
    hung_up = client_gone(req.env)
    return lambda: hung_up() or not authenticator.permits(req, Scope.LOGS_LIST, uid)
