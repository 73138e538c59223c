"""Model files: what nodes keep, and what is being fetched."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from xinfer.api.openapi.models import DownloadFile
from xinfer.api.openapi.operation import NULL, Body, Operation, Query
from xinfer.api.schemas.launch import LaunchBody


class DownloadOperation(TypedDict):
    """A download. Bytes as integers, `progress` 0..1, times in unix seconds."""

    cache_uid: str
    status: str
    progress: float
    stage: str
    info: str
    downloaded_bytes: int
    total_bytes: int | None
    download_files: list[DownloadFile]
    model_uid: str
    model_name: str
    model_type: str
    model_engine: str | None
    model_format: str | None
    model_size_in_billions: int | str | None
    quantization: str | None
    model_hub: str | None
    model_id: str | None
    model_revision: str | None
    node: str
    worker_ip: str
    path: str | None
    error: str | None
    created_at: float | None
    updated_at: float | None
    of_launch: bool


class DownloadList(TypedDict):
    """All of them."""

    list: list[DownloadOperation]


class CachedModelRow(TypedDict):
    """One version on one node."""

    model_name: str
    model_type: str
    model_size_in_billions: int | str | None
    model_format: str | None
    quantization: str | None
    model_version: str
    path: str
    actor_ip_address: str
    node: str
    model_hub: str
    size_bytes: int
    used_s: float | None


class CachedModels(TypedDict):
    """Sorted by name."""

    list: list[CachedModelRow]


class CachedFiles(TypedDict):
    """Paths on the node."""

    model_version: str
    worker_ip: str
    paths: NotRequired[list[str]]


class Removal(TypedDict):
    """Whether something was removed."""

    result: bool


_NODE = Query(name="worker_ip", kind=str, doc="Only on this node, by name or address.")
_VERSION = Query(
    name="model_version", kind=str, required=True, doc="The version as the list names it."
)
_WAIT = Query(
    name="wait_ready", kind=bool, default=True, doc="Whether the reply waits until it is done."
)


def _control(path: str, method: str, summary: str, doc: str = "") -> Operation:
    return Operation(
        method=method,
        path=path,
        summary=summary,
        doc=doc,
        reply=DownloadOperation,
        errors=(404, 409),
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/cache/models",
        summary="List the model files that nodes keep",
        query=(Query(name="model_name", kind=str, doc="Only of this model."), _NODE),
        reply=CachedModels,
        errors=(503,),
    ),
    Operation(
        method="POST",
        path="/v1/cache/models",
        summary="Fetch the files of a model",
        doc="The body is that of a launch, with `cache_uid` as the name to follow it by.",
        query=(_WAIT,),
        body=Body(kind=LaunchBody),
        reply=DownloadOperation,
        errors=(404, 409, 499),
    ),
    Operation(
        method="DELETE",
        path="/v1/cache/models",
        summary="Remove the files of a version",
        query=(_VERSION, _NODE),
        reply=Removal,
        errors=(404, 409),
    ),
    Operation(
        method="GET",
        path="/v1/cache/models/files",
        summary="List the files of a version",
        query=(_VERSION, _NODE),
        reply=CachedFiles,
        errors=(404, 503),
    ),
    Operation(
        method="GET",
        path="/v1/cache/models/{cache_uid}/progress",
        summary="Progress of a download",
        reply=DownloadOperation,
        errors=(404, 503),
    ),
    Operation(
        method="POST",
        path="/v1/cache/models/{cache_uid}/cancel",
        summary="Cancel a download",
        doc="What has arrived stays.",
        reply=NULL,
        errors=(404, 409),
    ),
    Operation(
        method="GET",
        path="/v1/downloads",
        summary="List downloads",
        reply=DownloadList,
        errors=(503,),
    ),
    _control("/v1/downloads/{cache_uid}/pause", "POST", "Pause a download"),
    _control("/v1/downloads/{cache_uid}/resume", "POST", "Let a download go on"),
    _control(
        "/v1/downloads/{cache_uid}", "DELETE", "Forget a download", "The files that arrived stay."
    ),
)
