"""A file for browsers: what it is, its ETag, and its bytes as they are and packed."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass

import falcon

HEADERS = {
    # A new release is seen at the next load; the ETag makes asking cheap.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """Kept in memory."""

    content_type: str
    etag: str
    raw: bytes
    packed: bytes

    @classmethod
    def of(cls, raw: bytes, content_type: str) -> StaticFile:
        """Packs it, which takes some milliseconds for each 100 kB."""
        return cls(
            content_type=content_type,
            etag=hashlib.sha256(raw).hexdigest()[:24],
            raw=raw,
            packed=gzip.compress(raw, mtime=0),
        )

    def send(self, req: falcon.Request, resp: falcon.Response) -> None:
        """As the reply, or 304 for who has it already."""
        resp.set_headers(HEADERS)
        resp.set_header("ETag", f'"{self.etag}"')
        if self.etag in (req.get_header("If-None-Match") or ""):
            resp.status = falcon.HTTP_304
            return
        resp.content_type = self.content_type
        if "gzip" in (req.get_header("Accept-Encoding") or ""):
            resp.set_header("Content-Encoding", "gzip")
            resp.data = self.packed
        else:
            resp.data = self.raw
