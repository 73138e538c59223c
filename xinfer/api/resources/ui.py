"""`/ui`: the pages for people. Static files that are read once; they hold no data."""

from __future__ import annotations

from pathlib import Path

import falcon

from xinfer.api.static_file import StaticFile

PLACE = Path(__file__).parents[2] / "ui"
INDEX = "index.html"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Ui:
    """`/ui` and `/ui/{path}`. A path is a key of what was found, never a way into the disk."""

    def __init__(self, place: Path = PLACE) -> None:
        self._files = {
            path.relative_to(place).as_posix(): StaticFile.of(
                path.read_bytes(), _TYPES[path.suffix]
            )
            for path in sorted(place.rglob("*"))
            if path.suffix in _TYPES
        }

    def on_get(self, req: falcon.Request, resp: falcon.Response, path: str = INDEX) -> None:
        file = self._files.get(path)
        if file is None:
            raise falcon.HTTPNotFound
        file.send(req, resp)

    def on_get_root(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        raise falcon.HTTPFound("/ui")
