"""`/v1/models/{uid}/logs`: the engine's own output, relayed from the node that keeps it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import falcon

from xinfer.errors import NotFound, NotReady
from xinfer.services.models import Models
from xinfer.services.view import ReplicaView

_DEFAULT_TAIL = 200
_CONNECT_S = 5.0


class Logs:
    """`token_file` holds the cluster token, by which workers know the supervisor."""

    def __init__(self, models: Models, token_file: Path) -> None:
        self._models = models
        self._token_file = token_file

    def on_get(self, req: falcon.Request, resp: falcon.Response, uid: str) -> None:
        entry = self._entry(uid, req.get_param_as_int("replica"))
        tail = req.get_param_as_int("tail", min_value=0, default=_DEFAULT_TAIL)
        follow = bool(req.get_param_as_bool("follow", default=False))
        token = self._token_file.read_text(encoding="utf-8").strip()
        resp.content_type = "text/plain; charset=utf-8"
        resp.stream = RemoteLog(entry, tail, follow, token)

    def _entry(self, uid: str, index: int | None) -> ReplicaView:
        view = self._models.view()
        view.spec(uid)
        found = [each for each in view.replicas(uid) if index in (None, each.assigned.index)]
        if not found:
            which = "replica" if index is None else f"replica {index}"
            raise NotFound(f"Model '{uid}' has no {which} yet.", "See `xinfer status`.")
        return found[0]


class RemoteLog:
    """The text as the worker sends it; closing it closes the worker's side too."""

    def __init__(self, entry: ReplicaView, tail: int, follow: bool, token: str) -> None:
        self._connection = http.client.HTTPConnection(entry.node_address, timeout=_CONNECT_S)
        name = entry.assigned.replica_id
        path = f"/replicas/{quote(name)}/log?tail={tail}&follow={int(follow)}"
        try:
            self._connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            self._reply = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NotReady(f"Node '{entry.assigned.node}' does not answer ({error}).") from error
        if self._reply.status != 200:
            self.close()
            raise NotFound(f"There is no log of {name} yet.", "Has its launch begun?")
        if follow and self._connection.sock is not None:
            self._connection.sock.settimeout(None)

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._reply.read1(65536):
            yield piece

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
