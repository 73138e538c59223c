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
from gevent.threadpool import ThreadPool

from xinfer.engines.hosts.embedder import api
from xinfer.engines.hosts.embedder.batch import Limits
from xinfer.engines.hosts.embedder.model import Embedder, Ranker
from xinfer.engines.hosts.embedder.pool import Pool

log = logging.getLogger("xinfer.embedder")

_STOP_S = 5.0


def main(argv: list[str]) -> int:
    """Serve the model of the order, a JSON object, until SIGTERM; 1 when it cannot be loaded."""
    order = json.loads(argv[1])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    state = api.State(order["uid"], truncate=order["options"].get("truncate", True))
    server = _Server((order["host"], order["port"]), application(state), log=None)
    server.start()
    _announce(order["endpoint_file"], f"{order['host']}:{server.server_port}")
    gevent.signal_handler(signal.SIGTERM, lambda: gevent.spawn(server.stop, _STOP_S))
    gevent.signal_handler(signal.SIGINT, lambda: gevent.spawn(server.stop, _STOP_S))
    # In a thread, so that whoever asks for the health meanwhile is answered.
    try:
        model = ThreadPool(1).apply(_load, (order,))
    except Exception:
        log.exception("The model cannot be loaded.")
        return 1
    options = order["options"]
    limits = Limits(
        texts=int(options.get("max_batch_size", 256)),
        weight=int(options.get("max_batch_tokens", 65536)) * 4,
    )
    pool = Pool(model, limits, wait_s=float(options.get("batch_wait_ms", 0)) / 1000)
    gevent.spawn(pool.run)
    if isinstance(model, Embedder):
        state.embedder = model
    state.pool = pool
    log.info("%s serves at %s:%s.", order["uid"], order["host"], server.server_port)
    server.serve_forever()
    return 0


def application(state: api.State) -> Any:
    """The WSGI application over a state."""
    app = falcon.App()
    app.add_route("/v1/embeddings", api.Embeddings(state))
    app.add_route("/v1/rerank", api.Rerank(state))
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
    handler_class = _Handler


def _load(order: dict[str, Any]) -> Any:
    kind = Ranker if order["kind"] == "rerank" else Embedder
    return kind(order["model"], order["options"])


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


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main(sys.argv))
