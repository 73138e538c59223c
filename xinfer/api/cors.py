"""Pages of other sites: which may call us from a browser. None, unless a recipe lists it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

import falcon

from xinfer.errors import Forbidden

_SAFE = ("GET", "HEAD", "OPTIONS")
_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
_HEADERS = "Authorization, Content-Type, X-API-Key, X-Request-ID"
_EXPOSED = "X-Request-ID, Retry-After"
_KEEP_S = "600"


class Cors:
    """`origins` such as `https://chat.example.org`; `*` is every site.

    Where no credential is needed, being able to reach us is the right to call us. A page of another
    site must not borrow that from the browser that shows it, so it cannot change anything.
    """

    def __init__(self, origins: Iterable[str], *, credentials_needed: bool) -> None:
        self._origins = frozenset(origin.rstrip("/") for origin in origins)
        self._credentials_needed = credentials_needed

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        origin = req.env.get("HTTP_ORIGIN")
        if origin is None:
            return
        if origin in self._origins or "*" in self._origins:
            self._welcome(req, resp, origin)
        elif (
            not self._credentials_needed
            and req.method not in _SAFE
            and urlsplit(origin).netloc != req.env.get("HTTP_HOST")
        ):
            raise Forbidden(
                f"A page of {origin[:200]} may not call this server.",
                "List it under auth.cors_origins.",
            )

    def _welcome(self, req: falcon.Request, resp: falcon.Response, origin: str) -> None:
        resp.set_header("Access-Control-Allow-Origin", origin)
        resp.append_header("Vary", "Origin")
        resp.set_header("Access-Control-Expose-Headers", _EXPOSED)
        if req.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in req.env:
            resp.set_header("Access-Control-Allow-Methods", _METHODS)
            resp.set_header("Access-Control-Allow-Headers", _HEADERS)
            resp.set_header("Access-Control-Max-Age", _KEEP_S)
            resp.status = falcon.HTTP_204
            resp.complete = True
