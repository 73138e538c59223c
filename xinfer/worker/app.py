"""The worker's own HTTP surface: for the supervisor alone, behind the cluster token."""

from __future__ import annotations

import hmac
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import falcon
import msgspec

from xinfer.domain.download import Download, NodeFetching
from xinfer.domain.ports import ModelCache
from xinfer.errors import Conflict, Invalid, NotFound, StoreFailed
from xinfer.worker import logs
from xinfer.worker.journal import Folder
from xinfer.worker.node import Node

_MAX_TAIL = 100_000
_DEFAULT_TAIL = 200
_MAX_ORDER = 1024 * 1024


def create_app(
    node: Node, token_file: Path, cache: ModelCache
) -> falcon.App[falcon.Request, falcon.Response]:
    """A WSGI application over a node. `token_file` is read at each request, so it may change."""
    app = falcon.App(middleware=[_Token(token_file)])
    app.add_route("/health", Health())
    app.add_route("/replicas", Replicas(node))
    app.add_route("/replicas/{replica_id}/log", ReplicaLog(node))
    app.add_route("/cache", CachedModels(node, cache))
    downloads = Downloads(node, cache)
    app.add_route("/downloads", downloads)
    app.add_route("/downloads/{download_id}/{verb}", downloads, suffix="verb")
    app.add_error_handler(Conflict, _refused)
    app.add_error_handler(NotFound, _refused)
    app.add_error_handler(Invalid, _refused)
    return app


class _Token:
    def __init__(self, token_file: Path) -> None:
        self._token_file = token_file

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        if req.path == "/health":
            return
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise falcon.HTTPServiceUnavailable(
                description=f"The cluster token cannot be read: {error}"
            ) from error
        given = (req.auth or "").removeprefix("Bearer ")
        if not token or not hmac.compare_digest(given.encode(), token.encode()):
            raise falcon.HTTPUnauthorized(description="This needs the cluster token.")


class Health:
    """Says that the process serves; the only resource without the token."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"status": "ok"}


class Replicas:
    """What this node reports of its replicas."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(self._node.statuses())


class CachedModels:
    """The model files of this machine: what there is, and the end of some of it."""

    def __init__(self, node: Node, cache: ModelCache) -> None:
        self._node = node
        self._cache = cache

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode(self._cache.cached())

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        hub = req.get_param("hub", required=True)
        ref = req.get_param("ref", required=True)
        try:
            resp.media = self._cache.remove(hub, ref, self._node.sources())
        except StoreFailed as error:
            raise falcon.HTTPServiceUnavailable(description=str(error)) from error


class Downloads:
    """What is fetched here, for launches and without; those without begin and end here."""

    def __init__(self, node: Node, cache: ModelCache) -> None:
        self._node = node
        self._cache = cache

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        found = NodeFetching(downloads=self._node.fetching(), free_bytes=self._cache.free_bytes())
        _answer(resp, found)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            order = msgspec.json.decode(req.bounded_stream.read(_MAX_ORDER), type=Download)
        except msgspec.MsgspecError as error:
            raise Invalid(f"The download cannot be read: {error}.") from error
        _answer(resp, self._node.downloads.begin(order))

    def on_post_verb(
        self, _req: falcon.Request, resp: falcon.Response, download_id: str, verb: str
    ) -> None:
        downloads = self._node.downloads
        verbs = {
            "pause": downloads.pause,
            "resume": downloads.resume,
            "cancel": downloads.cancel,
            "forget": downloads.forget,
        }
        if verb not in verbs:
            raise NotFound(f"A download has no '{verb}'.")
        _answer(resp, verbs[verb](download_id))


class ReplicaLog:
    """An engine's log as text; with `follow=1` the reply goes on for as long as it is read."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def on_get(self, req: falcon.Request, resp: falcon.Response, replica_id: str) -> None:
        folder = self._node.folder(replica_id)
        if folder is None:
            raise falcon.HTTPNotFound(description=f"No replica '{replica_id}' on this node.")
        lines = req.get_param_as_int("tail", min_value=0, max_value=_MAX_TAIL)
        resp.content_type = "text/plain; charset=utf-8"
        resp.stream = self._text(
            folder,
            _DEFAULT_TAIL if lines is None else lines,
            _gone(req.env) if req.get_param_as_bool("follow") else None,
        )

    def _text(
        self, folder: Folder, lines: int, closed: Callable[[], bool] | None
    ) -> Iterator[bytes]:
        if closed is not None:
            return logs.follow(folder.log, lines, closed)
        return (f"{line}\n".encode() for line in logs.tail(folder.log, lines))


def _answer(resp: falcon.Response, found: Download | NodeFetching) -> None:
    resp.content_type = falcon.MEDIA_JSON
    resp.data = msgspec.json.encode(found)


def _refused(
    _req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    if isinstance(error, Conflict):
        raise falcon.HTTPConflict(description=str(error))
    if isinstance(error, NotFound):
        raise falcon.HTTPNotFound(description=str(error))
    raise falcon.HTTPBadRequest(description=str(error))


def _gone(environ: dict[str, Any]) -> Callable[[], bool]:
    """Whether the reader has hung up. It sends nothing more, so anything to read is the end."""
    client = environ.get("gunicorn.socket")
    if client is None:
        return lambda: False
    poll = select.poll()
    poll.register(client.fileno(), select.POLLIN)
    return lambda: bool(poll.poll(0))
