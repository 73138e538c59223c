"""Pages of other sites: which may call us from a browser. None, unless a recipe lists it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

import falcon

from xinfer.errors import Forbidden

_SAFE = ("GET", "HEAD", "OPTIONS")
_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
_HEADERS = "Authorization, Content-Type, X-API-Key, X-Request-ID"
_EXPOSED = "X-Request-ID, Retry-After"
_KEEP_S = "600"
_PRIVATE = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
"""Names below these can be had by nobody on the internet."""


class Cors:
    """`origins` such as `https://chat.example.org`; `*` is every site.

    Where no credential is needed, being able to reach us is the right to call us. A page of another
    site must not borrow that from the browser that shows it, so it cannot change anything. Nor does
    it become a page of ours by letting the name of its own site lead here. `alone`: nobody but this
    machine can connect, so that no other name is known to lead here.
    """

    def __init__(
        self, origins: Iterable[str], *, credentials_needed: bool, alone: bool = False
    ) -> None:
        self._origins = frozenset(origin.rstrip("/") for origin in origins)
        self._hosts = frozenset(_name(urlsplit(origin).netloc) for origin in self._origins)
        self._credentials_needed = credentials_needed
        self._alone = alone

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        origin = req.env.get("HTTP_ORIGIN")
        if origin is not None and (origin in self._origins or "*" in self._origins):
            self._welcome(req, resp, origin)
        elif not self._credentials_needed:
            self._check(req, origin)

    def _check(self, req: falcon.Request, origin: str | None) -> None:
        """Raises Forbidden for what a page of another site may have sent. Only browsers say where
        a request comes from, and all of them do when it may change something.
        """
        host = req.env.get("HTTP_HOST", "")
        changes = origin is not None and req.method not in _SAFE
        if origin is not None and changes and urlsplit(origin).netloc != host:
            raise Forbidden(
                f"A page of {origin[:200]} may not call this server.",
                "List it under auth.cors_origins.",
            )
        if (changes or self._alone) and not self._is_ours(_name(host)):
            raise Forbidden(
                f"This server is not known by the name {host[:200]}, which any site could let lead"
                " here.",
                f"Call it by its address, or list http://{host[:200]} under auth.cors_origins.",
            )

    def _is_ours(self, name: str) -> bool:
        """Whether no stranger can have given us this name. Addresses are nobody's to give, nor are
        names without a dot.
        """
        if name in self._hosts or "*" in self._origins:
            return True
        return _is_address(name) or "." not in name or name.endswith(_PRIVATE)

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


def _name(host: str) -> str:
    """The name or address in `host:port`, in one spelling."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
