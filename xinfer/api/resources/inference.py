"""The inference routes: read the body, hand it to the gateway, pass its answer on."""

from __future__ import annotations

from http import HTTPStatus

import falcon

from xinfer.errors import Invalid
from xinfer.gateway.relay import Gateway
from xinfer.gateway.stream import Stream
from xinfer.gateway.upstream import ClientGone
from xinfer.gateway.watcher import client_gone, read_body
from xinfer.services.meter import Meter, Metered

_ANTHROPIC = "/anthropic"
"""A second place for Anthropic's routes, whose clients are given an address and no path."""


class Inference:
    """One resource for all inference paths: the path decides what the engine is asked.

    `max_body_bytes` bounds the body, `body_timeout_s` how slowly it may arrive.
    """

    def __init__(
        self, gateway: Gateway, meter: Meter, *, max_body_bytes: int, body_timeout_s: float
    ) -> None:
        self._gateway = gateway
        self._meter = meter
        self._max_body_bytes = max_body_bytes
        self._body_timeout_s = body_timeout_s

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = self._body(req)
        gone = client_gone(req.env)
        caller = Metered(self._meter, req.context.principal)
        path = f"/{req.path.lstrip('/')}".removeprefix(_ANTHROPIC)
        answer = self._gateway.relay(path, body, req.context.request_id, gone, caller)
        resp.status = falcon.code_to_http_status(answer.status)
        resp.content_type = answer.content_type
        if answer.status == HTTPStatus.NOT_IMPLEMENTED:
            # As for our own refusals: OpenAI's client would ask again and again.
            resp.set_header("x-should-retry", "false")
        if isinstance(answer.body, Stream):
            resp.set_header("X-Accel-Buffering", "no")
            resp.set_header("Cache-Control", "no-cache")
            resp.stream = answer.body
        else:
            resp.data = answer.body

    def _body(self, req: falcon.Request) -> bytes:
        length = req.content_length
        if length is not None and length > self._max_body_bytes:
            raise _too_large(self._max_body_bytes)
        try:
            # The server bounds the stream, by length or by chunks; Falcon only by length.
            body = read_body(req.stream, self._max_body_bytes + 1, self._body_timeout_s)
        except TimeoutError:
            raise falcon.HTTPError(
                falcon.HTTP_408, description="The request's body did not arrive in time."
            ) from None
        except OSError as error:
            raise ClientGone from error
        except Exception as error:
            raise Invalid(f"The body cannot be read: {error}.", key="body") from error
        if len(body) > self._max_body_bytes:
            raise _too_large(self._max_body_bytes)
        if length is not None and len(body) < length:
            raise Invalid("The body is shorter than its Content-Length says.", key="body")
        return body


def _too_large(limit: int) -> falcon.HTTPContentTooLarge:
    return falcon.HTTPContentTooLarge(
        description=f"The body is larger than {limit} bytes (gateway.max_body_bytes)."
    )
