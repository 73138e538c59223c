"""A download as the API describes it: one form for the operation, its progress and the list."""

from __future__ import annotations

from typing import Any

from xinfer.catalog import peer
from xinfer.domain.download import DownloadState
from xinfer.services.downloads import Placed

_STAGES = {
    DownloadState.RUNNING: "downloading",
    DownloadState.DONE: "completed",
}
"""The words of a launch's progress for states; the others are called the same there."""


def operation(placed: Placed) -> dict[str, Any]:
    """Bytes as integers, `progress` 0..1, times in unix seconds; None where nothing is known."""
    one, spec = placed.download, placed.download.spec
    source = spec.source
    return {
        "cache_uid": one.id,
        "status": str(one.state),
        "progress": round(one.progress, 4),
        "stage": _STAGES.get(one.state, str(one.state)),
        "info": one.detail,
        "downloaded_bytes": one.done_bytes,
        "total_bytes": one.total_bytes,
        "download_files": [
            {"name": file.name, "done_bytes": file.done_bytes, "total_bytes": file.total_bytes}
            for file in one.files
        ],
        "model_uid": spec.uid,
        "model_name": spec.family or spec.uid,
        "model_type": str(spec.kind),
        "model_engine": spec.engine or None,
        "model_format": peer.format_name(spec.format),
        "model_size_in_billions": peer.size(spec.size),
        "quantization": spec.quantization,
        "model_hub": str(source.hub) if source else None,
        "model_id": source.ref if source else None,
        "model_revision": source.revision if source else None,
        "node": placed.node,
        "worker_ip": placed.address.rpartition(":")[0],
        "path": one.path or None,
        "error": " ".join(filter(None, (one.error, one.hint))) or None,
        "created_at": one.started_s or None,
        "updated_at": one.changed_s or None,
        "of_launch": one.of_launch,
    }
