"""The only place with HTTP status codes: the error tree, and how each side of the API words it."""

from __future__ import annotations

import math
from typing import Any

import falcon
import msgspec

from xinfer import errors
from xinfer.gateway.stream import CLIENT_GONE
from xinfer.gateway.upstream import ClientGone

_KIND_NOT_FOUND = "not_found_error"
_STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.Invalid, 400, "invalid_request_error"),
    (errors.NotFound, 404, _KIND_NOT_FOUND),
    (errors.Conflict, 409, "conflict_error"),
    (errors.NotReady, 503, "not_ready_error"),
    (errors.NoCapacity, 503, "no_capacity_error"),
    (errors.Limited, 429, "rate_limit_error"),
    (errors.LaunchFailed, 503, "launch_failed_error"),
    (errors.Unsupported, 501, "unsupported_error"),
    (errors.EngineFailed, 502, "engine_error"),
    (errors.Unauthorized, 401, "authentication_error"),
    (errors.Forbidden, 403, "permission_error"),
    (errors.StoreFailed, 503, "store_error"),
    (errors.Cancelled, CLIENT_GONE, "cancelled_error"),
    (ClientGone, CLIENT_GONE, "client_gone"),
)
_OPENAI_ROUTES = (
    *("/v1/chat/", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/v1/models"),
    *("/v1/responses", "/v1/convert_ids_to_tokens"),
    *("/v1/images/", "/v1/audio/", "/v1/video/", "/v1/worlds/", "/v1/flexible/"),
)
_ANTHROPIC_ROUTES = ("/v1/messages", "/anthropic/")


def has_envelope(path: str) -> bool:
    """Whether errors on this path are in an envelope, which the makers' own clients read them
    from.
    """
    return _starts(path, _OPENAI_ROUTES + _ANTHROPIC_ROUTES)


def _starts(path: str, routes: tuple[str, ...]) -> bool:
    # Leading slashes do not count, as for the router.
    return f"/{path.lstrip('/')}".startswith(routes)


def status_of(error: Exception) -> int:
    """The HTTP status for an error; 500 for one that is not of the tree."""
    return next((status for kind, status, _ in _STATUS if isinstance(error, kind)), 500)


def render(req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
    """Write an expected error as the reply."""
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        resp.set_header("Retry-After", str(max(1, math.ceil(retry_after_s))))
    if isinstance(error, errors.Unsupported):
        # Their SDK tries again after any status of 500 and above, unless told.
        resp.set_header("x-should-retry", "false")
    if isinstance(error, errors.Unauthorized):
        resp.set_header("WWW-Authenticate", "Bearer")
    kind = next((name for known, _, name in _STATUS if isinstance(error, known)), "server_error")
    write(req, resp, status_of(error), str(error), kind, getattr(error, "key", "") or None)


def write(
    req: falcon.Request,
    resp: falcon.Response,
    status: int,
    message: str,
    kind: str = "invalid_request_error",
    param: str | None = None,
) -> None:
    """An error body: `detail`, which clients of Xinference read everywhere, and on routes that
    OpenAI or Anthropic has too its envelope beside it.
    """
    body: dict[str, Any]
    if has_envelope(req.path):
        code = "model_not_found" if kind == _KIND_NOT_FOUND else kind
        error = {"message": message, "type": kind, "param": param, "code": code}
        body = {"error": error, "detail": message}
        if _starts(req.path, _ANTHROPIC_ROUTES):
            body |= {"type": "error", "request_id": req.context.request_id}
    else:
        body = {"detail": message}
    resp.status = falcon.code_to_http_status(status)
    resp.content_type = falcon.MEDIA_JSON
    resp.data = msgspec.json.encode(body)
