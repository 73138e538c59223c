"""Files of models: those that nodes keep, and those that are being fetched."""

from __future__ import annotations

from typing import TypedDict

from xinfer.client.results.models import FetchedFile


class CachedModel(TypedDict):
    """One version on one node; `used_s` (unix seconds) is when a replica last had it.

    What the catalog does not know has the type `unknown`, and None for format and quantization.
    """

    model_name: str
    model_type: str
    model_size_in_billions: int | str | None
    model_format: str | None
    quantization: str | None
    model_engine: None
    model_version: str
    path: str
    real_path: str
    actor_ip_address: str
    node: str
    model_hub: str
    size_bytes: int
    used_s: float | None


class CachedFiles(TypedDict):
    """`paths` are those on the node, `worker_ip` the address of it."""

    model_version: str
    worker_ip: str
    paths: list[str]


class Download(TypedDict):
    """Files of a model on their way to a node.

    `status` is running, paused, done, failed or cancelled; `progress` 0..1, times in unix seconds.
    `total_bytes` is None while it is not known, `path` until the files are there. `of_launch`: a
    launch waits for it.
    """

    cache_uid: str
    status: str
    progress: float
    stage: str
    info: str
    downloaded_bytes: int
    total_bytes: int | None
    download_files: list[FetchedFile]
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
