"""`/ui`: the pages for people. Static files that are read once; they hold no data."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import falcon

PLACE = Path(__file__).parents[2] / "ui"
INDEX = "index.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
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
class _File:
    content_type: str
    etag: str
    raw: bytes
    packed: bytes


class Ui:
    """`/ui` and `/ui/{path}`. A path is a key of what was found, never a way into the disk."""

    def __init__(self, place: Path = PLACE) -> None:
        self._files = {
            path.relative_to(place).as_posix(): _read(path)
            for path in sorted(place.rglob("*"))
            if path.suffix in _TYPES
        }

    def on_get(self, req: falcon.Request, resp: falcon.Response, path: str = INDEX) -> None:
        file = self._files.get(path)
        if file is None:
            raise falcon.HTTPNotFound
        resp.set_headers(_HEADERS)
        resp.set_header("ETag", f'"{file.etag}"')
        if file.etag in (req.get_header("If-None-Match") or ""):
            resp.status = falcon.HTTP_304
            return
        resp.content_type = file.content_type
        if "gzip" in (req.get_header("Accept-Encoding") or ""):
            resp.set_header("Content-Encoding", "gzip")
            resp.data = file.packed
        else:
            resp.data = file.raw

    def on_get_root(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        raise falcon.HTTPFound("/ui")


def _read(path: Path) -> _File:
    raw = path.read_bytes()
    return _File(
        content_type=_TYPES[path.suffix],
        etag=hashlib.sha256(raw).hexdigest()[:24],
        raw=raw,
        packed=gzip.compress(raw, mtime=0),
    )
