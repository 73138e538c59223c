"""Pages for people, and this document."""

from __future__ import annotations

from typing import Any

from xinfer.api.openapi.operation import Operation

_HTML = {"text/html": "A page."}
_FILE = dict.fromkeys(("text/html", "text/css", "text/javascript", "image/svg+xml"), "A file.")

OPERATIONS = (
    Operation(method="GET", path="/", summary="Leads to /ui", status=302),
    Operation(
        method="GET",
        path="/ui",
        summary="The pages of the installation",
        content=_HTML,
        errors=(304,),
    ),
    Operation(
        method="GET",
        path="/ui/{path:path}",
        summary="A file of the pages",
        content=_FILE,
        errors=(304, 404),
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        summary="This document",
        reply=dict[str, Any],
        errors=(304,),
    ),
    Operation(
        method="GET", path="/docs", summary="This document as a page", content=_HTML, errors=(304,)
    ),
    Operation(
        method="GET",
        path="/docs/{path:path}",
        summary="A file of that page",
        content=_FILE,
        errors=(304, 404),
    ),
    Operation(method="GET", path="/redoc", summary="Leads to /docs", status=302),
)
