"""The supervisor's WSGI application: middleware, routes, and how errors look."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import falcon

from xinfer.api import errors
from xinfer.api.auth import Authenticator
from xinfer.api.trace import request_id
from xinfer.errors import XinferError
from xinfer.gateway.upstream import ClientGone

log = logging.getLogger("xinfer.api")

Route = tuple[str, object] | tuple[str, object, str]
App = falcon.App[falcon.Request, falcon.Response]


def create_app(routes: Iterable[Route], authenticator: Authenticator) -> App:
    """`routes` are (path, resource) or (path, resource, suffix), as `api/routes.py` lists them."""
    app: App = falcon.App(middleware=[_Edge(authenticator)])
    app.req_options.strip_url_path_trailing_slash = True
    app.resp_options.secure_cookies_by_default = True
    for path, resource, *suffix in routes:
        app.add_route(path, resource, suffix=suffix[0] if suffix else None)
    app.add_error_handler(XinferError, _expected)
    app.add_error_handler(ClientGone, _expected)
    app.add_error_handler(falcon.HTTPError, _http)
    app.add_error_handler(Exception, _unexpected)
    return app


class _Edge:
    """What happens to every request: it gets an id and a principal."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.request_id = request_id(req.env.get("HTTP_X_REQUEST_ID"))
        resp.set_header("X-Request-ID", req.context.request_id)
        req.context.principal = self._authenticator.identify(req)
        if "//" in req.path:
            raise falcon.HTTPNotFound


def _expected(
    req: falcon.Request, resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    errors.render(req, resp, error)


def _http(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: dict[str, Any]
) -> None:
    """Falcon's own refusals: no such path, wrong method, a body that is no JSON."""
    message = error.description or error.title or error.status
    if error.status_code == 404:
        message = f"There is no {req.method} {req.path}."
    if error.status_code == 405:
        message = f"{req.method} is not possible on {req.path}."
    if error.headers:
        resp.set_headers(error.headers)
    errors.write(req, resp, error.status_code, str(message))


def _unexpected(
    req: falcon.Request, resp: falcon.Response, _error: Exception, _params: dict[str, Any]
) -> None:
    log.exception("%s %s broke (request %s).", req.method, req.path, req.context.request_id)
    message = f"The server broke on this request; its log has more under {req.context.request_id}."
    errors.write(req, resp, 500, message, "server_error")
