"""The supervisor's WSGI application: middleware, routes, and how errors look."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import falcon

from xinfer.api import errors, quirks
from xinfer.api.auth import Authenticator
from xinfer.api.cors import Cors
from xinfer.api.joining import Joining
from xinfer.api.scopes import Access, Need, access
from xinfer.api.trace import request_id
from xinfer.domain.identity import Principal, Scope
from xinfer.errors import Invalid, XinferError
from xinfer.gateway.upstream import ClientGone
from xinfer.services.audit import Audit

log = logging.getLogger("xinfer.api")

Route = tuple[str, object] | tuple[str, object, str]
App = falcon.App[falcon.Request, falcon.Response]

_CHANGING = ("POST", "PUT", "PATCH", "DELETE")
_NOT_AUDITED = (None, Need.PUBLIC, Need.ROLE, Scope.MODELS_READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What stands before every route. `audit` None: nothing is written down."""

    authenticator: Authenticator
    cors: Cors
    audit: Audit | None = None


def create_app(routes: Iterable[Route], gate: Gate) -> App:
    """`routes` are (path, resource) or (path, resource, suffix), as `api/routes.py` lists them."""
    app: App = falcon.App(middleware=[_Trace(), Joining(), gate.cors, _Edge(gate)])
    app.req_options.strip_url_path_trailing_slash = True
    app.resp_options.secure_cookies_by_default = True
    for path, resource, *suffix in routes:
        app.add_route(path, resource, suffix=suffix[0] if suffix else None)
    app.add_error_handler(XinferError, _expected)
    app.add_error_handler(ClientGone, _expected)
    app.add_error_handler(falcon.HTTPError, _http)
    app.add_error_handler(Exception, _unexpected)
    return app


class _Trace:
    """Every request has an id. HEAD is answered as GET, without the body."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.method = req.method
        if req.method == "HEAD":
            req.method = "GET"
        req.context.request_id = request_id(req.env.get("HTTP_X_REQUEST_ID"))
        resp.set_header("X-Request-ID", req.context.request_id)

    def process_response(
        self, req: falcon.Request, _resp: falcon.Response, _resource: Any, _succeeded: bool
    ) -> None:
        # By it the body is left out.
        req.method = req.context.method


class _Edge:
    """Every request has a principal, who may do this; what changes something is written down."""

    def __init__(self, gate: Gate) -> None:
        self._authenticator = gate.authenticator
        self._audit = gate.audit

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        req.context.authenticator = self._authenticator
        req.context.principal = self._authenticator.identify(req)
        if "//" in req.path:
            raise falcon.HTTPNotFound
        if "\0" in req.path or "%00" in req.query_string:
            raise Invalid("The address holds the character U+0000.", "Leave it out.", key="path")

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, _resource: Any, params: dict[str, Any]
    ) -> None:
        need = access(req.method, req.uri_template or "")
        if req.method in _CHANGING:
            # Refusals are written down, too.
            req.context.need, req.context.route = need, req.uri_template
        self._authenticator.allow(req.context.principal, need, params.get("uid"))

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: Any, _succeeded: bool
    ) -> None:
        need: Access | None = getattr(req.context, "need", None)
        if self._audit is None or need in _NOT_AUDITED:
            return
        principal: Principal = req.context.principal
        self._audit.record(
            principal.id,
            req.remote_addr or "",
            f"{req.method} {req.context.route}",
            getattr(req.context, "audit_target", req.path),
            str(resp.status_code),
        )


def _expected(
    req: falcon.Request, resp: falcon.Response, error: Exception, _params: dict[str, Any]
) -> None:
    req.context.error = error
    errors.render(req, resp, error)


def _http(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: dict[str, Any]
) -> None:
    """Falcon's own refusals: no such path, wrong method, a body that is no JSON."""
    message = error.description or error.title or error.status
    if error.status_code == 404:
        message = f"There is no {req.method} {req.path}. {quirks.elsewhere(req.path)}".rstrip()
    if error.status_code == 405:
        hint = quirks.elsewhere(req.path)
        message = f"{req.method} is not possible on {req.path}. {hint}".rstrip()
    if error.headers:
        resp.set_headers(error.headers)
    errors.write(req, resp, error.status_code, str(message))


def _unexpected(
    req: falcon.Request, resp: falcon.Response, _error: Exception, _params: dict[str, Any]
) -> None:
    log.exception("%s %s broke (request %s).", req.method, req.path, req.context.request_id)
    message = f"The server broke on this request; its log has more under {req.context.request_id}."
    errors.write(req, resp, 500, message, "server_error")
