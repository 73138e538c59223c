"""The process: serves at once that it is loading, loads the model, then serves."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import falcon
import gevent
from gevent import pywsgi
from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

from xinfer.engines.hosts.embedder import api
from xinfer.engines.hosts.embedder.batch import Limits
from xinfer.engines.hosts.embedder.model import Embedder, Ranker
from xinfer.engines.hosts.embedder.pool import Pool

log = logging.getLogger("xinfer.embedder")

_STOP_S = 5.0
_SWITCH_S = 0.0002
"""Python lets a thread run for 5 ms before another's turn: so long the one that computes would wait
for the one that serves, at every step of the model, while requests pour in."""
_BACKLOG = 2048
"""Connections that wait to be accepted; of those beyond, the system lets each try again a second
later."""


def main(argv: list[str]) -> int:
    """Serve the model of the order, a JSON object, until SIGTERM; 1 when it cannot be loaded."""
    order = json.loads(argv[1])
    sys.setswitchinterval(_SWITCH_S)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    state = api.State(order["uid"], truncate=order["options"].get("truncate", True))
    address = (order["host"], order["port"])
    server = _Server(address, application(state), log=None, backlog=_BACKLOG)
    ended: AsyncResult[int] = AsyncResult()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set, 0)
    server.start()
    _announce(order["endpoint_file"], f"{order['host']}:{server.server_port}")
    gevent.spawn(_load, order, state, ended)
    status = ended.get()
    server.close()
    with gevent.Timeout(_STOP_S, False):
        while server.active:
            gevent.sleep(0.02)
    logging.shutdown()
    # No thread that loads or computes can be told to stop, and none is worth waiting for.
    os._exit(status)


def _load(order: dict[str, Any], state: api.State, ended: AsyncResult[int]) -> None:
    """Fill the state; in a thread, so that whoever asks for the health meanwhile is answered."""
    kind = Ranker if order["kind"] == "rerank" else Embedder
    options = order["options"]
    try:
        model = ThreadPool(1).apply(kind, (order["model"], options))
    except Exception:
        log.exception("The model cannot be loaded.")
        ended.set(1)
        return
    limits = Limits(
        texts=int(options.get("max_batch_size", 256)),
        weight=int(options.get("max_batch_tokens", 65536)),
    )
    pool = Pool(model, limits, wait_s=float(options.get("batch_wait_ms", 0)) / 1000)
    gevent.spawn(pool.run)
    state.model, state.pool = model, pool
    log.info("%s is ready.", order["uid"])


def application(state: api.State) -> Any:
    """The WSGI application over a state."""
    app = falcon.App()
    app.add_route("/v1/embeddings", api.Embeddings(state))
    app.add_route("/v1/rerank", api.Rerank(state))
    app.add_route("/v1/convert_ids_to_tokens", api.Tokens(state))
    app.add_route("/v1/models", api.Models(state))
    app.add_route("/health", api.Health(state))
    app.add_route("/metrics", api.Metrics(state))
    app.add_error_handler(api.Bad, _bad)
    app.add_error_handler(falcon.HTTPError, _http)
    app.add_error_handler(Exception, _broken)
    return app


class _Handler(pywsgi.WSGIHandler):  # type: ignore[misc]
    """Lets the application see whether its client has hung up."""

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ["xinfer.gone"] = self._is_gone
        return environ

    def handle_one_response(self) -> None:
        self.server.active += 1
        try:
            super().handle_one_response()
        finally:
            self.server.active -= 1

    def _is_gone(self) -> bool:
        poll = select.poll()
        poll.register(self.socket.fileno(), select.POLLIN)
        if not poll.poll(0):
            return False
        try:
            return not self.socket._sock.recv(1, 2)
        except OSError:
            return True


class _Server(pywsgi.WSGIServer):  # type: ignore[misc]
    """`active`: requests that are being answered."""

    handler_class = _Handler
    active = 0


def _announce(path: str, address: str) -> None:
    temporary = Path(f"{path}.tmp")
    temporary.write_text(address, encoding="utf-8")
    temporary.replace(path)


def _bad(_req: Any, resp: falcon.Response, error: api.Bad, _params: Any) -> None:
    api.refuse(resp, error.status, str(error), error.key)


def _http(_req: Any, resp: falcon.Response, error: falcon.HTTPError, _params: Any) -> None:
    if error.headers:
        resp.set_headers(error.headers)
    said = error.description or "The model is loading." if error.status_code == 503 else error.title
    api.refuse(resp, error.status_code, str(said), None)


def _broken(req: falcon.Request, resp: falcon.Response, error: Exception, _params: Any) -> None:
    log.exception("%s %s broke.", req.method, req.path)
    api.refuse(resp, 500, f"The engine broke on this request: {error!r}", None)
