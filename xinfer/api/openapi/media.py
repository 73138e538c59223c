"""What Xinference serves and no engine here does."""

from __future__ import annotations

from xinfer.api.openapi.operation import Operation
from xinfer.api.resources.media import PATHS, READABLE

_DOC = "Kept so that clients of Xinference are told so in their own way."

OPERATIONS = (
    *(
        Operation(
            method="POST",
            path=path,
            summary=f"No engine serves {what} here",
            doc=_DOC,
            status=501,
        )
        for what, paths in PATHS.items()
        for path in paths
    ),
    *(
        Operation(
            method="GET",
            path=path,
            summary="No engine serves Stable Diffusion here",
            doc=_DOC,
            status=501,
        )
        for path in READABLE
    ),
    Operation(
        method="GET",
        path="/v1/requests/{request_id}/progress",
        summary="No engine makes pictures here",
        doc="Text has no such progress: this is a 400.",
        status=400,
    ),
)
