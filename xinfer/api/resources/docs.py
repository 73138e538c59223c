"""`/openapi.json`, and `/docs`, which shows it. Made when it is first asked for, then kept."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import falcon

from xinfer.api.static_file import HEADERS, StaticFile

_PACKAGE = "fastapi_swagger"
_FOLDER = "resources"
_TYPES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
# Swagger UI sets HTML that it has cleaned by itself, and its style sheet holds pictures.
_POLICY = HEADERS["Content-Security-Policy"].replace(
    "require-trusted-types-for 'script'; trusted-types 'none'", "img-src 'self' data:"
)
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>xinfer API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/ui/icon.svg" type="image/svg+xml">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/ui/docs/page.css">
<script src="/ui/theme.js"></script>
{assets}<script type="module" src="/ui/docs/page.js"></script>
</head>
<body>
<noscript>This page needs JavaScript. What it shows is at /openapi.json.</noscript>
{said}
</body>
</html>
"""
_INTERACTIVE = """\
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js"></script>
"""
_ROOM = '<div id="docs"></div>'
_HINT = """\
<main id="docs">
<h1>xinfer API</h1>
<p>To try requests out on this page, install its extra where the supervisor runs:
<code>pip install 'xinfer[docs]'</code>.
For tools there is <a href="/openapi.json">/openapi.json</a>.</p>
</main>"""


class Docs:
    """`/openapi.json`, `/docs`, its files, and `/redoc`. `package` carries Swagger UI, if it is
    installed.
    """

    def __init__(self, package: str = _PACKAGE) -> None:
        self._package = package

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        assets, said = (_INTERACTIVE, _ROOM) if self._assets() is not None else ("", _HINT)
        page = _PAGE.format(assets=assets, said=said).encode()
        StaticFile.of(page, "text/html; charset=utf-8").send(req, resp)
        resp.set_header("Content-Security-Policy", _POLICY)

    def on_get_file(self, req: falcon.Request, resp: falcon.Response, path: str) -> None:
        file = self._files.get(path)
        if file is None:
            raise falcon.HTTPNotFound
        file.send(req, resp)

    def on_get_document(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._document.send(req, resp)

    def on_get_elsewhere(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        raise falcon.HTTPFound("/docs")

    @cached_property
    def _files(self) -> dict[str, StaticFile]:
        assets = self._assets()
        if assets is None:
            return {}
        return {
            name: StaticFile.of((assets / name).read_bytes(), content_type)
            for name, content_type in _TYPES.items()
        }

    @cached_property
    def _document(self) -> StaticFile:
        # Its tables are of no use to a process that nobody asks for it.
        from xinfer.api.openapi.document import document

        return StaticFile.of(document(), falcon.MEDIA_JSON)

    def _assets(self) -> Path | None:
        """A folder: only the package's files are used, not its code."""
        found = find_spec(self._package)
        if found is None or found.origin is None:
            return None
        return Path(found.origin).parent / _FOLDER
